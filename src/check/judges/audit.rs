//! Spec 4.4, the audit of conflicts: one record on each side, with all its fields, and on the device a log in which nothing
//! can have been changed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::base::hex;
use crate::history::{AuditEntry, DeviceEvent, DeviceState, Event};
use crate::protocol::{ConflictOutcome, ConflictRecord, FieldConflict, Resolution, ResolutionStrategy};

use super::super::case::{Case, device_event};
use super::super::operation::{Answered, Op};
use super::super::verdict::Findings;
use super::choices::decisions;

const CHECK: &str = "I17 conflicts counted";
const CHAIN: &str = "I14 durability";

pub(in super::super) fn on_the_devices(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        let mut say = |check, expected, happened| out.violated(check, expected, happened, &[seq]);
        unbroken(name, &state.audit, &mut say);
        complete(name, state, &mut say);
        for record in &state.conflicts {
            let Some(op) = case.facts.ops.find(&record.queue_id) else { continue };
            let Some(answer) = op.accepted() else { continue };
            let later = device.timeline.iter().filter(|event| event.seq > answer.seq);
            let gone = deleted(case, record) || later.into_iter().any(|event| left(event, record));
            let place = format!("the conflict record of {} on {name}", op.describe());
            record_of(case, &place, (op, answer), record, (false, gone), &mut say);
            if answer.result.conflict_id.as_ref().is_some_and(|id| *id != record.conflict_id) {
                say(
                    CHECK,
                    format!("{place} has the id that the server gave it"),
                    format!("it is {}", record.conflict_id),
                );
            }
        }
    }
}

/// Whether the record that a conflict is about left the device.
fn left(event: &Event, record: &ConflictRecord) -> bool {
    match device_event(event) {
        Some(DeviceEvent::Removed { entity_id, .. }) => *entity_id == record.entity_id,
        _ => false,
    }
}

fn deleted(case: &Case<'_>, record: &ConflictRecord) -> bool {
    case.model.orders.get(record.entity_id.as_str()).is_some_and(|order| order.deleted.is_some())
}

pub(in super::super) fn on_the_server(case: &Case<'_>, out: &mut Findings) {
    let mut by_op: BTreeMap<&str, Vec<(u64, &ConflictRecord)>> = BTreeMap::new();
    for (seq, record) in &case.facts.audited {
        by_op.entry(&record.queue_id).or_default().push((*seq, record));
    }
    for op in &case.facts.ops.all {
        let found = by_op.remove(op.queue_id).unwrap_or_default();
        let Some(answer) = op.accepted() else {
            // What nobody saw the answer of may have met something all the same.
            if !found.is_empty() && !op.unanswered() {
                by_op.insert(op.queue_id, found);
            }
            continue;
        };
        let wanted = usize::from(!answer.result.conflicts.is_empty());
        let shown: Vec<u64> = [answer.seq].into_iter().chain(found.first().map(|(seq, _)| *seq)).collect();
        let mut say = |check, expected, happened| out.violated(check, expected, happened, &shown);
        if found.len() != wanted {
            let expected = format!("{wanted} audit records of {} on the server", op.describe());
            say(CHECK, expected, format!("there are {}", found.len()));
            continue;
        }
        let Some((_, record)) = found.first() else { continue };
        let place = format!("the server's audit record of {}", op.describe());
        record_of(case, &place, (op, answer), record, (true, deleted(case, record)), &mut say);
        if answer.result.conflict_id.as_ref().is_some_and(|id| *id != record.conflict_id) {
            say(CHECK, format!("{place} has the id of its answer"), format!("it is {}", record.conflict_id));
        }
    }
    for (queue_id, found) in by_op {
        let events: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
        let happened = format!("one names the operation {queue_id}, which met none");
        out.violated(CHECK, "the server's audit records stem from conflicts", happened, &events);
    }
}

/// All fields of the spec's example, each with what the oracle would write there.
fn record_of(
    case: &Case<'_>,
    place: &str,
    (op, answer): (&Op<'_>, &Answered<'_>),
    record: &ConflictRecord,
    (sent_only, gone): (bool, bool),
    say: &mut impl FnMut(&'static str, String, String),
) {
    let result = answer.result;
    let names = |fields: &[FieldConflict]| fields.iter().map(|field| field.field.clone()).collect::<Vec<_>>();
    let mut resolution: BTreeMap<String, Resolution> = BTreeMap::new();
    for field in &result.conflicts {
        match field.outcome {
            ConflictOutcome::ServerWins => drop(resolution.insert(field.field.clone(), Resolution::ServerWins)),
            ConflictOutcome::ClientWins => drop(resolution.insert(field.field.clone(), Resolution::ClientWins)),
            ConflictOutcome::Manual => {}
        }
    }
    resolution.extend(decisions(case, record, sent_only));
    if gone {
        let open = record.fields.iter().filter(|field| !resolution.contains_key(&field.field));
        let open: Vec<_> = open.map(|field| (field.field.clone(), Resolution::Gone)).collect();
        resolution.extend(open);
    }
    let all_decided = result.conflicts.iter().all(|field| resolution.contains_key(&field.field));
    let as_text = |map: &BTreeMap<String, Resolution>| {
        map.iter().map(|(field, how)| format!("{field}: {how}")).collect::<Vec<_>>().join(", ")
    };
    let user = case.facts.user_at(op.device, op.first_seq()).unwrap_or(&record.user_id);
    let told = [
        ("entityId", case.facts.ops.resolve(op.entity).to_owned(), record.entity_id.clone()),
        ("userId", user.to_owned(), record.user_id.clone()),
        ("clientVersion", op.base().unwrap_or_default().to_string(), record.client_version.to_string()),
        ("serverVersion", result.new_version.unwrap_or_default().to_string(), record.server_version.to_string()),
        ("conflictingFields", names(&result.conflicts).join(", "), record.conflicting_fields.join(", ")),
        ("fields", theirs(&result.conflicts), theirs(&record.fields)),
        (
            "resolutionStrategy",
            format!("{:?}", strategy(&result.conflicts)),
            format!("{:?}", record.resolution_strategy),
        ),
        ("resolution", as_text(&resolution), as_text(&record.resolution)),
        ("resolvedAt", presence(all_decided), presence(record.resolved_at.is_some())),
        ("detectedAt", presence(true), presence(!record.detected_at.is_empty())),
    ];
    for (field, wanted, found) in told {
        if wanted != found {
            say(CHECK, format!("{place}: {field} is {wanted}"), format!("it is {found}"));
        }
    }
}

/// Field by field: what became of it, and who set the other value at which version and when.
fn theirs(fields: &[FieldConflict]) -> String {
    let one =
        |it: &FieldConflict| format!("{}: {}, version {} by {} at {}", it.field, it.outcome, it.version, it.by, it.at);
    fields.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn presence(there: bool) -> String {
    (if there { "there" } else { "not there" }).to_owned()
}

fn strategy(fields: &[FieldConflict]) -> ResolutionStrategy {
    let mut outcomes: Vec<ConflictOutcome> = Vec::new();
    for field in fields {
        if !outcomes.contains(&field.outcome) {
            outcomes.push(field.outcome);
        }
    }
    match outcomes.as_slice() {
        _ if outcomes.contains(&ConflictOutcome::Manual) => ResolutionStrategy::Manual,
        [ConflictOutcome::ServerWins] => ResolutionStrategy::ServerWins,
        [ConflictOutcome::ClientWins] => ResolutionStrategy::ClientWins,
        _ => ResolutionStrategy::Merge,
    }
}

/// Each entry is bound to the one before it.
fn unbroken(name: &str, audit: &[AuditEntry], say: &mut impl FnMut(&'static str, String, String)) {
    let mut previous = "0".repeat(64);
    for (place, entry) in audit.iter().enumerate() {
        let digest = Sha256::digest(format!("{}{}", entry.previous, entry.entry));
        let why = if entry.sequence != place as u64 + 1 {
            format!("it is number {}", entry.sequence)
        } else if entry.previous != previous {
            "it is not bound to the one before it".to_owned()
        } else if entry.hash != hex(&digest) {
            "it is not what was hashed".to_owned()
        } else {
            previous.clone_from(&entry.hash);
            continue;
        };
        say(CHAIN, format!("entry {} of the audit log on {name} is as it was written", place + 1), why);
        return;
    }
}

/// The log tells of every conflict, once that it came up and last how it stands, and of every rescued operation.
fn complete(name: &str, state: &DeviceState, say: &mut impl FnMut(&'static str, String, String)) {
    let entries: Vec<serde_json::Value> =
        state.audit.iter().filter_map(|entry| serde_json::from_str(&entry.entry).ok()).collect();
    for record in &state.conflicts {
        let id = record.conflict_id.as_str();
        let about: Vec<_> = entries.iter().filter(|entry| entry["conflict"]["conflictId"] == id).collect();
        let detected = about.iter().filter(|entry| entry["what"] == "detected").count();
        if detected != 1 {
            let expected = format!("the audit log on {name} tells once that {id} came up");
            say(CHECK, expected, format!("it tells {detected} times"));
        }
        let last =
            about.last().and_then(|entry| serde_json::from_value::<ConflictRecord>(entry["conflict"].clone()).ok());
        if last.as_ref() != Some(record) {
            let expected = format!("the audit log on {name} ends on {id} as its record stands");
            say(CHECK, expected, "it does not".to_owned());
        }
    }
    for rescued in &state.rescued {
        let id = rescued.queue_id.as_str();
        let kept = entries.iter().any(|entry| {
            entry["what"] == "rescued"
                && entry["operation"]["queueId"] == id
                && entry["operation"]["payload"] == serde_json::Value::Object(rescued.payload.clone())
        });
        if !kept {
            let expected = format!("the audit log on {name} keeps the payload of the rescued operation {id}");
            say(CHECK, expected, "it does not".to_owned());
        }
    }
}
