//! When to sync (spec 5.1, 7.2): a level, never an edge, so that no wake-up can be missed. Pure but for the clock
//! value that it is handed.

use std::time::Duration;

use tokio::time::Instant;

use super::answer::Failure;
use super::conditions::Conditions;
use crate::history::{Circumstance, SyncOutcome, Trigger};
use crate::protocol::ErrorCode;

/// Failures of the server in a row after which its user is told (spec 7.1: escalate if persistent): as many as an
/// operation has attempts.
const ESCALATE_AFTER: u32 = 10;

/// What the background loop has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Sync now.
    Now(Trigger),
    /// Sleep until then, unless woken.
    At(Instant),
    /// Sleep until woken.
    Never,
}

/// The queue's pause after a failure.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    /// When the next try is due; `None` while only a sign-in helps.
    pub(super) until: Option<Instant>,
    /// Before that, the server asked for no request but the user's own (`Retry-After`).
    pub(super) floor: Option<Instant>,
    /// What failed.
    pub(super) code: ErrorCode,
    /// In words.
    pub(super) detail: String,
}

/// All that decides when the next sync comes.
#[derive(Debug)]
pub(super) struct Schedule {
    every: Option<Duration>,
    next_period: Option<Instant>,
    /// The device does not know that it is offline.
    online: bool,
    signed_in: bool,
    running: bool,
    reconnected: bool,
    critical: bool,
    /// The user did something that is to go out now.
    acted: bool,
    launched: bool,
    /// The app came back after a while in the background.
    returned: bool,
    conditions: Conditions,
    asked: bool,
    failures: u32,
    /// Of them, those that the server answered for.
    server_failures: u32,
    /// Why they were escalated.
    escalated: Option<String>,
    pause: Option<Pause>,
    /// Syncs begun, and the ordinal of the last that ended, with its outcome.
    begun: u64,
    ended: u64,
    outcome: Option<SyncOutcome>,
}

impl Schedule {
    pub(super) fn new(every: Option<Duration>, signed_in: bool, now: Instant) -> Self {
        Self {
            every,
            next_period: every.map(|every| now + every),
            online: true,
            signed_in,
            running: false,
            reconnected: false,
            critical: false,
            acted: false,
            launched: signed_in,
            returned: false,
            conditions: Conditions::default(),
            asked: false,
            failures: 0,
            server_failures: 0,
            escalated: None,
            pause: None,
            begun: 0,
            ended: 0,
            outcome: None,
        }
    }

    pub(super) fn due(&self, now: Instant) -> Due {
        if self.running || !self.online || !self.signed_in {
            return Due::Never;
        }
        if matches!(self.pause, Some(Pause { until: None, .. })) {
            return Due::Never;
        }
        if self.acted {
            return Due::Now(Trigger::Manual);
        }
        let comes = match (self.reconnected, self.launched, self.returned) {
            (true, _, _) => Some(Trigger::Reconnect),
            (_, true, _) => Some(Trigger::Launch),
            (_, _, true) => Some(Trigger::Foreground),
            (false, false, false) => None,
        };
        if let Some(trigger) = comes {
            // The server asked to be left alone.
            let floor = self.pause.as_ref().and_then(|pause| pause.floor).filter(|floor| *floor > now);
            return floor.map_or(Due::Now(trigger), Due::At);
        }
        match &self.pause {
            Some(Pause { until: Some(until), .. }) if *until <= now => Due::Now(Trigger::Retry),
            Some(Pause { until: Some(until), .. }) => Due::At(*until),
            None if self.critical => Due::Now(Trigger::Critical),
            None if self.asked => Due::Now(Trigger::Asked),
            None | Some(Pause { until: None, .. }) => self.period_due(now),
        }
    }

    fn period_due(&self, now: Instant) -> Due {
        match self.next_period.filter(|_| self.conditions.period_allowed()) {
            Some(next) if next <= now => Due::Now(Trigger::Periodic),
            Some(next) => Due::At(next),
            None => Due::Never,
        }
    }

    /// The user wants another period, which counts from now on.
    pub(super) fn set_period(&mut self, every: Option<Duration>, now: Instant) {
        self.every = every;
        self.next_period = every.map(|every| now + every);
    }

    /// A change was made that must not wait.
    pub(super) fn critical_change(&mut self) {
        self.critical = true;
    }

    /// The user asked for something that is to be done at once, whatever the pause.
    pub(super) fn user_acted(&mut self) {
        self.acted = true;
    }

    /// Whether a change waits that must not; whoever asks will see to it.
    pub(super) fn take_critical(&mut self) -> bool {
        std::mem::take(&mut self.critical)
    }

    /// The user asked for something that only a sync can bring.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Nobody is signed in any more, and nothing waits.
    pub(super) fn signed_out(&mut self) {
        self.signed_in = false;
        (self.reconnected, self.critical, self.asked, self.acted) = (false, false, false, false);
        (self.failures, self.server_failures, self.escalated, self.pause) = (0, 0, None, None);
        (self.launched, self.returned) = (false, false);
    }

    /// The device learnt whether it is online. News of being online, or any word of it during a pause, means a try at
    /// once.
    pub(super) fn connectivity(&mut self, online: bool) {
        self.reconnected = online && (self.reconnected || !self.online || self.pause.is_some());
        self.online = online;
    }

    /// The platform tells something.
    pub(super) fn told(&mut self, what: Circumstance, now: Instant) {
        self.returned |= self.conditions.note(what, now);
    }

    /// Whether the network at hand is WiFi, as far as the platform told.
    pub(super) fn on_wifi(&self) -> bool {
        self.conditions.on_wifi()
    }

    /// Why no periodic sync comes, if the conditions forbid it.
    pub(super) fn period_forbidden(&self) -> bool {
        self.every.is_some() && !self.conditions.period_allowed()
    }

    /// Somebody signed in: what is theirs is fetched (spec 3.1A), and a pause for the want of it is over.
    pub(super) fn signed_in(&mut self, now: Instant) {
        self.signed_in = true;
        self.launched = true;
        if let Some(pause) = self.pause.as_mut().filter(|pause| pause.code == ErrorCode::AuthError) {
            pause.until = Some(now);
        }
    }

    /// Why the server's failures were escalated, while they last.
    pub(super) fn escalated(&self) -> Option<&str> {
        self.escalated.as_deref()
    }

    /// Whether the server's failures are to be escalated now; they are so once.
    pub(super) fn escalate(&mut self, failure: &Failure) -> bool {
        let due = self.server_failures >= ESCALATE_AFTER && self.escalated.is_none();
        if due {
            self.escalated = Some(failure.detail.clone());
        }
        due
    }

    pub(super) fn online(&self) -> bool {
        self.online
    }

    pub(super) fn running(&self) -> bool {
        self.running
    }

    pub(super) fn pause(&self) -> Option<&Pause> {
        self.pause.as_ref()
    }

    /// Syncs begun so far: a request remembers it, see [`Schedule::ended_since`].
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// The outcome of a sync that began after `begun` were, and is over: it saw all that was there at the request.
    pub(super) fn ended_since(&self, begun: u64) -> Option<SyncOutcome> {
        self.outcome.clone().filter(|_| self.ended > begun)
    }

    /// A sync begins: it will see all that is there now, so that all reasons are met.
    pub(super) fn begin(&mut self, now: Instant) {
        self.begun += 1;
        self.running = self.online;
        self.reconnected = false;
        self.critical = false;
        self.acted = false;
        (self.launched, self.returned) = (false, false);
        self.asked = false;
        self.next_period = self.every.map(|every| now + every);
    }

    /// It went through.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
        self.server_failures = 0;
        self.escalated = None;
        self.pause = None;
        self.end(SyncOutcome::Done);
    }

    /// It did not try, or the device went offline under it: the next one comes with the connection.
    pub(super) fn go_offline(&mut self) {
        self.end(SyncOutcome::Offline);
    }

    /// It failed; returns the failures in a row. The caller decides the pause with [`Schedule::pause_until`].
    pub(super) fn fail(&mut self, failure: &Failure) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.server_failures += u32::from(failure.code == ErrorCode::ServerError);
        self.pause = Some(Pause { until: None, floor: None, code: failure.code, detail: failure.detail.clone() });
        self.end(SyncOutcome::Failed { code: failure.code, detail: failure.detail.clone() });
        self.failures
    }

    /// The next try comes then, and nothing but the user's own comes before `floor`.
    pub(super) fn pause_until(&mut self, until: Instant, floor: Option<Instant>) {
        if let Some(pause) = &mut self.pause {
            (pause.until, pause.floor) = (Some(until), floor);
        }
    }

    /// Its future was dropped: what it was to do is still to be done.
    pub(super) fn abandon(&mut self, now: Instant) {
        self.running = false;
        let detail = "the sync was abandoned".to_owned();
        self.pause = Some(Pause { until: Some(now), floor: None, code: ErrorCode::NetworkError, detail });
    }

    fn end(&mut self, outcome: SyncOutcome) {
        self.running = false;
        self.ended = self.begun;
        self.outcome = Some(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure::network("cut")
    }

    #[tokio::test(start_paused = true)]
    async fn missed_wakeup_a_critical_change_during_a_sync_is_still_due_after_it() {
        let now = Instant::now();
        let mut schedule = Schedule::new(None, true, now);
        schedule.begin(now);
        schedule.succeed();
        schedule.critical_change();
        assert_eq!(schedule.due(now), Due::Now(Trigger::Critical));
        schedule.begin(now);
        assert_eq!(schedule.due(now), Due::Never);
        schedule.critical_change();
        schedule.succeed();
        assert_eq!(schedule.due(now), Due::Now(Trigger::Critical));
    }

    #[tokio::test(start_paused = true)]
    async fn a_period_that_was_forbidden_comes_as_soon_as_it_is_allowed() {
        let now = Instant::now();
        let mut schedule = Schedule::new(Some(Duration::from_secs(60)), true, now);
        assert_eq!(schedule.due(now), Due::Now(Trigger::Launch));
        schedule.begin(now);
        schedule.succeed();
        schedule.told(Circumstance::Battery { percent: 10, charging: false }, now);
        assert_eq!(schedule.due(now + Duration::from_secs(90)), Due::Never);
        schedule.critical_change();
        assert_eq!(schedule.due(now), Due::Now(Trigger::Critical), "the battery forbids the period alone");
        schedule.begin(now);
        schedule.succeed();
        schedule.told(Circumstance::Battery { percent: 10, charging: true }, now);
        assert_eq!(schedule.due(now + Duration::from_secs(90)), Due::Now(Trigger::Periodic));
    }

    #[tokio::test(start_paused = true)]
    async fn one_clock_pauses_everything_but_a_reconnect() {
        let now = Instant::now();
        let later = now + Duration::from_secs(300);
        let mut schedule = Schedule::new(Some(Duration::from_secs(60)), true, now);
        schedule.begin(now);
        assert_eq!(schedule.fail(&failure()), 1);
        schedule.pause_until(later, None);
        schedule.critical_change();
        assert_eq!(schedule.due(now + Duration::from_secs(61)), Due::At(later));
        assert_eq!(schedule.due(later), Due::Now(Trigger::Retry));
        schedule.connectivity(false);
        assert_eq!(schedule.due(later), Due::Never);
        schedule.connectivity(true);
        assert_eq!(schedule.due(now), Due::Now(Trigger::Reconnect));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_session_leaves_only_the_sign_in() {
        let now = Instant::now();
        let mut schedule = Schedule::new(Some(Duration::from_secs(60)), true, now);
        schedule.begin(now);
        schedule.fail(&Failure::sign_in_needed("revoked"));
        schedule.critical_change();
        schedule.connectivity(true);
        assert_eq!(schedule.due(now + Duration::from_secs(61)), Due::Never);
        schedule.signed_in(now);
        assert_eq!(schedule.due(now), Due::Now(Trigger::Reconnect));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_holds_against_a_reconnect_but_not_against_the_user() {
        let now = Instant::now();
        let (floor, until) = (now + Duration::from_secs(60), now + Duration::from_secs(80));
        let mut schedule = Schedule::new(None, true, now);
        schedule.begin(now);
        schedule.fail(&failure());
        schedule.pause_until(until, Some(floor));
        schedule.connectivity(true);
        assert_eq!(schedule.due(now), Due::At(floor));
        assert_eq!(schedule.due(floor), Due::Now(Trigger::Reconnect));
        schedule.user_acted();
        assert_eq!(schedule.due(now), Due::Now(Trigger::Manual));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sync_that_began_before_a_request_does_not_answer_it() {
        let now = Instant::now();
        let mut schedule = Schedule::new(None, true, now);
        schedule.begin(now);
        let asked = schedule.begun();
        schedule.succeed();
        assert_eq!(schedule.ended_since(asked), None);
        schedule.begin(now);
        schedule.succeed();
        assert_eq!(schedule.ended_since(asked), Some(SyncOutcome::Done));
    }
}
