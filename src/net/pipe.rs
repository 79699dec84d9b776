//! One direction of one connection: the bytes on their way, when they are due, and what an outage holds back.

use std::collections::VecDeque;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::ReadBuf;

use super::link::{Direction, Flow, PACKET_PAYLOAD, next_try};

/// A pipe from the end that writes to the end that reads. Everything timed is in sending order, and dues never fall.
#[derive(Debug)]
pub(super) struct Pipe {
    flow: Flow,
    window: usize,
    bytes: VecDeque<u8>,
    segments: VecDeque<Segment>,
    held: Option<Held>,
    ended: bool,
    reset: bool,
    abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// So many of the pipe's bytes.
    Data(usize),
    /// The writer will write no more, but may still read.
    Finish,
    /// The writer's end is gone: it neither writes nor reads.
    Gone,
    /// It is gone, and says so by a reset.
    Reset,
}

#[derive(Debug)]
struct Segment {
    /// When it began to leave.
    start: Duration,
    due: Duration,
    load: Load,
}

/// What an outage swallowed; the sender keeps it and tries again. Data first, then `Finish`, then `Gone`.
#[derive(Debug)]
struct Held {
    /// When the first of it was sent: its tries are counted from there.
    since: Duration,
    /// The next try, known once the outage is over.
    retry: Option<Duration>,
    data: usize,
    finish: bool,
    gone: Option<Load>,
}

impl Pipe {
    /// An empty pipe that takes at most `window` bytes which nobody has read.
    pub(super) fn new(window: usize) -> Self {
        Self {
            flow: Flow::default(),
            window,
            bytes: VecDeque::new(),
            segments: VecDeque::new(),
            held: None,
            ended: false,
            reset: false,
            abandoned: false,
            reader: None,
            writer: None,
        }
    }

    /// Takes as much of `data` as the window has room for, in whole packets; `None` when it is full. Where nothing
    /// `passes`, it is held.
    pub(super) fn write(&mut self, link: &mut Direction, now: Duration, passes: bool, data: &[u8]) -> Option<usize> {
        if self.abandoned {
            return Some(data.len());
        }
        self.advance(link, now);
        let room = self.window.saturating_sub(self.bytes.len());
        // Packets that are cut where the reader happened to stop would cost headers that TCP does not pay.
        let taken = if data.len() <= room { data.len() } else { room - room % PACKET_PAYLOAD };
        if taken == 0 {
            return None;
        }
        self.bytes.extend(&data[..taken]);
        self.post(link, now, passes, Load::Data(taken));
        Some(taken)
    }

    /// Sends `load` behind everything sent before; where nothing `passes`, it is held.
    pub(super) fn post(&mut self, link: &mut Direction, now: Duration, passes: bool, load: Load) {
        self.advance(link, now);
        match &mut self.held {
            Some(held) => held.add(load),
            None if passes => self.launch(link, now, load),
            None => self.held = Some(Held::new(now, load)),
        }
    }

    /// Moves all that is due, as far as it fits, to `buffer` and says how much that was. 0 with room left means that
    /// nothing is due, or that the stream has [ended](Self::ended).
    pub(super) fn read(&mut self, link: &mut Direction, now: Duration, buffer: &mut ReadBuf<'_>) -> usize {
        self.advance(link, now);
        let mut ready = 0;
        while let Some(segment) = self.segments.front_mut() {
            let room = buffer.remaining() - ready;
            match &mut segment.load {
                _ if segment.due > now => break,
                Load::Data(length) if *length > room => {
                    *length -= room;
                    ready += room;
                    break;
                }
                Load::Data(length) => ready += *length,
                Load::Finish => self.ended = true,
                // It stays: the end that reads looks for it before it writes.
                Load::Gone | Load::Reset => {
                    self.ended = true;
                    self.reset = segment.load == Load::Reset;
                    break;
                }
            }
            self.segments.pop_front();
        }
        let (front, back) = self.bytes.as_slices();
        let split = ready.min(front.len());
        buffer.put_slice(&front[..split]);
        buffer.put_slice(&back[..ready - split]);
        self.bytes.drain(..ready);
        ready
    }

    /// Whether everything was read that will ever come.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether that ended with a reset.
    pub(super) fn was_reset(&self) -> bool {
        self.reset
    }

    /// Whether the news has arrived that the writing end is gone.
    pub(super) fn gone(&self, now: Duration) -> bool {
        let gone = |load| matches!(load, Load::Gone | Load::Reset);
        self.segments.back().is_some_and(|last| gone(last.load) && last.due <= now)
    }

    /// When something will be due, as far as that is known.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let retry = || self.held.as_ref().and_then(|held| held.retry);
        self.segments.front().map(|segment| segment.due).or_else(retry)
    }

    /// An outage begins: what has not arrived is held, in order, at the sender.
    pub(super) fn hold(&mut self, link: &mut Direction, now: Duration) {
        self.advance(link, now);
        self.flow.cut(now);
        let arrived = self.segments.partition_point(|segment| segment.due <= now);
        let mut lost = self.segments.drain(arrived..);
        if let Some(first) = lost.next() {
            let mut held = Held::new(first.start, first.load);
            lost.for_each(|segment| held.add(segment.load));
            self.held = Some(held);
        } else if let Some(held) = &mut self.held {
            held.retry = None;
        }
    }

    /// The outage is over: what is held goes out at its sender's next try.
    pub(super) fn resume(&mut self, now: Duration) {
        if let Some(held) = &mut self.held {
            held.retry = Some(next_try(held.since, now));
        }
    }

    /// The reading end is gone: what was on its way is dropped, and what is still written is swallowed.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.clear();
    }

    /// Drops what is on its way.
    pub(super) fn clear(&mut self) {
        self.bytes = VecDeque::new();
        self.segments.clear();
        self.held = None;
    }

    /// Remembers whom to wake when something is sent or the link changes.
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

    /// The writer to wake after a read: only when a good part of the window is free, to save it fruitless turns. The
    /// rest of the window keeps the link busy meanwhile.
    pub(super) fn take_writer_with_room(&mut self) -> Option<Waker> {
        if self.bytes.len() <= self.window - self.window / 4 { self.writer.take() } else { None }
    }

    /// Sends again what is held, if its next try has come.
    fn advance(&mut self, link: &mut Direction, now: Duration) {
        let retry = self.held.as_ref().and_then(|held| held.retry);
        let Some(retry) = retry.filter(|retry| *retry <= now) else { return };
        let Some(held) = self.held.take() else { return };
        if held.data > 0 {
            self.launch(link, retry, Load::Data(held.data));
        }
        if held.finish {
            self.launch(link, retry, Load::Finish);
        }
        if let Some(gone) = held.gone {
            self.launch(link, retry, gone);
        }
    }

    /// Puts `load` on the link, packet by packet.
    fn launch(&mut self, link: &mut Direction, now: Duration, load: Load) {
        let Load::Data(mut data) = load else {
            let slot = link.send(&mut self.flow, now, 0);
            self.segments.push_back(Segment { start: slot.start, due: slot.due, load });
            return;
        };
        while data > 0 {
            let slot = link.send(&mut self.flow, now, data);
            data -= slot.payload;
            match self.segments.back_mut() {
                // What arrives together is one segment.
                Some(Segment { due, load: Load::Data(length), .. }) if *due == slot.due => *length += slot.payload,
                _ => {
                    let load = Load::Data(slot.payload);
                    self.segments.push_back(Segment { start: slot.start, due: slot.due, load });
                }
            }
        }
    }
}

impl Held {
    fn new(since: Duration, load: Load) -> Self {
        let mut held = Self { since, retry: None, data: 0, finish: false, gone: None };
        held.add(load);
        held
    }

    fn add(&mut self, load: Load) {
        match load {
            Load::Data(length) => self.data += length,
            Load::Finish => self.finish = true,
            Load::Gone | Load::Reset => self.gone = Some(load),
        }
    }
}

fn register(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(context.waker()) => {}
        _ => *slot = Some(context.waker().clone()),
    }
}
