//! What a sender does about losses: how it learns of them, what becomes of its window, when it tries again.

use super::{Delivered, Outgoing, Purpose, REORDERING, Recovery, Reduction, Segment, Sender};
use crate::net::bbr::Sample;
use crate::net::trace::{MILLISECOND, Nanos};
use crate::net::window::Acked;

impl Sender {
    /// A packet has arrived: its latest sending may be the newest that has.
    pub(super) fn delivered(
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
            self.in_vain = true;
            return;
        }
        // Time stamps tell which sending an acknowledgement is about.
        *took = Some(round_trip);
        if (segment.sent, number) >= self.newest {
            (self.newest, self.newest_took) = ((segment.sent, number), round_trip);
        }
    }

    /// RACK (RFC 8985): what was sent before something that has arrived is lost, after a while.
    pub(super) fn detect_losses(&mut self, now: Nanos) {
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
    pub(super) fn follow_model(
        &mut self,
        now: Nanos,
        newly: usize,
        took: Option<Nanos>,
        newest: Option<(Nanos, Delivered)>,
        lost: usize,
    ) {
        match self.recovery {
            Recovery::Fast { until } | Recovery::Timeout { until } if self.first >= until => {
                self.recovery = Recovery::None
            }
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

    pub(super) fn adjust_window(
        &mut self,
        now: Nanos,
        newly: usize,
        took: Option<Nanos>,
        advanced: bool,
        more_lost: bool,
    ) {
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

    /// The timer goes off. What is to be sent then, [`Sender::next`] tells, but for a probe.
    pub(in crate::net) fn fire(&mut self, now: Nanos) -> Option<Outgoing> {
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
                    self.arm(now, false);
                }
                None
            }
            Purpose::Probe => {
                self.probed = Some(self.next_number());
                let probe = if self.unsent > 0 {
                    self.send_new(now)
                } else {
                    self.out.len().checked_sub(1).map(|last| self.send_again(last, now))
                };
                // The time-out counts from here.
                self.arm(now, true);
                probe
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
        self.in_vain = false;
        match self.recovery {
            Recovery::None => self.before_timeout = Some((self.window.size(), self.window.threshold())),
            Recovery::Fast { .. } => self.before_timeout = None,
            Recovery::Timeout { .. } => {}
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
        self.arm(now, false);
    }

    /// What the time-out took for lost was on its way: nothing is lost, and the window is what it was (RFC 3522 and RFC 4015,
    /// by Linux's rules).
    pub(super) fn take_back(&mut self) {
        let Some((size, threshold)) = self.before_timeout.take() else { return };
        self.recovery = Recovery::None;
        (self.lost, self.resent) = (0, 0);
        self.missing.clear();
        let mut sendings = Vec::new();
        for (number, segment) in (self.first..).zip(&mut self.out).filter(|(_, segment)| !segment.arrived) {
            (segment.lost, segment.resent) = (false, false);
            sendings.push((segment.sent, number));
        }
        sendings.sort_unstable();
        self.sendings = sendings.into();
        if self.model.is_none() {
            self.window.take_back(size, threshold);
        }
    }

    /// Sets the timer for what is out: from now on when something was `heard`, else from when the first of it was sent.
    pub(super) fn arm(&mut self, now: Nanos, heard: bool) {
        let Some(head) = self.out.front() else {
            self.timer = None;
            return;
        };
        if matches!(self.timer, Some((_, Purpose::Reordering))) {
            return;
        }
        let since = if heard { now } else { head.sent };
        let timeout = (since + self.trips.timeout()).max(now + MILLISECOND);
        let probes = self.recovery == Recovery::None && self.arrived == 0 && self.probed.is_none();
        self.timer = Some(if probes && self.trips.smoothed().is_some() {
            ((now + self.trips.probe_timeout(self.out.len())).min(timeout), Purpose::Probe)
        } else {
            (timeout, Purpose::Timeout)
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of packets are small")]
fn precise(packets: usize) -> f64 {
    packets as f64
}
