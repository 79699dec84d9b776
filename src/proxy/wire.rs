//! The proxy's end of a connection, watched while hyper owns it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::{Linger, ProxyEnd, Traffic};

/// What is known of a connection's bytes while hyper owns its end.
pub(super) struct Wire {
    traffic: Cell<Traffic>,
    linger: Linger,
    handover: RefCell<Option<Handover>>,
}

/// Something to do once so many bytes have been written to the device.
struct Handover {
    down: u64,
    act: Box<dyn FnOnce()>,
}

impl Wire {
    /// The wire of a connection that nothing has passed yet.
    pub(super) fn new(end: &ProxyEnd) -> Self {
        Self { traffic: Cell::default(), linger: end.linger(), handover: RefCell::default() }
    }

    /// From now on the connection's end is a reset.
    pub(super) fn reset_at_end(&self) {
        self.linger.reset_at_end();
    }

    /// The bytes that have passed so far.
    pub(super) fn traffic(&self) -> Traffic {
        self.traffic.get()
    }

    /// Runs `act` at the moment at which `bytes` more have been handed to the link.
    pub(super) fn after(&self, bytes: u64, act: Box<dyn FnOnce()>) {
        let down = self.traffic.get().down + bytes;
        *self.handover.borrow_mut() = Some(Handover { down, act });
    }

    fn passed(&self, traffic: Traffic) {
        self.traffic.set(traffic);
        let reached = self.handover.borrow_mut().take_if(|handover| traffic.down >= handover.down);
        if let Some(handover) = reached {
            (handover.act)();
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("traffic", &self.traffic).finish_non_exhaustive()
    }
}

/// A proxy's end that reports to a [`Wire`].
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) end: ProxyEnd,
    pub(super) wire: Rc<Wire>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = ready!(Pin::new(&mut self.end).poll_read(context, buffer));
        self.wire.passed(self.end.bytes());
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = ready!(Pin::new(&mut self.end).poll_write(context, data));
        self.wire.passed(self.end.bytes());
        Poll::Ready(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(context)
    }
}
