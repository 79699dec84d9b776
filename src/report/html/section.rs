//! One scenario's details: verdict and reason first, then the pictures, the conflicts, the ledger, the story.
#![expect(clippy::wildcard_enum_match_arm, reason = "a view picks few of the many kinds of events")]

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use serde_json::Value;

use super::super::story::around;
use super::super::summary::{Class, ScenarioSummary};
use super::super::words::{event as sentence, milliseconds};
use super::lanes::Lanes;
use super::scale::Scale;
use super::svg::short;
use super::{Mark, chart, mark, timeline};
use crate::history::{DeviceEvent, History, StepOutcome, What};
use crate::protocol::ConflictRecord;

const MOST_FINDINGS: usize = 12;
const MOST_CONFLICTS: usize = 24;
const MOST_STEPS: usize = 60;
/// The longest value that is shown whole, in characters.
const LONGEST: usize = 160;
/// A run that is longer than this is drawn close up around its failure, too.
const CLOSE_UP_OF_MS: u64 = 30_000;

#[derive(Template)]
#[template(path = "section.html")]
struct Section<'a> {
    mark: Mark,
    failed: bool,
    scenario: &'a ScenarioSummary,
    line: u64,
    replay: &'a str,
    findings: Vec<Told<'a>>,
    more_findings: usize,
    timeline: String,
    unseen: usize,
    close_up: String,
    queue: String,
    bytes: String,
    conflicts: Vec<Clash>,
    more_conflicts: usize,
    ledger: Vec<(&'static str, u64)>,
    counts: Vec<(&'static str, String)>,
    steps: Vec<Step>,
    more_steps: usize,
}

/// A finding with the events that show it.
struct Told<'a> {
    check: &'a str,
    expected: String,
    happened: String,
    line: u64,
    events: Vec<String>,
}

/// A field on which two edits met.
struct Clash {
    device: String,
    record: String,
    field: String,
    mine: String,
    theirs: String,
    by: String,
    at: String,
    outcome: String,
}

/// A step of the story.
struct Step {
    at: String,
    line: u64,
    text: String,
    trouble: String,
}

/// The details of a scenario, whatever its place among others; nothing when it has no history.
#[must_use]
pub fn section(scenario: &ScenarioSummary, history: &History, replay: &str) -> String {
    if history.0.is_empty() && scenario.class == Class::Skipped {
        return String::new();
    }
    let lanes = Lanes::of(history, &scenario.findings);
    let told: BTreeSet<u64> =
        scenario.findings.iter().take(MOST_FINDINGS).flat_map(|finding| finding.events.iter().copied()).collect();
    let whole = Scale::new(0, lanes.end_ms);
    let drawn = |scale: Scale, label: &str| timeline::timeline(&lanes, scale, &told, label);
    let conflicts = conflicts(history);
    let steps = steps(history);
    let section = Section {
        mark: mark(scenario.class),
        failed: scenario.class.is_bad(),
        line: scenario.line(),
        replay,
        findings: scenario.findings.iter().take(MOST_FINDINGS).map(|finding| told_of(finding, history)).collect(),
        more_findings: scenario.findings.len().saturating_sub(MOST_FINDINGS),
        timeline: if history.0.is_empty() {
            String::new()
        } else {
            drawn(whole, "devices, network and server over time")
        },
        unseen: lanes.unseen,
        close_up: close_up(scenario, history, lanes.end_ms)
            .map_or_else(String::new, |scale| drawn(scale, "the same, around the failure")),
        queue: chart::queue(&lanes, whole),
        bytes: chart::bytes(&lanes, whole),
        more_conflicts: conflicts.len().saturating_sub(MOST_CONFLICTS),
        conflicts: conflicts.into_iter().take(MOST_CONFLICTS).collect(),
        ledger: ledger(scenario),
        counts: counts(scenario),
        more_steps: steps.len().saturating_sub(MOST_STEPS),
        steps: steps.into_iter().take(MOST_STEPS).collect(),
        scenario,
    };
    // Rendering to memory fails only where a value's own text does.
    section.render().unwrap_or_default()
}

fn told_of<'a>(finding: &'a crate::check::Finding, history: &History) -> Told<'a> {
    Told {
        check: &finding.check,
        expected: short(&finding.expected, 600),
        happened: short(&finding.happened, 600),
        line: finding.line,
        events: around(finding, history).into_iter().map(|event| short(&sentence(event), 240)).collect(),
    }
}

/// The stretch around what the first findings point at, if it is a small part of the whole.
fn close_up(scenario: &ScenarioSummary, history: &History, end_ms: u64) -> Option<Scale> {
    let seen = scenario.findings.iter().take(3).flat_map(|finding| &finding.events);
    let at: Vec<u64> =
        seen.filter_map(|seq| history.0.get(usize::try_from(*seq).ok()?)).map(|event| event.at_ms).collect();
    let (first, last) = (*at.iter().min()?, *at.iter().max()?);
    let around = 2_000.max((last - first) / 4);
    let (from_ms, to_ms) = (first.saturating_sub(around), (last + around).min(end_ms));
    (end_ms > CLOSE_UP_OF_MS && to_ms - from_ms < end_ms / 2).then(|| Scale::new(from_ms, to_ms))
}

/// Every conflict as its device knew it last: the end shows what was decided meanwhile.
fn conflicts(history: &History) -> Vec<Clash> {
    let mut known: BTreeMap<(&str, &str), &ConflictRecord> = BTreeMap::new();
    for event in &history.0 {
        if let What::Device { device, event: DeviceEvent::Conflict(record) } = &event.what {
            known.insert((device, &record.conflict_id), record);
        }
        if let What::DeviceState { device, state } = &event.what {
            known.extend(state.conflicts.iter().map(|record| ((device.as_str(), record.conflict_id.as_str()), record)));
        }
    }
    let mut known: Vec<((&str, &str), &ConflictRecord)> = known.into_iter().collect();
    known.sort_by_key(|((device, id), record)| (record.detected_at.as_str(), *device, *id));
    known.into_iter().flat_map(|((device, _), record)| clashes(device, record)).collect()
}

fn clashes(device: &str, record: &ConflictRecord) -> Vec<Clash> {
    let clash = |field: &crate::protocol::FieldConflict| {
        let decided = record.resolution.get(&field.field).map(|decided| format!("; decided: {decided}"));
        Clash {
            device: device.to_owned(),
            record: record.entity_id.clone(),
            field: field.field.clone(),
            mine: value(&field.mine),
            theirs: value(&field.theirs),
            by: field.by.clone(),
            at: field.at.clone(),
            outcome: format!("{}{}", field.outcome, decided.unwrap_or_default()),
        }
    };
    record.fields.iter().map(clash).collect()
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => short(text, LONGEST),
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => short(&value.to_string(), LONGEST),
    }
}

fn ledger(scenario: &ScenarioSummary) -> Vec<(&'static str, u64)> {
    let ledger = &scenario.ledger;
    vec![
        ("made", ledger.made),
        ("visible", ledger.visible),
        ("superseded", ledger.superseded),
        ("in a conflict", ledger.conflict),
        ("rejected", ledger.rejected),
        ("rescued", ledger.rescued),
        ("undone", ledger.undone),
        ("discarded", ledger.discarded),
        ("waiting", ledger.waiting),
        ("lost", ledger.lost),
    ]
}

fn counts(scenario: &ScenarioSummary) -> Vec<(&'static str, String)> {
    let tally = &scenario.tally;
    vec![
        ("time", milliseconds(tally.run_ms)),
        ("requests", tally.requests.to_string()),
        ("round trips", tally.round_trips.to_string()),
        ("bytes up", tally.bytes_up.to_string()),
        ("bytes down", tally.bytes_down.to_string()),
        ("syncs", tally.syncs.to_string()),
        ("wake-ups", tally.wake_ups.to_string()),
        ("retries", tally.retries.to_string()),
        ("disk writes", tally.disk_writes.to_string()),
        ("crashes", tally.crashes.to_string()),
    ]
}

fn steps(history: &History) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for event in &history.0 {
        match &event.what {
            What::StepStarted { line, text, .. } => steps.push(Step {
                at: milliseconds(event.at_ms),
                line: *line,
                text: short(text, 240),
                trouble: String::new(),
            }),
            What::StepEnded { outcome, .. } => {
                let trouble = match outcome {
                    StepOutcome::Done => continue,
                    StepOutcome::Crashed => "the device crashed".to_owned(),
                    StepOutcome::Failed { detail } => format!("not done: {detail}"),
                    StepOutcome::Impossible { detail } => format!("impossible: {detail}"),
                };
                if let Some(step) = steps.last_mut() {
                    step.trouble = short(&trouble, 240);
                }
            }
            _ => {}
        }
    }
    steps
}
