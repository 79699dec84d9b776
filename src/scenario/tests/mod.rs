//! Tests of the whole way: from text to a scenario or to drawn problems, and back to text.

mod expansion;
mod files;
mod hostile;
mod reading;
mod round_trip;
mod wrong_at_once;
mod wrong_form;
mod wrong_header;
mod wrong_story;
mod wrong_values;

use super::{Options, Problem, Scenario, draw, parse};

/// Links that exist in these tests.
const OPTIONS: Options<'_> = Options { known_links: &["wifi", "3g", "lte"] };

fn read(text: &str) -> Result<Scenario, Vec<Problem>> {
    parse(text, "story.yaml", &OPTIONS)
}

/// A file with these lines as its steps, the first of them in line 7.
fn story(steps: &str) -> String {
    format!("name: x\ncovers: [F1]\ndevices:\n  maria: {{}}\n  phone: {{ count: 3 }}\nsteps:\n{steps}")
}

/// A file whose only step stands in line 7, and then these lines.
fn after_story(lines: &str) -> String {
    story(&format!("  - sync: maria\n{lines}"))
}

/// Holds that the problems of `text`, drawn, are `expected`.
fn says(text: &str, expected: &str) {
    let drawn = match read(text) {
        Ok(scenario) => panic!("nothing is wrong with it: {scenario:?}"),
        Err(problems) => problems.iter().map(|problem| draw(problem, false)).collect::<Vec<_>>().join("\n"),
    };
    assert_eq!(drawn, expected.trim_matches('\n'));
}
