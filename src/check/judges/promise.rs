//! I4, no phantom, on the way up: what is acknowledged is what the user did, and what is sent is what was acknowledged.

use serde_json::Value;

use crate::history::Edit;
use crate::protocol::{Envelope, OperationKind, Record, TEMPORARY_ID_PREFIX, line_key};

use super::super::case::Case;
use super::super::item::{same, short};
use super::super::operation::Op;
use super::super::verdict::Findings;

const CHECK: &str = "I4 no phantom";

pub(in super::super) fn kept_to_the_letter(case: &Case<'_>, out: &mut Findings) {
    for op in &case.facts.ops.all {
        // What is behind a choice on a conflict, a judge of its own asks.
        if !op.is_choice() {
            made_by_the_user(case, op, out);
        }
        sent_as_promised(case, op, out);
    }
}

fn made_by_the_user(case: &Case<'_>, op: &Op<'_>, out: &mut Findings) {
    let attempts = case.facts.devices.get(op.device).map(|device| device.attempts.as_slice()).unwrap_or_default();
    let fits = |edit: &Edit| is_of(case, op, edit);
    let known = match op.acknowledged {
        // A device's edits come one after the other: the attempt is the newest before the acknowledgement, or near it.
        Some((seq, _)) => {
            let before = attempts.partition_point(|(at, _)| *at < seq);
            attempts[..before].iter().rev().any(|(_, edit)| fits(edit))
        }
        None => attempts.iter().any(|(_, edit)| fits(edit)),
    };
    if !known {
        let what = if op.acknowledged.is_some() { "acknowledged" } else { "sent" };
        let expected = format!("{} stems from something that the user did", op.describe());
        out.violated(CHECK, expected, format!("it was {what}, and the user did no such thing"), &[op.first_seq()]);
    }
}

/// Whether an operation does what the edit says. The device may leave out what the edit does not change, may give lines
/// their keys, and may give its own user what that user creates. A correction does what the refused operation did, with
/// the edit laid over it.
fn is_of(case: &Case<'_>, op: &Op<'_>, edit: &Edit) -> bool {
    let resolve = |id| case.facts.ops.resolve(id);
    let corrected = case.facts.ops.corrected_by(op);
    let action = corrected.map_or(op.kind, |_| OperationKind::Update);
    let kept = |(field, value): (&String, &Value)| {
        let said = op.payload.get(field);
        edit.fields.contains_key(field) && said.is_some() || said.is_some_and(|said| same(said, value))
    };
    edit.action == action
        && corrected.is_none_or(|refused| refused.kind == op.kind && refused.payload.iter().all(kept))
        && edit.entity_id.as_deref().is_none_or(|id| resolve(id) == resolve(op.entity))
        && op.payload.iter().filter(|(field, _)| !field.starts_with('_')).all(|(field, value)| {
            match edit.fields.get(field) {
                Some(asked) => line_key(field).is_some() || same(asked, value),
                None if corrected.is_some_and(|refused| refused.payload.contains_key(field)) => true,
                None => {
                    op.kind == OperationKind::Create
                        && field == "assignedTo"
                        && value.as_str() == case.facts.user_at(op.device, op.first_seq())
                }
            }
        })
}

fn sent_as_promised(case: &Case<'_>, op: &Op<'_>, out: &mut Findings) {
    let resolve = |id| case.facts.ops.resolve(id);
    for sent in &op.sent {
        let operation = sent.operation;
        let happened = if operation.operation != op.kind || resolve(&operation.entity_id) != resolve(op.entity) {
            format!("a {} of {} was sent", operation.operation, operation.entity_id)
        } else if let Some(difference) = difference(case, op, &operation.payload) {
            difference
        } else {
            continue;
        };
        let expected = format!("{} is sent as it was made", op.describe());
        out.violated(CHECK, expected, happened, &[op.first_seq(), sent.seq]);
        break;
    }
}

/// The first field in which a payload differs from the promised one. What was made on a record without a version may
/// learn it from the create's answer. Of what the server does not give its user any more nobody can be told who else may
/// read it: such a value is sealed to its writer, and refused.
fn difference(case: &Case<'_>, op: &Op<'_>, sent: &Record) -> Option<String> {
    let on_temporary = op.kind != OperationKind::Create && op.entity.starts_with(TEMPORARY_ID_PREFIX);
    let null = &serde_json::Value::Null;
    let fields = op.payload.keys().chain(sent.keys()).filter(|field| !(on_temporary && *field == "_version"));
    for field in fields {
        let (mine, theirs) = (op.payload.get(field).unwrap_or(null), sent.get(field).unwrap_or(null));
        let unread = || case.facts.sealed.contains(field) && op.accepted().is_none() && Envelope::of(theirs).is_some();
        if !same(mine, theirs) && !unread() {
            return Some(format!("its {field} was {} and went out as {}", short(mine), short(theirs)));
        }
    }
    None
}
