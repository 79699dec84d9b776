//! The terminal's text: one line a scenario, a failure told as a story, the totals.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::summary::{Class, ScenarioSummary, Summary};
use super::words::{event, milliseconds};
use crate::check::Finding;
use crate::history::History;

/// Findings told of one scenario; who breaks one thing often breaks many.
const MOST_TOLD: usize = 5;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The printer strips colours where they are not wanted.
fn badge(class: Class) -> (Style, &'static str) {
    let bold = |colour: AnsiColor| colour.on_default().bold();
    match class {
        Class::Passed => (bold(AnsiColor::Green), "passed"),
        Class::Missed => (bold(AnsiColor::Yellow), "missed"),
        Class::Skipped => (bold(AnsiColor::Blue), "skipped"),
        Class::Failed => (bold(AnsiColor::Red), "FAILED"),
        Class::Broken => (bold(AnsiColor::Red), "BROKEN"),
        Class::Interrupted => (bold(AnsiColor::Yellow), "stopped"),
    }
}

/// One scenario in one line.
#[must_use]
pub fn line(scenario: &ScenarioSummary) -> String {
    let (style, word) = badge(scenario.class);
    let tally = &scenario.tally;
    let story = match scenario.class {
        Class::Passed | Class::Missed | Class::Failed | Class::Interrupted => format!(
            "{}, {} operations, {} requests, {}",
            milliseconds(tally.virtual_ms),
            scenario.ledger.made,
            tally.requests,
            bytes(tally.bytes_up + tally.bytes_down),
        ),
        Class::Skipped | Class::Broken => scenario.reason.clone(),
    };
    format!("{style}{word:>7}{style:#}  {}  {DIM}{story}{DIM:#}", scenario.name)
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// A failure as a story: what was expected, what happened, the events that show it, and how to see it again.
#[must_use]
pub fn failure(scenario: &ScenarioSummary, history: &History, replay: &str) -> String {
    let mut text = String::new();
    for finding in scenario.findings.iter().take(MOST_TOLD) {
        tell(&mut text, finding, history);
    }
    // Writing to a string cannot fail.
    if let more @ 1.. = scenario.findings.len().saturating_sub(MOST_TOLD) {
        let _ = writeln!(text, "         and {more} more: `--report DIR` writes them all to summary.json");
    }
    let _ = writeln!(text, "         {DIM}replay:{DIM:#} {replay}");
    text
}

fn tell(text: &mut String, finding: &Finding, history: &History) {
    let _ = writeln!(text, "         {BOLD}{}{BOLD:#}", finding.check);
    let _ = writeln!(text, "           expected  {}", finding.expected);
    let _ = writeln!(text, "           happened  {}", finding.happened);
    let shown = finding.events.iter().filter_map(|seq| history.0.get(usize::try_from(*seq).ok()?));
    for shown in shown {
        let _ = writeln!(text, "           {DIM}{}{DIM:#}", event(shown));
    }
}

/// The last lines: how many of each, and where every operation ended.
#[must_use]
pub fn totals(summary: &Summary) -> String {
    let count = |class| summary.count(class);
    let failed = count(Class::Failed) + count(Class::Broken);
    let mut parts = vec![format!("{} passed", count(Class::Passed)), format!("{failed} failed")];
    let rare = [(Class::Missed, "missed a target"), (Class::Skipped, "skipped"), (Class::Interrupted, "stopped")];
    for (class, word) in rare {
        if count(class) > 0 {
            parts.push(format!("{} {word}", count(class)));
        }
    }
    if summary.left_out > 0 {
        parts.push(format!("{} not begun", summary.left_out));
    }
    let ledgers = || summary.scenarios.iter().map(|scenario| &scenario.ledger);
    let made: u64 = ledgers().map(|ledger| ledger.made).sum();
    let lost: u64 = ledgers().map(|ledger| ledger.lost).sum();
    let virtual_ms: u64 = summary.scenarios.iter().map(|scenario| scenario.tally.virtual_ms).sum();
    format!(
        "{BOLD}{}{BOLD:#}\n{made} operations made, {lost} lost; {} of virtual time",
        parts.join(", "),
        milliseconds(virtual_ms)
    )
}
