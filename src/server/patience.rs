//! How long a connection in real time waits for a peer that says nothing. Simulated ones wait for ever: their peers are
//! ours, and what a network holds up is the story's.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::time::{Sleep, sleep};

/// How a connection is served; a head that has not come after `patience` ends it.
#[must_use]
pub fn http_within(patience: Option<Duration>) -> http1::Builder {
    let mut http = http1::Builder::new();
    // A date header would cost bytes.
    http.auto_date_header(false).keep_alive(true);
    if let Some(patience) = patience {
        http.timer(TokioTimer::new()).header_read_timeout(patience);
    }
    http
}

/// A request's body, which fails when nothing of it comes for a while. A slow one may take as long as it takes: phones are
/// on slow networks.
#[derive(Debug)]
pub struct Awaited {
    inner: Incoming,
    patience: Option<Duration>,
    /// Runs while something is waited for.
    limit: Option<Pin<Box<Sleep>>>,
}

impl Awaited {
    /// `inner`, waited for so long at a time.
    #[must_use]
    pub fn new(inner: Incoming, patience: Option<Duration>) -> Self {
        Self { inner, patience, limit: None }
    }
}

impl Body for Awaited {
    type Data = Bytes;
    type Error = Stalled;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stalled>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            self.limit = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Stalled::Broken)));
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        ready!(self.limit.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        Poll::Ready(Some(Err(Stalled::Waited(patience))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Why no more of a body came.
#[derive(Debug)]
pub enum Stalled {
    /// The connection broke.
    Broken(hyper::Error),
    /// Nothing came for so long.
    Waited(Duration),
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => error.fmt(f),
            Self::Waited(patience) => write!(f, "nothing of it came for {} s", patience.as_secs()),
        }
    }
}

impl std::error::Error for Stalled {}
