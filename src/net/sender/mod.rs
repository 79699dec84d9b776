//! The sending end of one direction of a connection: what is out, what is missing, what goes next.

mod recovery;

use std::collections::VecDeque;

use super::bbr::Bbr;
use super::conditions::Congestion;
use super::timer::RoundTrips;
use super::trace::Nanos;
use super::window::Window;

/// Payload of a full packet in bytes: 1500 less the IP and TCP headers with time stamps.
pub(in crate::net) const PACKET_PAYLOAD: usize = 1448;

/// So many packets that came after one say that it is missing (RFC 5681).
const REORDERING: usize = 3;

/// Marks that travel behind the data, each in a packet of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Mark {
    /// The writer will write no more, but may still read.
    Finish,
    /// The writer's end is gone: it neither writes nor reads.
    Gone,
}

/// A packet that was sent and not yet acknowledged.
#[derive(Debug)]
struct Segment {
    payload: u32,
    mark: Option<Mark>,
    sent: Nanos,
    /// It arrived out of order.
    arrived: bool,
    /// It is taken for lost.
    lost: bool,
    /// It was sent again, and that one is out.
    resent: bool,
    /// It was sent more than once.
    ambiguous: bool,
    /// What had been delivered when it was sent.
    before: Delivered,
}

/// What has been delivered so far (the rate samples of Cheng, Cardwell, Yeganeh, Jacobson).
#[derive(Clone, Copy, Debug, Default)]
struct Delivered {
    packets: u64,
    at: Nanos,
    /// When the packet was sent that was delivered last.
    sent: Nanos,
    /// The application had nothing more to send.
    idle: bool,
}

/// What is to be done about losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recovery {
    /// Nothing: none is known.
    None,
    /// Until this packet is acknowledged: the window falls bit by bit to its threshold.
    Fast { until: u64 },
    /// The same after a time-out: the window grows from one packet.
    Timeout { until: u64 },
}

/// Proportional rate reduction (RFC 6937).
#[derive(Debug, Default)]
struct Reduction {
    window_before: f64,
    delivered: usize,
    sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Timeout,
    /// RFC 8985: the last packets may be lost, and nothing would tell of it.
    Probe,
    /// RFC 8985: what has not arrived by then is lost.
    Reordering,
}

/// What goes out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) struct Outgoing {
    pub(in crate::net) number: u64,
    pub(in crate::net) payload: usize,
}

/// The sending end.
#[derive(Debug)]
pub(in crate::net) struct Sender {
    /// No window limits it.
    unlimited: bool,
    window: Window,
    /// Sends by a model of the path.
    model: Option<Box<Bbr>>,
    delivered: Delivered,
    /// What was out when the application last had nothing more to send has been delivered by then.
    idle_until: u64,
    /// New packets sent so far, and when the next may be.
    new_sent: u64,
    next_at: Nanos,
    together: usize,
    paced: Option<Nanos>,
    pub(in crate::net) trips: RoundTrips,
    unsent: usize,
    marks: VecDeque<Mark>,
    /// The number of the first packet that is not acknowledged.
    first: u64,
    out: VecDeque<Segment>,
    /// Every sending whose fate is open, in the order of their times.
    sendings: VecDeque<(Nanos, u64)>,
    /// What is to be sent again, in its order; some of it may have arrived meanwhile.
    missing: VecDeque<u64>,
    arrived: usize,
    lost: usize,
    resent: usize,
    recovery: Recovery,
    /// The window and its threshold before the latest time-out, and whether that was in vain.
    before_timeout: Option<(f64, f64)>,
    in_vain: bool,
    reduction: Reduction,
    /// The latest sending of anything that has arrived, with its number, and its round trip.
    newest: (Nanos, u64),
    newest_took: Nanos,
    probed: Option<u64>,
    timer: Option<(Nanos, Purpose)>,
    last_sent: Nanos,
    used: Used,
    /// All that was taken over and not yet acknowledged, in bytes.
    outstanding: usize,
}

/// Whether the window was used up of late: only then it may grow.
#[derive(Debug, Default)]
struct Used {
    up: bool,
    most_out: usize,
    until: u64,
}

impl Sender {
    /// An idle one. `phase` is where its cycle begins, if it has one.
    pub(in crate::net) fn new(congestion: Congestion, unlimited: bool, phase: usize) -> Self {
        let models = congestion == Congestion::Bbr && !unlimited;
        Self {
            unlimited,
            window: Window::new(congestion),
            model: models.then(|| Box::new(Bbr::new(phase))),
            delivered: Delivered::default(),
            idle_until: 0,
            new_sent: 0,
            next_at: 0,
            together: 0,
            paced: None,
            trips: RoundTrips::new(),
            unsent: 0,
            marks: VecDeque::new(),
            first: 0,
            out: VecDeque::new(),
            sendings: VecDeque::new(),
            missing: VecDeque::new(),
            arrived: 0,
            lost: 0,
            resent: 0,
            recovery: Recovery::None,
            before_timeout: None,
            in_vain: false,
            reduction: Reduction::default(),
            newest: (0, 0),
            newest_took: 0,
            probed: None,
            timer: None,
            last_sent: 0,
            used: Used::default(),
            outstanding: 0,
        }
    }

    /// The handshake has shown a round trip.
    pub(in crate::net) fn opened(&mut self, now: Nanos, trip: Nanos) {
        self.trips.measured(trip, 0, 0);
        if let Some(model) = &mut self.model {
            model.opened(now, trip);
        }
    }

    /// Takes over `bytes` to send.
    pub(in crate::net) fn push(&mut self, bytes: usize) {
        self.unsent += bytes;
        self.outstanding += bytes;
    }

    /// Takes over a mark to send behind all data.
    pub(in crate::net) fn push_mark(&mut self, mark: Mark) {
        self.marks.push_back(mark);
    }

    /// What was not sent yet never will be.
    pub(in crate::net) fn discard(&mut self) {
        self.outstanding -= std::mem::take(&mut self.unsent);
    }

    /// Bytes that were not sent yet.
    pub(in crate::net) fn unsent(&self) -> usize {
        self.unsent
    }

    /// Bytes that were not acknowledged yet.
    pub(in crate::net) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Whether anything is still to be delivered.
    pub(in crate::net) fn is_busy(&self) -> bool {
        self.unsent > 0 || !self.out.is_empty() || !self.marks.is_empty()
    }

    /// The payload and the mark of a packet that is out.
    pub(in crate::net) fn content(&self, number: u64) -> Option<(usize, Option<Mark>)> {
        let segment = self.out.get(self.index(number)?)?;
        Some((segment.payload as usize, segment.mark))
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }

    fn next_number(&self) -> u64 {
        self.first + self.out.len() as u64
    }

    fn in_flight(&self) -> usize {
        self.out.len() - self.arrived - self.lost + self.resent
    }

    /// What may go out at `now`, if anything may.
    pub(in crate::net) fn next(&mut self, now: Nanos) -> Option<Outgoing> {
        let new = self.unsent > 0 || !self.marks.is_empty();
        if !new && self.lost == self.resent {
            return None;
        }
        if self.out.is_empty() {
            self.resume(now);
        }
        if self.in_flight() >= self.window.packets() && !self.unlimited {
            self.note_use(new);
            return None;
        }
        if self.together == 0 && self.next_at > now && !self.unlimited {
            self.paced = Some(self.next_at);
            return None;
        }
        while let Some(number) = self.missing.pop_front() {
            let index = self
                .index(number)
                .filter(|index| self.out.get(*index).is_some_and(|segment| segment.lost && !segment.resent));
            if let Some(index) = index {
                return Some(self.send_again(index, now));
            }
        }
        let sent = self.send_new(now);
        self.note_use(false);
        sent
    }

    /// Something is sent again after a pause.
    fn resume(&mut self, now: Nanos) {
        match &mut self.model {
            Some(model) if self.idle_until > self.delivered.packets => model.resumes(now),
            Some(_) => {}
            None if now.saturating_sub(self.last_sent) > self.trips.timeout() => {
                self.window.restart(now - self.last_sent, self.trips.timeout());
            }
            None => {}
        }
        (self.delivered.at, self.delivered.sent) = (now, now);
    }

    /// When the next packet may go out, after one of `payload` bytes at `now`.
    fn pace(&mut self, now: Nanos, payload: usize) {
        let Some(model) = &self.model else { return };
        self.paced = None;
        if self.together == 0 {
            self.together = model.together();
        }
        self.together -= 1;
        // Linux paces from the tenth packet on, and lets who is late catch up by half a pause.
        let late = now.saturating_sub(self.next_at);
        self.next_at = self.next_at.max(now);
        if self.new_sent >= 10 {
            let pause = model.pause(payload);
            self.next_at += pause - late.min(pause / 2);
        }
    }

    fn send_again(&mut self, index: usize, now: Nanos) -> Outgoing {
        let before = self.snapshot();
        let segment = &mut self.out[index];
        segment.before = before;
        (segment.sent, segment.resent, segment.ambiguous) = (now, segment.lost, true);
        self.resent += usize::from(segment.lost);
        self.reduction.sent += 1;
        self.last_sent = now;
        let payload = segment.payload as usize;
        let number = self.first + index as u64;
        self.sendings.push_back((now, number));
        self.pace(now, payload);
        self.arm(now, false);
        Outgoing { number, payload }
    }

    fn send_new(&mut self, now: Nanos) -> Option<Outgoing> {
        let payload = self.unsent.min(PACKET_PAYLOAD);
        let mark = if payload == 0 { Some(self.marks.pop_front()?) } else { None };
        self.unsent -= payload;
        let number = self.next_number();
        let small = u32::try_from(payload).unwrap_or(0);
        let before = self.snapshot();
        self.out.push_back(Segment {
            payload: small,
            mark,
            sent: now,
            arrived: false,
            lost: false,
            resent: false,
            ambiguous: false,
            before,
        });
        self.sendings.push_back((now, number));
        self.new_sent += 1;
        if self.unsent == 0 {
            self.idle_until = self.delivered.packets + self.in_flight() as u64;
        }
        self.pace(now, payload);
        self.reduction.sent += 1;
        self.last_sent = now;
        self.arm(now, false);
        Some(Outgoing { number, payload })
    }

    /// Adds up to a packet's worth of the unsent bytes to the latest packet, if that is `number`; says how many.
    pub(in crate::net) fn fill(&mut self, number: u64) -> usize {
        let latest = self.next_number() == number + 1;
        let Some(segment) = self.out.back_mut().filter(|last| latest && last.mark.is_none() && !last.ambiguous) else {
            return 0;
        };
        let room = PACKET_PAYLOAD.saturating_sub(segment.payload as usize);
        let added = room.min(self.unsent);
        segment.payload += u32::try_from(added).unwrap_or(0);
        self.unsent -= added;
        added
    }

    fn snapshot(&self) -> Delivered {
        Delivered { idle: self.idle_until > self.delivered.packets, ..self.delivered }
    }

    fn note_use(&mut self, up: bool) {
        let out = self.out.len();
        if self.first >= self.used.until || up || (!self.used.up && out > self.used.most_out) {
            self.used = Used { up, most_out: out, until: self.next_number() };
        }
    }

    fn uses_window(&self) -> bool {
        self.used.up || (self.window.in_slow_start() && self.window.packets() < 2 * self.used.most_out)
    }

    /// All packets before `until` have arrived, and of later ones `others`.
    pub(in crate::net) fn acked(&mut self, now: Nanos, until: u64, others: impl Iterator<Item = u64>) {
        let (before, lost_before) = (self.first, self.lost);
        let (mut newly, mut took, mut newest) = (0, None, None);
        while self.first < until {
            let Some(segment) = self.out.pop_front() else { break };
            self.outstanding -= segment.payload as usize;
            if segment.arrived {
                self.arrived -= 1;
            } else {
                newly += 1;
                self.delivered(&segment, self.first, now, &mut took, &mut newest);
            }
            self.first += 1;
        }
        for number in others {
            let Some(index) = self.index(number) else { continue };
            let Some(segment) = self.out.get_mut(index).filter(|segment| !segment.arrived) else { continue };
            segment.arrived = true;
            let (lost, resent) = (segment.lost, segment.resent);
            let seen = Segment { payload: 0, mark: None, arrived: true, ..*segment };
            (segment.lost, segment.resent) = (false, false);
            self.arrived += 1;
            newly += 1;
            self.delivered(&Segment { lost, resent, ..seen }, number, now, &mut took, &mut newest);
        }
        let advanced = self.first > before;
        if newly == 0 && !advanced {
            return;
        }
        if self.in_vain && matches!(self.recovery, Recovery::Timeout { .. }) {
            self.take_back();
        }
        if advanced {
            self.trips.undouble();
            self.probed = self.probed.filter(|probed| *probed >= self.first);
        }
        if let Some(took) = took {
            self.trips.measured(took, self.first, self.next_number());
        }
        self.timer = None;
        let unlost = self.lost;
        self.detect_losses(now);
        if self.model.is_some() {
            self.follow_model(now, newly, took, newest, self.lost.saturating_sub(unlost));
        } else {
            self.adjust_window(now, newly, took, advanced, self.lost > lost_before);
        }
        if self.timer.is_none() {
            self.arm(now, advanced);
        }
    }

    /// When the timer goes off.
    pub(in crate::net) fn due(&self) -> Option<Nanos> {
        let timer = self.timer.map(|(due, _)| due);
        [timer, self.paced].into_iter().flatten().min()
    }
}
