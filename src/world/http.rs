//! HTTP over whatever carries bytes: one kept connection, connect and idle time-outs. It is the [`Transport`] of the
//! reference engine and the hands of the office and the auditor.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header;
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{JoinHandle, spawn_local};

use crate::base::Clock;
use crate::client::{Method, Request, Response, Transport, TransportError};
use crate::proxy::{ByteStream, Upstream};

/// A connection attempt is given up after this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An exchange is given up when no byte has moved either way for this long: a slow link is not a dead one.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection unused for this long is not used again: phones' networks forget it silently.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// An HTTP/1.1 client that holds at most one connection.
pub(super) struct HttpClient {
    clock: Clock,
    host: String,
    connector: Rc<dyn Upstream>,
    kept: RefCell<Option<Kept>>,
}

/// An open connection. Dropping it drops its task and so the stream.
struct Kept {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
    moved: Rc<Cell<Duration>>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("connected", &self.kept.borrow().is_some()).finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client of the server called `host`, which `connector` leads to.
    pub(super) fn new(clock: Clock, host: &str, connector: Rc<dyn Upstream>) -> Self {
        Self { clock, host: host.to_owned(), connector, kept: RefCell::new(None) }
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let mut kept = self.connection().await?;
        let moved = kept.moved.clone();
        moved.set(self.clock.elapsed());
        let exchange = async {
            let answer =
                kept.sender.send_request(http_request(&self.host, request)?).await.map_err(|error| lost(&error))?;
            read_answer(answer).await
        };
        let answer = self.unless_idle(exchange, &moved).await?;
        moved.set(self.clock.elapsed());
        *self.kept.borrow_mut() = Some(kept);
        Ok(answer)
    }

    /// The kept connection while it is fresh, else a new one.
    async fn connection(&self) -> Result<Kept, TransportError> {
        let kept = self.kept.borrow_mut().take();
        if let Some(mut kept) = kept
            && self.clock.elapsed().saturating_sub(kept.moved.get()) < KEEP_ALIVE
            && matches!(tokio::time::timeout(CONNECT_TIMEOUT, kept.sender.ready()).await, Ok(Ok(())))
        {
            return Ok(kept);
        }
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.connector.connect());
        let stream = match connected.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(not_sent(&format!("connect: {error}"))),
            Err(_) => return Err(not_sent(&format!("connect: no answer within {} s", CONNECT_TIMEOUT.as_secs()))),
        };
        let moved = Rc::new(Cell::new(self.clock.elapsed()));
        let watched = Watched { stream, clock: self.clock, moved: moved.clone() };
        let (sender, connection) =
            handshake(TokioIo::new(watched)).await.map_err(|error| not_sent(&error.to_string()))?;
        // Its errors reach the waiting exchange through the sender.
        let task = spawn_local(async move { drop(connection.await) });
        Ok(Kept { sender, task, moved })
    }

    /// `exchange`, unless nothing moves on its connection for [`IDLE_TIMEOUT`].
    async fn unless_idle<T>(
        &self,
        exchange: impl Future<Output = Result<T, TransportError>>,
        moved: &Cell<Duration>,
    ) -> Result<T, TransportError> {
        tokio::pin!(exchange);
        loop {
            let limit = moved.get() + IDLE_TIMEOUT;
            tokio::select! {
                biased;
                answer = &mut exchange => return answer,
                () = tokio::time::sleep_until(self.clock.instant(limit)) => {
                    if moved.get() + IDLE_TIMEOUT <= self.clock.elapsed() {
                        let detail = format!("no byte moved for {} s", IDLE_TIMEOUT.as_secs());
                        return Err(TransportError { surely_not_sent: false, detail });
                    }
                }
            }
        }
    }
}

impl Transport for HttpClient {
    fn send(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

fn not_sent(detail: &str) -> TransportError {
    TransportError { surely_not_sent: true, detail: detail.to_owned() }
}

fn lost(error: &hyper::Error) -> TransportError {
    // hyper cancels what it has not begun to write.
    TransportError { surely_not_sent: error.is_canceled(), detail: format!("connection lost: {error}") }
}

fn http_request(host: &str, request: Request) -> Result<hyper::Request<Full<Bytes>>, TransportError> {
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Head => hyper::Method::HEAD,
        Method::Post => hyper::Method::POST,
        Method::Patch => hyper::Method::PATCH,
        Method::Delete => hyper::Method::DELETE,
    };
    let mut builder = hyper::Request::builder().method(method).uri(&request.target).header(header::HOST, host);
    builder = builder.header(header::ACCEPT_ENCODING, "gzip");
    if let Some(token) = &request.bearer {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    if request.body.is_some() && !request.headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE.as_str()) {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    if request.gzip {
        builder = builder.header(header::CONTENT_ENCODING, "gzip");
    }
    let body = Full::new(Bytes::from(request.body.unwrap_or_default()));
    builder.body(body).map_err(|error| not_sent(&format!("not a request: {error}")))
}

async fn read_answer(answer: hyper::Response<Incoming>) -> Result<Response, TransportError> {
    let status = answer.status().as_u16();
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let content_type = text(header::CONTENT_TYPE);
    let gzip = text(header::CONTENT_ENCODING) == "gzip";
    let retry_after = retry_after(&text(header::RETRY_AFTER), &text(header::DATE));
    let headers = answer.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let headers = headers.collect();
    let body = answer.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes().to_vec();
    Ok(Response { status, content_type, retry_after, headers, body, gzip })
}

/// `Retry-After` in seconds. A date counts from the answer's own, since the device's clock may be anywhere; without one
/// it says nothing.
fn retry_after(asked: &str, date: &str) -> Option<u64> {
    let timestamp = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let ahead = || u64::try_from(timestamp(asked)?.duration_since(timestamp(date)?).as_secs()).ok();
    asked.parse().ok().or_else(ahead)
}

/// A stream that notes when a byte last moved on it.
struct Watched {
    stream: Box<dyn ByteStream>,
    clock: Clock,
    moved: Rc<Cell<Duration>>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.moved.set(self.clock.elapsed());
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, data);
        if polled.is_ready() {
            self.moved.set(self.clock.elapsed());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
