//! Syncs and their halves, cut out of a device's timeline.

use crate::history::{DeviceEvent, Event, Phase, What};

use super::claim::Part;

/// A stretch of the history: from one event to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from_seq: u64,
    pub(super) from_ms: u64,
    /// Where and when it ended; `None` when it never did (a crash, say).
    pub(super) end: Option<(u64, u64)>,
}

impl Stretch {
    fn begin(event: &Event) -> Self {
        Self { from_seq: event.seq, from_ms: event.at_ms, end: None }
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.end.map_or(u64::MAX, |(seq, _)| seq)
    }
}

/// One sync.
#[derive(Clone, Debug)]
pub(super) struct Sync {
    pub(super) whole: Stretch,
    pub(super) push: Option<Stretch>,
    pub(super) pull: Option<Stretch>,
    pub(super) files: Option<Stretch>,
}

impl Sync {
    /// The part that a claim speaks of; `None` when this sync never came to it.
    pub(super) fn part(&self, part: Part) -> Option<Stretch> {
        match part {
            Part::Whole => Some(self.whole),
            Part::Push => self.push,
            Part::Pull => self.pull,
            Part::Files => self.files,
        }
    }

    fn half(&mut self, phase: Phase) -> &mut Option<Stretch> {
        match phase {
            Phase::Push => &mut self.push,
            Phase::Pull => &mut self.pull,
            Phase::Files => &mut self.files,
        }
    }
}

/// The syncs of one device. A crash ends the sync under it without an end of its own.
pub(super) fn syncs(timeline: &[&Event]) -> Vec<Sync> {
    let mut all: Vec<Sync> = Vec::new();
    let mut running = false;
    for event in timeline {
        let end = (event.seq, event.at_ms);
        match &event.what {
            What::Device { event: DeviceEvent::SyncStarted { .. }, .. } => {
                all.push(Sync { whole: Stretch::begin(event), push: None, pull: None, files: None });
                running = true;
            }
            What::Device { event: DeviceEvent::PhaseStarted { phase }, .. } if running => {
                if let Some(sync) = all.last_mut() {
                    *sync.half(*phase) = Some(Stretch::begin(event));
                }
            }
            What::Device { event: DeviceEvent::PhaseEnded { phase, .. }, .. } if running => {
                if let Some(half) = all.last_mut().and_then(|sync| sync.half(*phase).as_mut()) {
                    half.end = Some(end);
                }
            }
            What::Device { event: DeviceEvent::SyncEnded { .. }, .. } if running => {
                if let Some(sync) = all.last_mut() {
                    sync.whole.end = Some(end);
                }
                running = false;
            }
            What::Crashed { .. } => running = false,
            _ => {}
        }
    }
    all
}
