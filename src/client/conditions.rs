//! What the platform allows (spec 5.1): whether a periodic sync may run, and whether coming back to the foreground is a
//! reason to sync. Pure but for the times that it is handed.

use std::time::Duration;

use tokio::time::Instant;

use crate::history::Circumstance;

/// After more than this in the background, coming back is a reason to sync.
const AWAY: Duration = Duration::from_secs(5 * 60);
/// Below so many percent a battery that is not charged is kept for its user.
const LOW_BATTERY: u8 = 20;

/// The conditions as last told; at the start, those of a healthy phone in its user's hand.
#[derive(Debug)]
pub(super) struct Conditions {
    in_background_since: Option<Instant>,
    percent: u8,
    charging: bool,
    data_saver: bool,
    wifi: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { in_background_since: None, percent: 100, charging: false, data_saver: false, wifi: false }
    }
}

impl Conditions {
    /// Notes what the platform tells; says whether that is a reason to sync.
    pub(super) fn note(&mut self, what: Circumstance, now: Instant) -> bool {
        match what {
            Circumstance::Background => {
                self.in_background_since.get_or_insert(now);
            }
            Circumstance::Foreground => {
                return self.in_background_since.take().is_some_and(|since| now.duration_since(since) > AWAY);
            }
            Circumstance::Battery { percent, charging } => (self.percent, self.charging) = (percent, charging),
            Circumstance::DataSaver { on } => self.data_saver = on,
            Circumstance::Network { wifi } => self.wifi = wifi,
        }
        false
    }

    /// Whether the network is WiFi; until the platform tells, it may be one that costs.
    pub(super) fn on_wifi(&self) -> bool {
        self.wifi
    }

    /// Whether battery and network allow a periodic sync. It runs in the background as well; a data saver keeps the
    /// network for what is in the foreground.
    pub(super) fn period_allowed(&self) -> bool {
        let battery = self.charging || self.percent >= LOW_BATTERY;
        let network = !self.data_saver || self.in_background_since.is_none();
        battery && network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn coming_back_is_a_reason_after_more_than_five_minutes() {
        let mut conditions = Conditions::default();
        let now = Instant::now();
        assert!(!conditions.note(Circumstance::Foreground, now));
        for (away, reason) in [(AWAY, false), (AWAY + Duration::from_millis(1), true)] {
            conditions.note(Circumstance::Background, now);
            // Told twice, it counts from the first time.
            conditions.note(Circumstance::Background, now + Duration::from_secs(60));
            assert_eq!(conditions.note(Circumstance::Foreground, now + away), reason);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_period_needs_power_and_a_network_that_is_free() {
        let now = Instant::now();
        let allowed = |told: &[Circumstance]| {
            let mut conditions = Conditions::default();
            for what in told {
                conditions.note(*what, now);
            }
            conditions.period_allowed()
        };
        use Circumstance::{Background, Battery, DataSaver, Foreground};
        assert!(allowed(&[Background]));
        assert!(allowed(&[Battery { percent: 20, charging: false }]));
        assert!(!allowed(&[Battery { percent: 19, charging: false }]));
        assert!(allowed(&[Battery { percent: 3, charging: true }]));
        assert!(allowed(&[DataSaver { on: true }]));
        assert!(!allowed(&[DataSaver { on: true }, Background]));
        assert!(allowed(&[DataSaver { on: true }, Background, Foreground]));
        assert!(allowed(&[DataSaver { on: true }, DataSaver { on: false }, Background]));
    }
}
