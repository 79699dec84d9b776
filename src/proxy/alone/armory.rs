//! The HTTP faults of a gate: what they were written as, whether any is armed. What decides lives at the gate's home.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;

use super::deed::{Armament, Arming, Timed};
use super::field::Field;
use super::gate::{Gate, lock};
use super::secure::Shows;
use crate::history::What;

/// A gate's HTTP faults.
#[derive(Debug, Default)]
pub(super) struct Armory {
    /// Whether any is armed.
    pub(super) armed: watch::Sender<bool>,
    /// By their number.
    faults: Mutex<BTreeMap<u64, Known>>,
    /// Those among them that stay until something else takes their place, by name.
    pub(super) standing: Mutex<BTreeMap<&'static str, u64>>,
}

/// What is known of a fault.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// In words.
    pub(super) text: String,
    /// As it was written.
    pub(super) written: Value,
}

impl Gate {
    /// Arms an HTTP fault; returns its number. From now on exchanges of new connections are followed.
    pub(super) fn arm(self: &Arc<Self>, arming: &Arming, step: &Timed) -> u64 {
        let id = self.ground.faults.fetch_add(1, Ordering::Relaxed) + 1;
        self.arm_as(id, arming, step);
        id
    }

    /// Puts another fault in the place of `id`, under its number; false when there is no such.
    pub(super) fn rearm(self: &Arc<Self>, id: u64, arming: &Arming, step: &Timed) -> bool {
        if !self.disarm(id) {
            return false;
        }
        self.ground.journal.forget_strikes(id);
        self.arm_as(id, arming, step);
        true
    }

    fn arm_as(self: &Arc<Self>, id: u64, arming: &Arming, step: &Timed) {
        let known = Known { text: step.text.clone(), written: step.written.clone() };
        lock(&self.armory.faults).insert(id, known);
        self.set_inspected(true);
        let (gate, Arming { fault, may_miss, what }) = (Arc::clone(self), arming.clone());
        self.at_home(move |field| {
            field.recorder.record(What::FaultArmed { id, device: gate.name.to_string(), fault, may_miss });
            match what {
                Armament::Rule(make) => {
                    field.engine(&gate).faults.arm(make(id, &gate.name, field.clock.elapsed()));
                    gate.armory.armed.send_replace(true);
                }
                Armament::Greeting { nth, times, how } => field.greet(&gate, (id, nth, times), how),
            }
        });
    }

    /// From the next connection on it shows another certificate, if TLS ends here.
    pub(super) fn show(self: &Arc<Self>, shows: Shows) {
        let gate = Arc::clone(self);
        self.at_home(move |field| field.show(&gate, &shows));
    }

    /// Disarms an HTTP fault; false when there is no such.
    pub(super) fn disarm(self: &Arc<Self>, id: u64) -> bool {
        let known = lock(&self.armory.faults).remove(&id).is_some();
        lock(&self.armory.standing).retain(|_, standing| *standing != id);
        let gate = Arc::clone(self);
        self.at_home(move |field| {
            field.engine(&gate).disarm(id);
            gate.look_for_faults(field);
        });
        known
    }

    /// Its HTTP faults by their number.
    pub(super) fn faults(&self) -> BTreeMap<u64, Known> {
        lock(&self.armory.faults).clone()
    }

    /// Of its HTTP faults that are armed, how often each may strike yet.
    pub(super) async fn faults_left(self: &Arc<Self>) -> BTreeMap<u64, u32> {
        let gate = Arc::clone(self);
        let left = self.ask_home(move |field| {
            // What has struck is known by then, too.
            super::journal::hand_in(field);
            field.engine(&gate).left()
        });
        left.await.unwrap_or_default()
    }

    /// Finds out whether a fault is left that may strike.
    pub(super) fn look_for_faults(self: &Arc<Self>, field: &Field) {
        let armed = !field.engine(self).faults.is_empty();
        self.armory.armed.send_if_modified(|before| std::mem::replace(before, armed) != armed);
    }
}
