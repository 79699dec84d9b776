//! Annotations: workflow commands by which GitHub shows a failure at its line of the scenario file.

use super::summary::{Class, ScenarioSummary, Summary};

/// GitHub shows ten annotations of a step and drops the rest in silence: nine, and one that says how many more.
const MOST: usize = 9;

/// One command a line; none when all passed.
#[must_use]
pub fn annotations(summary: &Summary) -> Vec<String> {
    shown(summary.bad().map(|scenario| annotation(summary, scenario)).collect())
}

/// As many of `lines` as GitHub shows.
#[must_use]
pub fn shown(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    if more > 0 {
        lines.push(format!("::error title=deadzone::and {more} more"));
    }
    lines
}

fn annotation(summary: &Summary, scenario: &ScenarioSummary) -> String {
    let level = if scenario.class == Class::Missed { "warning" } else { "error" };
    let message = format!("{}\nreplay: {}", scenario.headline(), summary.replay(scenario));
    format!(
        "::{level} file={},line={},title={}::{}",
        property(scenario.source()),
        scenario.line(),
        property(&scenario.name),
        data(&message)
    )
}

/// The annotation of something wrong at a place of a file; line and column 0 mean the file as a whole.
#[must_use]
pub fn error_annotation(file: &str, line: u64, column: u64, title: &str, message: &str) -> String {
    let place = if line == 0 { String::new() } else { format!(",line={line},col={column}") };
    format!("::error file={}{place},title={}::{}", property(file), property(title), data(message))
}

/// Escaped as a command's message must be.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escaped as a command's property must be.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
