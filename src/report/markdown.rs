//! The run as Markdown, for a pipeline's job summary.

use std::fmt::Write;

use super::matrix::{Proof, Row, counted};
use super::story::count;
use super::summary::{Class, ScenarioSummary, Summary};
use super::words::milliseconds;

/// GitHub drops a job summary of more than 1 MiB.
const MOST_BYTES: usize = 1000 * 1024;
/// Findings told of one scenario.
const MOST_FINDINGS: usize = 10;
/// The longest text quoted from a finding, in characters.
const LONGEST: usize = 600;

/// The document, always small enough for GitHub.
#[must_use]
pub fn markdown(summary: &Summary, matrix: &[Row]) -> String {
    let mut text = head(summary);
    let tail = requirements(matrix);
    let bad: Vec<&ScenarioSummary> = summary.bad().collect();
    if !bad.is_empty() {
        text.push_str("\n### What did not hold\n");
    }
    for (told, scenario) in bad.iter().enumerate() {
        let section = failure(summary, scenario);
        if text.len() + section.len() + tail.len() > MOST_BYTES - 200 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n… and {} more; `summary.json` has them all.", bad.len() - told);
            break;
        }
        text.push_str(&section);
    }
    text.push_str(&tail);
    text
}

fn head(summary: &Summary) -> String {
    let (bad, all) = (summary.bad().count(), summary.scenarios.len() as u64 + summary.left_out);
    let verdict = match bad {
        0 if summary.left_out > 0 => "not complete",
        0 => "all held",
        _ => "did not hold",
    };
    let mut text = format!("## deadzone: {verdict}\n\n| scenarios | |\n|---|---:|\n");
    let classes = [
        Class::Passed,
        Class::Failed,
        Class::NonDeterministic,
        Class::Missed,
        Class::Broken,
        Class::Skipped,
        Class::Interrupted,
    ];
    for class in classes {
        let count = summary.count(class);
        if count > 0 || matches!(class, Class::Passed | Class::Failed) {
            let _ = writeln!(text, "| {} | {count} |", class.word());
        }
    }
    if summary.left_out > 0 {
        let _ = writeln!(text, "| not begun | {} |", summary.left_out);
    }
    let made: u64 = summary.scenarios.iter().map(|scenario| scenario.ledger.made).sum();
    let lost: u64 = summary.scenarios.iter().map(|scenario| scenario.ledger.lost).sum();
    let run_ms: u64 = summary.scenarios.iter().map(|scenario| scenario.tally.run_ms).sum();
    let _ = writeln!(text, "| **all** | **{all}** |");
    let _ = writeln!(text, "\n{}, {lost} lost; stories of {} in all.", count(made, "operation"), milliseconds(run_ms));
    if let Some(client) = summary.subject.as_ref().and_then(|subject| subject.client.as_ref()) {
        let _ = writeln!(text, "\nTested: the client `{}`.", code(client));
    }
    if let Some(server) = summary.subject.as_ref().and_then(|subject| subject.server.as_ref()) {
        let _ = writeln!(text, "\nTested: the server `{}`.", code(server));
    }
    for (unchecked, scenarios) in summary.unchecked() {
        let (check, reason) = (plain(&unchecked.check), plain(&unchecked.reason));
        let _ = writeln!(text, "\nNot checked in {scenarios} of the scenarios: {check}, since {reason}.");
    }
    text
}

fn failure(summary: &Summary, scenario: &ScenarioSummary) -> String {
    let mut text = format!(
        "\n#### {}\n\n{} · `{}:{}`\n\n",
        plain(&scenario.name),
        scenario.class.word(),
        code(&scenario.file),
        scenario.line()
    );
    if !scenario.reason.is_empty() {
        let _ = writeln!(text, "{}\n", plain(&scenario.reason));
    }
    if !scenario.findings.is_empty() {
        text.push_str("| check | expected | happened |\n|---|---|---|\n");
    }
    for finding in scenario.findings.iter().take(MOST_FINDINGS) {
        let (check, expected, happened) = (plain(&finding.check), plain(&finding.expected), plain(&finding.happened));
        let _ = writeln!(text, "| {check} | {expected} | {happened} |");
    }
    if let more @ 1.. = scenario.findings.len().saturating_sub(MOST_FINDINGS) {
        let _ = writeln!(text, "\n… and {more} more findings.");
    }
    let _ = writeln!(text, "\n```sh\n{}\n```", summary.replay(scenario));
    text
}

fn requirements(matrix: &[Row]) -> String {
    let counts: Vec<String> =
        counted(matrix).iter().map(|(proof, count)| format!("{count} {}", proof.word())).collect();
    let mut text = format!("\n### Requirements: {}\n", counts.join(", "));
    if matrix.iter().all(|row| row.proof == Proof::Passed) {
        return text;
    }
    text.push_str(
        "\n<details><summary>Those that did not pass</summary>\n\n| id | | statement | why |\n|---|---|---|---|\n",
    );
    for row in matrix.iter().filter(|row| row.proof != Proof::Passed) {
        let (id, word) = (row.statement.id, row.proof.word());
        let _ = writeln!(text, "| {id} | {word} | {} | {} |", plain(row.statement.text), plain(&row.reason));
    }
    text.push_str("\n</details>\n");
    text
}

/// `text` as it is, in one cell of a table: nothing in it is read as markup.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(LONGEST) {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

/// `text` between backticks.
fn code(text: &str) -> String {
    text.replace(['`', '\n', '\r'], " ")
}
