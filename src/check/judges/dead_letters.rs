//! Dead letters (decision e): each update that came too late for its order lies with the office, once, as it was sent; and
//! only what was deleted makes an update come too late.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::OperationKind;

use super::super::case::Case;
use super::super::item::{same, short};
use super::super::operation::{Answered, Op};
use super::super::verdict::Findings;

const CHECK: &str = "dead letters";
/// They, and what was deleted with all that is of it, are kept this long (decision q).
pub(super) const NINETY_DAYS_MS: u64 = 90 * 24 * 3600 * 1000;

pub(in super::super) fn kept_once(case: &Case<'_>, out: &mut Findings) {
    let mut letters: BTreeMap<&str, u64> = BTreeMap::new();
    for (seq, letter) in &case.facts.dead_letters {
        let expected = format!("the dead letter for {} is an update that came too late", letter.entity_id);
        match case.facts.ops.find(&letter.queue_id) {
            Some(op) if too_late(op).is_some() => {
                if !same(&Value::Object(letter.payload.clone()), &Value::Object(op.payload.clone())) {
                    let happened = format!("it holds {}", short(&Value::Object(letter.payload.clone())));
                    out.violated(CHECK, format!("{} as it was sent", op.describe()), happened, &[op.first_seq(), *seq]);
                }
            }
            _ => out.violated(CHECK, expected, "no such update was answered with a tombstone", &[*seq]),
        }
        if let Some(first) = letters.insert(&letter.queue_id, *seq) {
            let expected = format!("one dead letter for {}", letter.queue_id);
            out.violated(CHECK, expected, "there are two", &[first, *seq]);
        }
    }
    let Some(read_ms) = case.facts.dead_letters_read_ms else { return };
    for op in &case.facts.ops.all {
        let Some((seq, at_ms)) = too_late(op) else { continue };
        if !letters.contains_key(op.queue_id) && read_ms.saturating_sub(at_ms) < NINETY_DAYS_MS {
            let expected = format!("a dead letter holds {}, which came too late", op.describe());
            out.violated(CHECK, expected, "there is none", &[op.first_seq(), seq]);
        }
    }
}

/// Who is told that an order is deleted gives up all that waits for it: it must be true.
pub(in super::super) fn tombstones_are_true(case: &Case<'_>, out: &mut Findings) {
    let slack_ms = case.facts.slack_ms;
    for op in &case.facts.ops.all {
        let Some(answer) = op.answers.iter().find(|answer| gone(answer)) else { continue };
        let deleted = case.model.order_of(&case.facts, op).and_then(|order| order.deleted);
        let happened = match deleted.map(|index| &case.facts.ops.all[index]) {
            None => "nobody had deleted it".to_owned(),
            Some(delete) => match delete.accepted() {
                Some(done) if done.at_ms > answer.at_ms + slack_ms => format!("it was deleted at {} ms", done.at_ms),
                // A delete whose answer nobody saw may have come before.
                Some(_) | None => continue,
            },
        };
        let expected = format!("{} is not told at {} ms that its order is deleted", op.describe(), answer.at_ms);
        out.violated(CHECK, expected, happened, &[op.first_seq(), answer.seq]);
    }
}

fn gone(answer: &Answered<'_>) -> bool {
    answer.result.error.as_ref().is_some_and(|error| error.tombstone)
}

/// Where and when an update was answered with a tombstone.
fn too_late(op: &Op<'_>) -> Option<(u64, u64)> {
    let answer = op.answers.iter().find(|answer| gone(answer)).filter(|_| op.kind == OperationKind::Update)?;
    Some((answer.seq, answer.at_ms))
}
