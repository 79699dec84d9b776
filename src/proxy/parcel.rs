//! An answer's body on its way to the device: whole, or broken off as a fault has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::faults::Tail;

/// Bytes, and what comes after them.
#[derive(Debug)]
pub(super) struct Parcel {
    data: Option<Bytes>,
    /// What the head promises.
    length: u64,
    tail: Tail,
    /// The bytes had their chance to leave.
    flushed: bool,
}

impl Parcel {
    /// `data` of a body that the head says has `length` bytes.
    pub(super) fn new(data: Bytes, length: usize, tail: Tail) -> Self {
        Self { data: Some(data).filter(|data| !data.is_empty()), length: length as u64, tail, flushed: false }
    }
}

impl Body for Parcel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.tail {
            Tail::End => Poll::Ready(None),
            // hyper flushes while a body lets it wait, and throws away what it holds when a body fails.
            Tail::Cut if !self.flushed => {
                self.flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Tail::Cut => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            Tail::Silence => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.tail == Tail::End
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
