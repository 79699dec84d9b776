//! What the engine shows: the status line (spec 5.3), and everything when asked.

use tokio::time::Instant;

use super::attachments::SMALL;
use super::backoff;
use super::board::Difference;
use super::engine::{Engine, EngineError};
use super::schedule::Schedule;
use super::sealing;
use super::store::{StoreError, audit, cache, downloads, logs, meta, queue, rows};
use crate::history::{DeviceEvent, DeviceState, OperationRecord, Progress, Status};
use crate::protocol::Record;

/// The status last shown. A failure is the same one while its next try is, though the wait grows shorter.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    status: Status,
    queued: u64,
    progress: Option<Progress>,
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
            work_orders: rows::all(c)?.into_iter().map(|(id, row)| (id, sealing::shown(row))).collect(),
            assets: cache::ASSETS.all(c)?,
            inventory: cache::INVENTORY.all(c)?,
            queue: queue::view(c)?,
            conflicts: logs::conflicts(c)?,
            audit: audit::all(c)?,
            notices: queue::notices(c)?,
            rescued: logs::rescued(c)?,
            profile: meta::profile(c)?,
            cursor: meta::get(c, meta::CURSOR)?,
            status: self.shown.borrow().as_ref().map(|shown| shown.status.clone()),
            needs_sign_in: self.needs_sign_in(),
            escalated: self.schedule.borrow().escalated().map(str::to_owned),
            progress: self.shown.borrow().as_ref().and_then(|shown| shown.progress),
            synced_ago_ms: self.synced_ago_ms(),
            changes: self.board.borrow().lines(),
            icons: self.board.borrow().icons(),
            files: downloads::shown(c, SMALL)?,
            sealing_key: self.sealing_key_id()?,
            waits_for: waits_for(&self.schedule.borrow(), Instant::now()),
        })
    }

    fn needs_sign_in(&self) -> bool {
        self.session.needs_sign_in()
    }

    /// One order as the user sees it; `None` when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row(&self, id: &str) -> Result<Option<Record>, EngineError> {
        let c = self.store.read();
        Ok(rows::visible(c, &rows::current_id(c, id)?)?.map(sealing::shown))
    }

    /// Tells the user what changed since it was last shown.
    pub(super) fn show(&self) -> Result<(), StoreError> {
        let difference = self.board.borrow_mut().refresh(self.store.read())?;
        self.announce(difference)
    }

    /// The same when all that happened is one more operation.
    pub(super) fn show_added(&self, operation: &OperationRecord) -> Result<(), StoreError> {
        // Whatever else left or came is found by comparing.
        if queue::count(self.store.read())? != self.board.borrow().queued() + 1 {
            return self.show();
        }
        let difference = self.board.borrow_mut().add(operation);
        self.announce(difference)
    }

    fn announce(&self, difference: Difference) -> Result<(), StoreError> {
        let Difference { changes, icons } = difference;
        if !changes.is_empty() || !icons.is_empty() {
            self.emit(DeviceEvent::Marked { changes, icons });
        }
        let queued = self.board.borrow().queued();
        let ever_synced = || Ok::<_, StoreError>(meta::get(self.store.read(), meta::CURSOR)?.is_some());
        let Some(now_shown) = self.status(queued, ever_synced)? else { return Ok(()) };
        let same = self.shown.borrow().as_ref().is_some_and(|last| last.same(&now_shown));
        if !same {
            let (status, progress) = (now_shown.status.clone(), now_shown.progress);
            *self.shown.borrow_mut() = Some(now_shown);
            self.emit(DeviceEvent::Shown { status, queued, progress, synced_ago_ms: self.synced_ago_ms() });
        }
        Ok(())
    }

    /// By the wall clock, which alone outlives the process; a clock set back makes it zero.
    pub(super) fn synced_ago_ms(&self) -> Option<u64> {
        let ago = self.clock.now().duration_since(self.synced_at.get()?);
        Some(u64::try_from(ago.as_millis()).unwrap_or(0))
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
            next_try = pause.until;
            let wait = next_try.map(|at| backoff::millis(at.saturating_duration_since(now)));
            Status::Failed { code: pause.code, retry_in_ms: wait }
        } else if queued > 0 {
            Status::Queued
        } else if ever_synced()? {
            Status::Synced
        } else {
            return Ok(None);
        };
        let progress = if status == Status::Syncing { self.board.borrow().progress() } else { None };
        Ok(Some(Shown { status, queued, progress, next_try }))
    }
}

impl Shown {
    fn same(&self, other: &Self) -> bool {
        let codes = |shown: &Self| match shown.status {
            Status::Failed { code, .. } => Some(code),
            Status::Synced | Status::Queued | Status::Syncing | Status::Offline => None,
        };
        self.queued == other.queued
            && self.progress == other.progress
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
    let Some(pause) = schedule.pause() else {
        let forbidden = "a periodic sync, which battery or data saver forbid";
        return schedule.period_forbidden().then(|| forbidden.into());
    };
    Some(match pause.until {
        Some(until) => {
            let wait_ms = until.saturating_duration_since(now).as_millis();
            format!("the next try in {wait_ms} ms, after {}: {}", pause.code, pause.detail)
        }
        None => format!("a sign-in, after {}: {}", pause.code, pause.detail),
    })
}
