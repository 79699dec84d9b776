//! What happened, gathered from all workers: who wants to know gets it in order, in batches.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::field::Field;
use super::gate::lock;
use crate::history::{Event, What};

/// How often a worker hands in what it has recorded.
const EVERY: Duration = Duration::from_millis(100);

/// The journal.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// How often each HTTP fault struck.
    struck: Mutex<BTreeMap<u64, u64>>,
    reader: Mutex<Option<UnboundedSender<Vec<Event>>>>,
}

impl Journal {
    /// How often each HTTP fault struck, by its number.
    pub(super) fn struck(&self) -> BTreeMap<u64, u64> {
        lock(&self.struck).clone()
    }

    /// Counts the strikes of a fault from nothing again: another one has its number.
    pub(super) fn forget_strikes(&self, id: u64) {
        lock(&self.struck).remove(&id);
    }

    /// Nobody reads any more, once what was handed in is read.
    pub(super) fn end(&self) {
        *lock(&self.reader) = None;
    }

    /// Everything from now on, in batches: each in its worker's order.
    pub(super) fn read(&self) -> UnboundedReceiver<Vec<Event>> {
        let (sender, receiver) = unbounded_channel();
        *lock(&self.reader) = Some(sender);
        receiver
    }

    fn add(&self, events: Vec<Event>) {
        for event in &events {
            if let What::FaultFired { id, .. } = event.what {
                *lock(&self.struck).entry(id).or_default() += 1;
            }
        }
        if let Some(reader) = lock(&self.reader).as_ref() {
            // A reader that went away wants no more.
            let _ = reader.send(events);
        }
    }
}

/// Hands in what a worker records, again and again.
pub(super) async fn keep(field: Rc<Field>) {
    loop {
        sleep(EVERY).await;
        hand_in(&field);
    }
}

/// Hands in what a worker has recorded.
pub(super) fn hand_in(field: &Field) {
    let events = field.recorder.take().0;
    if !events.is_empty() {
        field.journal.add(events);
    }
}

/// Shared by all workers.
pub(super) type Shared = Arc<Journal>;
