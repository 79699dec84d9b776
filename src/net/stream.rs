//! The two ends of a connection, as byte streams.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{ConnectionId, Way};
use super::memory::Medium;
use super::path::Path;
use super::pipe::Pipe;
use super::sender::Mark;
use crate::base::Alarm;

/// Payload bytes that passed the proxy's end of a connection so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Read from the device.
    pub up: u64,
    /// Written to the device.
    pub down: u64,
}

/// The device's end of a connection. Dropping it sends the news through the link, behind what was sent; what waits to be
/// sent never is, as with `SO_LINGER` of no time: who breaks an upload off wants the link for something else.
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

/// The two ends of the open connection `id` on `medium`.
pub(super) fn ends(medium: Rc<Medium>, id: ConnectionId) -> (DeviceEnd, ProxyEnd, Rc<Connection>) {
    let (up, down) = (RefCell::default(), RefCell::default());
    let (reset, reset_at_end) = (Cell::new(false), Cell::new(false));
    let connection = Rc::new(Connection { medium, id, up, down, reset, reset_at_end });
    let end = |writes| End {
        connection: Rc::clone(&connection),
        writes,
        read: 0,
        written: 0,
        finished: false,
        reading: Alarm::default(),
        writing: Alarm::default(),
    };
    (DeviceEnd(end(Way::Up)), ProxyEnd(end(Way::Down)), Rc::clone(&connection))
}

/// What both ends share.
#[derive(Debug)]
pub(super) struct Connection {
    medium: Rc<Medium>,
    id: ConnectionId,
    up: RefCell<Pipe>,
    down: RefCell<Pipe>,
    reset: Cell<bool>,
    /// The proxy's end goes with a reset.
    reset_at_end: Cell<bool>,
}

impl Connection {
    /// Takes over what has arrived, and wakes whom it concerns.
    pub(super) fn look(&self, path: &RefCell<Path>) {
        for way in [Way::Up, Way::Down] {
            let (arrived, room) = {
                let mut path = path.borrow_mut();
                (path.take_arrived(self.id, way), path.has_room(self.id, way))
            };
            let wakers = {
                let mut pipe = self.pipe(way).borrow_mut();
                let news = arrived != super::connection::Arrived::default();
                pipe.deliver(arrived);
                let reader = if news { pipe.take_reader() } else { None };
                [reader, if room { pipe.take_writer() } else { None }]
            };
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }

    /// The radio is off: both ends learn it at once, and what was on its way is lost.
    pub(super) fn reset(&self) {
        self.reset.set(true);
        for way in [Way::Up, Way::Down] {
            self.pipe(way).borrow_mut().clear();
        }
        self.wake();
    }

    /// Something about the link has changed: who waits looks again.
    pub(super) fn wake(&self) {
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

    /// Sends `mark` and wakes who reads it.
    fn post(&self, way: Way, mark: Mark) {
        self.medium.path().borrow_mut().send_mark(self.id, way, self.medium.now(), mark);
        let reader = self.pipe(way).borrow_mut().take_reader();
        reader.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.medium.close(self.id);
    }
}

/// One end: it writes one way, reads the other, and wakes itself when something may happen.
#[derive(Debug)]
struct End {
    connection: Rc<Connection>,
    writes: Way,
    read: u64,
    written: u64,
    finished: bool,
    /// Set only while something is waited for whose time is known.
    reading: Alarm,
    writing: Alarm,
}

impl End {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let (connection, way) = (Rc::clone(&self.connection), self.writes.back());
        loop {
            if connection.reset.get() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            // Who looks need not be woken.
            drop(connection.pipe(way).borrow_mut().take_reader());
            connection.medium.advance();
            let mut pipe = connection.pipe(way).borrow_mut();
            let count = pipe.read(buffer);
            if count == 0 && pipe.gone() && way == Way::Down && connection.reset_at_end.get() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if count > 0 || pipe.ended() {
                self.read += count as u64;
                let writer = pipe.take_writer();
                drop(pipe);
                writer.into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(()));
            }
            pipe.await_data(context);
            drop(pipe);
            let busy = connection.medium.path().borrow().is_busy(connection.id, way);
            if !busy || connection.medium.poll_next_event(&mut self.reading, context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let (connection, way) = (Rc::clone(&self.connection), self.writes);
        loop {
            if connection.reset.get() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            drop(connection.pipe(way).borrow_mut().take_writer());
            connection.medium.advance();
            if self.finished || connection.pipe(way.back()).borrow().gone() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let mut pipe = connection.pipe(way).borrow_mut();
            if data.is_empty() || pipe.is_abandoned() {
                self.written += data.len() as u64;
                return Poll::Ready(Ok(data.len()));
            }
            let path = connection.medium.path();
            let count = path.borrow().takes(connection.id, way, data.len().min(pipe.room()));
            if count > 0 {
                pipe.write(&data[..count]);
                path.borrow_mut().send(connection.id, way, connection.medium.now(), count);
                self.written += count as u64;
                let reader = pipe.take_reader();
                drop(pipe);
                reader.into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(count));
            }
            pipe.await_room(context);
            drop(pipe);
            if connection.medium.poll_next_event(&mut self.writing, context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_shutdown(&mut self) -> Poll<io::Result<()>> {
        if self.connection.reset.get() {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        if !self.finished {
            self.finished = true;
            self.connection.post(self.writes, Mark::Finish);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let connection = &self.connection;
        if connection.reset.get() {
            return;
        }
        if self.writes == Way::Up && !self.finished {
            connection.medium.path().borrow_mut().discard(connection.id, self.writes);
        }
        connection.post(self.writes, Mark::Gone);
        let reads = self.writes.back();
        connection.medium.path().borrow_mut().discard(connection.id, reads);
        let writer = {
            let mut pipe = connection.pipe(reads).borrow_mut();
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
