//! The pure link model: when does what is sent arrive. Time goes in, times come out; no clock, no bytes.

use std::time::Duration;

use crate::base::{Rate, Span, Stream};

/// Payload of a full packet in bytes: 1500 less the IP and TCP headers with time stamps.
pub(super) const PACKET_PAYLOAD: usize = 1448;
/// What each packet costs on the link beside its payload, in bytes.
pub(super) const PACKET_HEADERS: usize = 52;

/// Longest wait between two tries of an unanswered packet (RFC 6298 allows a cap of a minute or more).
const LONGEST_TRY_GAP: Duration = Duration::from_secs(60);

/// One direction of a device's link: a bottleneck that all the device's connections share, then a delay.
#[derive(Debug)]
pub struct Direction {
    rate: Rate,
    delay: Duration,
    jitter: Span,
    draws: Stream,
    /// When the bottleneck has sent all it was given.
    free: Duration,
    /// Number of the latest packet, over all flows.
    latest: u64,
}

/// What a direction remembers of one connection: enough to keep its bytes in order and its packets full.
#[derive(Debug, Default)]
pub struct Flow {
    /// No later packet may arrive before this.
    in_order: Duration,
    /// Number of this flow's latest packet.
    packet: u64,
    /// When that packet begins to leave.
    start: Duration,
    /// Payload in it, in bytes.
    payload: usize,
    /// Its extra delay.
    jitter: Duration,
}

/// Where a packet's payload falls in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// How much of the payload offered is in it, in bytes.
    pub payload: usize,
    /// When its packet begins to leave.
    pub start: Duration,
    /// When it arrives.
    pub due: Duration,
}

impl Direction {
    /// An idle direction. A `rate` of 0 is no limit; each packet draws an extra delay below `jitter` from `draws`.
    #[must_use]
    pub fn new(rate: Rate, delay: Duration, jitter: Span, draws: Stream) -> Self {
        Self { rate, delay, jitter, draws, free: Duration::ZERO, latest: 0 }
    }

    /// Sends up to one packet's worth of `payload` bytes at `now`; the slot says how much of it was taken. What is
    /// sent while the flow's own latest packet still waits for the bottleneck fills that packet first, as TCP does.
    pub fn send(&mut self, flow: &mut Flow, now: Duration, payload: usize) -> Slot {
        let joins = flow.packet == self.latest && flow.start > now && flow.payload < PACKET_PAYLOAD && payload > 0;
        if !joins {
            self.latest += 1;
            let jitter = Duration::from_micros(self.draws_below(self.jitter));
            let (packet, start) = (self.latest, self.free.max(now));
            *flow = Flow { in_order: flow.in_order, packet, start, payload: 0, jitter };
        }
        let taken = payload.min(PACKET_PAYLOAD - flow.payload);
        flow.payload += taken;
        let on_link = if joins { taken } else { taken + PACKET_HEADERS };
        self.free = self.free.max(now) + self.transmission(on_link);
        flow.in_order = flow.in_order.max(self.free + self.delay + flow.jitter);
        Slot { payload: taken, start: flow.start, due: flow.in_order }
    }

    /// An outage begins at `now`: the bottleneck drops what it still has.
    pub fn cut(&mut self, now: Duration) {
        self.free = self.free.min(now);
        // Nothing may join a packet that was dropped.
        self.latest += 1;
    }

    fn draws_below(&mut self, jitter: Span) -> u64 {
        if jitter.micros() == 0 { 0 } else { self.draws.below(jitter.micros()) }
    }

    fn transmission(&self, bytes: usize) -> Duration {
        let bits = bytes as u64 * 8;
        Duration::from_nanos((bits * 1_000_000_000).checked_div(self.rate.bits_per_second()).unwrap_or(0))
    }
}

impl Flow {
    /// An outage begins at `now`: what would have arrived later does not hold up what follows.
    pub fn cut(&mut self, now: Duration) {
        self.in_order = self.in_order.min(now);
    }
}

/// The first time at or after `from` at which TCP sends again what it first sent at `sent` and what nobody has
/// acknowledged: after 1 s, then after gaps that double up to a minute.
pub(super) fn next_try(sent: Duration, from: Duration) -> Duration {
    let (mut at, mut gap) = (sent, Duration::from_secs(1));
    while at < from {
        at += gap;
        gap = (gap * 2).min(LONGEST_TRY_GAP);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use proptest::prelude::*;

    const ZERO: Duration = Duration::ZERO;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn direction(kbps: u64, delay_ms: u64, jitter_ms: u64) -> Direction {
        let draws = Seed(1).stream("link/test/up");
        Direction::new(Rate::new(kbps * 1_000), ms(delay_ms), Span::from_millis(jitter_ms), draws)
    }

    /// Sends `bytes` at `now` and says when the last of them arrives.
    fn send(direction: &mut Direction, flow: &mut Flow, now: Duration, mut bytes: usize) -> Duration {
        loop {
            let slot = direction.send(flow, now, bytes);
            bytes -= slot.payload;
            if bytes == 0 {
                return slot.due;
            }
        }
    }

    #[test]
    fn a_full_packet_takes_its_1500_bytes_and_the_delay() {
        let mut link = direction(400, 200, 0);
        let slot = link.send(&mut Flow::default(), ms(1_000), PACKET_PAYLOAD + 1);
        assert_eq!(slot, Slot { payload: PACKET_PAYLOAD, start: ms(1_000), due: ms(1_000 + 30 + 200) });
    }

    #[test]
    fn five_megabytes_take_the_arithmetic_time() {
        let mut link = direction(400, 200, 0);
        let due = send(&mut link, &mut Flow::default(), ZERO, 5_000_000);
        let on_link = 5_000_000 + 5_000_000_u64.div_ceil(1448) * 52;
        let exact = Duration::from_nanos(on_link * 8 * 1_000_000_000 / 400_000) + ms(200);
        assert!(exact - due < Duration::from_micros(10), "{due:?} against {exact:?}");
    }

    #[test]
    fn two_connections_share_the_bottleneck() {
        let (mut one, mut two) = (direction(400, 200, 0), direction(400, 200, 0));
        let alone = send(&mut one, &mut Flow::default(), ZERO, 2 * 144_800);
        send(&mut two, &mut Flow::default(), ZERO, 144_800);
        let shared = send(&mut two, &mut Flow::default(), ZERO, 144_800);
        assert_eq!(shared, alone);
    }

    #[test]
    fn small_writes_to_a_busy_link_fill_packets() {
        let (mut one, mut many) = (direction(400, 200, 0), direction(400, 200, 0));
        let at_once = send(&mut one, &mut Flow::default(), ZERO, 14_480);
        let mut flow = Flow::default();
        let mut due = ZERO;
        for _ in 0..1_448 {
            due = send(&mut many, &mut flow, ZERO, 10);
        }
        // The first small write left alone; only its headers are extra.
        assert_eq!(due - at_once, Duration::from_nanos(52 * 8 * 2_500));
    }

    #[test]
    fn another_connections_packet_is_not_joined() {
        let mut link = direction(400, 0, 0);
        let (mut one, mut two) = (Flow::default(), Flow::default());
        link.send(&mut two, ZERO, PACKET_PAYLOAD);
        link.send(&mut one, ZERO, 100);
        let last = link.send(&mut two, ZERO, 100);
        assert_eq!(last.start, Duration::from_micros(30_000 + 3_040));
    }

    #[test]
    fn no_rate_is_no_limit() {
        let mut link = direction(0, 5, 0);
        assert_eq!(send(&mut link, &mut Flow::default(), ms(1), 100_000_000), ms(6));
    }

    #[test]
    fn an_outage_frees_the_bottleneck() {
        let mut link = direction(400, 200, 0);
        let mut flow = Flow::default();
        send(&mut link, &mut flow, ZERO, 1_448_000);
        link.cut(ms(100));
        flow.cut(ms(100));
        assert_eq!(link.send(&mut flow, ms(150), PACKET_PAYLOAD).due, ms(150 + 30 + 200));
    }

    #[test]
    fn tries_double_up_to_a_minute() {
        let tries = |from: u64| next_try(ms(500), ms(from)).as_millis();
        assert_eq!([tries(400), tries(501), tries(1_501), tries(3_501)], [500, 1_500, 3_500, 7_500]);
        assert_eq!([tries(31_501), tries(63_501), tries(123_501)], [63_500, 123_500, 183_500]);
        assert!(next_try(ZERO, Duration::from_secs(604_800)) < Duration::from_secs(604_800 + 60));
    }

    proptest! {
        #[test]
        fn jitter_never_reorders(sizes in prop::collection::vec((0_usize..5_000, 0_u64..50), 1..60)) {
            let mut link = direction(2_000, 20, 100);
            let mut flow = Flow::default();
            let (mut now, mut last) = (0, ZERO);
            for (bytes, wait) in sizes {
                now += wait;
                let due = send(&mut link, &mut flow, ms(now), bytes);
                prop_assert!(due >= last && due >= ms(now + 20));
                last = due;
            }
        }
    }

    #[test]
    fn jitter_is_drawn_for_each_packet_and_bounded() {
        let mut link = direction(0, 10, 100);
        let extra: Vec<_> = (0..200).map(|_| link.send(&mut Flow::default(), ZERO, 100).due - ms(10)).collect();
        assert!(extra.iter().all(|extra| *extra < ms(100)));
        assert!(extra.iter().any(|extra| *extra > ms(90)) && extra.iter().any(|extra| *extra < ms(10)));
    }
}
