//! I4, no phantom: every record and every value on the server at the end stems from the seed or an operation.

use crate::protocol::{Record, field_kind};

use super::super::case::Case;
use super::super::facts::{ASSETS, INVENTORY, WORK_ORDERS};
use super::super::item::{is_removal, items, same, short};
use super::super::model::Order;
use super::super::verdict::Findings;

const CHECK: &str = "I4 no phantom";

pub(in super::super) fn nothing_from_nowhere(case: &Case<'_>, out: &mut Findings) {
    for (id, seen) in case.facts.final_records(WORK_ORDERS) {
        let order = case.model.orders.get(id);
        match order.filter(|order| order.seeded.is_some() || !order.creates.is_empty()) {
            Some(order) => values(id, order, out),
            None => {
                let happened = copied(case, seen.record);
                out.violated(CHECK, format!("{id} stems from the seed or a create"), happened, &[seen.seq]);
            }
        }
    }
    for (id, order) in &case.model.orders {
        if let (Some(seed), None, None, true) =
            (order.seeded, order.server, order.deleted, case.facts.server.contains_key(WORK_ORDERS))
        {
            out.violated(CHECK, format!("{id} is on the server: nobody deleted it"), "it is gone", &[seed.seq]);
        }
    }
    for kind in [ASSETS, INVENTORY] {
        read_only(case, kind, out);
    }
}

fn values(id: &str, order: &Order<'_>, out: &mut Findings) {
    let Some(server) = order.server else { return };
    let null = &serde_json::Value::Null;
    for (item, cell) in order.cells.iter().filter(|(_, cell)| cell.is_seed()) {
        let held = order.held.get(item).copied().unwrap_or(null);
        if field_kind(item.field).is_some() && !same(held, &cell.value) {
            let expected = format!("{id} on the server: {item} = {}, as seeded; nobody changed it", short(&cell.value));
            let seed = order.seeded.map(|seed| seed.seq);
            let events: Vec<u64> = seed.into_iter().chain([server.seq]).collect();
            out.violated(CHECK, expected, format!("it holds {}", short(held)), &events);
        }
    }
    for (item, held) in &order.held {
        let unknown = !order.cells.contains_key(item) && field_kind(item.field).is_some() && !held.is_null();
        // What a create leaves out, the server may fill in; a line it may not.
        if unknown && (order.seeded.is_some() || item.line.is_some()) && !is_removal(held) {
            let expected = format!("{id} on the server has no {item}: nobody set it");
            out.violated(CHECK, expected, format!("it holds {}", short(held)), &[server.seq]);
        }
    }
}

/// A record without an origin, in words: a second copy of what was created once is told as such.
fn copied(case: &Case<'_>, record: &Record) -> String {
    let twin = case.facts.ops.all.iter().find(|op| {
        let mut fields = items(op.payload).peekable();
        op.kind == crate::protocol::OperationKind::Create
            && fields.peek().is_some()
            && op
                .payload
                .iter()
                .filter(|(f, _)| !f.starts_with('_'))
                .all(|(f, v)| record.get(f).is_some_and(|h| same(h, v)))
    });
    twin.map_or_else(
        || "no seed and no create made it".to_owned(),
        |op| format!("it is a second record of {}, which made {}", op.describe(), case.facts.ops.resolve(op.entity)),
    )
}

fn read_only(case: &Case<'_>, kind: &str, out: &mut Findings) {
    if !case.facts.server.contains_key(kind) {
        return;
    }
    let server = case.facts.server.get(kind);
    for (id, seed) in case.facts.seeded(kind) {
        let Some(held) = server.and_then(|all| all.get(id)) else {
            out.violated(CHECK, format!("{id} is among the server's {kind}"), "it is gone", &[seed.seq]);
            continue;
        };
        // How many there are is judged by what was used.
        let read_only = |field: &str| !(field.starts_with('_') || field == "quantityAvailable");
        for (field, value) in seed.record.iter().filter(|(field, _)| read_only(field)) {
            if let Some(other) = held.record.get(field).filter(|other| !same(other, value)) {
                let expected = format!("{id}: {field} = {}, as seeded", short(value));
                out.violated(CHECK, expected, format!("the server holds {}", short(other)), &[seed.seq, held.seq]);
            }
        }
    }
}
