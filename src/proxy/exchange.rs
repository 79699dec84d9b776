//! One connection's exchanges: each is read wholly, recorded, perhaps spoilt, forwarded and answered.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderName};
use hyper::header::{HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::http::{request, response};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;

use super::faults::{Act, Canned, LoseHow, Moment, Refuse, Spoil, Tail};
use super::forward::Shared;
use super::front::{Layer, Met};
use super::inspect::{self, Route};
use super::overhear::Line;
use super::parcel::Parcel;
use super::wire::Wire;
use crate::history::{Message, MessageKind, What};
use crate::protocol::{PushAnswer, PushRequest};

/// Largest body that the proxy holds, in bytes; far above what the API allows, so that the server can refuse it.
const MAX_BODY: usize = 16 << 20;

/// Headers that concern one connection alone (RFC 9110, 7.6.1), and `Expect`, which is met once a request is read.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, EXPECT];

/// A request as it goes to the server.
type Asking = (request::Parts, Bytes);
/// An answer as it comes from there.
type Answered = (response::Parts, Bytes);

/// What is known of the exchange under way.
struct Asked {
    number: u64,
    path: String,
    route: Option<Route>,
    /// The device closes the connection after it.
    closing: bool,
}

/// A connection of a device, with its own connection to the server.
pub(super) struct Session {
    proxy: Rc<Shared>,
    device: String,
    connection: u64,
    layer: Layer,
    wire: Rc<Wire>,
    /// Bytes from the device that earlier exchanges account for.
    accounted: Cell<u64>,
    server: RefCell<Option<SendRequest<Full<Bytes>>>>,
}

impl Session {
    /// A session on a connection that was met like that and has seen no exchange yet.
    pub(super) fn new(proxy: Rc<Shared>, (device, connection): (&str, u64), met: &Met, wire: Rc<Wire>) -> Self {
        let (layer, accounted, server) = (met.layer, Cell::new(met.accounted), RefCell::new(None));
        Self { proxy, device: device.into(), connection, layer, wire, accounted, server }
    }

    /// How many bytes an answer takes on the link.
    fn size(&self, head: &response::Parts, body: usize) -> u64 {
        self.layer.on_the_wire(size(head, body))
    }

    /// Carries out one exchange.
    ///
    /// # Errors
    /// When the connection must be closed without an answer: a fault cuts it, a body breaks off, the server is away.
    pub(super) async fn exchange(&self, request: Request<Incoming>) -> io::Result<Response<Parcel>> {
        let (head, body) = request.into_parts();
        let body = whole(body).await?;
        let up = self.wire.traffic().up;
        let bytes = up - self.accounted.replace(up);
        let (number, route) = (self.proxy.next_exchange(), Route::of(&head.method, &head.uri));
        let path = head.uri.path().to_owned();
        if let Some(tell) = self.proxy.listener() {
            self.line(number, &path).request(&tell, &head, &body);
        }
        let kind = inspect::request(route, &head, &body);
        let fault = self.proxy.faults.decide(&self.device, route.and_then(Route::target), &entities(&kind));

        let stopped = fault.as_ref().is_some_and(|(_, act)| act.stops_request());
        self.proxy.recorder.record(What::Request(self.message(number, bytes, 0, !stopped, kind)));
        let closing = head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let asked = Asked { number, path, route, closing };
        match fault {
            Some((id, act)) => self.struck(&asked, id, act, (head, body)).await,
            None => {
                let answer = self.forward(head, body).await?;
                Ok(self.hand_over(&asked, answer).0)
            }
        }
    }

    /// The exchange as `act` has it.
    async fn struck(&self, asked: &Asked, id: u64, act: Act, request: Asking) -> io::Result<Response<Parcel>> {
        let (head, body) = request;
        match act {
            Act::LoseRequest(_) | Act::Crash(Moment::BeforeRequest) => self.strike(asked.number, id, act).await,
            Act::Answer(canned) => Ok(self.instead(asked, id, canned)),
            Act::AnswerAfter(canned) => {
                self.keep_back(asked, &self.forward(head, body).await?, 0);
                Ok(self.instead(asked, id, canned))
            }
            Act::Spoil(spoil) => {
                let answer = self.forward(head, body).await?;
                self.keep_back(asked, &answer, 0);
                Ok(self.spoilt(asked, id, spoil, answer))
            }
            Act::Refuse(refuse) => {
                let answer = self.refused(&refuse, head, body).await?;
                self.proxy.fired(&self.device, asked.number, id);
                Ok(self.hand_over(asked, answer).0)
            }
            Act::LoseAnswer(_) | Act::Crash(Moment::AfterCommit) => {
                let mut answer = self.forward(head, body).await?;
                complete(&mut answer.0, answer.1.len(), asked.closing);
                self.keep_back(asked, &answer, self.size(&answer.0, answer.1.len()));
                self.strike(asked.number, id, act).await
            }
            Act::Crash(Moment::AfterAnswer) => {
                let answer = self.forward(head, body).await?;
                let (response, size) = self.hand_over(asked, answer);
                self.crash_after(size, asked.number, id);
                Ok(response)
            }
        }
    }

    fn line<'a>(&'a self, exchange: u64, path: &'a str) -> Line<'a> {
        Line { device: &self.device, exchange, path }
    }

    fn hear_answer(&self, asked: &Asked, head: &response::Parts, body: &[u8]) {
        if let Some(tell) = self.proxy.listener() {
            self.line(asked.number, &asked.path).answer(&tell, head, body);
        }
    }

    fn message(&self, exchange: u64, bytes: u64, status: u16, delivered: bool, kind: MessageKind) -> Message {
        let (device, connection) = (self.device.clone(), self.connection);
        Message { device, connection, exchange, bytes, status, delivered, retry_after: None, kind }
    }

    /// Records an answer that the device gets, of `size` bytes.
    fn record_answer(&self, asked: &Asked, head: &response::Parts, size: u64, kind: MessageKind) {
        let message = self.message(asked.number, size, head.status.as_u16(), true, kind);
        let retry_after = inspect::retry_after(&head.headers);
        self.proxy.recorder.record(What::Answer(Message { retry_after, ..message }));
    }

    /// Records the server's answer, which goes no further.
    fn keep_back(&self, asked: &Asked, (head, body): &Answered, bytes: u64) {
        self.hear_answer(asked, head, body);
        let kind = inspect::answer(asked.route, head, body);
        let message = self.message(asked.number, bytes, head.status.as_u16(), false, kind);
        self.proxy.recorder.record(What::Answer(message));
    }

    /// The answer as the device gets it, with its size on the wire.
    fn hand_over(&self, asked: &Asked, (mut head, body): Answered) -> (Response<Parcel>, u64) {
        complete(&mut head, body.len(), asked.closing);
        let size = self.size(&head, body.len());
        self.hear_answer(asked, &head, &body);
        let kind = inspect::answer(asked.route, &head, &body);
        self.record_answer(asked, &head, size, kind);
        let length = body.len();
        (Response::from_parts(head, Parcel::new(body, length, Tail::End)), size)
    }

    /// An answer of the proxy's own.
    fn instead(&self, asked: &Asked, id: u64, canned: Canned) -> Response<Parcel> {
        let (fields, body) = canned.write(self.proxy.recorder.wall());
        let mut head = Response::new(()).into_parts().0;
        head.status = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::try_from(value) {
                head.headers.insert(name, value);
            }
        }
        let (response, _) = self.hand_over(asked, (head, body.into()));
        self.proxy.fired(&self.device, asked.number, id);
        response
    }

    /// The server's answer, damaged.
    fn spoilt(&self, asked: &Asked, id: u64, spoil: Spoil, (mut head, body): Answered) -> Response<Parcel> {
        let (arrives, length, tail) = spoil.of(body.len());
        if spoil == Spoil::Mislabelled {
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        head.headers.insert(CONTENT_LENGTH, length.into());
        complete(&mut head, length, asked.closing);
        let kind = MessageKind::Other { summary: format!("a spoilt answer ({spoil:?})") };
        self.record_answer(asked, &head, self.size(&head, arrives), kind);
        self.proxy.fired(&self.device, asked.number, id);
        Response::from_parts(head, Parcel::new(body.slice(..arrives), length, tail))
    }

    /// Asks the server for all but the operations to refuse, and puts those into its answer.
    async fn refused(&self, refuse: &Refuse, mut head: request::Parts, body: Bytes) -> io::Result<Answered> {
        let Some(PushRequest { mut operations }) = inspect::json(&head.headers, &body) else {
            return self.forward(head, body).await;
        };
        let refused = refuse.take(&mut operations);
        head.headers.remove(CONTENT_ENCODING);
        head.headers.remove(CONTENT_LENGTH);
        let rest = serde_json::to_vec(&PushRequest { operations }).map_err(io::Error::other)?;
        let (mut head, body) = self.forward(head, rest.into()).await?;
        let Some(PushAnswer { results }) = inspect::json(&head.headers, &body) else { return Ok((head, body)) };
        let results = Refuse::join(refused, results);
        head.headers.remove(CONTENT_ENCODING);
        head.headers.remove(CONTENT_LENGTH);
        let body = serde_json::to_vec(&PushAnswer { results }).map_err(io::Error::other)?;
        Ok((head, body.into()))
    }

    /// Spoils the exchange. Returns, with an error, only if the connection is to be cut.
    async fn strike<T>(&self, exchange: u64, id: u64, act: Act) -> io::Result<T> {
        self.proxy.fired(&self.device, exchange, id);
        match act {
            Act::LoseRequest(LoseHow::Cut) | Act::LoseAnswer(LoseHow::Cut) => {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Act::Crash(moment) => self.proxy.crash(&self.device, id, moment),
            Act::LoseRequest(LoseHow::Silence)
            | Act::LoseAnswer(LoseHow::Silence)
            | Act::Answer(_)
            | Act::AnswerAfter(_)
            | Act::Spoil(_)
            | Act::Refuse(_) => {}
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
                proxy.crash(&device, id, Moment::AfterAnswer);
            }),
        );
    }

    /// Asks the server, on this session's own connection to it.
    async fn forward(&self, mut head: request::Parts, body: Bytes) -> io::Result<Answered> {
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

/// The records that a push is about, in its order.
fn entities(kind: &MessageKind) -> Vec<&str> {
    let MessageKind::Push { operations } = kind else { return Vec::new() };
    operations.iter().map(|operation| operation.entity_id.as_str()).collect()
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

/// How many bytes hyper makes of an answer's head, with `body` bytes behind it.
fn size(head: &response::Parts, body: usize) -> u64 {
    let reason = head.status.canonical_reason().unwrap_or("<none>");
    let first = "HTTP/1.1 200 ".len() + reason.len() + "\r\n".len();
    let lines = head.headers.iter().map(|(name, value)| name.as_str().len() + ": ".len() + value.len() + "\r\n".len());
    (first + lines.sum::<usize>() + "\r\n".len() + body) as u64
}
