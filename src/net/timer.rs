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
    /// Four mean deviations, as of the latest sample.
    deviation: Nanos,
    /// The largest of this round.
    largest: Nanos,
    /// What the wait is beyond the round trip.
    variation: Nanos,
    /// The round ends when this packet has arrived.
    round_ends: u64,
    least: Nanos,
    doublings: u32,
}

impl RoundTrips {
    pub(super) fn new() -> Self {
        Self { smoothed: 0, deviation: 0, largest: 0, variation: 0, round_ends: 0, least: Nanos::MAX, doublings: 0 }
    }

    /// A round trip was measured, when all packets before `until` had arrived and `next` was the number of the next to be
    /// sent. Time stamps tell which sending of a packet was answered. The variation falls once a round and not with every
    /// packet, as in Linux: else many packets in a round would make a sender impatient.
    pub(super) fn measured(&mut self, took: Nanos, until: u64, next: u64) {
        self.least = self.least.min(took);
        if self.smoothed == 0 {
            (self.smoothed, self.deviation, self.round_ends) = (took, 2 * took, next);
            self.variation = self.deviation.max(LEAST);
            self.largest = self.variation;
            return;
        }
        let (error, quarter) = (self.smoothed.abs_diff(took), self.deviation / 4);
        if error > quarter {
            // What came sooner says less.
            self.deviation += (error - quarter) / if took < self.smoothed { 8 } else { 1 };
        } else {
            self.deviation -= quarter - error;
        }
        self.smoothed = (7 * self.smoothed + took) / 8;
        self.largest = self.largest.max(self.deviation);
        self.variation = self.variation.max(self.largest);
        if until > self.round_ends {
            self.variation -= (self.variation - self.largest) / 4;
            (self.round_ends, self.largest) = (next, LEAST);
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
        let base = if self.smoothed == 0 { INITIAL } else { self.smoothed + self.variation };
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
        trips.measured(400 * MILLISECOND, 0, 1);
        assert_eq!(trips.timeout(), 1_200 * MILLISECOND);
        for number in 1..100 {
            trips.measured(400 * MILLISECOND, number, number);
        }
        assert_eq!(trips.timeout() / MILLISECOND, 600);
        trips = RoundTrips { variation: 200 * MILLISECOND, ..trips };
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
