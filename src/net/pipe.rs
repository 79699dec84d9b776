//! One direction of one connection: the bytes themselves, and who waits for them.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use tokio::io::ReadBuf;

use super::connection::Arrived;

/// Most bytes in a pipe: those that wait to be sent, those on their way, and those that nobody has read yet (Linux's
/// largest receive buffer).
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// A pipe from the end that writes to the end that reads.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    /// How many of them have arrived.
    arrived: usize,
    finished: bool,
    gone: bool,
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// How many more bytes fit in.
    pub(super) fn room(&self) -> usize {
        MOST_BYTES.saturating_sub(self.bytes.len())
    }

    /// Takes `data` over.
    pub(super) fn write(&mut self, data: &[u8]) {
        self.bytes.extend(data);
    }

    /// What the link says has arrived.
    pub(super) fn deliver(&mut self, arrived: Arrived) {
        self.finished |= arrived.finished;
        self.gone |= arrived.gone;
        if !self.abandoned {
            self.arrived += arrived.bytes;
        }
    }

    /// Moves all that has arrived, as far as it fits, to `buffer` and says how much that was.
    pub(super) fn read(&mut self, buffer: &mut ReadBuf<'_>) -> usize {
        let ready = self.arrived.min(buffer.remaining());
        let (front, back) = self.bytes.as_slices();
        let split = ready.min(front.len());
        buffer.put_slice(&front[..split]);
        buffer.put_slice(&back[..ready - split]);
        self.bytes.drain(..ready);
        self.arrived -= ready;
        ready
    }

    /// Whether everything was read that will ever come.
    pub(super) fn ended(&self) -> bool {
        self.finished && self.arrived == 0
    }

    /// Whether the news has arrived that the writing end is gone.
    pub(super) fn gone(&self) -> bool {
        self.gone
    }

    /// The reading end is gone: what was on its way is dropped, and what is still written is swallowed.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.clear();
    }

    /// Whether nobody will read what is written.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Drops what is on its way.
    pub(super) fn clear(&mut self) {
        self.bytes = VecDeque::new();
        self.arrived = 0;
    }

    /// Remembers whom to wake when something has arrived or the link changes.
    pub(super) fn await_data(&mut self, context: &Context<'_>) {
        register(&mut self.reader, context);
    }

    /// Remembers whom to wake when there is room again or the link changes.
    pub(super) fn await_room(&mut self, context: &Context<'_>) {
        register(&mut self.writer, context);
    }

    /// The reader to wake. The caller wakes it when it has let go of the pipe.
    pub(super) fn take_reader(&mut self) -> Option<Waker> {
        self.reader.take()
    }

    /// The writer to wake.
    pub(super) fn take_writer(&mut self) -> Option<Waker> {
        self.writer.take()
    }
}

fn register(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(context.waker()) => {}
        _ => *slot = Some(context.waker().clone()),
    }
}
