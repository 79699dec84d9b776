//! What toxics do to one direction of one connection: a pure function of time, bytes and draws.
//!
//! ```text
//!   offer(now, bytes) ──> stage ──> stage ──> queue by due time ──> take_due(now)
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::toxic::{Kind, Toxic, ms};
use crate::base::Stream;

/// Bytes that wait here when nothing but their sender's patience limits them.
const ROOM: usize = 64 * 1024;
/// The same behind a latency: a long line holds much.
const LONG_ROOM: usize = 4 * 1024 * 1024;
/// A bandwidth's pieces each take about this long.
const PIECE: u64 = 20;

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its sender has finished; the other direction goes on.
    Finish,
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Bytes.
    Data(Bytes),
    /// Nothing more.
    End(Ending),
}

/// A toxic that applies to the connection, with the stream of its draws.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) toxic: Toxic,
    pub(super) random: Stream,
}

/// The stages of a direction and what is under way in them.
#[derive(Debug)]
pub(super) struct Pipeline {
    stages: Vec<Stage>,
    queue: VecDeque<(Duration, Item)>,
    /// Bytes in the queue.
    held: usize,
    /// When the latest of the queue is due; nothing overtakes it.
    last: Duration,
    /// The connection ends then, whatever is in the queue.
    deadline: Option<(Duration, Ending)>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    kind: Kind,
    random: Stream,
    /// When it began.
    since: Duration,
    /// When a bandwidth has sent all it was given; when a slicer may send again.
    free: Duration,
    /// Bytes that a limit let pass.
    passed: u64,
    /// When a reset strikes.
    reset: Option<Duration>,
}

impl Pipeline {
    /// The stages of `toxics`, from `now` on.
    pub(super) fn new(toxics: Vec<Applied>, now: Duration) -> Self {
        let mut pipeline =
            Self { stages: Vec::new(), queue: VecDeque::new(), held: 0, last: Duration::ZERO, deadline: None };
        pipeline.change(toxics, now);
        pipeline
    }

    /// Puts `toxics` in place of those there are. What is under way arrives as it would have; a toxic that stays keeps
    /// its state; a timeout that is taken away closes the connection, since what it held back is gone.
    pub(super) fn change(&mut self, toxics: Vec<Applied>, now: Duration) {
        let mut old = std::mem::take(&mut self.stages);
        for Applied { toxic, random } in toxics {
            let known = old.iter().position(|stage| stage.name == toxic.name && stage.kind.name() == toxic.kind.name());
            self.stages.push(match known {
                Some(index) => Stage { kind: toxic.kind, ..old.swap_remove(index) },
                None => Stage::new(toxic, random, now),
            });
        }
        let released = old.iter().any(|stage| matches!(stage.kind, Kind::Timeout { .. }));
        self.deadline = self.stages.iter().filter_map(Stage::deadline).min_by_key(|(at, _)| *at);
        if released {
            self.deadline = Some((now, Ending::Close));
        }
    }

    /// Whether there is nothing to do and nothing under way.
    pub(super) fn is_idle(&self) -> bool {
        self.stages.is_empty() && self.queue.is_empty() && self.deadline.is_none()
    }

    /// Whether more may be offered.
    pub(super) fn has_room(&self) -> bool {
        let long = self.stages.iter().any(|stage| matches!(stage.kind, Kind::Latency { .. }));
        self.held < if long { LONG_ROOM } else { ROOM }
    }

    /// Bytes come in at `now`.
    pub(super) fn offer(&mut self, now: Duration, data: Bytes) {
        self.pass(now, Item::Data(data));
    }

    /// The sender finishes at `now`.
    pub(super) fn finish(&mut self, now: Duration) {
        self.pass(now, Item::End(Ending::Finish));
    }

    fn pass(&mut self, now: Duration, item: Item) {
        let mut items = vec![(now, item)];
        for stage in &mut self.stages {
            let mut out = Vec::new();
            for (at, item) in items {
                stage.pass(at, item, &mut out);
            }
            items = out;
        }
        for (due, item) in items {
            if let Item::Data(data) = &item {
                self.held += data.len();
            }
            self.last = self.last.max(due);
            self.queue.push_back((self.last, item));
        }
        self.deadline =
            self.deadline.into_iter().chain(self.stages.iter().filter_map(Stage::deadline)).min_by_key(|(at, _)| *at);
    }

    /// When something comes out next.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let front = self.queue.front().map(|(due, _)| *due);
        let deadline = self.deadline.map(|(at, _)| at);
        front.into_iter().chain(deadline).min()
    }

    /// What is due at `now`, in order, one at a time.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<Item> {
        if let Some((_, ending)) = self.deadline.filter(|(at, _)| *at <= now) {
            return Some(Item::End(ending));
        }
        self.queue.front().filter(|(due, _)| *due <= now)?;
        let (_, item) = self.queue.pop_front()?;
        if let Item::Data(data) = &item {
            self.held -= data.len();
        }
        Some(item)
    }
}

impl Stage {
    fn new(toxic: Toxic, random: Stream, now: Duration) -> Self {
        Self { name: toxic.name, kind: toxic.kind, random, since: now, free: now, passed: 0, reset: None }
    }

    /// When it ends the connection by itself.
    fn deadline(&self) -> Option<(Duration, Ending)> {
        match self.kind {
            Kind::Timeout { timeout } if timeout > 0 => Some((self.since + ms(timeout), Ending::Close)),
            Kind::ResetPeer { .. } => self.reset.map(|at| (at, Ending::Reset)),
            Kind::Timeout { .. }
            | Kind::Latency { .. }
            | Kind::Bandwidth { .. }
            | Kind::SlowClose { .. }
            | Kind::Slicer { .. }
            | Kind::LimitData { .. } => None,
        }
    }

    fn pass(&mut self, at: Duration, item: Item, out: &mut Vec<(Duration, Item)>) {
        match (self.kind, item) {
            (Kind::Latency { latency, jitter }, item) => {
                let drawn = latency + self.random.below(2 * jitter + 1);
                out.push((at + ms(drawn.saturating_sub(jitter)), item));
            }
            (Kind::Bandwidth { rate }, Item::Data(data)) if rate > 0 => self.throttle(at, rate, data, out),
            (Kind::Bandwidth { rate }, item) if rate > 0 => out.push((at.max(self.free), item)),
            (Kind::SlowClose { delay }, item @ Item::End(Ending::Finish)) => out.push((at + ms(delay), item)),
            (Kind::Slicer { average_size, size_variation, delay }, Item::Data(data)) if average_size > 0 => {
                self.slice(at, (average_size, size_variation, delay), data, out);
            }
            (Kind::Slicer { .. }, item @ Item::End(_)) => out.push((at.max(self.free), item)),
            (Kind::LimitData { bytes }, Item::Data(data)) => self.limit(at, bytes, data, out),
            (Kind::ResetPeer { timeout }, _) => self.reset = self.reset.or(Some(at + ms(timeout))),
            (Kind::Timeout { .. }, Item::Data(_) | Item::End(Ending::Finish)) => {}
            (_, item) => out.push((at, item)),
        }
    }

    fn throttle(&mut self, at: Duration, rate: u64, mut data: Bytes, out: &mut Vec<(Duration, Item)>) {
        self.free = self.free.max(at);
        // A kB a second is a byte a millisecond.
        let piece = usize::try_from(rate.saturating_mul(PIECE)).unwrap_or(usize::MAX);
        while !data.is_empty() {
            let head = data.split_to(piece.min(data.len()));
            self.free += Duration::from_nanos(head.len() as u64 * 1_000_000 / rate);
            out.push((self.free, Item::Data(head)));
        }
    }

    fn slice(&mut self, at: Duration, sizes: (u64, u64, u64), mut data: Bytes, out: &mut Vec<(Duration, Item)>) {
        let (average, variation, delay) = sizes;
        self.free = self.free.max(at);
        while !data.is_empty() {
            let drawn = average.saturating_add(self.random.below(2 * variation + 1)).saturating_sub(variation).max(1);
            let length = usize::try_from(drawn).unwrap_or(usize::MAX).min(data.len());
            out.push((self.free, Item::Data(data.split_to(length))));
            self.free += Duration::from_micros(delay);
        }
    }

    fn limit(&mut self, at: Duration, bytes: u64, mut data: Bytes, out: &mut Vec<(Duration, Item)>) {
        let left = usize::try_from(bytes.saturating_sub(self.passed)).unwrap_or(usize::MAX);
        let ends = data.len() >= left;
        data.truncate(left);
        self.passed += data.len() as u64;
        if !data.is_empty() {
            out.push((at, Item::Data(data)));
        }
        if ends {
            out.push((at, Item::End(Ending::Close)));
        }
    }
}

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
