//! One direction of a device's link: a bottleneck that all the device's connections share, then a delay.

use std::collections::VecDeque;
use std::sync::Arc;

use super::conditions::Carries;
use super::loss::Fate;
use super::trace::{Cursor, Nanos, SECOND, Trace};
use crate::base::Stream;

/// So many packets may wait, however long that takes. Slow networks hold more than their senders need: nodes of GPRS were
/// measured with 5 to 48 s (Wennström, Brunström, Rendón: Impact of GPRS buffering on TCP performance, Electronics Letters
/// 40/20, 2004). These are as many as a sender begins with (RFC 6928); a queue that cannot take them starves whoever counts
/// on a third acknowledgement to find a loss.
const LEAST_PLACES: usize = 10;

/// The packets of one direction, in their order; none overtakes another. `T` is what they say.
#[derive(Debug)]
pub(super) struct Bottleneck<T> {
    capacity: Capacity,
    pub(super) delay: Nanos,
    pub(super) jitter: Nanos,
    /// The longest wait of a packet behind [`LEAST_PLACES`] or more.
    pub(super) queue: Nanos,
    pub(super) fate: Fate,
    /// Whether anything gets through.
    pub(super) open: bool,
    draws: Stream,
    /// When all has been sent that was taken.
    free: Nanos,
    line: VecDeque<Packet<T>>,
    /// How many were taken so far.
    taken: u64,
}

#[derive(Debug)]
enum Capacity {
    /// Bits a second; 0 is no limit.
    Steady(u64),
    Trace(Arc<Trace>, Cursor),
}

/// A packet on its way.
#[derive(Debug)]
pub(super) struct Packet<T> {
    /// What it says.
    pub(super) says: T,
    /// When it arrives.
    pub(super) arrives: Nanos,
    /// Whether it gets lost on the way.
    lost: bool,
    bytes: u64,
    /// When its transmission begins and ends.
    starts: Nanos,
    departs: Nanos,
}

impl<T> Bottleneck<T> {
    /// An idle direction.
    pub(super) fn new(carries: &Carries, fate: Fate, draws: Stream) -> Self {
        let (line, capacity) = (VecDeque::new(), Capacity::new(carries, 0));
        Self { capacity, delay: 0, jitter: 0, queue: Nanos::MAX, fate, open: true, draws, free: 0, line, taken: 0 }
    }

    /// Takes a packet of `bytes` at `now`, to be sent at `ready` at the earliest; says whether it went on its way. It may
    /// get lost there all the same.
    pub(super) fn send(&mut self, now: Nanos, ready: Nanos, bytes: u64, says: T) -> bool {
        let starts = self.free.max(ready);
        // The tail is dropped: where it would wait too long behind many, there is no room for it.
        if !self.open || (self.free.saturating_sub(now) > self.queue && self.waiting_packets(now) >= LEAST_PLACES) {
            return false;
        }
        let lost = self.fate.strikes();
        let extra = if self.jitter == 0 { 0 } else { self.draws.below(self.jitter) };
        let Some(departs) = self.capacity.carry(starts, bytes) else { return false };
        let before = self.line.back().map_or(0, |packet| packet.arrives);
        let arrives = before.max(departs + self.delay + extra);
        self.free = departs;
        self.taken += 1;
        self.line.push_back(Packet { says, arrives, lost, bytes, starts, departs });
        true
    }

    /// How many packets have not been sent at `now`.
    fn waiting_packets(&self, now: Nanos) -> usize {
        self.line.len() - self.line.partition_point(|packet| packet.departs <= now)
    }

    /// The packet taken last, if it still waits for its turn at `now`, with its number.
    pub(super) fn waiting(&self, now: Nanos) -> Option<u64> {
        let steady = matches!(self.capacity, Capacity::Steady(_));
        self.line.back().filter(|last| steady && last.starts > now).map(|_| self.taken)
    }

    /// Adds `bytes` to the packet taken last.
    pub(super) fn extend(&mut self, bytes: u64) {
        let Some(last) = self.line.back_mut() else { return };
        let departs = self.capacity.carry(last.departs, bytes).unwrap_or(last.departs);
        last.arrives += departs - last.departs;
        (last.departs, last.bytes) = (departs, last.bytes + bytes);
        self.free = departs;
    }

    /// How many packets were taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// When the next packet comes to its end.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.line.front().map(|packet| packet.arrives)
    }

    /// The next packet, at its end; nothing of one that got lost.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.line.pop_front().filter(|packet| !packet.lost).map(|packet| packet.says)
    }

    /// Until when something is being sent, as far as is known.
    pub(super) fn busy_until(&self) -> Nanos {
        self.free
    }

    /// What has not arrived at `now` never will.
    pub(super) fn cut(&mut self, now: Nanos) {
        self.line.clear();
        self.free = self.free.min(now);
    }

    /// From `now` on it carries something else. What waits is sent at the new rate; what is being sent, the rest of it.
    pub(super) fn set_capacity(&mut self, now: Nanos, carries: &Carries) {
        self.capacity = Capacity::new(carries, now);
        self.free = self.free.min(now);
        let mut before = 0;
        let mut line = std::mem::take(&mut self.line);
        line.retain_mut(|packet| {
            if packet.departs > now {
                let (whole, rest) = (packet.departs - packet.starts, packet.departs - packet.starts.max(now));
                let bytes = u128::from(packet.bytes) * u128::from(rest) / u128::from(whole.max(1));
                let starts = self.free.max(now);
                let bytes = u64::try_from(bytes).unwrap_or(packet.bytes);
                let Some(departs) = self.capacity.carry(starts, bytes) else { return false };
                packet.arrives = departs + self.delay;
                (packet.starts, packet.departs, self.free) = (starts, departs, departs);
            }
            packet.arrives = packet.arrives.max(before);
            before = packet.arrives;
            true
        });
        self.line = line;
    }

    /// A trace that would stop begins anew at its end.
    pub(super) fn wrap(&mut self) {
        if let Capacity::Trace(trace, _) = &mut self.capacity {
            *trace = Arc::new(trace.wrapped());
        }
    }

    /// Bits a second; none where there is no limit, or where it changes.
    pub(super) fn steady_rate(&self) -> Option<u64> {
        match self.capacity {
            Capacity::Steady(0) | Capacity::Trace(..) => None,
            Capacity::Steady(rate) => Some(rate),
        }
    }
}

impl Capacity {
    fn new(carries: &Carries, origin: Nanos) -> Self {
        match carries {
            Carries::Steady(rate) => Self::Steady(rate.bits_per_second()),
            Carries::Trace(trace) => Self::Trace(trace.clone(), Cursor::new(origin)),
        }
    }

    /// When `bytes` have been sent that begin at `starts`; never where a trace has stopped.
    fn carry(&mut self, starts: Nanos, bytes: u64) -> Option<Nanos> {
        match self {
            Self::Steady(0) => Some(starts),
            Self::Steady(rate) => Some(starts + bytes * 8 * SECOND / *rate),
            Self::Trace(trace, cursor) => trace.carry(cursor, starts, bytes),
        }
    }
}
