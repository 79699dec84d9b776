//! The receiving end of one direction of a connection: what has arrived, and when it says so.

use std::collections::{BTreeSet, VecDeque};

use super::trace::{MILLISECOND, Nanos};

/// At the start, so many packets are acknowledged each (Linux: quick acknowledgements let the window grow).
const QUICK: u32 = 16;
/// An acknowledgement waits so long for a second packet.
const DELAY: Nanos = 40 * MILLISECOND;

/// The receiving end.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// All packets before this number have arrived.
    next: u64,
    /// Later ones that have arrived.
    beyond: BTreeSet<u64>,
    /// The numbers of those that came out of order, as they came: acknowledgements say how far they know it.
    log: VecDeque<u64>,
    /// How many entries were forgotten at the front of it.
    forgotten: u64,
    seen: u32,
    unsaid: u32,
    due: Option<Nanos>,
}

/// What an acknowledgement says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ack {
    pub(super) until: u64,
    log: u64,
}

impl Receiver {
    /// A packet arrives, `full` or not; says whether it is acknowledged at once.
    pub(super) fn arrived(&mut self, now: Nanos, number: u64, full: bool) -> bool {
        self.seen += 1;
        if number != self.next || !self.beyond.is_empty() {
            // Out of order, or filling a hole, or known already: the sender must learn of it (RFC 5681, section 4.2).
            if number == self.next {
                self.next += 1;
                while self.beyond.remove(&self.next) {
                    self.next += 1;
                }
            } else if number > self.next && self.beyond.insert(number) {
                self.log.push_back(number);
            }
            return true;
        }
        self.next += 1;
        self.unsaid += 1 + u32::from(!full && self.unsaid > 0);
        if self.seen <= QUICK || self.unsaid >= 2 {
            return true;
        }
        self.due = Some(now + DELAY);
        false
    }

    /// Up to where all has arrived.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// What is acknowledged now, in a packet of its own or with data; nothing more waits to be.
    pub(super) fn ack(&mut self) -> Ack {
        (self.unsaid, self.due) = (0, None);
        Ack { until: self.next, log: self.forgotten + self.log.len() as u64 }
    }

    /// The packets that `ack` tells of beyond [`Ack::until`] and that no acknowledgement before it told of.
    pub(super) fn told_by(&mut self, ack: Ack) -> impl Iterator<Item = u64> + '_ {
        let count = usize::try_from(ack.log.saturating_sub(self.forgotten)).unwrap_or(0).min(self.log.len());
        self.forgotten += count as u64;
        self.log.drain(..count)
    }

    /// When an acknowledgement that waits must go.
    pub(super) fn due(&self) -> Option<Nanos> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_packet_is_acknowledged_once_it_runs() {
        let mut receiver = Receiver::default();
        let said: Vec<bool> =
            (0..20).map(|number| receiver.arrived(0, number, true) && receiver.ack().until == number + 1).collect();
        assert!(said[..16].iter().all(|said| *said));
        assert_eq!(said[16..], [false, true, false, true]);
    }

    #[test]
    fn a_hole_is_told_of_at_once_and_once() {
        let mut receiver = Receiver::default();
        assert!(receiver.arrived(0, 0, true) && receiver.arrived(0, 2, true));
        let ack = receiver.ack();
        assert!(receiver.arrived(0, 3, true));
        assert_eq!((ack.until, receiver.told_by(ack).collect::<Vec<_>>()), (1, vec![2]));
        let ack = receiver.ack();
        assert_eq!(receiver.told_by(ack).collect::<Vec<_>>(), [3]);
        assert!(receiver.arrived(0, 1, true));
        assert_eq!(receiver.ack().until, 4);
    }
}
