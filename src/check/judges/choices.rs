//! I4, no phantom, where the user decides: every choice on a conflict is the user's, keeps one of the two values that met,
//! and is made on a version that its user has compared.

use serde_json::Value;

use crate::protocol::{ConflictRecord, FieldConflict, OperationResult, Resolution, Resolves};

use super::super::case::Case;
use super::super::facts::Chosen;
use super::super::item::{items, same, short};
use super::super::operation::Op;
use super::super::verdict::Findings;
use crate::history::Side;

const CHECK: &str = "I4 no phantom";

pub(in super::super) fn made_by_the_user(case: &Case<'_>, out: &mut Findings) {
    for op in case.facts.ops.all.iter().filter(|op| op.is_choice()) {
        let choices = op.choices();
        for choice in &choices {
            for (field, resolution) in &choice.resolution {
                if !is_chosen(case, op, field, *resolution) {
                    let expected = format!("{} keeps a side of {field} that its user chose", op.describe());
                    out.violated(CHECK, expected, format!("nobody chose {resolution}"), &[op.first_seq()]);
                }
            }
        }
        keeps_what_met(case, op, &choices, out);
    }
}

fn is_chosen(case: &Case<'_>, op: &Op<'_>, field: &str, resolution: Resolution) -> bool {
    let side = match resolution {
        Resolution::ClientWins => Side::Mine,
        Resolution::ServerWins => Side::Server,
        Resolution::Merged | Resolution::Gone => return false,
    };
    let ops = &case.facts.ops;
    let before = |chosen: &&Chosen<'_>| op.acknowledged.is_none_or(|(seq, _)| chosen.seq < seq);
    let about = |chosen: &&Chosen<'_>| {
        chosen.entity.is_none_or(|entity| ops.resolve(entity) == ops.resolve(op.entity))
            && chosen.field.is_none_or(|name| name == field)
    };
    let choices = case.facts.devices.get(op.device).map(|device| device.choices.as_slice()).unwrap_or_default();
    let mut about: Vec<&Chosen<'_>> = choices.iter().filter(before).filter(about).collect();
    // Of what was saved the newest counts, and what was saved for this record alone goes before the rest.
    about.sort_by_key(|chosen| (chosen.saved && chosen.entity.is_some(), chosen.seq));
    let saved = about.iter().rfind(|chosen| chosen.saved).and_then(|chosen| chosen.side);
    saved == Some(side) || about.iter().any(|chosen| !chosen.saved && chosen.side == Some(side))
}

/// What the operation sets is one of the values that met, and nothing that came after them is overwritten unseen.
fn keeps_what_met(case: &Case<'_>, op: &Op<'_>, choices: &[Resolves], out: &mut Findings) {
    let met: Vec<(&Resolves, &OperationResult)> =
        choices.iter().filter_map(|c| Some((c, answer_with(case, c)?))).collect();
    for (item, value) in items(op.payload) {
        let name = item.to_string();
        let fits = met.iter().any(|(choice, result)| {
            let field = result.conflicts.iter().find(|field| field.field == name);
            field.is_some_and(|field| kept(choice, field).is_some_and(|kept| agrees(kept, value)))
        });
        if !fits {
            let expected = format!("{} sets {name} to what its user chose", op.describe());
            out.violated(CHECK, expected, format!("it sets {}", short(value)), &[op.first_seq()]);
        }
    }
    let compared = met.iter().filter_map(|(_, result)| result.new_version).max();
    if let (Some(base), Some(compared)) = (op.base(), compared)
        && base > compared
    {
        let expected = format!("{} is made on version {compared}, which its user compared", op.describe());
        out.violated(CHECK, expected, format!("it claims to know version {base}"), &[op.first_seq()]);
    }
}

fn kept<'f>(choice: &Resolves, field: &'f FieldConflict) -> Option<&'f Value> {
    match choice.resolution.get(&field.field)? {
        Resolution::ClientWins => Some(&field.mine),
        Resolution::ServerWins => Some(&field.theirs),
        Resolution::Merged | Resolution::Gone => None,
    }
}

/// Equal; of a line, in all that the kept value names.
fn agrees(kept: &Value, value: &Value) -> bool {
    match (kept.as_object(), value) {
        (Some(kept), Value::Object(value)) => {
            kept.iter().all(|(part, kept)| value.get(part).is_some_and(|value| same(kept, value)))
        }
        _ => same(kept, value),
    }
}

/// The answer that told of the conflict.
fn answer_with<'a>(case: &Case<'a>, choice: &Resolves) -> Option<&'a OperationResult> {
    let answers = case.facts.ops.all.iter().filter_map(|op| op.accepted());
    answers.map(|answer| answer.result).find(|result| result.conflict_id.as_deref() == Some(&choice.conflict_id))
}

/// The decisions that operations of a device's user made on a conflict, in their order; those taken back left out.
pub(super) fn decisions(case: &Case<'_>, record: &ConflictRecord, sent_only: bool) -> Vec<(String, Resolution)> {
    let mut all = Vec::new();
    for op in &case.facts.ops.all {
        let held = case.held.get(op.device);
        let undone = held.is_some_and(|held| held.undone.contains(op.queue_id)) && op.sent.is_empty();
        if undone || (sent_only && op.accepted().is_none()) {
            continue;
        }
        for choice in op.choices().into_iter().filter(|choice| choice.conflict_id == record.conflict_id) {
            all.extend(choice.resolution);
        }
    }
    all
}
