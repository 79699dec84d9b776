//! The terminal's text: one line a scenario, a failure told as a story, the totals.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::summary::{Class, ScenarioSummary, Summary};
use super::traffic;
use super::words::{event, milliseconds};
use crate::check::Finding;
use crate::history::{Event, History, What};

/// Findings told of one scenario; who breaks one thing often breaks many.
const MOST_TOLD: usize = 5;
/// Events told of a finding.
const EVENTS_TOLD: usize = 3;
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
        Class::NonDeterministic => (bold(AnsiColor::Red), "VARIES"),
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
        Class::Passed | Class::Missed | Class::Failed | Class::NonDeterministic | Class::Interrupted => format!(
            "{}, {}, {}, {}{}",
            milliseconds(tally.run_ms),
            count(scenario.ledger.made, "operation"),
            count(tally.requests, "request"),
            bytes(tally.bytes_up + tally.bytes_down),
            match scenario.unchecked.len() as u64 {
                0 => String::new(),
                unchecked => format!(", {} not made", count(unchecked, "check")),
            },
        ),
        Class::Skipped | Class::Broken => scenario.reason.clone(),
    };
    format!("{style}{word:>7}{style:#}  {}  {DIM}{story}{DIM:#}", scenario.name)
}

pub(super) fn count(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

pub(super) fn bytes(bytes: u64) -> String {
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
    for shown in around(finding, history) {
        let _ = writeln!(text, "           {DIM}{}{DIM:#}", event(shown));
    }
}

/// The events that show a finding, made up to three with what happened just before.
pub(super) fn around<'a>(finding: &Finding, history: &'a History) -> Vec<&'a Event> {
    let mut shown: Vec<u64> = finding.events.clone();
    let told = |event: &Event| {
        !matches!(event.what, What::RecordSeeded { .. } | What::UserSeeded { .. } | What::ServerRecord { .. })
    };
    let first = shown.iter().min().copied().unwrap_or_default();
    let before = history.0.iter().take(usize::try_from(first).unwrap_or(0)).rev().filter(|event| told(event));
    shown.extend(before.map(|event| event.seq).take(EVENTS_TOLD.saturating_sub(shown.len())));
    shown.sort_unstable();
    shown.dedup();
    shown.iter().filter_map(|seq| history.0.get(usize::try_from(*seq).ok()?)).collect()
}

/// `text` broken at spaces into lines of at most `width` characters, each rest indented a little more than its line.
/// Escape sequences take no room; a word that is longer than a line stays whole.
#[must_use]
pub fn fitted(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| fitted_line(line, width)).collect();
    lines.join("\n")
}

fn fitted_line(line: &str, width: usize) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let (mut out, mut room, mut begun) = (" ".repeat(indent), width.saturating_sub(indent), false);
    let rest = (indent + 4).min(width / 2);
    for word in line[indent..].split(' ') {
        let needed = visible(word);
        if begun && needed + 1 > room {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&" ".repeat(rest));
            room = width.saturating_sub(rest);
        } else if begun {
            out.push(' ');
            room -= 1;
        }
        out.push_str(word);
        room = room.saturating_sub(needed);
        begun = true;
    }
    out
}

/// Characters of `word` that a terminal shows.
fn visible(word: &str) -> usize {
    let mut shown = 0;
    let mut escaped = false;
    for c in word.chars() {
        match c {
            '\u{1b}' => escaped = true,
            c if escaped => escaped = !c.is_ascii_alphabetic(),
            _ => shown += 1,
        }
    }
    shown
}

/// The last lines: how many of each, and where every operation ended.
#[must_use]
pub fn totals(summary: &Summary) -> String {
    let ended = |class| summary.count(class);
    let failed = ended(Class::Failed) + ended(Class::NonDeterministic) + ended(Class::Broken);
    let mut parts = vec![format!("{} passed", ended(Class::Passed)), format!("{failed} failed")];
    let rare = [
        (Class::NonDeterministic, "of them non-deterministic"),
        (Class::Missed, "missed a target"),
        (Class::Skipped, "skipped"),
        (Class::Interrupted, "stopped"),
    ];
    for (class, word) in rare {
        if ended(class) > 0 {
            parts.push(format!("{} {word}", ended(class)));
        }
    }
    if summary.left_out > 0 {
        parts.push(format!("{} not begun", summary.left_out));
    }
    let ledgers = || summary.scenarios.iter().map(|scenario| &scenario.ledger);
    let made: u64 = ledgers().map(|ledger| ledger.made).sum();
    let lost: u64 = ledgers().map(|ledger| ledger.lost).sum();
    let run_ms: u64 = summary.scenarios.iter().map(|scenario| scenario.tally.run_ms).sum();
    let traffic = traffic::sum(summary.scenarios.iter().map(|scenario| &scenario.tally.traffic));
    let spent: Vec<String> = traffic
        .iter()
        .map(|(purpose, spent)| format!("{} {} up, {} down", purpose.word(), bytes(spent.up), bytes(spent.down)))
        .collect();
    let spent = if spent.is_empty() { String::new() } else { format!("\n{DIM}{}{DIM:#}", spent.join("; ")) };
    format!(
        "{BOLD}{}{BOLD:#}\n{}, {lost} lost; stories of {} in all{spent}{}",
        parts.join(", "),
        count(made, "operation"),
        milliseconds(run_ms),
        unproven(summary)
    )
}

/// What a client of the team's kept from being judged.
fn unproven(summary: &Summary) -> String {
    let mut text = String::new();
    if let Some(subject) = summary.subject.as_ref().filter(|subject| !subject.lacks.is_empty()) {
        let lacks: Vec<&str> = subject.lacks.iter().map(|lacking| lacking.word()).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "\nthe client does not offer {}: what needs it is not proven", lacks.join(", "));
    }
    let unchecked: Vec<&str> = summary.unchecked().iter().map(|(it, _)| it.check.as_str()).collect();
    if !unchecked.is_empty() {
        let _ = write!(text, "\nchecks that were not made for that: {}", unchecked.join(", "));
    }
    text
}
