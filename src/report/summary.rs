//! The summary of a run of scenarios: `summary.json`, and what the terminal is drawn from.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::check::{self, Finding, Ledger, Verdict};
use crate::history::{DeviceEvent, History, Trigger, What};

/// How a scenario ended; the worst one decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// All held.
    Passed,
    /// Correct, but a target was missed.
    Missed,
    /// It was not run, and the reason is said.
    Skipped,
    /// A check failed.
    Failed,
    /// The harness could not run it.
    Broken,
    /// It was cut short.
    Interrupted,
}

/// What is counted in a history. Under virtual time every number is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Milliseconds from the start to the last event; virtual ones unless the run was live.
    pub run_ms: u64,
    /// Events.
    pub events: u64,
    /// Requests that the proxy read.
    pub requests: u64,
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

/// What was found out about one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioSummary {
    /// Its file, as given.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its seed in this run.
    pub seed: u64,
    /// The requirements that it covers.
    pub covers: Vec<String>,
    /// How it ended.
    pub class: Class,
    /// Why it was skipped, or could not be run; empty else.
    pub reason: String,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// Where every acknowledged operation ended.
    pub ledger: Ledger,
    /// What was counted.
    pub tally: Tally,
}

/// A verdict with the history that it is about.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The history.
    pub history: &'a History,
    /// Whether it was cut short.
    pub interrupted: bool,
}

impl ScenarioSummary {
    /// Of a scenario that ran.
    #[must_use]
    pub fn judged(file: &str, name: &str, seed: u64, covers: &[String], judged: Judged<'_>) -> Self {
        let worst = judged.verdict.findings.iter().map(|finding| finding.class).max();
        let class = match worst {
            _ if judged.interrupted => Class::Interrupted,
            None => Class::Passed,
            Some(check::Class::Missed) => Class::Missed,
            Some(check::Class::Vacuous | check::Class::Violated) => Class::Failed,
        };
        Self {
            findings: judged.verdict.findings.clone(),
            ledger: judged.verdict.ledger,
            tally: Tally::of(judged.history),
            ..Self::not_run(file, name, seed, covers, class, String::new())
        }
    }

    /// Of a scenario that did not run.
    #[must_use]
    pub fn not_run(file: &str, name: &str, seed: u64, covers: &[String], class: Class, reason: String) -> Self {
        Self {
            file: file.to_owned(),
            name: name.to_owned(),
            seed,
            covers: covers.to_vec(),
            class,
            reason,
            findings: Vec::new(),
            ledger: Ledger::default(),
            tally: Tally::default(),
        }
    }
}

/// A whole run: `summary.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this document's shape.
    pub version: u32,
    /// Scenarios that were to be run but were not, because the run was interrupted.
    pub left_out: u64,
    /// Those that were, in their order.
    pub scenarios: Vec<ScenarioSummary>,
}

impl Summary {
    /// The version of the shape written by this program.
    pub const VERSION: u32 = 1;

    /// How many ended as `class`.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.scenarios.iter().filter(|scenario| scenario.class == class).count()
    }
}
