//! I1, no lost update: every acknowledged operation ends in exactly one named way, and the sum is the operations made.

use crate::history::{Capability, QueueStatus};
use crate::protocol::OperationKind;

use super::case::{Case, Held};
use super::item::{Item, is_removal, items, parts, same, short};
use super::model::{Fate, Order};
use super::operation::{Op, refused_for_good};
use super::verdict::{Findings, Ledger};

const CHECK: &str = "I1 no lost update";

/// Where one acknowledged operation ended.
enum End {
    Visible,
    Superseded,
    Conflict,
    Rejected,
    Rescued,
    Undone,
    Discarded,
    Waiting,
    /// In no named way; the text says what happened instead.
    Lost(String, Option<u64>),
}

pub(super) fn ledger(case: &Case<'_>, out: &mut Findings) -> Ledger {
    let mut ledger = Ledger::default();
    for (index, op) in case.facts.ops.all.iter().enumerate() {
        let Some((acknowledged, _)) = op.acknowledged else { continue };
        ledger.made += 1;
        match end_of(case, index, op) {
            End::Visible => ledger.visible += 1,
            End::Superseded => ledger.superseded += 1,
            End::Conflict => ledger.conflict += 1,
            End::Rejected => ledger.rejected += 1,
            End::Rescued => ledger.rescued += 1,
            End::Undone => ledger.undone += 1,
            End::Discarded => ledger.discarded += 1,
            End::Waiting => ledger.waiting += 1,
            End::Lost(happened, shown) => {
                ledger.lost += 1;
                let expected = format!(
                    "{} is visible, superseded, in a conflict record, rejected and shown, rescued, or discarded by the user",
                    op.describe()
                );
                let answered = op.answers.last().map(|answer| answer.seq);
                let events: Vec<u64> = [Some(acknowledged), answered, shown].into_iter().flatten().collect();
                out.violated(CHECK, expected, happened, &events);
            }
        }
    }
    ledger
}

fn end_of(case: &Case<'_>, index: usize, op: &Op<'_>) -> End {
    let held = case.held.get(op.device);
    // An operation that the model placed without having seen its answer counts while no device still holds it.
    let placed = !case.model.fates[index].is_empty();
    if op.accepted().is_some() || (placed && !held.is_some_and(|held| held.queue.contains_key(op.queue_id))) {
        return end_of_accepted(case, index, op);
    }
    let Some(held) = held else {
        return End::Lost("it was acknowledged, and the server never took it".into(), None);
    };
    end_of_unaccepted(op, held)
}

fn end_of_unaccepted(op: &Op<'_>, held: &Held<'_>) -> End {
    let row = held.queue.get(op.queue_id);
    let refused = op.answers.iter().rev().find(|answer| refused_for_good(answer.result));
    if held.rescued.contains(op.queue_id) {
        return End::Rescued;
    }
    if row.is_none() && op.sent.is_empty() && held.undone.contains(op.queue_id) {
        return End::Undone;
    }
    if row.is_some_and(|row| row.status == QueueStatus::Failed) {
        return End::Rejected;
    }
    if row.is_some() {
        return End::Waiting;
    }
    if held.discarded(op) {
        return End::Discarded;
    }
    match refused {
        Some(_) if held.told.contains(op.queue_id) => End::Rejected,
        Some(answer) => {
            let error = answer.result.error.as_ref();
            let code = error.map_or_else(String::new, |error| format!(" with {}", error.code));
            End::Lost(format!("the server refused it{code}, and the device neither shows nor keeps it"), None)
        }
        None if op.sent.is_empty() => {
            End::Lost("it was never sent, and the device does not hold it any more".into(), None)
        }
        None => End::Lost("the server never took it, and the device does not hold it any more".into(), None),
    }
}

fn end_of_accepted(case: &Case<'_>, index: usize, op: &Op<'_>) -> End {
    let Some(order) = case.model.order_of(&case.facts, op) else {
        return End::Lost("the server took it and knows no such order".into(), None);
    };
    let shown = order.server.map(|seen| seen.seq);
    if op.kind == OperationKind::Delete && case.model.fates[index].is_empty() {
        return match shown {
            None => End::Visible,
            Some(seq) => End::Lost("the order is still on the server".into(), Some(seq)),
        };
    }
    if order.deleted.is_some() && !case.model.fates[index].iter().any(|(_, fate)| *fate == Fate::Conflict) {
        return End::Superseded;
    }
    if order.deleted.is_none() && shown.is_none() {
        return End::Lost("the order is not on the server, and no operation deleted it".into(), None);
    }
    end_of_items(case, index, op, order)
}

fn end_of_items(case: &Case<'_>, index: usize, op: &Op<'_>, order: &Order<'_>) -> End {
    let fates = &case.model.fates[index];
    let mut superseded = 0;
    let mut conflict = false;
    for ((item, fate), (_, mine)) in fates.iter().zip(items(op.payload)) {
        match fate {
            Fate::Superseded(_) => superseded += 1,
            Fate::Stands => {
                if let Some(held) = unseen(order, item, mine) {
                    let shown = order.server.map(|seen| seen.seq);
                    return End::Lost(format!("the server holds {held}; no operation replaced {}", short(mine)), shown);
                }
            }
            Fate::Conflict => conflict = true,
        }
    }
    conflict |= fates.iter().any(|(item, _)| item.field == "_deleted");
    if conflict {
        return match unrecorded(case, index, op) {
            Some(happened) => End::Lost(happened, None),
            None => End::Conflict,
        };
    }
    if superseded > 0 && superseded == fates.len() { End::Superseded } else { End::Visible }
}

/// What the server holds instead of a value that should be in force.
fn unseen(order: &Order<'_>, item: &Item<'_>, mine: &serde_json::Value) -> Option<String> {
    let held = order.held.get(item).copied();
    let null = &serde_json::Value::Null;
    let there = match (&item.line, held) {
        (Some(_), _) if is_removal(mine) => held.is_none_or(is_removal),
        (Some(_), None) => false,
        (Some(_), Some(line)) => {
            let cell = order.cells.get(item);
            let in_force = |name: &str, value| cell.is_none_or(|c| same(c.value.get(name).unwrap_or(null), value));
            let agrees = |(name, value)| !in_force(name, value) || same(line.get(name).unwrap_or(null), value);
            !is_removal(line) && parts(item.field, mine).all(agrees)
        }
        (None, held) => same(held.unwrap_or(null), mine),
    };
    (!there).then(|| format!("{item} = {}", held.map_or_else(|| "nothing".to_owned(), short)))
}

/// Why the loss of a field to a foreign change is not on record with the one who lost it.
fn unrecorded(case: &Case<'_>, index: usize, op: &Op<'_>) -> Option<String> {
    // A user without an engine reads the conflict in the answer.
    let held = case.held.get(op.device)?;
    if held.queue.contains_key(op.queue_id) || held.discarded(op) {
        return None;
    }
    if case.facts.lacks.contains(&Capability::Conflicts) {
        return None;
    }
    let records = held.conflicts.get(op.queue_id).map(Vec::as_slice).unwrap_or_default();
    let lost = case.model.fates[index].iter().filter(|(_, fate)| *fate == Fate::Conflict);
    let mut named = lost.map(|(item, _)| item.to_string());
    let missing = named.find(|field| !records.iter().any(|r| r.fields.iter().any(|f| f.field == *field)))?;
    Some(format!("its {missing} lost to a foreign change, and no conflict record on {} says so", op.device))
}
