//! The report as one HTML file that needs nothing else: readable without style and script, which pipelines like to block.
//!
//! Pictures are SVG with presentation attributes, tables are plain; style adds colour and width, script adds zoom, filter
//! and the time under the pointer.

mod chart;
mod lanes;
mod scale;
mod section;
mod svg;
mod timeline;

use askama::Template;

use super::matrix::{Proof, Row, counted};
use super::story::{bytes, count};
use super::summary::{Class, ScenarioSummary, Summary};
use super::words::milliseconds;
pub use section::section;

/// Bytes of details that passing scenarios may take together: those that did not pass are told in any case.
const PASSING_DETAILS: usize = 90 * 1024;
/// Bytes of details that the others may take together: who breaks everything need not draw it a thousand times.
const FAILING_DETAILS: usize = 2 * 1024 * 1024;
/// Failures named at the head.
const MOST_NAMED: usize = 30;
/// Scenarios named in a row of the matrix.
const MOST_PROOFS: usize = 6;

/// The document. `sections` holds what [`section`] drew of each scenario, in the summary's order.
#[must_use]
pub fn html(summary: &Summary, matrix: &[Row], sections: &[String]) -> String {
    let drawn = drawn(summary, sections);
    let bad: Vec<usize> = places(summary, |scenario| scenario.class.is_bad());
    let page = Page {
        held: bad.is_empty(),
        verdict: verdict(summary, bad.len()),
        totals: totals(summary),
        tested: tested(summary),
        named: bad.iter().take(MOST_NAMED).map(|place| named(summary, *place)).collect(),
        unnamed: bad.len().saturating_sub(MOST_NAMED),
        scenarios: (0..summary.scenarios.len()).map(|place| overview(summary, place, drawn[place])).collect(),
        proofs: counted(matrix).map(|(proof, count)| format!("{count} {}", proof.word())).join(", "),
        matrix: matrix.iter().map(|row| proven(summary, row)).collect(),
        failures: details(summary, sections, &drawn, true),
        passing: details(summary, sections, &drawn, false),
    };
    // Rendering to memory fails only where a value's own text does.
    page.render().unwrap_or_default()
}

/// The id of a scenario's details, or of its row where it has none.
fn anchor(place: usize) -> String {
    format!("s-{}", place + 1)
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    held: bool,
    verdict: String,
    totals: String,
    /// What of the team's was tested, a line each.
    tested: Vec<String>,
    named: Vec<Named>,
    unnamed: usize,
    scenarios: Vec<Overview<'a>>,
    proofs: String,
    matrix: Vec<Proven<'a>>,
    /// What did not hold comes first, what held after the tables.
    failures: Vec<Details<'a>>,
    passing: Vec<Details<'a>>,
}

/// A scenario told in full.
struct Details<'a> {
    anchor: String,
    failed: bool,
    details: &'a str,
}

/// A scenario that did not pass, at the head.
struct Named {
    anchor: String,
    name: String,
    class: &'static str,
    headline: String,
}

/// A row of the table of all scenarios.
struct Overview<'a> {
    number: usize,
    anchor: String,
    drawn: bool,
    mark: Mark,
    scenario: &'a ScenarioSummary,
    took: String,
    operations: u64,
    bytes: String,
}

/// A row of the requirement matrix.
struct Proven<'a> {
    row: &'a Row,
    mark: Mark,
    by: Vec<(usize, String)>,
    more: usize,
}

/// A state as sign, word and class of style: nothing is said by colour alone.
#[derive(Clone, Copy)]
struct Mark {
    sign: &'static str,
    word: &'static str,
    style: &'static str,
}

fn mark(class: Class) -> Mark {
    let (sign, style) = match class {
        Class::Passed => ("✓", "good"),
        Class::Missed => ("△", "warn"),
        Class::Skipped => ("–", "none"),
        Class::Failed | Class::NonDeterministic | Class::Broken | Class::Interrupted => ("✗", "bad"),
    };
    Mark { sign, word: class.word(), style }
}

fn places(summary: &Summary, wanted: fn(&ScenarioSummary) -> bool) -> Vec<usize> {
    (0..summary.scenarios.len()).filter(|place| wanted(&summary.scenarios[*place])).collect()
}

/// The details that are shown, of what did not hold or of what did.
fn details<'a>(summary: &Summary, sections: &'a [String], drawn: &[bool], failed: bool) -> Vec<Details<'a>> {
    let wanted =
        (0..sections.len()).filter(|place| drawn[*place] && summary.scenarios[*place].class.is_bad() == failed);
    wanted.map(|place| Details { anchor: anchor(place), failed, details: &sections[place] }).collect()
}

/// Whose details are shown: those of what did not pass, and of what passed as far as the room goes.
fn drawn(summary: &Summary, sections: &[String]) -> Vec<bool> {
    let mut drawn = vec![false; summary.scenarios.len()];
    for (bad, mut room) in [(true, FAILING_DETAILS), (false, PASSING_DETAILS)] {
        for (place, scenario) in summary.scenarios.iter().enumerate() {
            let text = sections.get(place).filter(|text| !text.is_empty() && scenario.class.is_bad() == bad);
            if let Some(text) = text
                && text.len() <= room
            {
                room -= text.len();
                drawn[place] = true;
            }
        }
    }
    drawn
}

fn verdict(summary: &Summary, bad: usize) -> String {
    let all = count(summary.scenarios.len() as u64, "scenario");
    let verdict = if bad == 0 { format!("All held: {all}") } else { format!("{bad} of {all} did not hold") };
    if summary.left_out == 0 { verdict } else { format!("{verdict}; {} not begun", summary.left_out) }
}

fn tested(summary: &Summary) -> Vec<String> {
    let Some(subject) = &summary.subject else { return Vec::new() };
    let mut lines = Vec::new();
    lines.extend(subject.client.as_ref().map(|command| format!("Tested: the client {command}")));
    lines.extend(subject.server.as_ref().map(|url| format!("Tested: the server {url}")));
    if !subject.lacks.is_empty() {
        let lacks: Vec<&str> = subject.lacks.iter().map(|lacking| lacking.word()).collect();
        lines.push(format!("The client does not offer {}: what needs it is not proven", lacks.join(", ")));
    }
    lines
}

fn totals(summary: &Summary) -> String {
    let sum = |of: fn(&ScenarioSummary) -> u64| summary.scenarios.iter().map(of).sum::<u64>();
    format!(
        "{}, {} lost; {} in {}; stories of {} in all{}",
        count(sum(|scenario| scenario.ledger.made), "operation"),
        sum(|scenario| scenario.ledger.lost),
        bytes(sum(|scenario| scenario.tally.bytes_up + scenario.tally.bytes_down)),
        count(sum(|scenario| scenario.tally.requests), "request"),
        milliseconds(sum(|scenario| scenario.tally.run_ms)),
        if summary.live { ", in real time" } else { "" },
    )
}

fn named(summary: &Summary, place: usize) -> Named {
    let scenario = &summary.scenarios[place];
    let (anchor, class) = (anchor(place), scenario.class.word());
    Named { anchor, name: scenario.name.clone(), class, headline: svg::short(&scenario.headline(), 240) }
}

fn overview(summary: &Summary, place: usize, drawn: bool) -> Overview<'_> {
    let scenario = &summary.scenarios[place];
    Overview {
        number: place + 1,
        anchor: anchor(place),
        drawn,
        mark: mark(scenario.class),
        took: milliseconds(scenario.tally.run_ms),
        operations: scenario.ledger.made,
        bytes: bytes(scenario.tally.bytes_up + scenario.tally.bytes_down),
        scenario,
    }
}

fn proven<'a>(summary: &Summary, row: &'a Row) -> Proven<'a> {
    let mark = match row.proof {
        Proof::Passed => Mark { sign: "✓", word: "passed", style: "good" },
        Proof::Failed => Mark { sign: "✗", word: "failed", style: "bad" },
        Proof::NotProven => Mark { sign: "–", word: "not proven", style: "none" },
    };
    let known = row.by.iter().filter(|place| **place < summary.scenarios.len());
    let by = known.take(MOST_PROOFS).map(|place| (place + 1, anchor(*place))).collect();
    Proven { row, mark, by, more: row.by.len().saturating_sub(MOST_PROOFS) }
}
