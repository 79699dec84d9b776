//! What the pictures show of a history: who has a lane, what lasted there, what happened there, which messages passed.
#![expect(clippy::wildcard_enum_match_arm, reason = "a view picks few of the many kinds of events")]

use std::collections::BTreeMap;

use super::super::words::event as sentence;
use crate::check::Finding;
use crate::history::{DeviceEvent, Event, Fault, History, LinkState, Message, ServerState, What};

/// Lanes of devices in a picture; more could not be told apart.
const MOST_DEVICES: usize = 8;

/// The lane of the server among [`Stretch::lane`].
pub(super) const SERVER: &str = "server";
/// The lane of the network.
pub(super) const NETWORK: &str = "network";

/// Something that lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) lane: String,
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    pub(super) kind: Lasting,
    pub(super) title: String,
}

/// What lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lasting {
    /// A link or a server that is not to be had.
    Outage,
    /// A device that does not run.
    Down,
    /// A fault that waits to strike.
    Armed,
    /// A sync.
    Sync,
}

/// Something that happened at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) lane: String,
    pub(super) at_ms: u64,
    pub(super) seq: u64,
    pub(super) kind: Happening,
    pub(super) title: String,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Edit,
    Conflict,
    Crash,
    Restart,
    Strike,
}

/// A message, at the instant at which the proxy had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) device: String,
    pub(super) at_ms: u64,
    pub(super) seq: u64,
    pub(super) up: bool,
    pub(super) bytes: u64,
    pub(super) delivered: bool,
    pub(super) title: String,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// The devices that have a lane, in the scenario's order.
    pub(super) devices: Vec<String>,
    /// How many have none.
    pub(super) unseen: usize,
    pub(super) stretches: Vec<Stretch>,
    pub(super) moments: Vec<Moment>,
    pub(super) arrows: Vec<Arrow>,
    /// Changes waiting, as each device said when.
    pub(super) queued: BTreeMap<String, Vec<(u64, u64)>>,
    pub(super) end_ms: u64,
    /// What has begun and not ended, by lane and kind.
    open: BTreeMap<(String, Lasting), (u64, String)>,
    /// Where each fault waits.
    armed: BTreeMap<u64, String>,
}

impl Lanes {
    /// Of `history`; devices that `findings` are about are sure to have a lane.
    pub(super) fn of(history: &History, findings: &[Finding]) -> Self {
        let mut lanes = Self::default();
        for event in &history.0 {
            lanes.follow(event);
        }
        lanes.end_ms = history.0.last().map_or(0, |event| event.at_ms);
        for ((lane, kind), (from_ms, title)) in std::mem::take(&mut lanes.open) {
            lanes.stretches.push(Stretch { lane, from_ms, to_ms: lanes.end_ms, kind, title });
        }
        lanes.stretches.sort_by_key(|it| (it.kind, it.from_ms));
        lanes.choose(history, findings);
        lanes
    }

    fn choose(&mut self, history: &History, findings: &[Finding]) {
        if self.devices.len() <= MOST_DEVICES {
            return;
        }
        let told = findings.iter().flat_map(|finding| &finding.events);
        let shown: Vec<&str> =
            told.filter_map(|seq| device_of(&history.0.get(usize::try_from(*seq).ok()?)?.what)).collect();
        let mut keep: Vec<String> = self.devices.clone();
        keep.sort_by_key(|device| !shown.contains(&device.as_str()));
        keep.truncate(MOST_DEVICES);
        self.unseen = self.devices.len() - keep.len();
        self.devices.retain(|device| keep.contains(device));
    }

    fn follow(&mut self, event: &Event) {
        let at_ms = event.at_ms;
        match &event.what {
            What::DeviceAdded { device, .. } => self.devices.push(device.clone()),
            What::LinkChanged { device, state: LinkState::Up } => self.end(device, Lasting::Outage, at_ms),
            What::LinkChanged { device, state } => {
                let how = if *state == LinkState::Airplane { "offline" } else { "dead zone" };
                self.begin(device, Lasting::Outage, at_ms, how);
            }
            What::ServerChanged { state: ServerState::Up } => self.end(SERVER, Lasting::Outage, at_ms),
            What::ServerChanged { state } => self.begin(SERVER, Lasting::Outage, at_ms, &format!("{state:?}")),
            What::FaultArmed { id, device, fault, .. } => {
                let lane = if *fault == Fault::Crash { device.as_str() } else { NETWORK };
                self.armed.insert(*id, lane.to_owned());
                self.begin(lane, Lasting::Armed, at_ms, &sentence(event));
            }
            What::FaultFired { id, .. } => {
                let lane = self.armed.remove(id).unwrap_or_else(|| NETWORK.to_owned());
                self.end(&lane, Lasting::Armed, at_ms);
                self.moment(&lane, event, Happening::Strike);
            }
            What::Crashed { device, .. } => {
                self.end(device, Lasting::Sync, at_ms);
                self.begin(device, Lasting::Down, at_ms, "does not run");
                self.moment(device, event, Happening::Crash);
                self.queued.entry(device.clone()).or_default();
            }
            What::Restarted { device } => {
                self.end(device, Lasting::Down, at_ms);
                self.moment(device, event, Happening::Restart);
            }
            What::Acknowledged { device, .. } => self.moment(device, event, Happening::Edit),
            What::Request(message) => self.arrow(event, message, true),
            What::Answer(message) => self.arrow(event, message, false),
            What::Device { device, event: said } => self.said(device, said, event),
            _ => {}
        }
    }

    fn said(&mut self, device: &str, said: &DeviceEvent, event: &Event) {
        match said {
            DeviceEvent::SyncStarted { .. } => self.begin(device, Lasting::Sync, event.at_ms, &sentence(event)),
            DeviceEvent::SyncEnded { .. } => self.end(device, Lasting::Sync, event.at_ms),
            DeviceEvent::Conflict(_) => self.moment(device, event, Happening::Conflict),
            DeviceEvent::Shown { queued, .. } => {
                let steps = self.queued.entry(device.to_owned()).or_default();
                if steps.last().is_none_or(|(_, last)| last != queued) {
                    steps.push((event.at_ms, *queued));
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, lane: &str, kind: Lasting, at_ms: u64, title: &str) {
        self.end(lane, kind, at_ms);
        self.open.insert((lane.to_owned(), kind), (at_ms, title.to_owned()));
    }

    fn end(&mut self, lane: &str, kind: Lasting, to_ms: u64) {
        if let Some((from_ms, title)) = self.open.remove(&(lane.to_owned(), kind)) {
            self.stretches.push(Stretch { lane: lane.to_owned(), from_ms, to_ms, kind, title });
        }
    }

    fn moment(&mut self, lane: &str, event: &Event, kind: Happening) {
        let title = sentence(event);
        self.moments.push(Moment { lane: lane.to_owned(), at_ms: event.at_ms, seq: event.seq, kind, title });
    }

    fn arrow(&mut self, event: &Event, message: &Message, up: bool) {
        let Message { device, bytes, delivered, .. } = message;
        let (device, bytes, delivered) = (device.clone(), *bytes, *delivered);
        self.arrows.push(Arrow {
            device,
            at_ms: event.at_ms,
            seq: event.seq,
            up,
            bytes,
            delivered,
            title: sentence(event),
        });
    }
}

/// The device that an event is about.
fn device_of(what: &What) -> Option<&str> {
    match what {
        What::Request(message) | What::Answer(message) => Some(&message.device),
        What::Device { device, .. }
        | What::Acknowledged { device, .. }
        | What::Attempted { device, .. }
        | What::Crashed { device, .. }
        | What::Read { device, .. }
        | What::Looked { device, .. }
        | What::DeviceState { device, .. } => Some(device),
        _ => None,
    }
}
