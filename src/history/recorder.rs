//! Records the history of a run, and reads one back.

use std::cell::RefCell;
use std::io::{self, BufRead, Write};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{Event, What};
use crate::base::Clock;

/// The whole history of a run, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History(pub Vec<Event>);

impl History {
    /// Writes one JSON object a line.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_jsonl(&self, mut out: impl Write) -> io::Result<()> {
        for event in &self.0 {
            serde_json::to_writer(&mut out, event)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Reads what [`History::write_jsonl`] wrote.
    ///
    /// # Errors
    /// When `input` cannot be read, or a line is not an event; the message names the line.
    pub fn read_jsonl(input: impl BufRead) -> io::Result<Self> {
        let mut events = Vec::new();
        for (index, line) in input.lines().enumerate() {
            let event = serde_json::from_str(&line?).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {}: not an event: {error}", index + 1))
            })?;
            events.push(event);
        }
        Ok(Self(events))
    }
}

/// Appends events with the time at which they happen. Clones write to the same history.
#[derive(Clone, Debug)]
pub struct Recorder {
    clock: Clock,
    history: Rc<RefCell<History>>,
}

impl Recorder {
    /// An empty history on `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, history: Rc::default() }
    }

    /// Appends `what`, now.
    pub fn record(&self, what: What) {
        let mut history = self.history.borrow_mut();
        let event = Event { seq: history.0.len() as u64, at_ms: self.clock.now_ms(), what };
        tracing::debug!(seq = event.seq, at_ms = event.at_ms, what = ?event.what);
        history.0.push(event);
    }

    /// The time of the run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The true wall time now.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Takes the history out, leaving an empty one.
    #[must_use]
    pub fn take(&self) -> History {
        std::mem::take(&mut self.history.borrow_mut())
    }
}
