//! Deeds by time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use super::deed::{Timed, millis};
use super::gate::{Gate, lock};

/// A schedule that was begun.
#[derive(Debug)]
pub(super) struct Schedule {
    steps: Vec<Timed>,
    /// The faults that each step armed, by its index.
    armed: Arc<Mutex<BTreeMap<usize, Vec<u64>>>>,
    begun: Duration,
    running: AbortHandle,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Schedule {
    /// Begins with `steps` now.
    pub(super) fn begin(gate: &Arc<Gate>, steps: Vec<Timed>) -> Self {
        let clock = gate.ground.clock;
        let begun = clock.elapsed();
        let armed = Arc::<Mutex<BTreeMap<usize, Vec<u64>>>>::default();
        let (to_do, gate, noted) = (steps.clone(), Arc::clone(gate), Arc::clone(&armed));
        let do_step = move |index: usize, step: &Timed| {
            tracing::info!(gate = %gate.name, text = %step.text, "by schedule");
            let ids = gate.carry_out(step);
            lock(&noted).insert(index, ids);
        };
        // What is to be there from the start is there before the first connection.
        let first = to_do.iter().take_while(|step| step.at.is_zero()).count();
        to_do[..first].iter().enumerate().for_each(|(index, step)| do_step(index, step));
        let running = tokio::spawn(async move {
            for (index, step) in to_do.iter().enumerate().skip(first) {
                sleep_until(clock.instant(begun + step.at)).await;
                do_step(index, step);
            }
        });
        Self { steps, armed, begun, running: running.abort_handle() }
    }

    /// Goes no further; what was done stays done.
    pub(super) fn stop(&self) {
        self.running.abort();
    }

    /// The faults that it was to arm and that never struck, each in words.
    pub(super) fn missed(&self, struck: &BTreeMap<u64, u64>) -> Vec<String> {
        let armed = lock(&self.armed);
        let demanded = |step: &Timed| step.deeds.iter().any(|deed| deed.arming().is_some_and(|it| !it.may_miss));
        let steps = self.steps.iter().enumerate().filter(|(_, step)| demanded(step));
        let why = |(index, step): (usize, &Timed)| match armed.get(&index) {
            Some(ids) if ids.iter().any(|id| struck.contains_key(id)) => None,
            Some(_) => Some(format!("it never struck: {}", step.text)),
            None => Some(format!("its time, {} s, never came: {}", step.at.as_secs_f64(), step.text)),
        };
        steps.filter_map(why).collect()
    }

    /// As the API shows it, at `now`.
    pub(super) fn to_json(&self, now: Duration) -> Value {
        let armed = lock(&self.armed);
        let step = |(index, step): (usize, &Timed)| {
            let ids = armed.get(&index);
            json!({
                "at_ms": millis(step.at), "does": step.text, "done": ids.is_some(),
                "faults": ids.cloned().unwrap_or_default(), "step": step.written,
            })
        };
        let steps: Vec<Value> = self.steps.iter().enumerate().map(step).collect();
        json!({ "since_ms": millis(now.saturating_sub(self.begun)), "steps": steps })
    }
}
