//! I17, conflicts counted: each overlap of edits is recorded exactly once, with the right values and the right winner.

use serde_json::Value;

use crate::protocol::{FieldConflict, OperationResult, ResultStatus};

use super::super::case::{Case, Held};
use super::super::item::{parts, same, short};
use super::super::model::Expected;
use super::super::operation::Op;
use super::super::verdict::Findings;

const CHECK: &str = "I17 conflicts counted";

pub(in super::super) fn recorded_once(case: &Case<'_>, out: &mut Findings) {
    for (index, op) in case.facts.ops.all.iter().enumerate() {
        let Some(answer) = op.accepted() else { continue };
        let expected = case.model.expected.get(&index).map(Vec::as_slice).unwrap_or_default();
        let events = [op.first_seq(), answer.seq];
        let mut say = |expected: String, happened: String| out.violated(CHECK, expected, happened, &events);
        reported(case, op, answer.result, expected, &mut say);
        if let Some(held) = case.held.get(op.device)
            && !held.queue.contains_key(op.queue_id)
            && !held.discarded(op)
        {
            on_record(op, answer.result, held, &mut say);
        }
    }
    unfounded(case, out);
}

fn reported(
    case: &Case<'_>,
    op: &Op<'_>,
    result: &OperationResult,
    expected: &[Expected<'_>],
    say: &mut impl FnMut(String, String),
) {
    let what = op.describe();
    for wanted in expected.iter().filter(|wanted| wanted.certain) {
        if !result.conflicts.iter().any(|found| found.field == wanted.field) {
            let since = format!("{} set it at version {}", wanted.theirs.device, wanted.theirs.version);
            say(format!("{what} conflicts on {}: {since}", wanted.field), "the answer reports no such conflict".into());
        }
    }
    for (position, found) in result.conflicts.iter().enumerate() {
        if result.conflicts[..position].iter().any(|other| other.field == found.field) {
            say(format!("{what} conflicts on {} once", found.field), "the answer reports it twice".into());
        }
        match expected.iter().find(|wanted| wanted.field == found.field) {
            None => {
                let nobody = format!("{what} does not conflict on {}: nobody else changed it since", found.field);
                say(nobody, format!("the answer reports theirs = {}", short(&found.theirs)));
            }
            Some(wanted) => rightly(case, &what, wanted, found, say),
        }
    }
    if result.conflicts.is_empty() == (result.status == ResultStatus::Conflict) {
        let happened = format!("the status is {:?} with {} conflicts", result.status, result.conflicts.len());
        say(format!("{what} has the status conflict exactly if it names one"), happened);
    }
}

fn rightly(
    case: &Case<'_>,
    what: &str,
    wanted: &Expected<'_>,
    found: &FieldConflict,
    say: &mut impl FnMut(String, String),
) {
    let field = &found.field;
    if let Some(outcome) = wanted.outcome
        && outcome != found.outcome
    {
        say(format!("of {what}, {field}: {outcome}"), format!("the answer says that the {}", found.outcome));
    }
    if let Some((mine, theirs)) = &wanted.values {
        for (side, is, should) in [("mine", &found.mine, *mine), ("theirs", &found.theirs, theirs)] {
            if !agrees(field, is, should) {
                say(format!("of {what}, {field}: {side} = {}", short(should)), format!("it says {}", short(is)));
            }
        }
    }
    if wanted.certain {
        written(case, what, wanted, found, say);
    }
}

/// Who set theirs, when and at which version, by what the one who did was answered.
fn written(
    case: &Case<'_>,
    what: &str,
    wanted: &Expected<'_>,
    found: &FieldConflict,
    say: &mut impl FnMut(String, String),
) {
    let (field, theirs) = (&found.field, &wanted.theirs);
    if found.version != theirs.version {
        let expected = format!("of {what}, {field}: theirs was set at version {}", theirs.version);
        say(expected, format!("it says version {}", found.version));
    }
    let Some(op) = theirs.op.map(|index| &case.facts.ops.all[index]) else { return };
    if let Some(user) = case.facts.user_at(op.device, op.first_seq())
        && found.by != user
    {
        say(format!("of {what}, {field}: theirs was set by {user}"), format!("it says {}", found.by));
    }
    if let Some(at) = op.accepted().and_then(|answer| answer.result.updated_at.as_deref())
        && found.at != at
    {
        say(format!("of {what}, {field}: theirs was set at {at}"), format!("it says {}", found.at));
    }
}

/// Equal; of a line, in all that both name.
fn agrees(field: &str, is: &Value, should: &Value) -> bool {
    let Some((name, _)) = field.split_once('/') else { return same(is, should) };
    parts(name, is).all(|(part, value)| should.get(part).is_none_or(|other| same(value, other)))
}

/// The device keeps exactly one record of what its answer reported, field by field.
fn on_record(op: &Op<'_>, result: &OperationResult, held: &Held<'_>, say: &mut impl FnMut(String, String)) {
    let records = held.conflicts.get(op.queue_id).map(Vec::as_slice).unwrap_or_default();
    let what = op.describe();
    let wanted = usize::from(!result.conflicts.is_empty());
    if records.len() != wanted {
        say(format!("{} conflict records of {what} on {}", wanted, op.device), format!("there are {}", records.len()));
        return;
    }
    let Some(record) = records.first() else { return };
    let fields = |of: &[FieldConflict]| {
        let mut all: Vec<String> = of
            .iter()
            .map(|f| format!("{}: {}, {}, {}", f.field, short(&f.mine), short(&f.theirs), f.outcome))
            .collect();
        all.sort();
        all.join("; ")
    };
    let (told, kept) = (fields(&result.conflicts), fields(&record.fields));
    if told != kept {
        say(format!("the conflict record of {what} says what the answer said: {told}"), format!("it says {kept}"));
    }
    if op.base().is_some_and(|base| base != record.client_version) {
        let made_on = op.base().unwrap_or_default();
        say(
            format!("the conflict record of {what} names its version {made_on}"),
            format!("it names {}", record.client_version),
        );
    }
}

/// Records of operations that never met a conflict, or that nobody made.
fn unfounded(case: &Case<'_>, out: &mut Findings) {
    for (name, held) in &case.held {
        for (queue_id, records) in &held.conflicts {
            let op = case.facts.ops.find(queue_id);
            if op.is_some_and(|op| op.accepted().is_some()) {
                continue;
            }
            let about = records.first().map(|record| record.entity_id.as_str()).unwrap_or_default();
            let happened = format!("a conflict record for {about} names the operation {queue_id}, which met none");
            let state = case.facts.devices.get(name).and_then(|device| device.state).map(|(seq, _)| seq);
            let events: Vec<u64> = op.map(Op::first_seq).into_iter().chain(state).collect();
            out.violated(CHECK, format!("conflict records on {name} stem from conflicts"), happened, &events);
        }
    }
}
