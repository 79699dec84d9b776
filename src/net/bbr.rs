//! BBR, version 1, as Linux has it: a model of the path (how much it carries, how long it takes) says how fast to send, and
//! losses hardly matter (Cardwell, Cheng, Gunn, Yeganeh, Jacobson: BBR, Communications of the ACM 60/2, 2017).

use std::collections::VecDeque;

use super::trace::{MILLISECOND, Nanos, SECOND};

/// 2 / ln 2: the least that doubles what is sent in every round.
const HIGH: f64 = 2.885;
/// What is on its way at most, beside start-up, in what the path holds.
const WINDOW: f64 = 2.0;
/// Fast, slow, and then as it is: one round each.
const CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
/// A little less than what was measured, so that no queue builds up.
const MARGIN: f64 = 0.99;
/// The best rate of so many rounds counts.
const RATE_ROUNDS: u64 = 10;
/// The shortest round trip of so long counts; after it the path is emptied for a look at it.
const TRIP_AGE: Nanos = 10 * SECOND;
const LOOK: Nanos = 200 * MILLISECOND;
const LEAST_WINDOW: f64 = 4.0;
/// The pipe is full when this many rounds brought less than a quarter more.
const FULL_ROUNDS: u32 = 3;
/// How far acknowledgements in bunches may widen the window, in time.
const BUNCH: f64 = 0.1;
/// Bunches count for so many rounds at least.
const BUNCH_ROUNDS: u32 = 5;
/// Below this rate, in bytes a second, packets go out one by one; above, in twos.
const ONE_BY_ONE: f64 = 150_000.0;
/// What a packet is counted as on the link and carries, in bytes.
const FULL: f64 = 1_500.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Startup,
    Drain,
    Probe,
    Look,
}

/// The model of a path.
#[derive(Debug)]
pub(super) struct Bbr {
    mode: Mode,
    /// Packets a second, by round; falling.
    rates: VecDeque<(u64, f64)>,
    least_trip: Nanos,
    least_trip_at: Nanos,
    round: u64,
    round_ends: u64,
    cycle: usize,
    cycle_since: Nanos,
    phase: usize,
    full_rate: f64,
    full_rounds: u32,
    pacing: f64,
    window_before: f64,
    /// While packets are sent only as others arrive: the first round of a recovery.
    conserves: bool,
    recovering: bool,
    look_ends: Option<Nanos>,
    look_round: bool,
    was_idle: bool,
    /// The window goes back to what it was.
    restores: bool,
    bunches: Bunches,
}

/// Acknowledgements that come in bunches.
#[derive(Debug, Default)]
struct Bunches {
    since: Nanos,
    acked: f64,
    extra: [f64; 2],
    rounds: u32,
    index: usize,
}

/// What an acknowledgement tells of the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) now: Nanos,
    /// Packets delivered, and the time they took; none where nothing can be said.
    pub(super) rate: Option<(u64, Nanos)>,
    /// How many had been delivered when the packet was sent that is acknowledged.
    pub(super) before: u64,
    /// How many have been by now.
    pub(super) delivered: u64,
    pub(super) took: Option<Nanos>,
    /// The application had nothing more to send then.
    pub(super) idle: bool,
    pub(super) acked: f64,
    pub(super) lost: f64,
    pub(super) in_flight: f64,
    pub(super) recovering: bool,
}

impl Bbr {
    /// Of a path that took `trip` for the handshake. `phase` is where in the cycle it begins.
    pub(super) fn new(phase: usize) -> Self {
        Self {
            mode: Mode::Startup,
            rates: VecDeque::new(),
            least_trip: Nanos::MAX,
            least_trip_at: 0,
            round: 0,
            round_ends: 0,
            cycle: 0,
            cycle_since: 0,
            phase,
            full_rate: 0.0,
            full_rounds: 0,
            pacing: 0.0,
            window_before: 0.0,
            conserves: false,
            recovering: false,
            look_ends: None,
            look_round: false,
            was_idle: false,
            restores: false,
            bunches: Bunches::default(),
        }
    }

    /// The handshake took `trip`.
    pub(super) fn opened(&mut self, now: Nanos, trip: Nanos) {
        (self.least_trip, self.least_trip_at) = (trip, now);
        self.pacing = HIGH * 10.0 / seconds(trip.max(MILLISECOND)) * MARGIN;
    }

    /// How long it takes to send `bytes` at the pace that suits the path.
    pub(super) fn pause(&self, bytes: usize) -> Nanos {
        if self.pacing <= 0.0 {
            return 0;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most a packet or two")]
        let packets = bytes as f64 / FULL;
        nanos(packets / self.pacing)
    }

    /// How many packets go out together.
    pub(super) fn together(&self) -> usize {
        let rate = self.pacing * FULL;
        if rate < ONE_BY_ONE {
            return 1;
        }
        // A millisecond's worth.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
        let packets = (rate / 1024.0 / 1_448.0) as usize;
        packets.clamp(2, 44)
    }

    /// Something is sent after a pause for lack of data.
    pub(super) fn resumes(&mut self, now: Nanos) {
        self.was_idle = true;
        (self.bunches.since, self.bunches.acked) = (now, 0.0);
        if self.mode == Mode::Probe {
            self.pace(1.0);
        }
    }

    /// Takes a sample in; the window then.
    pub(super) fn acked(&mut self, sample: &Sample, window: f64) -> f64 {
        let new_round = self.measure(sample);
        self.note_bunches(sample, new_round, window);
        self.turn(sample);
        self.fill(sample, new_round);
        self.drain(sample);
        self.look(sample, new_round, window);
        self.pace(self.pacing_gain());
        self.window(sample, window)
    }

    fn rate(&self) -> f64 {
        self.rates.front().map_or(0.0, |(_, rate)| *rate)
    }

    fn is_full(&self) -> bool {
        self.full_rounds >= FULL_ROUNDS
    }

    fn pacing_gain(&self) -> f64 {
        match self.mode {
            Mode::Startup => HIGH,
            Mode::Drain => 1.0 / HIGH,
            Mode::Probe => CYCLE[self.cycle],
            Mode::Look => 1.0,
        }
    }

    fn measure(&mut self, sample: &Sample) -> bool {
        let Some((packets, interval)) = sample.rate else { return false };
        let new_round = sample.before >= self.round_ends;
        if new_round {
            self.round_ends = sample.delivered;
            self.round += 1;
            self.conserves = false;
        }
        #[expect(clippy::cast_precision_loss, reason = "a window's worth of packets")]
        let rate = packets as f64 / seconds(interval.max(1));
        if !sample.idle || rate >= self.rate() {
            while self.rates.back().is_some_and(|(_, older)| *older <= rate) {
                self.rates.pop_back();
            }
            self.rates.push_back((self.round, rate));
        }
        while self.rates.len() > 1 && self.rates.front().is_some_and(|(round, _)| round + RATE_ROUNDS < self.round) {
            self.rates.pop_front();
        }
        new_round
    }

    fn note_bunches(&mut self, sample: &Sample, new_round: bool, window: f64) {
        if sample.rate.is_none() || sample.acked <= 0.0 {
            return;
        }
        let rate = self.rate();
        let bunches = &mut self.bunches;
        if new_round {
            bunches.rounds += 1;
            if bunches.rounds >= BUNCH_ROUNDS {
                bunches.rounds = 0;
                bunches.index ^= 1;
                bunches.extra[bunches.index] = 0.0;
            }
        }
        let mut expected = rate * seconds(sample.now - bunches.since);
        if bunches.acked <= expected {
            (bunches.acked, bunches.since, expected) = (0.0, sample.now, 0.0);
        }
        bunches.acked += sample.acked;
        let extra = (bunches.acked - expected).min(window);
        bunches.extra[bunches.index] = bunches.extra[bunches.index].max(extra);
    }

    /// In [`Mode::Probe`], the next phase of the cycle, when this one is over.
    fn turn(&mut self, sample: &Sample) {
        if self.mode != Mode::Probe {
            return;
        }
        let full_length = sample.now - self.cycle_since > self.least_trip;
        let gain = CYCLE[self.cycle];
        let over = if gain > 1.0 {
            full_length && (sample.lost > 0.0 || sample.in_flight >= self.target(gain))
        } else if gain < 1.0 {
            full_length || sample.in_flight <= self.target(1.0)
        } else {
            full_length
        };
        if over {
            (self.cycle, self.cycle_since) = ((self.cycle + 1) % CYCLE.len(), sample.now);
        }
    }

    /// Whether start-up has found what the path carries.
    fn fill(&mut self, sample: &Sample, new_round: bool) {
        if self.is_full() || !new_round || sample.idle {
            return;
        }
        if self.rate() >= self.full_rate * 1.25 {
            (self.full_rate, self.full_rounds) = (self.rate(), 0);
        } else {
            self.full_rounds += 1;
        }
    }

    fn drain(&mut self, sample: &Sample) {
        if self.mode == Mode::Startup && self.is_full() {
            self.mode = Mode::Drain;
        }
        if self.mode == Mode::Drain && sample.in_flight <= self.target(1.0) {
            self.probe(sample.now);
        }
    }

    fn probe(&mut self, now: Nanos) {
        self.mode = Mode::Probe;
        // Anywhere but in the slow phase, which would waste what has just been won.
        self.cycle = (CYCLE.len() - self.phase % 7) % CYCLE.len();
        self.phase += 1;
        self.cycle_since = now;
    }

    /// Now and then the path is emptied, for a look at its shortest round trip.
    fn look(&mut self, sample: &Sample, new_round: bool, window: f64) {
        let expired = sample.now > self.least_trip_at + TRIP_AGE;
        if let Some(took) = sample.took.filter(|took| *took < self.least_trip || expired) {
            (self.least_trip, self.least_trip_at) = (took, sample.now);
        }
        if expired && !self.was_idle && self.mode != Mode::Look {
            self.mode = Mode::Look;
            self.save(window);
            self.look_ends = None;
        }
        if self.mode == Mode::Look {
            match self.look_ends {
                None if sample.in_flight <= LEAST_WINDOW => {
                    self.look_ends = Some(sample.now + LOOK);
                    self.look_round = false;
                    self.round_ends = sample.delivered;
                }
                None => {}
                Some(ends) => {
                    self.look_round |= new_round;
                    if self.look_round && sample.now > ends {
                        self.least_trip_at = sample.now;
                        self.restores = true;
                        if self.is_full() { self.probe(sample.now) } else { self.mode = Mode::Startup }
                    }
                }
            }
        }
        if sample.rate.is_some_and(|(packets, _)| packets > 0) {
            self.was_idle = false;
        }
    }

    fn pace(&mut self, gain: f64) {
        let rate = self.rate() * gain * MARGIN;
        if rate > 0.0 && (self.is_full() || rate > self.pacing) {
            self.pacing = rate;
        }
    }

    /// What the path holds, times `gain`, and what it takes to keep it so.
    fn target(&self, gain: f64) -> f64 {
        self.budget(self.holds(gain))
    }

    fn holds(&self, gain: f64) -> f64 {
        if self.least_trip == Nanos::MAX {
            return 10.0;
        }
        (self.rate() * seconds(self.least_trip) * gain).ceil()
    }

    fn budget(&self, window: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let together = self.together() as f64;
        let even = ((window + 3.0 * together + 1.0) / 2.0).floor() * 2.0;
        even + if self.mode == Mode::Probe && self.cycle == 0 { 2.0 } else { 0.0 }
    }

    fn window(&mut self, sample: &Sample, before: f64) -> f64 {
        let mut window = if std::mem::take(&mut self.restores) { before.max(self.window_before) } else { before };
        if sample.acked > 0.0 {
            window = (window - sample.lost).max(1.0);
            if sample.recovering && !self.recovering {
                self.conserves = true;
                self.round_ends = sample.delivered;
                window = sample.in_flight + sample.acked;
            } else if !sample.recovering && self.recovering {
                window = window.max(self.window_before);
                self.conserves = false;
            }
            self.recovering = sample.recovering;
            if self.conserves {
                window = window.max(sample.in_flight + sample.acked);
            } else {
                let gain = if matches!(self.mode, Mode::Startup | Mode::Drain) { HIGH } else { WINDOW };
                let bunch = if self.is_full() {
                    self.bunches.extra[0].max(self.bunches.extra[1]).min(self.rate() * BUNCH)
                } else {
                    0.0
                };
                let gain = if self.mode == Mode::Look { 1.0 } else { gain };
                let target = self.budget(self.holds(gain) + bunch);
                if self.is_full() {
                    window = (window + sample.acked).min(target);
                } else if window < target || sample.delivered < 10 {
                    window += sample.acked;
                }
                window = window.max(LEAST_WINDOW);
            }
        }
        if self.mode == Mode::Look { window.min(LEAST_WINDOW) } else { window }
    }

    /// Something was lost: the window is kept for afterwards.
    pub(super) fn save(&mut self, window: f64) {
        self.window_before =
            if !self.recovering && self.mode != Mode::Look { window } else { self.window_before.max(window) };
    }

    /// Nothing was heard for so long that everything is sent again.
    pub(super) fn timed_out(&mut self, window: f64) {
        self.save(window);
        self.recovering = true;
        self.full_rate = 0.0;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a run is shorter than the hundred days that a double counts in nanoseconds"
)]
fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / SECOND as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "positive, and saturates"
)]
fn nanos(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}
