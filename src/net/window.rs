//! How much a sender may have on its way: slow start, then CUBIC (RFC 9438) or Reno (RFC 5681). Windows count full packets.

use super::conditions::Congestion;
use super::trace::{MILLISECOND, Nanos, SECOND};

/// RFC 6928.
pub(super) const INITIAL_WINDOW: f64 = 10.0;
const LEAST_WINDOW: f64 = 2.0;

/// CUBIC's share of the window that is left after a loss, and its scale (RFC 9438, sections 4.6 and 4.1).
const BETA: f64 = 0.7;
const C: f64 = 0.4;
/// What a window grows by in a round trip where CUBIC is as friendly as Reno (RFC 9438, section 4.3).
const FRIENDLY: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// A congestion window.
#[derive(Debug)]
pub(super) struct Window {
    congestion: Congestion,
    size: f64,
    /// Slow start ends here.
    threshold: f64,
    cubic: Cubic,
    slow_start: SlowStart,
}

#[derive(Debug, Default)]
struct Cubic {
    /// The window at the latest loss.
    top: f64,
    epoch: Option<Epoch>,
}

/// A time of growth since the latest loss, or since slow start.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    since: Nanos,
    /// Seconds until the curve is back at `origin`.
    until_origin: f64,
    origin: f64,
    /// What Reno would have.
    friendly: f64,
}

/// When slow start has gone far enough: HyStart as Linux has it. An exit is a train of acknowledgements as long as half a
/// round trip, or a round trip that has become longer.
#[derive(Debug)]
struct SlowStart {
    /// The round ends when this packet is acknowledged.
    round_end: u64,
    round_began: Nanos,
    latest_ack: Nanos,
    least_in_round: Nanos,
    samples: u32,
    least: Nanos,
}

/// HyStart looks from this window on, at so many round trips in a round.
const HYSTART_WINDOW: f64 = 16.0;
const HYSTART_SAMPLES: u32 = 8;
/// Acknowledgements that are at most so far apart are one train.
const TRAIN_GAP: Nanos = 2 * MILLISECOND;

/// An acknowledgement, as the window sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    pub(super) now: Nanos,
    /// How many packets it is about.
    pub(super) packets: f64,
    /// The round trip that it measures.
    pub(super) took: Option<Nanos>,
    /// All packets before this number have arrived.
    pub(super) until: u64,
    /// The number of the next packet to be sent.
    pub(super) next: u64,
    pub(super) smoothed: Nanos,
}

impl Window {
    pub(super) fn new(congestion: Congestion) -> Self {
        Self {
            congestion,
            size: INITIAL_WINDOW,
            threshold: f64::INFINITY,
            cubic: Cubic::default(),
            slow_start: SlowStart {
                round_end: 0,
                round_began: 0,
                latest_ack: 0,
                least_in_round: Nanos::MAX,
                samples: 0,
                least: Nanos::MAX,
            },
        }
    }

    /// Whole packets.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a window is small and positive")]
    pub(super) fn packets(&self) -> usize {
        self.size as usize
    }

    pub(super) fn size(&self) -> f64 {
        self.size
    }

    pub(super) fn set(&mut self, packets: f64) {
        self.size = packets.max(1.0);
    }

    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    pub(super) fn in_slow_start(&self) -> bool {
        self.size < self.threshold
    }

    /// Grows, if the sender `uses` the window up.
    pub(super) fn acked(&mut self, acked: Acked, uses: bool) {
        let hystart = self.congestion == Congestion::Cubic && self.in_slow_start();
        if hystart && self.slow_start.has_gone_far_enough(&acked, self.size) {
            self.threshold = self.size;
        }
        if !uses {
            return;
        }
        let mut packets = acked.packets;
        if self.in_slow_start() {
            let grown = (self.size + packets).min(self.threshold);
            packets -= grown - self.size;
            self.size = grown;
        }
        if packets > 0.0 {
            self.avoid(&acked, packets);
        }
    }

    fn avoid(&mut self, acked: &Acked, packets: f64) {
        match self.congestion {
            Congestion::Reno | Congestion::Bbr => self.size += packets / self.size,
            Congestion::Cubic => {
                let target = self.cubic.target(self.size, packets, acked.now, acked.smoothed);
                self.size += packets * (target - self.size).max(0.01) / self.size;
            }
        }
    }

    /// What a loss did to it is taken back.
    pub(super) fn take_back(&mut self, size: f64, threshold: f64) {
        (self.size, self.threshold) = (self.size.max(size), self.threshold.max(threshold));
    }

    /// Something was lost: a window's threshold falls, and `size` is what it was.
    pub(super) fn lost(&mut self) {
        let size = self.size;
        let left = match self.congestion {
            Congestion::Reno | Congestion::Bbr => size / 2.0,
            Congestion::Cubic => {
                // Who had less than before makes room for others (RFC 9438, section 4.7).
                self.cubic.top = if size < self.cubic.top { size * f64::midpoint(1.0, BETA) } else { size };
                size * BETA
            }
        };
        self.cubic.epoch = None;
        self.threshold = left.floor().max(LEAST_WINDOW);
    }

    /// Nothing was sent for `idle`: the window falls by half for every time-out in it, but not below the initial one
    /// (RFC 9293, section 3.8.6.2.1; RFC 5681, section 4.1).
    pub(super) fn restart(&mut self, mut idle: Nanos, timeout: Nanos) {
        self.threshold = self.threshold.max(self.size * 0.75);
        self.cubic.epoch = None;
        while idle > timeout && self.size > INITIAL_WINDOW {
            idle -= timeout;
            self.size = (self.size / 2.0).floor().max(INITIAL_WINDOW);
        }
    }
}

impl Cubic {
    /// Where the window should be a round trip from now.
    fn target(&mut self, size: f64, packets: f64, now: Nanos, smoothed: Nanos) -> f64 {
        let top = self.top;
        let epoch = self.epoch.get_or_insert_with(|| {
            let (until_origin, origin) = if size < top { (cube_root((top - size) / C), top) } else { (0.0, size) };
            Epoch { since: now, until_origin, origin, friendly: size }
        });
        let time = seconds(now - epoch.since + smoothed) - epoch.until_origin;
        let curve = epoch.origin + C * time * time * time;
        let share = if epoch.friendly >= epoch.origin { 1.0 } else { FRIENDLY };
        epoch.friendly += share * packets / size;
        curve.clamp(size, size * 1.5).max(epoch.friendly)
    }
}

impl SlowStart {
    fn has_gone_far_enough(&mut self, acked: &Acked, window: f64) -> bool {
        if acked.until > self.round_end {
            self.round_end = acked.next;
            (self.round_began, self.latest_ack) = (acked.now, acked.now);
            (self.least_in_round, self.samples) = (Nanos::MAX, 0);
        }
        let Some(took) = acked.took else { return false };
        self.least = self.least.min(took);
        if window < HYSTART_WINDOW {
            return false;
        }
        if acked.now - self.latest_ack <= TRAIN_GAP {
            self.latest_ack = acked.now;
            if acked.now - self.round_began > self.least / 2 {
                return true;
            }
        }
        self.least_in_round = self.least_in_round.min(took);
        if self.samples < HYSTART_SAMPLES {
            self.samples += 1;
            return false;
        }
        self.least_in_round > self.least + (self.least / 8).clamp(4 * MILLISECOND, 16 * MILLISECOND)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a run is shorter than the hundred days that a double counts in nanoseconds"
)]
fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

/// By Newton's method: the system's own differs from machine to machine.
fn cube_root(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let mut root = value.max(1.0);
    for _ in 0..64 {
        let next = (2.0 * root + value / (root * root)) / 3.0;
        if (next - root).abs() < 1e-9 * root {
            return next;
        }
        root = next;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acked(now: Nanos, packets: f64) -> Acked {
        Acked { now, packets, took: None, until: 0, next: 0, smoothed: 100 * MILLISECOND }
    }

    /// The window after each of `rounds` round trips of 100 ms, all of it acknowledged.
    fn grow(window: &mut Window, from: Nanos, rounds: u64) -> f64 {
        for round in 1..=rounds {
            let packets = window.size.floor();
            window.acked(acked(from + round * 100 * MILLISECOND, packets), true);
        }
        window.size
    }

    #[test]
    fn slow_start_doubles_from_ten() {
        for congestion in [Congestion::Cubic, Congestion::Reno] {
            let mut window = Window::new(congestion);
            assert!((grow(&mut window, 0, 4) - 160.0).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut window = Window::new(Congestion::Cubic);
        window.acked(acked(0, 10.0), false);
        assert_eq!(window.packets(), 10);
    }

    #[test]
    fn reno_halves_and_adds_one_a_round() {
        let mut window = Window::new(Congestion::Reno);
        window.set(100.0);
        window.lost();
        assert!((window.threshold() - 50.0).abs() < f64::EPSILON);
        window.set(50.0);
        assert!((grow(&mut window, 0, 10) - 60.0).abs() < 0.5);
    }

    /// RFC 9438, figure 1: at the time K after a loss the window is where it was.
    #[test]
    fn cubic_is_back_where_it_was_after_k() {
        let mut window = Window::new(Congestion::Cubic);
        window.set(1_000.0);
        window.lost();
        window.set(700.0);
        let k = cube_root(300.0 / C);
        assert!((k - 9.085_6).abs() < 1e-3);
        let size = grow(&mut window, 0, 91);
        assert!((size - 1_000.0).abs() < 10.0, "{size}");
    }

    #[test]
    fn an_idle_time_halves_down_to_the_initial_window() {
        let mut window = Window::new(Congestion::Cubic);
        window.set(100.0);
        window.restart(2 * SECOND + 1, SECOND);
        assert_eq!(window.packets(), 25);
        window.restart(100 * SECOND, SECOND);
        assert_eq!(window.packets(), 10);
    }
}
