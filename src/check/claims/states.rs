//! Claims on what server and devices hold in the end.

use serde_json::Value;

use crate::protocol::{Record, line_key};

use super::super::claim::{DeviceClaim, DeviceOrderClaim, OrderClaim, ServerClaim};
use super::super::item::{is_removal, same, short};
use super::super::verdict::Findings;
use super::Names;

pub(super) fn server(names: Names<'_, '_>, claim: &ServerClaim, out: &mut Findings) {
    let id = names.order(&claim.order);
    let found = names.case.facts.final_order(id);
    let at = found.map(|seen| seen.seq);
    holds("server", "the server", &claim.order, found.map(|seen| seen.record), &names.named(&claim.has), at, out);
}

pub(super) fn server_lacks(names: Names<'_, '_>, claim: &OrderClaim, out: &mut Findings) {
    if let Some(seen) = names.case.facts.final_order(names.order(&claim.order)) {
        out.violated("server-lacks", format!("the server has no {}", claim.order), "it has it", &[seen.seq]);
    }
}

pub(super) fn device(names: Names<'_, '_>, claim: &DeviceClaim, out: &mut Findings) {
    let id = names.order(&claim.order);
    let state = names.case.facts.devices.get(claim.device.as_str()).and_then(|device| device.state);
    let row = state.and_then(|(_, state)| state.work_orders.get(id).or_else(|| state.work_orders.get(&claim.order)));
    holds("device", &claim.device, &claim.order, row, &names.named(&claim.has), state.map(|(seq, _)| seq), out);
}

pub(super) fn device_lacks(names: Names<'_, '_>, claim: &DeviceOrderClaim, out: &mut Findings) {
    let id = names.order(&claim.order);
    let state = names.case.facts.devices.get(claim.device.as_str()).and_then(|device| device.state);
    let expected = format!("{} has no {}", claim.device, claim.order);
    match state {
        None => out.violated("device-lacks", expected, "its state was never read", &[]),
        Some((seq, state)) if state.work_orders.contains_key(id) => {
            out.violated("device-lacks", expected, "it has it", &[seq]);
        }
        Some(_) => {}
    }
}

pub(super) fn holds(
    check: &str,
    holder: &str,
    order: &str,
    record: Option<&Record>,
    has: &Record,
    seq: Option<u64>,
    out: &mut Findings,
) {
    let events: Vec<u64> = seq.into_iter().collect();
    let Some(record) = record else {
        out.violated(check, format!("{holder} has {order}"), "it has no such order", &events);
        return;
    };
    for (field, wanted) in has {
        let held = record.get(field).unwrap_or(&Value::Null);
        let fits = match (line_key(field), wanted, held) {
            (Some(key), Value::Array(wanted), Value::Array(held)) => {
                wanted.iter().all(|line| has_line(key, line, held))
            }
            _ => same(wanted, held),
        };
        if !fits {
            let expected = format!("{order} on {holder}: {field} = {}", short(wanted));
            out.violated(check, expected, format!("it holds {}", short(held)), &events);
        }
    }
}

/// Whether one of `held` has all that `wanted` names; the line with its key, where it names the key.
fn has_line(key: &str, wanted: &Value, held: &[Value]) -> bool {
    let Some(parts) = wanted.as_object() else { return held.contains(wanted) };
    let fits = |line: &Value| parts.iter().all(|(name, value)| same(value, line.get(name).unwrap_or(&Value::Null)));
    if is_removal(wanted) {
        return !held.iter().any(|line| line.get(key) == wanted.get(key) && !is_removal(line));
    }
    held.iter().any(fits)
}
