//! I2, no duplicate: one effect for each operation, one record for each create, one line for each key.

use std::collections::BTreeMap;

use crate::protocol::{OperationKind, Record};

use super::super::case::Case;
use super::super::facts::WORK_ORDERS;
use super::super::item::items;
use super::super::model::{Order, Touch, version_of};
use super::super::operation::{Answered, Op};
use super::super::verdict::Findings;

const CHECK: &str = "I2 no duplicate";

/// The server knows for thirty days what it answered (decision q).
const REMEMBERED_MS: u64 = 30 * 24 * 3600 * 1000;

/// A repeated operation is answered with its stored result (decision c); a create for ever.
pub(in super::super) fn answered_once(case: &Case<'_>, out: &mut Findings) {
    for op in &case.facts.ops.all {
        let Some(first) = op.accepted() else { continue };
        for again in op.answers.iter().filter(|answer| answer.seq > first.seq) {
            let forgotten = again.at_ms.saturating_sub(first.at_ms) > REMEMBERED_MS;
            if forgotten && (op.kind != OperationKind::Create || gone(again)) {
                continue;
            }
            let happened = if !again.accepts() {
                "a repeat was refused after it had been taken".to_owned()
            } else if !again.result.replayed {
                "it was applied again: the repeat's answer is not marked as replayed".to_owned()
            } else if again.result.new_version != first.result.new_version && !forgotten {
                let versions = (first.result.new_version, again.result.new_version);
                format!("its repeat made another version: {:?}, then {:?}", versions.0, versions.1)
            } else if again.result.entity_id != first.result.entity_id && again.result.entity_id.is_some() {
                format!("its repeat made another record: {:?}", again.result.entity_id)
            } else {
                continue;
            };
            out.violated(CHECK, format!("{} has one effect", op.describe()), happened, &[first.seq, again.seq]);
            break;
        }
    }
}

/// What was made has been deleted since, and is not made again.
fn gone(answer: &Answered<'_>) -> bool {
    answer.result.error.as_ref().is_some_and(|error| error.tombstone)
}

/// Versions count effects; lines and records are there once.
pub(in super::super) fn one_effect(case: &Case<'_>, out: &mut Findings) {
    for (id, order) in &case.model.orders {
        versions(case, id, order, out);
    }
    same_local_id(case, out);
    for (id, seen) in case.facts.final_records(WORK_ORDERS) {
        doubled_lines("the server", id, seen.record, seen.seq, out);
    }
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        for (id, row) in &state.work_orders {
            doubled_lines(name, id, row, seq, out);
        }
    }
}

fn versions(case: &Case<'_>, id: &str, order: &Order<'_>, out: &mut Findings) {
    let mut before = order.seeded.map_or(0, |seen| version_of(seen.record));
    for step in &order.steps {
        let op = &case.facts.ops.all[step.op];
        let fits = match step.touch {
            Touch::Changed => step.version == before.saturating_add(1),
            Touch::Repeated => step.version == before || step.version == before.saturating_add(1),
            Touch::Nothing => step.version == before,
        };
        if !fits {
            let expected = match step.touch {
                Touch::Changed => {
                    format!("{} takes {id} from version {before} to {}", op.describe(), before.saturating_add(1))
                }
                Touch::Repeated | Touch::Nothing => {
                    format!("{} changes nothing and leaves {id} at {before}", op.describe())
                }
            };
            out.violated(CHECK, expected, reported(op), &seqs(op));
        }
        before = step.version;
    }
    if let Some(delete) = order.deleted.map(|index| &case.facts.ops.all[index])
        && let Some(version) = delete.accepted().and_then(|answer| answer.result.new_version)
        && version != before.saturating_add(1)
    {
        let expected =
            format!("{} takes {id} from version {before} to {}", delete.describe(), before.saturating_add(1));
        out.violated(CHECK, expected, reported(delete), &seqs(delete));
    }
    if let (Some(seen), None) = (order.server, order.deleted) {
        let last = version_of(seen.record);
        if last != before && before != i64::MAX {
            let expected = format!("{id} ends at version {before}: one for each effective operation");
            let shown: Vec<u64> =
                order.steps.last().map(|step| case.facts.ops.all[step.op].first_seq()).into_iter().collect();
            let events = [shown, vec![seen.seq]].concat();
            out.violated(CHECK, expected, format!("the server holds it at version {last}"), &events);
        }
    }
    if order.creates.len() > 1 {
        let events: Vec<u64> = order.creates.iter().map(|op| case.facts.ops.all[*op].first_seq()).collect();
        out.violated(
            CHECK,
            format!("{id} is made by one create"),
            format!("{} creates made it", events.len()),
            &events,
        );
    }
}

fn reported(op: &Op<'_>) -> String {
    let version = op.accepted().and_then(|answer| answer.result.new_version);
    version.map_or_else(
        || "the answer names no version".to_owned(),
        |version| format!("the answer says version {version}"),
    )
}

fn seqs(op: &Op<'_>) -> Vec<u64> {
    op.accepted().map(|answer| vec![op.first_seq(), answer.seq]).unwrap_or_default()
}

fn same_local_id(case: &Case<'_>, out: &mut Findings) {
    let mut creates: BTreeMap<(&str, String), &Op<'_>> = BTreeMap::new();
    for op in case.facts.ops.all.iter().filter(|op| op.kind == OperationKind::Create) {
        let Some(local) = op.payload.get("_localId") else { continue };
        let other = creates.insert((op.device, local.to_string()), op);
        let corrected = case.facts.ops.corrected_by(op).map(|corrected| corrected.queue_id);
        if let Some(other) = other.filter(|other| Some(other.queue_id) != corrected) {
            let events = [other.first_seq(), op.first_seq()];
            out.violated(CHECK, format!("one create with the _localId {local}"), "two operations carry it", &events);
        }
    }
    let mut records: BTreeMap<String, (&str, u64)> = BTreeMap::new();
    for (id, seen) in case.facts.final_records(WORK_ORDERS) {
        let Some(local) = seen.record.get("_localId").filter(|local| !local.is_null()) else { continue };
        if let Some((other, seq)) = records.insert(local.to_string(), (id, seen.seq)) {
            let happened = format!("the server holds {other} and {id}");
            out.violated(CHECK, format!("one record with the _localId {local}"), happened, &[seq, seen.seq]);
        }
    }
}

fn doubled_lines(holder: &str, id: &str, record: &Record, seq: u64, out: &mut Findings) {
    let mut names: Vec<_> = items(record).map(|(item, _)| item).filter(|item| item.line.is_some()).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let expected = format!("{id} on {holder} holds {} once", pair[0]);
        out.violated(CHECK, expected, "it holds it twice", &[seq]);
    }
}
