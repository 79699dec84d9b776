//! Claims on what only the server's side shows: stock, dead letters, answers to tampered clients.

use serde_json::Value;

use crate::history::What;
use crate::protocol::Record;

use super::super::claim::{DeadLetterClaim, StockClaim, TamperedClaim};
use super::super::facts::INVENTORY;
use super::super::item::{same, short};
use super::super::verdict::Findings;
use super::Names;

const NULL: &Value = &Value::Null;
/// Sums of broken quantities are compared to this.
const CLOSE: f64 = 1e-5;

pub(super) fn stock(names: Names<'_, '_>, claim: &StockClaim, out: &mut Findings) {
    let facts = &names.case.facts;
    let (holder, found) = match &claim.device {
        None => {
            let seen = facts.server.get(INVENTORY).and_then(|all| all.get(claim.part.as_str()));
            ("the server", seen.map(|seen| (seen.seq, seen.record)))
        }
        Some(device) => {
            let state = facts.devices.get(device.as_str()).and_then(|device| device.state);
            let row = state.and_then(|(seq, state)| Some((seq, state.inventory.get(&claim.part)?)));
            (device.as_str(), row)
        }
    };
    let count = |row: &Record| row.get("quantityAvailable").and_then(Value::as_f64);
    let seed = facts.seeds.get(INVENTORY).and_then(|all| all.get(claim.part.as_str())).map(|seen| seen.record);
    let expected = format!("{holder} counts {} of {} less than in the beginning", claim.taken, claim.part);
    match (seed.and_then(count), found) {
        (Some(before), Some((seq, row))) => {
            let taken = count(row).map(|now| before - now);
            let fits = taken.zip(claim.taken.as_f64()).is_some_and(|(is, should)| (is - should).abs() < CLOSE);
            if !fits {
                let held = short(row.get("quantityAvailable").unwrap_or(NULL));
                out.violated("stock", expected, format!("it counts {held}, and {before} in the beginning"), &[seq]);
            }
        }
        (None, _) | (_, None) => out.violated("stock", expected, "it has no such part", &[]),
    }
}

pub(super) fn dead_letter(names: Names<'_, '_>, claim: &DeadLetterClaim, out: &mut Findings) {
    let facts = &names.case.facts;
    let user = facts.user_of(&claim.device).unwrap_or_default();
    let order = names.order(&claim.order);
    let letters =
        || facts.dead_letters.iter().filter(|(_, letter)| letter.user_id == user && letter.entity_id == order);
    let holds =
        |payload: &Record| claim.has.iter().all(|(field, value)| same(value, payload.get(field).unwrap_or(NULL)));
    if !letters().any(|(_, letter)| holds(&letter.payload)) {
        let expected = format!("a dead letter of {} for {} holds what it claims", claim.device, claim.order);
        let events: Vec<u64> = letters().map(|(seq, _)| *seq).take(1).collect();
        out.violated("dead-letter", expected, format!("{} letters, none of them does", letters().count()), &events);
    }
}

pub(super) fn tampered(names: Names<'_, '_>, claim: &TamperedClaim, out: &mut Findings) {
    let timeline = names.case.facts.devices.get(claim.device.as_str()).map(|device| device.timeline.as_slice());
    let mut answers = Vec::new();
    let mut events = Vec::new();
    for event in timeline.unwrap_or_default() {
        if let What::Tampered { answers: given, .. } = &event.what {
            answers.extend(given.iter().cloned());
            events.push(event.seq);
        }
    }
    if answers != claim.answers {
        let expected = format!("in the name of {} it is answered: {}", claim.device, claim.answers.join(", "));
        events.truncate(3);
        out.violated("tampered", expected, answers.join(", "), &events);
    }
}
