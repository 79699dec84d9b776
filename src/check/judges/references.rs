//! I11, references: a record that is named goes before what names it, and at rest nothing names what is not there, nor by
//! a name that was only for the time being.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::protocol::{OperationKind, Record};

use super::super::case::Case;
use super::super::facts::{ASSETS, WORK_ORDERS};
use super::super::naming::find;
use super::super::verdict::Findings;

const CHECK: &str = "I11 references";
const ORDER: &str = "I7 order";

pub(in super::super) fn parents_go_first(case: &Case<'_>, out: &mut Findings) {
    for early in &case.facts.naming.premature {
        let op = case.facts.ops.find(&early.queue_id);
        let what = op.map_or_else(|| early.queue_id.clone(), |op| op.describe());
        let expected = format!("{what} goes out after the creation of {}, which it names", early.named);
        out.violated(ORDER, expected, "it went out before it", &[early.seq]);
    }
}

pub(in super::super) fn nothing_dangles(case: &Case<'_>, out: &mut Findings) {
    let orders: BTreeSet<&str> = case.model.orders.keys().copied().collect();
    let assets: BTreeSet<&str> = case.facts.final_records(ASSETS).map(|(id, _)| id).collect();
    for (id, seen) in case.facts.final_records(WORK_ORDERS) {
        for (field, temporary) in temporaries(seen.record) {
            let expected = format!("{id} on the server names other records by their real ids");
            out.violated(CHECK, expected, format!("its {field} says {temporary}"), &[seen.seq]);
        }
        for (field, named) in named_orders(seen.record) {
            if !orders.contains(named) && case.facts.final_order(named).is_none() {
                let expected = format!("{id} on the server names what is there, or was");
                out.violated(CHECK, expected, format!("its {field} names {named}, which never was"), &[seen.seq]);
            }
        }
        let asset = seen.record.get("assetId").and_then(Value::as_str);
        if let Some(asset) = asset.filter(|asset| !assets.is_empty() && !assets.contains(asset))
            && changed(case, id, "assetId")
        {
            let expected = format!("{id} on the server names an asset that is there");
            out.violated(CHECK, expected, format!("it names {asset}"), &[seen.seq]);
        }
    }
    if case.facts.ending.at_rest() {
        on_devices(case, out);
    }
}

/// A device may use a temporary id for as long as the creation waits for its user.
fn on_devices(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        let creates = state.queue.iter().filter(|row| row.operation == OperationKind::Create);
        let waiting: BTreeSet<&str> = creates.map(|row| row.entity_id.as_str()).collect();
        let mut say = |what: String, temporary: &str| {
            if !waiting.contains(temporary) {
                let expected = format!("{name} calls records by their real ids at rest");
                out.violated(CHECK, expected, format!("{what} says {temporary}"), &[seq]);
            }
        };
        for (id, row) in &state.work_orders {
            say_if_temporary(id, &mut say, "a row");
            for (field, temporary) in temporaries(row) {
                say(format!("{field} of {id}"), &temporary);
            }
        }
        for row in &state.queue {
            say_if_temporary(&row.entity_id, &mut say, "the queue");
        }
        for conflict in &state.conflicts {
            say_if_temporary(&conflict.entity_id, &mut say, "the conflict log");
        }
    }
}

fn say_if_temporary(id: &str, say: &mut impl FnMut(String, &str), place: &str) {
    if id.starts_with(crate::protocol::TEMPORARY_ID_PREFIX) {
        say(place.to_owned(), id);
    }
}

/// The temporary ids in a record's own fields; `_localId` is none.
fn temporaries(record: &Record) -> Vec<(&str, String)> {
    let mut all = Vec::new();
    for (field, value) in record.iter().filter(|(field, _)| *field != "workOrderId") {
        let mut found = BTreeSet::new();
        find(value, &mut found);
        all.extend(found.into_iter().map(|temporary| (field.as_str(), temporary)));
    }
    all
}

/// Values that are ids of work orders, inside documents: text in other fields may look like one.
fn named_orders(record: &Record) -> Vec<(&str, &str)> {
    fn walk<'r>(field: &'r str, value: &'r Value, found: &mut Vec<(&'r str, &'r str)>) {
        match value {
            Value::String(text) if is_id(text) => found.push((field, text)),
            Value::Array(items) => items.iter().for_each(|item| walk(field, item, found)),
            Value::Object(fields) => fields.values().for_each(|inner| walk(field, inner, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    for (field, value) in record.iter().filter(|(_, value)| value.is_object()) {
        walk(field, value, &mut found);
    }
    found
}

fn is_id(text: &str) -> bool {
    text.strip_prefix("WO-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether an operation set the field: what was seeded is the world's affair.
fn changed(case: &Case<'_>, id: &str, field: &str) -> bool {
    let order = case.model.orders.get(id);
    order.is_some_and(|order| order.cells.iter().any(|(item, cell)| item.field == field && !cell.is_seed()))
}
