//! What the engine shows: the status line (spec 5.3), and everything when asked.

use tokio::time::Instant;

use super::engine::{Engine, EngineError};
use super::schedule::Schedule;
use super::store::{StoreError, audit, cache, logs, meta, queue, rows};
use crate::history::{DeviceEvent, DeviceState, Status};

/// The status last shown. A failure is the same one while its next try is, though the wait grows shorter.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    status: Status,
    queued: u64,
    next_try: Option<Instant>,
}

impl Engine {
    /// All that the device holds and shows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state(&self) -> Result<DeviceState, EngineError> {
        let c = self.store.read();
        Ok(DeviceState {
            user_id: meta::get(c, meta::USER_ID)?,
            work_orders: rows::all(c)?,
            assets: cache::ASSETS.all(c)?,
            inventory: cache::INVENTORY.all(c)?,
            queue: queue::view(c)?,
            conflicts: logs::conflicts(c)?,
            audit: audit::all(c)?,
            notices: queue::notices(c)?,
            rescued: logs::rescued(c)?,
            cursor: meta::get(c, meta::CURSOR)?,
            status: self.shown.borrow().as_ref().map(|shown| shown.status.clone()),
            waits_for: waits_for(&self.schedule.borrow(), Instant::now()),
        })
    }

    /// Tells the user the status, if it changed.
    pub(super) fn show(&self) -> Result<(), StoreError> {
        let queued = queue::count(self.store.read())?;
        let ever_synced = || Ok::<_, StoreError>(meta::get(self.store.read(), meta::CURSOR)?.is_some());
        let Some(now_shown) = self.status(queued, ever_synced)? else { return Ok(()) };
        let same = self.shown.borrow().as_ref().is_some_and(|last| last.same(&now_shown));
        if !same {
            self.emit(DeviceEvent::Shown { status: now_shown.status.clone(), queued });
            *self.shown.borrow_mut() = Some(now_shown);
        }
        Ok(())
    }

    fn status(
        &self,
        queued: u64,
        ever_synced: impl FnOnce() -> Result<bool, StoreError>,
    ) -> Result<Option<Shown>, StoreError> {
        let schedule = self.schedule.borrow();
        let now = Instant::now();
        let mut next_try = None;
        let status = if !schedule.online() {
            Status::Offline
        } else if schedule.running() {
            Status::Syncing
        } else if let Some(pause) = schedule.pause() {
            next_try = pause.until.or(schedule.next_period());
            let wait = next_try.map_or_else(Default::default, |at| at.saturating_duration_since(now));
            Status::Failed { code: pause.code, retry_in_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) }
        } else if queued > 0 {
            Status::Queued
        } else if ever_synced()? {
            Status::Synced
        } else {
            return Ok(None);
        };
        Ok(Some(Shown { status, queued, next_try }))
    }
}

impl Shown {
    fn same(&self, other: &Self) -> bool {
        let codes = |shown: &Self| match shown.status {
            Status::Failed { code, .. } => Some(code),
            Status::Synced | Status::Queued | Status::Syncing | Status::Offline => None,
        };
        self.queued == other.queued
            && self.next_try == other.next_try
            && match (codes(self), codes(other)) {
                (None, None) => self.status == other.status,
                (mine, theirs) => mine == theirs,
            }
    }
}

fn waits_for(schedule: &Schedule, now: Instant) -> Option<String> {
    if schedule.running() {
        return Some("the sync that runs".into());
    }
    if !schedule.online() {
        return Some("the network: the device knows that it is offline".into());
    }
    let pause = schedule.pause()?;
    Some(match pause.until {
        Some(until) => {
            let wait_ms = until.saturating_duration_since(now).as_millis();
            format!("the next try in {wait_ms} ms, after {}: {}", pause.code, pause.detail)
        }
        None => format!("a sign-in, after {}: {}", pause.code, pause.detail),
    })
}
