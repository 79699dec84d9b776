//! What can be done to a gate beside toxics: its link, its HTTP faults; at once, or by a schedule.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use super::gate::{Gate, lock};
use crate::history::LinkState;
use crate::net::Profile;
use crate::proxy::Rule;

/// Makes a rule of its number and the time of its arming.
pub type MakeRule = Arc<dyn Fn(u64, Duration) -> Rule + Send + Sync>;

/// Something to do to a gate.
#[derive(Clone)]
pub enum Deed {
    /// Its link becomes another one; none with `None`. For connections that come from now on.
    Link(Option<Profile>),
    /// Its link changes its state, connections included.
    LinkState(LinkState),
    /// A fault is armed.
    Arm(MakeRule),
    /// A fault is armed in place of the one that went by the same name; it stays until then.
    Instead(&'static str, Option<MakeRule>),
}

impl fmt::Debug for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(profile) => f.debug_tuple("Link").field(&profile.map(|profile| profile.name)).finish(),
            Self::LinkState(state) => f.debug_tuple("LinkState").field(state).finish(),
            Self::Arm(_) => f.write_str("Arm"),
            Self::Instead(name, rule) => write!(f, "Instead({name}, {})", rule.is_some()),
        }
    }
}

/// A deed with its time.
#[derive(Clone, Debug)]
pub struct Timed {
    /// So long after the beginning of the schedule.
    pub at: Duration,
    /// It.
    pub deed: Deed,
    /// In words.
    pub text: String,
    /// As it was written.
    pub written: Value,
}

/// Reads what a request or a file asks to be done: a list of a scenario's steps, as JSON. Says what is wrong with it.
pub type ReadSteps = fn(&Value) -> Result<Vec<Timed>, String>;

/// A schedule that was begun.
#[derive(Debug)]
pub(super) struct Schedule {
    steps: Vec<Timed>,
    begun: Duration,
    running: AbortHandle,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Schedule {
    /// Begins with `steps` now.
    pub(super) fn begin(gate: &Arc<Gate>, steps: Vec<Timed>) -> Self {
        let clock = gate.ground.clock;
        let begun = clock.elapsed();
        let (to_do, gate) = (steps.clone(), Arc::clone(gate));
        let running = tokio::spawn(async move {
            for Timed { at, deed, text, written } in to_do {
                sleep_until(clock.instant(begun + at)).await;
                tracing::info!(gate = %gate.name, %text, "by schedule");
                gate.carry_out(&deed, written);
            }
        });
        Self { steps, begun, running: running.abort_handle() }
    }

    /// As the API shows it, at `now`.
    pub(super) fn to_json(&self, now: Duration) -> Value {
        let step = |step: &Timed| {
            let done = self.begun + step.at <= now;
            json!({ "at_ms": millis(step.at), "does": step.text, "done": done, "step": step.written })
        };
        let steps: Vec<Value> = self.steps.iter().map(step).collect();
        json!({ "since_ms": millis(now.saturating_sub(self.begun)), "steps": steps })
    }
}

/// Whole milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Gate {
    /// Does it now; the number of the fault that it armed, if it armed one.
    pub(super) fn carry_out(self: &Arc<Self>, deed: &Deed, written: Value) -> Option<u64> {
        match deed {
            Deed::Link(profile) => {
                self.set_link(*profile);
                None
            }
            Deed::LinkState(state) => {
                self.set_link_state(*state);
                None
            }
            Deed::Arm(make) => Some(self.arm(Arc::clone(make), written)),
            Deed::Instead(name, make) => {
                let id = make.as_ref().map(|make| self.arm(Arc::clone(make), written));
                let before = match id {
                    Some(id) => lock(&self.standing).insert(name, id),
                    None => lock(&self.standing).remove(name),
                };
                before.map(|before| self.disarm(before));
                id
            }
        }
    }
}
