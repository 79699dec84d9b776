//! What is counted in a history. Under virtual time every number is exact.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::{DeviceEvent, History, Trigger, What};

/// What is counted in a history. Under virtual time every number is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Milliseconds from the start to the last event; virtual ones unless the run was live.
    pub run_ms: u64,
    /// Events.
    pub events: u64,
    /// Requests that the proxy read.
    pub requests: u64,
    /// Times that a device waited for the far end: connections opened, and requests.
    #[serde(default)]
    pub round_trips: u64,
    /// Bytes from devices to the proxy, heads and bodies.
    pub bytes_up: u64,
    /// Bytes from the proxy to devices, heads and bodies, of answers that it passed on.
    pub bytes_down: u64,
    /// The most requests in any 100 ms.
    #[serde(default)]
    pub peak_in_100_ms: u64,
    /// Syncs that devices began.
    pub syncs: u64,
    /// Of them, those that no user asked for: times that a device woke by itself.
    #[serde(default)]
    pub wake_ups: u64,
    /// Waits of the backoff table.
    pub retries: u64,
    /// Operations that changed a device's disk: writes, syncs, truncations, files made and removed. 0 where the disk is
    /// a real one.
    #[serde(default)]
    pub disk_writes: u64,
    /// Crashes.
    pub crashes: u64,
    /// Conflicts recorded.
    pub conflicts: u64,
}

impl Tally {
    /// Counts `history`.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut tally = Self { events: history.0.len() as u64, ..Self::default() };
        for event in &history.0 {
            tally.run_ms = event.at_ms;
            tally.count(&event.what);
        }
        tally.peak_in_100_ms = peak(history, 100);
        tally
    }

    fn count(&mut self, what: &What) {
        if let What::Secured { up, down, .. } = what {
            self.bytes_up += up;
            self.bytes_down += down;
        }
        if let What::Request(message) = what {
            self.requests += 1;
            self.round_trips += 1;
            self.bytes_up += message.bytes;
        }
        if let What::Answer(message) = what
            && message.delivered
        {
            self.bytes_down += message.bytes;
        }
        if let What::Device { event, .. } = what {
            if let DeviceEvent::SyncStarted { trigger } = event {
                self.syncs += 1;
                self.wake_ups += u64::from(*trigger != Trigger::Manual);
            }
            self.retries += u64::from(matches!(event, DeviceEvent::Backoff { .. }));
            self.conflicts += u64::from(matches!(event, DeviceEvent::Conflict(_)));
        }
        if let What::DiskUsed { operations, .. } = what {
            self.disk_writes += operations;
        }
        self.round_trips += u64::from(matches!(what, What::ConnectionOpened { .. }));
        self.crashes += u64::from(matches!(what, What::Crashed { .. }));
    }
}

/// The most requests that came within less than `window_ms` of each other.
fn peak(history: &History, window_ms: u64) -> u64 {
    let mut window = VecDeque::new();
    let mut peak = 0;
    for event in history.0.iter().filter(|event| matches!(event.what, What::Request(_))) {
        window.push_back(event.at_ms);
        while window.front().is_some_and(|first| event.at_ms - first >= window_ms) {
            window.pop_front();
        }
        peak = peak.max(window.len());
    }
    peak as u64
}
