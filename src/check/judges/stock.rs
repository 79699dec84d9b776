//! I2 for stock (decision d): of each part the server has what it began with, less what the lines of parts used took.
//! Once for each line, whatever was sent twice; a removed line took nothing; a deleted order's lines keep what they took.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::Record;

use super::super::case::Case;
use super::super::facts::INVENTORY;
use super::super::item::{Item, is_removal, items, short};
use super::super::model::Order;
use super::super::verdict::Findings;

const CHECK: &str = "I2 no duplicate";
/// Sums of broken quantities are compared to this.
const CLOSE: f64 = 1e-5;

pub(in super::super) fn moved_once(case: &Case<'_>, out: &mut Findings) {
    let Some(server) = case.facts.server.get(INVENTORY) else { return };
    let taken = taken(case);
    for (part, seed) in case.facts.seeded(INVENTORY) {
        let (Some(before), Some(held)) = (available(seed.record), server.get(part)) else { continue };
        let took = taken.get(part).copied().unwrap_or(0.0);
        let left = before - took;
        if available(held.record).is_none_or(|now| (now - left).abs() > CLOSE) {
            let now = held.record.get("quantityAvailable").unwrap_or(&Value::Null);
            let expected = format!("of {part} there are {left}: {before} in the beginning, of which lines took {took}");
            out.violated(CHECK, expected, format!("the server has {}", short(now)), &[seed.seq, held.seq]);
        }
    }
}

/// What all lines together took of each part since the beginning.
fn taken(case: &Case<'_>) -> BTreeMap<String, f64> {
    let mut taken = BTreeMap::new();
    for order in case.model.orders.values() {
        if let Some(seed) = order.seeded {
            items(seed.record).for_each(|(item, line)| add(&mut taken, &item, line, -1.0));
        }
        lines_at_the_end(order).for_each(|(item, line)| add(&mut taken, item, line, 1.0));
    }
    taken
}

/// The lines of an order that is there; of a deleted one, those that it had.
fn lines_at_the_end<'o>(order: &'o Order<'_>) -> Box<dyn Iterator<Item = (&'o Item<'o>, &'o Value)> + 'o> {
    if order.server.is_some() {
        return Box::new(order.held.iter().map(|(item, line)| (item, *line)));
    }
    Box::new(order.cells.iter().filter(|(_, cell)| !cell.gone).map(|(item, cell)| (item, cell.value.as_ref())))
}

fn add(taken: &mut BTreeMap<String, f64>, item: &Item<'_>, line: &Value, sign: f64) {
    if item.field != "partsUsed" || item.line.is_none() || is_removal(line) {
        return;
    }
    let part = line.get("partId").and_then(Value::as_str);
    if let (Some(part), Some(quantity)) = (part, line.get("qty").and_then(Value::as_f64)) {
        *taken.entry(part.to_owned()).or_insert(0.0) += sign * quantity;
    }
}

fn available(record: &Record) -> Option<f64> {
    record.get("quantityAvailable")?.as_f64()
}
