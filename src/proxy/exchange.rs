//! One connection's exchanges: each is read wholly, recorded, perhaps spoilt, forwarded and answered.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue};
use hyper::header::{TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::http::{request, response};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;

use super::faults::{Act, LoseHow, Moment};
use super::forward::Shared;
use super::inspect::{self, Route};
use super::wire::Wire;
use crate::history::{Message, MessageKind, What};

/// Largest body that the proxy holds, in bytes; far above what the API allows, so that the server can refuse it.
const MAX_BODY: usize = 16 << 20;

/// Headers that concern one connection alone (RFC 9110, 7.6.1), and `Expect`, which is met once a request is read.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, EXPECT];

/// A connection of a device, with its own connection to the server.
pub(super) struct Session {
    proxy: Rc<Shared>,
    device: String,
    connection: u64,
    wire: Rc<Wire>,
    /// Bytes from the device that earlier exchanges account for.
    accounted: Cell<u64>,
    server: RefCell<Option<SendRequest<Full<Bytes>>>>,
}

impl Session {
    /// A session that has seen nothing yet.
    pub(super) fn new(proxy: Rc<Shared>, device: &str, connection: u64, wire: Rc<Wire>) -> Self {
        let (accounted, server) = (Cell::new(0), RefCell::new(None));
        Self { proxy, device: device.into(), connection, wire, accounted, server }
    }

    /// Carries out one exchange.
    ///
    /// # Errors
    /// When the connection must be closed without an answer: a fault cuts it, a body breaks off, the server is away.
    pub(super) async fn exchange(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = whole(body).await?;
        let up = self.wire.traffic().up;
        let bytes = up - self.accounted.replace(up);
        let number = self.proxy.next_exchange();
        let route = Route::of(&head.method, &head.uri);
        let fault = self.proxy.faults.decide(&self.device, route.and_then(Route::target));
        let message = |bytes, status, delivered, kind| self.message(number, bytes, status, delivered, kind);

        let stopped = fault.filter(|(_, act)| act.stops_request());
        let kind = inspect::request(route, &head, &body);
        self.proxy.recorder.record(What::Request(message(bytes, 0, stopped.is_none(), kind)));
        if let Some((id, act)) = stopped {
            return self.strike(number, id, act).await;
        }
        let closing = head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let (mut head, body) = self.forward(head, body).await?;

        complete(&mut head, body.len(), closing);
        let size = head_size(&head) + body.len() as u64;
        let stopped = fault.filter(|(_, act)| act.stops_answer());
        let kind = inspect::answer(route, &head, &body);
        let status = head.status.as_u16();
        self.proxy.recorder.record(What::Answer(message(size, status, stopped.is_none(), kind)));
        if let Some((id, act)) = stopped {
            return self.strike(number, id, act).await;
        }
        if let Some((id, Act::Crash(Moment::AfterAnswer))) = fault {
            self.crash_after(size, number, id);
        }
        Ok(Response::from_parts(head, Full::new(body)))
    }

    fn message(&self, exchange: u64, bytes: u64, status: u16, delivered: bool, kind: MessageKind) -> Message {
        Message { device: self.device.clone(), connection: self.connection, exchange, bytes, status, delivered, kind }
    }

    /// Spoils the exchange. Returns, with an error, only if the connection is to be cut.
    async fn strike<T>(&self, exchange: u64, id: u64, act: Act) -> io::Result<T> {
        self.proxy.fired(&self.device, exchange, id);
        match act {
            Act::LoseRequest(LoseHow::Cut) | Act::LoseAnswer(LoseHow::Cut) => {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Act::LoseRequest(LoseHow::Silence) | Act::LoseAnswer(LoseHow::Silence) => {}
            Act::Crash(moment) => self.proxy.crash(&self.device, moment),
        }
        // hyper drops this future when the device closes its side.
        pending().await
    }

    fn crash_after(&self, size: u64, exchange: u64, id: u64) {
        let (proxy, device) = (Rc::clone(&self.proxy), self.device.clone());
        self.wire.after(
            size,
            Box::new(move || {
                proxy.fired(&device, exchange, id);
                proxy.crash(&device, Moment::AfterAnswer);
            }),
        );
    }

    /// Asks the server, on this session's own connection to it.
    async fn forward(&self, mut head: request::Parts, body: Bytes) -> io::Result<(response::Parts, Bytes)> {
        strip(&mut head.headers);
        head.version = Version::HTTP_11;
        let mut server = self.server().await?;
        let answer = server.send_request(Request::from_parts(head, Full::new(body))).await.map_err(io::Error::other)?;
        let (mut head, body) = answer.into_parts();
        let body = whole(body).await?;
        *self.server.borrow_mut() = Some(server);
        strip(&mut head.headers);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        Ok((head, body))
    }

    /// The open connection to the server, or a new one.
    async fn server(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let open = self.server.borrow_mut().take();
        if let Some(mut server) = open
            && server.ready().await.is_ok()
        {
            return Ok(server);
        }
        let stream = self.proxy.upstream.connect().await?;
        let (server, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        spawn_local(connection);
        Ok(server)
    }
}

/// The whole of a body.
async fn whole(body: Incoming) -> io::Result<Bytes> {
    Ok(Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes())
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Adds the headers that hyper would add, so that the answer's size is known before it is sent.
fn complete(head: &mut response::Parts, length: usize, closing: bool) {
    let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !bodiless {
        head.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    if closing {
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// How many bytes hyper makes of an answer's head.
fn head_size(head: &response::Parts) -> u64 {
    let reason = head.status.canonical_reason().unwrap_or("<none>");
    let first = "HTTP/1.1 200 ".len() + reason.len() + "\r\n".len();
    let lines = head.headers.iter().map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len());
    (first + lines.sum::<usize>() + "\r\n".len()) as u64
}
