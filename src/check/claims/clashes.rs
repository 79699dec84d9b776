//! Claims on conflicts, removals, rescues and rejections.

use crate::history::{DeviceEvent, DeviceState};
use crate::protocol::{ConflictRecord, FieldConflict};

use super::super::case::device_event;
use super::super::claim::{
    ConflictClaim, ConflictsClaim, DecidedClaim, DeviceOrderClaim, RejectedClaim, RemovedClaim, UndecidedClaim,
};
use super::super::item::{same, short};
use super::super::verdict::{Class, Findings};
use super::{Names, word};

impl<'n, 'a> Names<'n, 'a> {
    pub(super) fn state(&self, device: &str) -> Option<(u64, &'a DeviceState)> {
        self.case.facts.devices.get(device)?.state
    }

    pub(super) fn same_order(&self, id: &str, named: &str) -> bool {
        let named = self.labels.get(named).map_or(named, String::as_str);
        self.case.facts.ops.resolve(id) == self.case.facts.ops.resolve(named)
    }

    /// The device's events that `wanted` picks.
    fn said(&self, device: &str, wanted: impl Fn(&DeviceEvent) -> bool) -> bool {
        let timeline = self.case.facts.devices.get(device).map(|device| device.timeline.as_slice()).unwrap_or_default();
        timeline.iter().filter_map(|event| device_event(event)).any(wanted)
    }
}

pub(super) fn conflict(names: Names<'_, '_>, claim: &ConflictClaim, out: &mut Findings) {
    let state = names.state(&claim.device);
    let records = state.map(|(_, state)| state.conflicts.as_slice()).unwrap_or_default();
    let of_order = records.iter().filter(|record| names.same_order(&record.entity_id, &claim.order));
    let found: Vec<&FieldConflict> =
        of_order.flat_map(|record| &record.fields).filter(|field| field.field == claim.field).collect();
    let fits = |found: &&FieldConflict| {
        same(&found.mine, &claim.mine) && same(&found.theirs, &claim.theirs) && found.outcome == claim.outcome
    };
    let count = found.iter().copied().filter(|field| fits(field)).count();
    if count == 1 {
        return;
    }
    let expected = format!(
        "{} records once that {} on {} met: mine {}, theirs {}, {}",
        claim.device,
        claim.field,
        claim.order,
        short(&claim.mine),
        short(&claim.theirs),
        claim.outcome
    );
    let events: Vec<u64> = state.map(|(seq, _)| seq).into_iter().collect();
    match (count, found.first()) {
        (0, None) => out.add(Class::Vacuous, "conflict", expected, "no such conflict came about", &events),
        (0, Some(other)) => {
            let (mine, theirs) = (short(&other.mine), short(&other.theirs));
            out.violated("conflict", expected, format!("mine {mine}, theirs {theirs}, {}", other.outcome), &events);
        }
        _ => out.violated("conflict", expected, format!("it is recorded {count} times"), &events),
    }
}

pub(super) fn conflicts(names: Names<'_, '_>, claim: &ConflictsClaim, out: &mut Findings) {
    let of = |device: &str| claim.device.as_deref().is_none_or(|named| named == device);
    let devices = names.case.facts.devices.iter().filter(|(name, _)| of(name));
    let states: Vec<(u64, &DeviceState)> = devices.filter_map(|(_, device)| device.state).collect();
    let count = states.iter().map(|(_, state)| state.conflicts.len() as u64).sum::<u64>();
    if count != claim.count {
        let whose = claim.device.as_deref().unwrap_or("all devices");
        let events: Vec<u64> = states.iter().map(|(seq, _)| *seq).collect();
        out.violated("conflicts", format!("{} conflict records on {whose}", claim.count), format!("{count}"), &events);
    }
}

pub(super) fn undecided(names: Names<'_, '_>, claim: &UndecidedClaim, out: &mut Findings) {
    let expected = format!(
        "{} waits for its user's choice on {} of {}: mine {}, theirs {}",
        claim.device,
        claim.field,
        claim.order,
        short(&claim.mine),
        short(&claim.theirs)
    );
    let (events, records) = records_of(names, &claim.device, &claim.order);
    let mut open = records.iter().flat_map(|record| record.undecided()).filter(|field| field.field == claim.field);
    match open.next() {
        None => out.violated("undecided", expected, "nothing waits there", &events),
        Some(field) if !same(&field.mine, &claim.mine) || !same(&field.theirs, &claim.theirs) => {
            let happened = format!("mine {}, theirs {}", short(&field.mine), short(&field.theirs));
            out.violated("undecided", expected, happened, &events);
        }
        Some(_) if open.next().is_some() => out.violated("undecided", expected, "it waits more than once", &events),
        Some(_) => {}
    }
}

pub(super) fn decided(names: Names<'_, '_>, claim: &DecidedClaim, out: &mut Findings) {
    let expected = format!("the conflict on {} of {} on {}: {}", claim.field, claim.order, claim.device, claim.how);
    let (events, records) = records_of(names, &claim.device, &claim.order);
    let about: Vec<_> =
        records.iter().filter(|record| record.fields.iter().any(|field| field.field == claim.field)).collect();
    let found = about.last().map(|record| record.resolution.get(&claim.field));
    match found {
        None => out.add(Class::Vacuous, "decided", expected, "no such conflict came about", &events),
        Some(None) => out.violated("decided", expected, "it waits for the user's choice", &events),
        Some(Some(how)) if *how != claim.how => out.violated("decided", expected, format!("it is {how}"), &events),
        Some(Some(_)) => {}
    }
}

/// The device's conflict records on an order, with the event that shows them.
fn records_of<'a>(names: Names<'_, 'a>, device: &str, order: &str) -> (Vec<u64>, Vec<&'a ConflictRecord>) {
    let state = names.state(device);
    let records = state.map(|(_, state)| state.conflicts.as_slice()).unwrap_or_default();
    let records = records.iter().filter(|record| names.same_order(&record.entity_id, order)).collect();
    (state.map(|(seq, _)| seq).into_iter().collect(), records)
}

pub(super) fn removed(names: Names<'_, '_>, claim: &RemovedClaim, out: &mut Findings) {
    let fits = |event: &DeviceEvent| match event {
        DeviceEvent::Removed { entity_id, reason } => {
            names.same_order(entity_id, &claim.order) && *reason == claim.reason
        }
        _ => false,
    };
    if !names.said(&claim.device, fits) {
        let expected = format!("{} leaves {}, `{}`", claim.order, claim.device, word(&claim.reason));
        let any = |event: &DeviceEvent| matches!(event, DeviceEvent::Removed { entity_id, .. } if names.same_order(entity_id, &claim.order));
        let happened = if names.said(&claim.device, any) { "it left for another reason" } else { "it never left" };
        out.violated("removed", expected, happened, &[]);
    }
}

pub(super) fn rescued(names: Names<'_, '_>, claim: &DeviceOrderClaim, out: &mut Findings) {
    let state = names.state(&claim.device);
    let rescued = state.map(|(_, state)| state.rescued.as_slice()).unwrap_or_default();
    if !rescued.iter().any(|rescued| names.same_order(&rescued.entity_id, &claim.order)) {
        let expected = format!("a change of {} is in the rescue log of {}", claim.order, claim.device);
        let events: Vec<u64> = state.map(|(seq, _)| seq).into_iter().collect();
        out.violated("rescued", expected, format!("the log holds {} others", rescued.len()), &events);
    }
}

pub(super) fn rejected(names: Names<'_, '_>, claim: &RejectedClaim, out: &mut Findings) {
    let fits = |event: &DeviceEvent| match event {
        DeviceEvent::Noticed(notice) => names.same_order(&notice.entity_id, &claim.order) && notice.code == claim.code,
        _ => false,
    };
    let notices = names.state(&claim.device).map(|(_, state)| state.notices.as_slice()).unwrap_or_default();
    let stands = notices.iter().any(|n| names.same_order(&n.entity_id, &claim.order) && n.code == claim.code);
    if !stands && !names.said(&claim.device, fits) {
        let expected =
            format!("{} tells its user that a change of {} was rejected: {}", claim.device, claim.order, claim.code);
        out.violated("rejected", expected, "it does not", &[]);
    }
}
