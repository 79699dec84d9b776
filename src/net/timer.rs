//! How long a sender waits for an acknowledgement (RFC 6298, with the bounds of Linux).

use super::trace::{MILLISECOND, Nanos, SECOND};

/// The least of it beyond the round trip; Linux's `TCP_RTO_MIN`.
const LEAST: Nanos = 200 * MILLISECOND;
/// The most, however often it was doubled; Linux's `TCP_RTO_MAX`.
const MOST: Nanos = 120 * SECOND;
/// Before any round trip was measured (RFC 6298, section 2).
pub(super) const INITIAL: Nanos = SECOND;

/// What a sender knows of its round trips.
#[derive(Debug)]
pub(super) struct RoundTrips {
    smoothed: Nanos,
    variation: Nanos,
    least: Nanos,
    latest: Nanos,
    doublings: u32,
}

impl RoundTrips {
    pub(super) fn new() -> Self {
        Self { smoothed: 0, variation: 0, least: Nanos::MAX, latest: 0, doublings: 0 }
    }

    /// A round trip was measured. Time stamps tell which sending of a packet was answered.
    pub(super) fn measured(&mut self, took: Nanos) {
        (self.latest, self.least) = (took, self.least.min(took));
        if self.smoothed == 0 {
            (self.smoothed, self.variation) = (took, took / 2);
        } else {
            self.variation = (3 * self.variation + self.smoothed.abs_diff(took)) / 4;
            self.smoothed = (7 * self.smoothed + took) / 8;
        }
    }

    pub(super) fn smoothed(&self) -> Option<Nanos> {
        Some(self.smoothed).filter(|smoothed| *smoothed > 0)
    }

    pub(super) fn least(&self) -> Option<Nanos> {
        Some(self.least).filter(|least| *least < Nanos::MAX)
    }

    /// How long to wait until something is sent again (RTO).
    pub(super) fn timeout(&self) -> Nanos {
        let base = if self.smoothed == 0 { INITIAL } else { self.smoothed + LEAST.max(4 * self.variation) };
        (base << self.doublings.min(16)).min(MOST)
    }

    /// How long to wait until the tail is probed (RFC 8985, section 7.2), with so many packets outstanding.
    pub(super) fn probe_timeout(&self, outstanding: usize) -> Nanos {
        // Alone, a packet's acknowledgement may be delayed.
        let alone = if outstanding == 1 { LEAST } else { 0 };
        if self.smoothed == 0 { INITIAL } else { 2 * self.smoothed + alone }
    }

    /// The wait was in vain: the next is twice as long.
    pub(super) fn double(&mut self) {
        self.doublings += 1;
    }

    /// Something new was acknowledged.
    pub(super) fn undouble(&mut self) {
        self.doublings = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_the_round_trips_and_doubles() {
        let mut trips = RoundTrips::new();
        assert_eq!(trips.timeout(), SECOND);
        trips.measured(400 * MILLISECOND);
        assert_eq!(trips.timeout(), 1_200 * MILLISECOND);
        for _ in 0..50 {
            trips.measured(400 * MILLISECOND);
        }
        assert_eq!(trips.timeout(), 600 * MILLISECOND);
        for _ in 0..3 {
            trips.double();
        }
        assert_eq!(trips.timeout(), 4_800 * MILLISECOND);
        for _ in 0..30 {
            trips.double();
        }
        assert_eq!(trips.timeout(), MOST);
        trips.undouble();
        assert_eq!(trips.timeout(), 600 * MILLISECOND);
    }
}
