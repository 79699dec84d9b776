//! How much goes into one push, so that nothing urgent waits long behind it (spec 5.1, 5.2). Pure.
//!
//! What is sent cannot be called back, and the link is the bottleneck: a batch takes the link for as long as its bytes
//! last. The budget follows what the link was seen to do.

use std::time::Duration;

/// Bytes on the wire of a batch on a link that nothing is known of: about what TCP sends before it first waits.
const FIRST: usize = 16 * 1024;
/// However slow the link: an exchange costs its round trip in any case.
const LEAST: usize = 8 * 1024;
/// However fast the link.
const MOST: usize = 256 * 1024;
/// A batch that took the link for less than this could have been larger.
const QUICK: Duration = Duration::from_millis(120);
/// A batch that took the link for longer than this was too large.
const SLOW: Duration = Duration::from_millis(300);

/// The budget of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    budget: usize,
    /// The quickest exchange so far: the round trip, as near as can be known.
    quickest: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { budget: FIRST, quickest: None }
    }
}

impl Pace {
    /// Bytes on the wire that the next batch may take.
    #[must_use]
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// An exchange of so many bytes took so long.
    pub(super) fn note(&mut self, bytes: usize, took: Duration) {
        let quickest = self.quickest.map_or(took, |quickest| quickest.min(took));
        self.quickest = Some(quickest);
        let on_link = took - quickest;
        if on_link > SLOW {
            self.budget = (self.budget / 2).max(LEAST);
        } else if on_link < QUICK && bytes >= self.budget / 2 {
            self.budget = (self.budget * 2).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes through a link of so many kbit/s and a round trip; returns the budget that it ends with.
    fn after(kbps: u64, round_trip_ms: u64, batches: usize) -> usize {
        let mut pace = Pace::default();
        pace.note(200, Duration::from_millis(round_trip_ms));
        for _ in 0..batches {
            let bytes = pace.budget();
            let on_link = Duration::from_millis(bytes as u64 * 8 / kbps);
            pace.note(bytes, Duration::from_millis(round_trip_ms) + on_link);
        }
        pace.budget()
    }

    #[test]
    fn the_budget_fits_the_link() {
        assert_eq!(after(768, 300, 20), 16 * 1024, "3G");
        assert_eq!(after(200, 840, 20), LEAST, "EDGE");
        assert_eq!(after(15_000, 2, 20), MOST, "WiFi");
    }

    #[test]
    fn a_small_batch_proves_nothing() {
        let mut pace = Pace::default();
        (0..9).for_each(|_| pace.note(500, Duration::from_millis(300)));
        assert_eq!(pace.budget(), FIRST);
    }
}
