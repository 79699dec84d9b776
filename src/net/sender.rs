//! The sending end of one direction of a connection: what is out, what is missing, what goes next.

use std::collections::VecDeque;

use super::bbr::{Bbr, Sample};
use super::conditions::Congestion;
use super::timer::RoundTrips;
use super::trace::{MILLISECOND, Nanos};
use super::window::{Acked, Window};

/// Payload of a full packet in bytes: 1500 less the IP and TCP headers with time stamps.
pub(super) const PACKET_PAYLOAD: usize = 1448;

/// So many packets that came after one say that it is missing (RFC 5681).
const REORDERING: usize = 3;

/// Marks that travel behind the data, each in a packet of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
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
pub(super) struct Outgoing {
    pub(super) number: u64,
    pub(super) payload: usize,
}

/// The sending end.
#[derive(Debug)]
pub(super) struct Sender {
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
    pub(super) trips: RoundTrips,
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
    pub(super) fn new(congestion: Congestion, unlimited: bool, phase: usize) -> Self {
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
    pub(super) fn opened(&mut self, now: Nanos, trip: Nanos) {
        self.trips.measured(trip);
        if let Some(model) = &mut self.model {
            model.opened(now, trip);
        }
    }

    /// Takes over `bytes` to send.
    pub(super) fn push(&mut self, bytes: usize) {
        self.unsent += bytes;
        self.outstanding += bytes;
    }

    /// Takes over a mark to send behind all data.
    pub(super) fn push_mark(&mut self, mark: Mark) {
        self.marks.push_back(mark);
    }

    /// What was not sent yet never will be.
    pub(super) fn discard(&mut self) {
        self.outstanding -= std::mem::take(&mut self.unsent);
    }

    /// Bytes that were not sent yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent
    }

    /// Bytes that were not acknowledged yet.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Whether anything is still to be delivered.
    pub(super) fn is_busy(&self) -> bool {
        self.unsent > 0 || !self.out.is_empty() || !self.marks.is_empty()
    }

    /// The payload and the mark of a packet that is out.
    pub(super) fn content(&self, number: u64) -> Option<(usize, Option<Mark>)> {
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
    pub(super) fn next(&mut self, now: Nanos) -> Option<Outgoing> {
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
            let index = self.index(number).filter(|index| {
                self.out.get(*index).is_some_and(|segment| segment.lost && !segment.resent)
            });
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
        // The first ten are not paced, as in Linux.
        if self.new_sent > 10 {
            self.next_at = self.next_at.max(now) + model.pause(payload);
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
        self.arm(now);
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
        self.arm(now);
        Some(Outgoing { number, payload })
    }

    /// Adds up to a packet's worth of the unsent bytes to the latest packet, if that is `number`; says how many.
    pub(super) fn fill(&mut self, number: u64) -> usize {
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
    pub(super) fn acked(&mut self, now: Nanos, until: u64, others: impl Iterator<Item = u64>) {
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
        if advanced {
            self.trips.undouble();
            self.probed = self.probed.filter(|probed| *probed >= self.first);
        }
        if let Some(took) = took {
            self.trips.measured(took);
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
            self.arm(now);
        }
    }

    /// A packet has arrived: its latest sending may be the newest that has.
    fn delivered(
        &mut self,
        segment: &Segment,
        number: u64,
        now: Nanos,
        took: &mut Option<Nanos>,
        newest: &mut Option<(Nanos, Delivered)>,
    ) {
        (self.delivered.packets, self.delivered.at) = (self.delivered.packets + 1, now);
        if newest.is_none_or(|(sent, _)| segment.sent >= sent) {
            *newest = Some((segment.sent, segment.before));
        }
        self.lost -= usize::from(segment.lost);
        self.resent -= usize::from(segment.resent);
        let round_trip = now - segment.sent;
        if segment.ambiguous && self.trips.least().is_some_and(|least| round_trip < least) {
            // It was an earlier sending that arrived.
            return;
        }
        // Time stamps tell which sending an acknowledgement is about.
        *took = Some(round_trip);
        if (segment.sent, number) >= self.newest {
            (self.newest, self.newest_took) = ((segment.sent, number), round_trip);
        }
    }

    /// RACK (RFC 8985): what was sent before something that has arrived is lost, after a while.
    fn detect_losses(&mut self, now: Nanos) {
        if self.arrived == 0 && self.resent == 0 {
            // In order, as nearly always.
            while self.sendings.front().is_some_and(|(_, number)| *number < self.first) {
                self.sendings.pop_front();
            }
            return;
        }
        let patience = if self.recovery != Recovery::None || self.arrived >= REORDERING {
            0
        } else {
            self.trips.least().unwrap_or(0).min(self.trips.smoothed().unwrap_or(0)) / 4
        };
        while let Some((sent, number)) = self.sendings.front().copied() {
            let segment = self.index(number).and_then(|index| self.out.get_mut(index));
            let open = segment.filter(|segment| !segment.arrived && segment.sent == sent);
            if let Some(segment) = open {
                if (sent, number) >= self.newest {
                    break;
                }
                let deadline = sent + self.newest_took + patience;
                if deadline > now {
                    self.timer = Some((deadline, Purpose::Reordering));
                    break;
                }
                self.lost += usize::from(!segment.lost);
                self.resent -= usize::from(segment.resent);
                (segment.lost, segment.resent) = (true, false);
                self.missing.push_back(number);
            }
            self.sendings.pop_front();
        }
    }

    /// What the path has shown goes into the model, and the window comes out of it.
    fn follow_model(
        &mut self,
        now: Nanos,
        newly: usize,
        took: Option<Nanos>,
        newest: Option<(Nanos, Delivered)>,
        lost: usize,
    ) {
        match self.recovery {
            Recovery::Fast { until } | Recovery::Timeout { until } if self.first >= until => self.recovery = Recovery::None,
            Recovery::None if self.lost > 0 => {
                self.recovery = Recovery::Fast { until: self.next_number() };
                if let Some(model) = &mut self.model {
                    model.save(self.window.size());
                }
            }
            Recovery::None | Recovery::Fast { .. } | Recovery::Timeout { .. } => {}
        }
        let before = newest.map_or(self.delivered, |(_, before)| before);
        let rate = newest.and_then(|(sent, before)| {
            self.delivered.sent = sent;
            let interval = sent.saturating_sub(before.sent).max(now - before.at);
            let valid = self.trips.least().is_none_or(|least| interval >= least);
            valid.then_some((self.delivered.packets - before.packets, interval))
        });
        let sample = Sample {
            now,
            rate,
            before: before.packets,
            delivered: self.delivered.packets,
            took,
            idle: before.idle,
            acked: precise(newly),
            lost: precise(lost),
            in_flight: precise(self.in_flight()),
            recovering: self.recovery != Recovery::None,
        };
        if let Some(model) = &mut self.model {
            self.window.set(model.acked(&sample, self.window.size()));
        }
    }

    fn adjust_window(&mut self, now: Nanos, newly: usize, took: Option<Nanos>, advanced: bool, more_lost: bool) {
        match self.recovery {
            Recovery::Fast { until } | Recovery::Timeout { until } if self.first >= until => {
                if matches!(self.recovery, Recovery::Fast { .. }) {
                    self.window.set(self.window.threshold());
                }
                self.recovery = Recovery::None;
            }
            Recovery::None if self.lost > 0 => {
                self.recovery = Recovery::Fast { until: self.next_number() };
                self.reduction = Reduction { window_before: precise(self.window.packets()), delivered: 0, sent: 0 };
                self.window.lost();
            }
            Recovery::None | Recovery::Fast { .. } | Recovery::Timeout { .. } => {}
        }
        if matches!(self.recovery, Recovery::Fast { .. }) {
            self.reduce(newly, advanced && !more_lost);
        } else {
            let (until, next) = (self.first, self.next_number());
            let smoothed = self.trips.smoothed().unwrap_or(0);
            let acked = Acked { now, packets: precise(newly), took, until, next, smoothed };
            let uses = self.uses_window() || self.recovery != Recovery::None;
            self.window.acked(acked, uses);
        }
    }

    /// RFC 6937, with the slow start of Linux below the threshold.
    fn reduce(&mut self, newly: usize, advanced: bool) {
        let threshold = self.window.threshold();
        let in_flight = self.in_flight();
        self.reduction.delivered += newly;
        let Reduction { window_before, delivered, sent } = self.reduction;
        let allowed = if precise(in_flight) > threshold {
            (threshold * precise(delivered) / window_before).ceil() - precise(sent)
        } else {
            let credit = precise(delivered.saturating_sub(sent).max(newly) + usize::from(advanced));
            credit.min(threshold - precise(in_flight))
        };
        // What made this recovery begin is sent at once.
        let allowed = allowed.max(if sent == 0 { 1.0 } else { 0.0 });
        self.window.set(precise(in_flight) + allowed);
    }

    /// When the timer goes off.
    pub(super) fn due(&self) -> Option<Nanos> {
        let timer = self.timer.map(|(due, _)| due);
        [timer, self.paced].into_iter().flatten().min()
    }

    /// The timer goes off. What is to be sent then, [`Sender::next`] tells, but for a probe.
    pub(super) fn fire(&mut self, now: Nanos) -> Option<Outgoing> {
        self.paced = self.paced.filter(|at| *at > now);
        let (_, purpose) = self.timer.take_if(|(due, _)| *due <= now)?;
        match purpose {
            Purpose::Reordering => {
                let lost = self.lost;
                self.detect_losses(now);
                if self.model.is_some() {
                    self.follow_model(now, 0, None, None, self.lost - lost);
                } else {
                    self.adjust_window(now, 0, None, false, self.lost > lost);
                }
                if self.timer.is_none() {
                    self.arm(now);
                }
                None
            }
            Purpose::Probe => {
                self.probed = Some(self.next_number());
                if self.unsent > 0 { self.send_new(now) } else { self.out.len().checked_sub(1).map(|last| self.send_again(last, now)) }
            }
            Purpose::Timeout => {
                self.timed_out(now);
                None
            }
        }
    }

    /// Everything that has not arrived is taken for lost, and the window is one packet.
    fn timed_out(&mut self, now: Nanos) {
        if self.out.is_empty() {
            return;
        }
        match &mut self.model {
            Some(model) => model.timed_out(self.window.size()),
            None if !matches!(self.recovery, Recovery::Timeout { .. }) => self.window.lost(),
            None => {}
        }
        self.recovery = Recovery::Timeout { until: self.next_number() };
        self.missing.clear();
        self.sendings.clear();
        for (number, segment) in (self.first..).zip(&mut self.out).filter(|(_, segment)| !segment.arrived) {
            (segment.lost, segment.resent) = (true, false);
            self.missing.push_back(number);
        }
        (self.lost, self.resent) = (self.out.len() - self.arrived, 0);
        self.probed = None;
        self.trips.double();
        self.window.set(1.0);
        self.arm(now);
    }

    /// Sets the timer for what is out.
    fn arm(&mut self, now: Nanos) {
        let Some(head) = self.out.front() else {
            self.timer = None;
            return;
        };
        if matches!(self.timer, Some((_, Purpose::Reordering))) {
            return;
        }
        let timeout = (head.sent + self.trips.timeout()).max(now + MILLISECOND);
        let probes = self.recovery == Recovery::None && self.arrived == 0 && self.probed.is_none();
        let probe = now + self.trips.probe_timeout(self.out.len());
        self.timer = Some(if probes && self.trips.smoothed().is_some() && probe < timeout {
            (probe, Purpose::Probe)
        } else {
            (timeout, Purpose::Timeout)
        });
    }

}

#[expect(clippy::cast_precision_loss, reason = "numbers of packets are small")]
fn precise(packets: usize) -> f64 {
    packets as f64
}
