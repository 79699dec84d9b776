//! The clock: monotonic time since the run began, and wall clocks derived from it with a skew of their own.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::alarm::Alarm;

/// Where every simulated wall clock starts: 2025-11-08T06:00:00Z, the spec's day.
pub const SIMULATION_EPOCH: &str = "2025-11-08T06:00:00Z";

/// Time since the run began. Under a paused tokio runtime it is virtual, else real: whoever holds one cannot tell.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    epoch: Timestamp,
    real: bool,
}

impl Clock {
    /// A clock whose wall time starts at [`SIMULATION_EPOCH`]. Call it inside the runtime that drives it.
    #[must_use]
    pub fn simulated() -> Self {
        let epoch = SIMULATION_EPOCH.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        Self { origin: Instant::now(), epoch, real: false }
    }

    /// A clock whose wall time is the system's.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads real time")]
    pub fn system() -> Self {
        Self { origin: Instant::now(), epoch: Timestamp::now(), real: true }
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Whole milliseconds since the run began.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The runtime's instant at `elapsed` after the start, for `tokio::time::sleep_until`.
    #[must_use]
    pub fn instant(&self, elapsed: Duration) -> Instant {
        self.origin + elapsed
    }

    /// Whether it is the system's.
    pub(super) fn is_real(&self) -> bool {
        self.real
    }

    /// Waits until `elapsed` after the start. In real time it is to be called on a thread's local tasks.
    pub async fn sleep_until(&self, elapsed: Duration) {
        let mut alarm = Alarm::default();
        poll_fn(|context| alarm.poll(self, elapsed, context)).await;
    }

    /// The true wall time now.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// One party's wall clock: the true one plus a skew that can change while the party runs.
#[derive(Clone, Debug)]
pub struct WallClock {
    clock: Clock,
    skew_ms: Arc<AtomicI64>,
}

impl WallClock {
    /// A wall clock that is `skew_ms` milliseconds ahead of the truth (behind it when negative).
    #[must_use]
    pub fn new(clock: Clock, skew_ms: i64) -> Self {
        Self { clock, skew_ms: Arc::new(AtomicI64::new(skew_ms)) }
    }

    /// Sets how far this clock is ahead of the truth, in milliseconds.
    pub fn set_skew_ms(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// What this clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let skew = SignedDuration::from_millis(self.skew_ms.load(Ordering::Relaxed));
        self.clock.wall().saturating_add(skew).unwrap_or(Timestamp::MAX)
    }

    /// What this clock shows, as the wire writes it: RFC 3339 with milliseconds.
    #[must_use]
    pub fn now_text(&self) -> String {
        Self::text(self.now())
    }

    /// RFC 3339 with exactly three decimals, UTC: the one form in which times travel and are stored.
    #[must_use]
    pub fn text(time: Timestamp) -> String {
        format!("{time:.3}")
    }
}
