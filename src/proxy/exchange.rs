//! One connection's exchanges: each is read, recorded, forwarded and answered, unless a fault has it otherwise (`strike.rs`).

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName};
use hyper::header::{HOST, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::http::{request, response};
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;

use super::faults::{Facts, Strike, Target, Turn};
use super::forward::Shared;
use super::front::{Layer, Met};
use super::inspect::{self, Route};
use super::overhear::Line;
use super::passing::{Outgoing, Passing};
use super::script::{End, Script};
use super::upload;
use super::wire::Wire;
use crate::history::{Message, MessageKind, What};

/// Largest body that the proxy holds, in bytes; far above what the API allows, so that the server can refuse it.
const MAX_BODY: usize = 16 << 20;

/// Headers that concern one connection alone (RFC 9110, 7.6.1), and `Expect`, which is met once a request is read.
const HOP_BY_HOP: [HeaderName; 6] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, EXPECT];

/// A request as it goes to the server.
pub(super) type Asking = (request::Parts, Bytes);
/// An answer as it comes from there.
pub(super) type Answered = (response::Parts, Bytes);

/// What is known of the exchange under way.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) number: u64,
    path: String,
    pub(super) route: Option<Route>,
    pub(super) target: Option<Target>,
    /// The device closes the connection after it.
    pub(super) closing: bool,
}

/// A connection of a device, with its own connection to the server.
pub(super) struct Session {
    pub(super) proxy: Rc<Shared>,
    pub(super) device: String,
    connection: u64,
    pub(super) layer: Layer,
    pub(super) wire: Rc<Wire>,
    /// Bytes from the device that earlier exchanges account for.
    accounted: Rc<Cell<u64>>,
    server: RefCell<Option<SendRequest<Outgoing>>>,
    /// What goes out in place of an answer once hyper has let go of the connection.
    script: RefCell<Option<(Script, Turn)>>,
}

/// What becomes of an exchange.
pub(super) enum Fate {
    /// hyper writes the answer.
    Answer(Response<Full<Bytes>>),
    /// We do.
    Script(Script),
}

impl Session {
    /// A session on a connection that was met like that and has seen no exchange yet.
    pub(super) fn new(proxy: Rc<Shared>, (device, connection): (&str, u64), met: &Met, wire: Rc<Wire>) -> Self {
        let (layer, accounted) = (met.layer, Rc::new(Cell::new(met.accounted)));
        let (server, script) = (RefCell::default(), RefCell::default());
        Self { proxy, device: device.into(), connection, layer, wire, accounted, server, script }
    }

    /// A session of the same connection with a way to the server of its own: by then this one's may be gone.
    pub(super) fn aside(&self) -> Self {
        let Self { connection, layer, .. } = *self;
        let (proxy, device, wire) = (Rc::clone(&self.proxy), self.device.clone(), Rc::clone(&self.wire));
        let (accounted, server, script) = (Rc::default(), RefCell::default(), RefCell::default());
        Self { proxy, device, connection, layer, wire, accounted, server, script }
    }

    /// What is to be played on the connection, if the last exchange ended so.
    pub(super) fn take_script(&self) -> Option<(Script, Turn)> {
        self.script.borrow_mut().take()
    }

    /// How many bytes an answer takes on the link.
    pub(super) fn size(&self, head: &response::Parts, body: usize) -> u64 {
        self.layer.on_the_wire(size(head, body))
    }

    /// Carries out one exchange.
    ///
    /// # Errors
    /// When hyper must let go of the connection: a fault cuts it or has a script, a body breaks off, the server is away.
    pub(super) async fn exchange(self: Rc<Self>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let uploads = matches!(head.method, Method::PATCH | Method::POST) && !body.is_end_stream();
        if uploads && Route::of(&head.method, &head.uri) == Some(Route::Upload) {
            return self.pass_part(head, body).await;
        }
        let body = whole(body).await?;
        let up = self.wire.traffic().up;
        let bytes = up - self.accounted.replace(up);
        let (number, route) = (self.proxy.next_exchange(), Route::of(&head.method, &head.uri));
        let path = head.uri.path().to_owned();
        if let Some(tell) = self.proxy.listener() {
            self.line(number, &path).request(&tell, &head, &body);
        }
        let kind = inspect::request(route, &head, &body);
        let target = route.map(Route::target);
        let fault = self.decide(target, &kind, &head, &body);

        let stopped = fault.as_ref().is_some_and(|strike| strike.act.stops_request());
        if let MessageKind::Push { operations } = &kind
            && fault.as_ref().is_none_or(|strike| strike.act.lets_all_through())
        {
            self.proxy.note_pushed(operations);
        }
        self.proxy.recorder.record(What::Request(self.message(number, bytes, 0, !stopped, kind)));
        let closing = head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let asked = Asked { number, path, route, target, closing };
        let Some(strike) = fault else {
            let answer = self.forward(head, body).await?;
            return Ok(self.hand_over(&asked, answer).0);
        };
        self.meet_fate(&asked, strike, (head, body)).await
    }

    fn decide(&self, target: Option<Target>, kind: &MessageKind, head: &request::Parts, body: &[u8]) -> Option<Strike> {
        self.proxy.faults.decide(&Facts {
            device: &self.device,
            target,
            method: head.method.as_str(),
            path: head.uri.path(),
            entities: &entities(kind),
            mentions: &|word| inspect::mentions(&head.headers, body, word),
            at: self.proxy.recorder.elapsed(),
        })
    }

    /// A request with bytes of a file passes as it comes: of one that breaks off, the server has what came. It is recorded
    /// once it has passed.
    async fn pass_part(self: &Rc<Self>, head: request::Parts, body: Incoming) -> io::Result<Response<Full<Bytes>>> {
        let (number, route, target) = (self.proxy.next_exchange(), Some(Route::Upload), Some(Target::Upload));
        let closing = head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let path = head.uri.path().to_owned();
        if let Some(tell) = self.proxy.listener() {
            self.line(number, &path).request(&tell, &head, &[]);
        }
        let asked = Asked { number, path, route, target, closing };
        let fault = self.decide(target, &MessageKind::SignIn, &head, &[]);
        let stopped = fault.as_ref().is_some_and(|strike| strike.act.stops_request());
        let record = {
            let (proxy, wire, accounted) = (Rc::clone(&self.proxy), Rc::clone(&self.wire), Rc::clone(&self.accounted));
            let (head, message) = (head.clone(), self.message(number, 0, 0, !stopped, MessageKind::SignIn));
            move |came: u64, cut: bool| {
                let up = wire.traffic().up;
                let bytes = up - accounted.replace(up);
                let kind = upload::request(&head, came, cut)
                    .unwrap_or_else(|| MessageKind::Other { summary: format!("{} {}", head.method, head.uri.path()) });
                proxy.recorder.record(What::Request(Message { bytes, kind, ..message }));
            }
        };
        let Some(strike) = fault else {
            let answer = self.forward_body(head, Outgoing::Passing(Passing::new(body, Box::new(record)))).await?;
            return Ok(self.hand_over(&asked, answer).0);
        };
        let body = whole(body).await?;
        record(body.len() as u64, false);
        self.meet_fate(&asked, strike, (head, body)).await
    }

    /// The exchange as the fault has it, and what hyper is to do about it.
    async fn meet_fate(
        self: &Rc<Self>,
        asked: &Asked,
        Strike { id, act, turn }: Strike,
        request: Asking,
    ) -> io::Result<Response<Full<Bytes>>> {
        match self.struck(asked, id, act, request).await? {
            Fate::Answer(answer) => Ok(answer),
            Fate::Script(mut script) => {
                if asked.closing && script.end == End::Keep {
                    script.end = End::Close;
                }
                *self.script.borrow_mut() = Some((script, turn));
                Err(io::Error::other("a script goes on"))
            }
        }
    }

    fn line<'a>(&'a self, exchange: u64, path: &'a str) -> Line<'a> {
        Line { device: &self.device, exchange, path }
    }

    pub(super) fn hear_answer(&self, asked: &Asked, head: &response::Parts, body: &[u8]) {
        if let Some(tell) = self.proxy.listener() {
            self.line(asked.number, &asked.path).answer(&tell, head, body);
        }
    }

    fn message(&self, exchange: u64, bytes: u64, status: u16, delivered: bool, kind: MessageKind) -> Message {
        let (device, connection, kind) = (self.device.clone(), self.connection, self.proxy.read(kind));
        Message { device, connection, exchange, bytes, status, delivered, retry_after: None, kind }
    }

    /// Records an answer that the device gets, of `size` bytes.
    pub(super) fn record_answer(&self, asked: &Asked, head: &response::Parts, size: u64, kind: MessageKind) {
        let message = self.message(asked.number, size, head.status.as_u16(), true, kind);
        let retry_after = inspect::retry_after(&head.headers);
        self.proxy.recorder.record(What::Answer(Message { retry_after, ..message }));
    }

    /// Records the server's answer, which goes no further.
    pub(super) fn keep_back(&self, asked: &Asked, (head, body): &Answered, bytes: u64) {
        self.hear_answer(asked, head, body);
        let kind = inspect::answer(asked.route, head, body);
        let message = self.message(asked.number, bytes, head.status.as_u16(), false, kind);
        self.proxy.recorder.record(What::Answer(message));
    }

    /// The answer as the device gets it, with its size on the wire.
    pub(super) fn hand_over(&self, asked: &Asked, (mut head, body): Answered) -> (Response<Full<Bytes>>, u64) {
        complete(&mut head, body.len(), asked.closing);
        let size = self.size(&head, body.len());
        self.hear_answer(asked, &head, &body);
        let kind = inspect::answer(asked.route, &head, &body);
        self.record_answer(asked, &head, size, kind);
        if let Some(target) = asked.target.filter(|_| head.status.is_success()) {
            self.proxy.memory.borrow_mut().note(&self.device, target, (head.clone(), body.clone()));
        }
        (Response::from_parts(head, Full::new(body)), size)
    }

    /// Asks the server, on this session's own connection to it.
    pub(super) async fn forward(&self, head: request::Parts, body: Bytes) -> io::Result<Answered> {
        self.forward_body(head, Outgoing::Whole(Full::new(body))).await
    }

    async fn forward_body(&self, mut head: request::Parts, body: Outgoing) -> io::Result<Answered> {
        strip(&mut head.headers);
        if let Some(host) = self.proxy.upstream.host() {
            head.headers.insert(HOST, HeaderValue::from_str(&host).map_err(io::Error::other)?);
        }
        head.version = Version::HTTP_11;
        let mut server = self.server().await?;
        let answer = server.send_request(Request::from_parts(head, body)).await.map_err(io::Error::other)?;
        let (mut head, body) = answer.into_parts();
        let body = whole(body).await?;
        *self.server.borrow_mut() = Some(server);
        strip(&mut head.headers);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        Ok((head, body))
    }

    /// The open connection to the server, or a new one.
    async fn server(&self) -> io::Result<SendRequest<Outgoing>> {
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
pub(super) fn complete(head: &mut response::Parts, length: usize, closing: bool) {
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
