//! The shape of a pull's answer (spec 3.1B, 2.2): `deletedIds` names what was deleted and nothing else, `syncTimestamp` is
//! a time that has been and never goes back, and of inventory no more comes than the quantities.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::history::{MessageKind, What};
use crate::protocol::RemovalReason;

use super::super::case::Case;
use super::super::facts::{Device, Facts};
use super::super::verdict::Findings;

const SHAPE: &str = "3.1B shape of a pull";
const ISOLATED: &str = "I13 isolation";
/// What a device is given of a part (spec 2.2).
const OF_A_PART: &[&str] = &["partId", "description", "quantityAvailable", "unit"];
/// Commits of one moment are told apart by a millisecond each.
const AHEAD_MS: i64 = 1_000;

pub(in super::super) fn are_in_shape(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        shape(name, device, out);
        never_back(name, device, out);
    }
    // A server of somebody else's goes by a clock of its own.
    if case.facts.slack_ms == 0 {
        never_ahead(&case.facts, out);
    }
}

fn shape(name: &str, device: &Device<'_>, out: &mut Findings) {
    for event in &device.timeline {
        let What::Answer(message) = &event.what else { continue };
        let MessageKind::DeltaAnswer { removed, deleted, inventory_fields, .. } = &message.kind else { continue };
        let told: BTreeSet<&str> = deleted.iter().map(String::as_str).collect();
        let gone = removed.iter().filter(|removal| removal.reason == RemovalReason::Deleted);
        let gone: BTreeSet<&str> = gone.map(|removal| removal.id.as_str()).collect();
        for id in told.symmetric_difference(&gone) {
            let expected = format!("`deletedIds` tells {name} of what was deleted, and of nothing else");
            let happened = if told.contains(id) {
                format!("it names {id}, which `removed` does not call deleted")
            } else {
                format!("it leaves {id} out, which `removed` calls deleted")
            };
            out.violated(SHAPE, expected, happened, &[event.seq]);
        }
        let more: Vec<&str> =
            inventory_fields.iter().map(String::as_str).filter(|field| !OF_A_PART.contains(field)).collect();
        if !more.is_empty() {
            let expected = format!("{name} is given of inventory {} alone", OF_A_PART.join(", "));
            out.violated(ISOLATED, expected, format!("a pull holds {}", more.join(", ")), &[event.seq]);
        }
    }
}

/// What answers a position is not older than what gave it.
fn never_back(name: &str, device: &Device<'_>, out: &mut Findings) {
    let mut given: BTreeMap<&str, (Timestamp, u64)> = BTreeMap::new();
    for event in &device.timeline {
        let What::Answer(message) = &event.what else { continue };
        let MessageKind::DeltaAnswer { sync_timestamp, answers, next_cursor, .. } = &message.kind else { continue };
        let Ok(time) = sync_timestamp.parse::<Timestamp>() else {
            let expected = format!("`syncTimestamp` tells {name} a time");
            out.violated(SHAPE, expected, format!("it is `{sync_timestamp}`"), &[event.seq]);
            continue;
        };
        let before = answers.as_deref().and_then(|cursor| given.get(cursor)).copied();
        if let Some((before, seq)) = before.filter(|(before, _)| time < *before) {
            let expected = format!("`syncTimestamp` of {name}'s pulls is {before} or later");
            out.violated(SHAPE, expected, format!("it goes back to {time}"), &[seq, event.seq]);
        }
        given.entry(next_cursor).or_insert((time, event.seq));
    }
}

/// It is the time of a commit: not after the server's clock, which may have been ahead when a change was made.
fn never_ahead(facts: &Facts<'_>, out: &mut Findings) {
    let mut newest = Timestamp::MIN;
    let Some(epoch) = facts.epoch.and_then(|epoch| epoch.parse::<Timestamp>().ok()) else { return };
    let mut answers = Vec::new();
    for event in facts.devices.values().flat_map(|device| &device.timeline) {
        if let What::Answer(message) = &event.what {
            answers.push((event, message));
        }
    }
    answers.sort_by_key(|(event, _)| event.seq);
    for (event, message) in answers {
        match &message.kind {
            MessageKind::PushAnswer { results } => {
                let changed = results.iter().filter_map(|result| result.updated_at.as_deref()?.parse().ok());
                newest = changed.fold(newest, Timestamp::max);
            }
            MessageKind::DeltaAnswer { sync_timestamp, .. } => {
                let Ok(time) = sync_timestamp.parse::<Timestamp>() else { continue };
                let since_ms = i64::try_from(event.at_ms).unwrap_or(i64::MAX);
                let now_ms = epoch.as_millisecond().saturating_add(since_ms).max(newest.as_millisecond());
                if time.as_millisecond() > now_ms.saturating_add(AHEAD_MS) {
                    let expected = format!("`syncTimestamp` tells {} a time that has been", message.device);
                    out.violated(SHAPE, expected, format!("it is {time}"), &[event.seq]);
                }
            }
            _ => {}
        }
    }
}
