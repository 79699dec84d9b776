//! The two ends of a connection, as byte streams.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

use super::memory::Medium;
use super::pipe::{Load, Pipe};

/// Payload bytes that passed the proxy's end of a connection so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Read from the device.
    pub up: u64,
    /// Written to the device.
    pub down: u64,
}

/// The device's end of a connection. Dropping it sends the news through the link, behind all data.
#[derive(Debug)]
pub struct DeviceEnd(End);

/// The proxy's end of a connection. Dropping it sends the news through the link, behind all data.
#[derive(Debug)]
pub struct ProxyEnd(End);

impl ProxyEnd {
    /// What has passed this end so far.
    #[must_use]
    pub fn bytes(&self) -> Traffic {
        Traffic { up: self.0.read, down: self.0.written }
    }

    /// A say in how this connection ends, for whoever gives the end away.
    #[must_use]
    pub fn linger(&self) -> Linger {
        Linger(Rc::clone(&self.0.connection))
    }
}

/// How the proxy's end of a connection goes, once it is dropped: `SO_LINGER` of the modelled network.
#[derive(Debug)]
pub struct Linger(Rc<Connection>);

impl Linger {
    /// The device then reads that the connection was reset, behind all data on its way.
    pub fn reset_at_end(&self) {
        self.0.reset_at_end.set(true);
    }
}

/// Two new ends on `medium`, whose pipes take at most `windows` (up, down) unread bytes.
pub(super) fn connect(medium: Rc<Medium>, windows: [usize; 2]) -> (DeviceEnd, ProxyEnd, Rc<Connection>) {
    let [up, down] = windows.map(|window| RefCell::new(Pipe::new(window)));
    let connection = Rc::new(Connection { medium, up, down, reset: Cell::new(false), reset_at_end: Cell::new(false) });
    let end =
        |writes| End { connection: Rc::clone(&connection), writes, read: 0, written: 0, finished: false, timer: None };
    (DeviceEnd(end(Way::Up)), ProxyEnd(end(Way::Down)), Rc::clone(&connection))
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

impl Way {
    fn back(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// What both ends share.
#[derive(Debug)]
pub(super) struct Connection {
    medium: Rc<Medium>,
    up: RefCell<Pipe>,
    down: RefCell<Pipe>,
    reset: Cell<bool>,
    /// The proxy's end goes with a reset.
    reset_at_end: Cell<bool>,
}

impl Connection {
    /// A dead zone begins at `now`.
    pub(super) fn hold(&self, now: Duration) {
        for way in [Way::Up, Way::Down] {
            self.medium.with(way, |link| self.pipe(way).borrow_mut().hold(link, now));
        }
    }

    /// A dead zone ended at `now`.
    pub(super) fn resume(&self, now: Duration) {
        for way in [Way::Up, Way::Down] {
            self.pipe(way).borrow_mut().resume(now);
        }
        self.wake();
    }

    /// The radio is off: both ends learn it at once, and what was on its way is lost.
    pub(super) fn reset(&self) {
        self.reset.set(true);
        for way in [Way::Up, Way::Down] {
            self.pipe(way).borrow_mut().clear();
        }
        self.wake();
    }

    fn wake(&self) {
        for way in [Way::Up, Way::Down] {
            let wakers = {
                let mut pipe = self.pipe(way).borrow_mut();
                [pipe.take_reader(), pipe.take_writer()]
            };
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }

    fn pipe(&self, way: Way) -> &RefCell<Pipe> {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    /// Sends `load` and wakes who reads it.
    fn post(&self, way: Way, load: Load) {
        let (now, passes) = (self.medium.now(), self.medium.passes());
        let reader = {
            let mut pipe = self.pipe(way).borrow_mut();
            self.medium.with(way, |link| pipe.post(link, now, passes, load));
            pipe.take_reader()
        };
        reader.into_iter().for_each(Waker::wake);
    }
}

/// One end: it writes one way, reads the other, and wakes itself when something is due.
#[derive(Debug)]
struct End {
    connection: Rc<Connection>,
    writes: Way,
    read: u64,
    written: u64,
    finished: bool,
    /// Armed only while a read waits for something whose time is known.
    timer: Option<Timer>,
}

#[derive(Debug)]
struct Timer {
    sleep: Pin<Box<Sleep>>,
    due: Option<Duration>,
}

impl End {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let connection = Rc::clone(&self.connection);
        let way = self.writes.back();
        loop {
            if connection.reset.get() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let now = connection.medium.now();
            let mut pipe = connection.pipe(way).borrow_mut();
            let count = connection.medium.with(way, |link| pipe.read(link, now, buffer));
            if count > 0 {
                self.read += count as u64;
                let writer = pipe.take_writer_with_room();
                drop(pipe);
                writer.into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(()));
            }
            if pipe.was_reset() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if pipe.ended() || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            pipe.await_data(context);
            let due = pipe.next_due();
            drop(pipe);
            match due {
                Some(due) if self.poll_timer(context, due).is_ready() => {}
                Some(_) | None => return Poll::Pending,
            }
        }
    }

    /// Ready once `due` has come.
    fn poll_timer(&mut self, context: &mut Context<'_>, due: Duration) -> Poll<()> {
        let instant = self.connection.medium.instant(due);
        let new = || Timer { sleep: Box::pin(sleep_until(instant)), due: Some(due) };
        let timer = self.timer.get_or_insert_with(new);
        if timer.due != Some(due) {
            timer.sleep.as_mut().reset(instant);
            timer.due = Some(due);
        }
        let fired = timer.sleep.as_mut().poll(context);
        if fired.is_ready() {
            timer.due = None;
        }
        fired
    }

    fn poll_write(&mut self, context: &Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let connection = &self.connection;
        if connection.reset.get() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let (now, passes) = (connection.medium.now(), connection.medium.passes());
        if self.finished || connection.pipe(self.writes.back()).borrow().gone(now) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut pipe = connection.pipe(self.writes).borrow_mut();
        let Some(count) = connection.medium.with(self.writes, |link| pipe.write(link, now, passes, data)) else {
            pipe.await_room(context);
            return Poll::Pending;
        };
        self.written += count as u64;
        let reader = pipe.take_reader();
        drop(pipe);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(count))
    }

    fn poll_shutdown(&mut self) -> Poll<io::Result<()>> {
        if self.connection.reset.get() {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        if !self.finished {
            self.finished = true;
            self.connection.post(self.writes, Load::Finish);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.connection.reset.get() {
            return;
        }
        let reset = self.writes == Way::Down && self.connection.reset_at_end.get();
        self.connection.post(self.writes, if reset { Load::Reset } else { Load::Gone });
        let writer = {
            let mut pipe = self.connection.pipe(self.writes.back()).borrow_mut();
            pipe.abandon();
            pipe.take_writer()
        };
        writer.into_iter().for_each(Waker::wake);
    }
}

macro_rules! byte_stream {
    ($($end:ident),*) => {$(
        impl AsyncRead for $end {
            fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.0.poll_read(context, buffer)
            }
        }

        impl AsyncWrite for $end {
            fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
                self.0.poll_write(context, data)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.0.poll_shutdown()
            }
        }
    )*};
}

byte_stream!(DeviceEnd, ProxyEnd);
