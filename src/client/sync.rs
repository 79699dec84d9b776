//! One sync: push, then pull; never two at once. And the loop that starts them.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::answer::Failure;
use super::engine::Engine;
use super::schedule::Due;
use super::store::meta;
use super::{attachments, backoff, pull, push, sealing};
use crate::base::WallClock;
use crate::history::{DeviceEvent, Phase, SyncOutcome, Trigger};

/// The time of the last sync is noted for the next start at least this often.
const NOTED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

impl Engine {
    /// The user pulls to refresh: syncs now, whatever the pause, and looks again for files that were let alone.
    pub async fn refresh(&self) -> SyncOutcome {
        self.uploads.borrow_mut().down.try_again();
        self.sync(Trigger::Manual).await
    }

    /// Syncs now, whatever the pause. While another sync runs this one waits for it, and runs once more, unless one
    /// that began after the request has run by then.
    pub(super) async fn sync(&self, trigger: Trigger) -> SyncOutcome {
        let asked = self.schedule.borrow().begun();
        let _turn = self.turn.lock().await;
        if let Some(outcome) = self.schedule.borrow().ended_since(asked) {
            return outcome;
        }
        self.cycle(trigger).await
    }

    /// Starts syncs when they are due, for ever (spec 5.1): after a critical change, a reconnect, a pause, a period.
    pub async fn run(self: Rc<Self>) {
        loop {
            // Asked anew after every wake-up: what is due is a level, so nothing that came meanwhile is missed.
            let due = self.schedule.borrow().due(Instant::now());
            match due {
                Due::Now(trigger) => {
                    self.sync(trigger).await;
                }
                Due::At(instant) => {
                    tokio::select! {
                        biased;
                        () = self.wake.notified() => {}
                        () = sleep_until(instant) => {}
                    }
                }
                Due::Never => self.wake.notified().await,
            }
        }
    }

    async fn cycle(&self, trigger: Trigger) -> SyncOutcome {
        self.schedule.borrow_mut().begin(Instant::now());
        self.board.borrow_mut().sweep();
        let _abandoned = AbandonOnDrop(self);
        self.emit(DeviceEvent::SyncStarted { trigger });
        let online = self.schedule.borrow().online();
        let result = if online { Some(self.halves().await) } else { None };
        let outcome = self.conclude(result);
        self.emit(DeviceEvent::SyncEnded { outcome: outcome.clone() });
        // A status that cannot be read now is read again by the next sync, which reports the database.
        let _ = self.show();
        self.wake.notify_one();
        outcome
    }

    async fn halves(&self) -> Result<(), Failure> {
        self.show()?;
        self.emit(DeviceEvent::PhaseStarted { phase: Phase::Push });
        sealing::prepare(self).await?;
        let mut pushed = push::run(self).await?;
        self.emit(DeviceEvent::PhaseEnded { phase: Phase::Push, count: pushed.settled });
        self.emit(DeviceEvent::PhaseStarted { phase: Phase::Pull });
        let pulled = pull::run(self).await?;
        self.emit(DeviceEvent::PhaseEnded { phase: Phase::Pull, count: pulled });
        attachments::run(self, &mut pushed).await?;
        if let Some(trouble) = pushed.trouble {
            return Err(trouble);
        }
        self.note_success()
    }

    /// "Synced two minutes ago" outlives the process; to a few minutes, so that a sync that brings nothing writes
    /// nothing.
    fn note_success(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let noted = meta::get(self.store.read(), meta::SYNCED_AT)?.and_then(|at| at.parse::<Timestamp>().ok());
        if noted.is_none_or(|noted| now.duration_since(noted).abs() >= NOTED_WITHIN) {
            self.store.write(|tx| meta::set(tx, meta::SYNCED_AT, &WallClock::text(now)))?;
        }
        self.synced_at.set(Some(now));
        Ok(())
    }

    /// Books the result; `None` when nothing was tried. A call that failed because the network was taken away teaches
    /// nothing: it counts as no failure, and the next sync comes with the connection.
    fn conclude(&self, result: Option<Result<(), Failure>>) -> SyncOutcome {
        let mut schedule = self.schedule.borrow_mut();
        match result {
            Some(Ok(())) => {
                schedule.succeed();
                SyncOutcome::Done
            }
            Some(Err(failure)) if schedule.online() => {
                drop(schedule);
                self.pause(failure)
            }
            Some(Err(_)) | None => {
                schedule.go_offline();
                SyncOutcome::Offline
            }
        }
    }

    /// Pauses everything under one clock (decision k); without end when only a sign-in helps.
    fn pause(&self, failure: Failure) -> SyncOutcome {
        let failures = self.schedule.borrow_mut().fail(&failure);
        if self.schedule.borrow_mut().escalate(&failure) {
            self.emit(DeviceEvent::Escalated { failures, detail: failure.detail.clone() });
        }
        let Failure { code, detail, retry_after, .. } = failure;
        if !self.session.needs_sign_in() {
            let wait = {
                let mut random = self.random.borrow_mut();
                backoff::wait(failures, retry_after, self.settings.jitter.then_some(&mut *random))
            };
            let (now, floor) = (Instant::now(), retry_after.map(backoff::floor));
            self.schedule.borrow_mut().pause_until(now + wait, floor.map(|floor| now + floor));
            let (wait_ms, table_ms) = (backoff::millis(wait), backoff::millis(backoff::table(failures)));
            self.emit(DeviceEvent::Backoff { failures, wait_ms, table_ms, code });
        }
        SyncOutcome::Failed { code, detail }
    }
}

/// A sync whose future is dropped leaves its work to the next one.
struct AbandonOnDrop<'a>(&'a Engine);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        let mut schedule = self.0.schedule.borrow_mut();
        if schedule.running() {
            schedule.abandon(Instant::now());
            self.0.wake.notify_one();
        }
    }
}
