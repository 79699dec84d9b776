//! What every judge is handed: the facts, the oracle's model of the server, and what each device holds at the end.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{DeviceEvent, DeviceState, Event, Guarded, QueueRow, What};
use crate::protocol::ConflictRecord;

use super::facts::Facts;
use super::model::Model;
use super::operation::Op;

/// What a device with an engine holds at the end, by operation.
#[derive(Debug, Default)]
pub(super) struct Held<'a> {
    pub(super) queue: BTreeMap<&'a str, &'a QueueRow>,
    /// Failures that the user was told of: standing notices and those shown on the way.
    pub(super) told: BTreeSet<&'a str>,
    pub(super) rescued: BTreeSet<&'a str>,
    /// Choices that the user took back before they went out.
    pub(super) undone: BTreeSet<&'a str>,
    pub(super) conflicts: BTreeMap<&'a str, Vec<&'a ConflictRecord>>,
    /// When the user last logged out, having been warned of what would be lost, or removed the app.
    discarded_at: Option<u64>,
}

impl<'a> Held<'a> {
    fn of(state: &'a DeviceState, timeline: &[&'a Event]) -> Self {
        let mut told: BTreeSet<&str> = state.notices.iter().map(|notice| notice.queue_id.as_str()).collect();
        told.extend(timeline.iter().filter_map(|event| match device_event(event) {
            Some(DeviceEvent::Noticed(notice)) => Some(notice.queue_id.as_str()),
            _ => None,
        }));
        let queue = state.queue.iter().map(|row| (row.queue_id.as_str(), row)).collect();
        let rescued = state.rescued.iter().map(|rescued| rescued.queue_id.as_str()).collect();
        let undone = timeline.iter().filter_map(|event| match device_event(event) {
            Some(DeviceEvent::Undone { queue_id }) => Some(queue_id.as_str()),
            _ => None,
        });
        let undone = undone.collect();
        let (logged_out, discarded_at) = log_outs(timeline);
        let mut held = Self { queue, told, rescued, undone, conflicts: BTreeMap::new(), discarded_at };
        // The logs went with the user who logged out; what they said stands.
        for event in timeline.iter().filter(|event| event.seq < logged_out) {
            match device_event(event) {
                Some(DeviceEvent::Conflict(record)) => held.conflicts.entry(&record.queue_id).or_default().push(record),
                Some(DeviceEvent::Rescued(rescued)) => drop(held.rescued.insert(&rescued.queue_id)),
                _ => {}
            }
        }
        for record in &state.conflicts {
            held.conflicts.entry(&record.queue_id).or_default().push(record);
        }
        held
    }
}

impl Held<'_> {
    /// Whether the user gave the operation up: it had no answer yet when they logged out in spite of the warning.
    pub(super) fn discarded(&self, op: &Op<'_>) -> bool {
        self.discarded_at.is_some_and(|at| op.first_seq() < at && op.settled().is_none_or(|answer| answer.seq > at))
    }
}

/// The last logout, 0 when there was none; and the last warning that the user accepted and that was followed by one.
fn log_outs(timeline: &[&Event]) -> (u64, Option<u64>) {
    let (mut last, mut warned, mut accepted) = (0, None, None);
    for event in timeline {
        match &event.what {
            What::Warned { accepted: true, .. } => warned = Some(event.seq),
            What::Guarded { event: Guarded::Uninstalled, .. } => (last, accepted) = (event.seq, Some(event.seq)),
            What::Device { event: DeviceEvent::LoggedOut, .. } => {
                last = event.seq;
                accepted = warned.or(accepted);
            }
            _ => {}
        }
    }
    (last, accepted)
}

/// One run before its judges.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) model: Model<'a>,
    /// By device; a user without an engine holds nothing.
    pub(super) held: BTreeMap<&'a str, Held<'a>>,
}

impl<'a> Case<'a> {
    pub(super) fn of(facts: Facts<'a>) -> Self {
        let model = Model::of(&facts);
        let held = facts.devices.iter().filter_map(|(name, device)| {
            let (_, state) = device.state?;
            Some((*name, Held::of(state, &device.timeline)))
        });
        let held = held.collect();
        Self { facts, model, held }
    }
}

/// What a device said of itself in an event, if it is such an event. An app that was removed says nothing any more, but
/// nothing of its user is left on the device, as after a logout.
pub(super) fn device_event(event: &Event) -> Option<&DeviceEvent> {
    match &event.what {
        What::Device { event, .. } => Some(event),
        What::Guarded { event: Guarded::Uninstalled, .. } => Some(&DeviceEvent::LoggedOut),
        _ => None,
    }
}
