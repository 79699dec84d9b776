//! A body on its way to the server: whole, or passed on as it comes.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Told, once, how many bytes passed and whether it broke off.
type Passed = Box<dyn FnOnce(u64, bool)>;

/// What the proxy sends to the server.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// It was read before.
    Whole(Full<Bytes>),
    /// It is being read.
    Passing(Passing),
}

/// A body that is passed on as it comes.
pub(super) struct Passing {
    body: Incoming,
    came: u64,
    passed: Option<Passed>,
}

impl Passing {
    /// Passes `body` on and tells `passed` when it is through, has broken off, or is not wanted any more.
    pub(super) fn new(body: Incoming, passed: Passed) -> Self {
        Self { body, came: 0, passed: Some(passed) }
    }

    fn end(&mut self, cut: bool) {
        if let Some(passed) = self.passed.take() {
            passed(self.came, cut);
        }
    }
}

impl fmt::Debug for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing").field("came", &self.came).finish_non_exhaustive()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.end(true);
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let passing = match self.get_mut() {
            Self::Whole(body) => {
                return Pin::new(body).poll_frame(cx).map(|frame| frame.map(|it| it.map_err(|never| match never {})));
            }
            Self::Passing(passing) => passing,
        };
        let frame = ready!(Pin::new(&mut passing.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => passing.came += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => passing.end(true),
            None => passing.end(false),
        }
        if passing.body.is_end_stream() {
            passing.end(false);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Passing(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Passing(passing) => passing.body.size_hint(),
        }
    }
}
