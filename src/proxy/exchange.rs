//! One connection's exchanges: each is read wholly, recorded, perhaps spoilt, forwarded and answered.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName};
use hyper::header::{HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::http::{request, response};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::task::spawn_local;

use super::faults::{Act, Canned, Damaged, Duplicate, Facts, LoseHow, Moment, Refuse, Replay, Slow, Spoil, Strike};
use super::faults::{Target, Turn};
use super::forward::Shared;
use super::front::{Layer, Met};
use super::inspect::{self, Route};
use super::overhear::Line;
use super::script::{Script, head_text};
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
pub(super) type Answered = (response::Parts, Bytes);

/// What is known of the exchange under way.
#[derive(Clone)]
struct Asked {
    number: u64,
    path: String,
    route: Option<Route>,
    target: Option<Target>,
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
    /// What goes out in place of an answer once hyper has let go of the connection.
    script: RefCell<Option<(Script, Turn)>>,
}

/// What becomes of an exchange.
enum Fate {
    /// hyper writes the answer.
    Answer(Response<Full<Bytes>>),
    /// We do.
    Script(Script),
}

impl Session {
    /// A session on a connection that was met like that and has seen no exchange yet.
    pub(super) fn new(proxy: Rc<Shared>, (device, connection): (&str, u64), met: &Met, wire: Rc<Wire>) -> Self {
        let (layer, accounted) = (met.layer, Cell::new(met.accounted));
        let (server, script) = (RefCell::default(), RefCell::default());
        Self { proxy, device: device.into(), connection, layer, wire, accounted, server, script }
    }

    /// A session of the same connection with a way to the server of its own: by then this one's may be gone.
    fn aside(&self) -> Self {
        let Self { connection, layer, .. } = *self;
        let (proxy, device, wire) = (Rc::clone(&self.proxy), self.device.clone(), Rc::clone(&self.wire));
        let (accounted, server, script) = (Cell::new(0), RefCell::default(), RefCell::default());
        Self { proxy, device, connection, layer, wire, accounted, server, script }
    }

    /// What is to be played on the connection, if the last exchange ended so.
    pub(super) fn take_script(&self) -> Option<(Script, Turn)> {
        self.script.borrow_mut().take()
    }

    /// How many bytes an answer takes on the link.
    fn size(&self, head: &response::Parts, body: usize) -> u64 {
        self.layer.on_the_wire(size(head, body))
    }

    /// Carries out one exchange.
    ///
    /// # Errors
    /// When hyper must let go of the connection: a fault cuts it or has a script, a body breaks off, the server is away.
    pub(super) async fn exchange(self: Rc<Self>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
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
        let target = inspect::target(route, head.uri.path());
        let fault = self.decide(target, &kind, &head, &body);

        let stopped = fault.as_ref().is_some_and(|strike| strike.act.stops_request());
        self.proxy.recorder.record(What::Request(self.message(number, bytes, 0, !stopped, kind)));
        let closing = head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let asked = Asked { number, path, route, target, closing };
        let Some(Strike { id, act, turn }) = fault else {
            let answer = self.forward(head, body).await?;
            return Ok(self.hand_over(&asked, answer).0);
        };
        match self.struck(&asked, id, act, (head, body)).await? {
            Fate::Answer(answer) => Ok(answer),
            Fate::Script(script) => {
                *self.script.borrow_mut() = Some((script, turn));
                Err(io::Error::other("a script goes on"))
            }
        }
    }

    fn decide(
        &self,
        target: Option<Target>,
        kind: &MessageKind,
        head: &request::Parts,
        body: &Bytes,
    ) -> Option<Strike> {
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

    /// The exchange as `act` has it.
    async fn struck(self: &Rc<Self>, asked: &Asked, id: u64, act: Act, request: Asking) -> io::Result<Fate> {
        let (head, body) = request;
        let answer = match act {
            Act::LoseRequest(_) | Act::Crash(Moment::BeforeRequest) => self.strike(asked.number, id, act).await?,
            Act::Answer(canned) => self.instead(asked, id, canned),
            Act::AnswerAfter(canned) => {
                self.keep_back(asked, &self.forward(head, body).await?, 0);
                self.instead(asked, id, canned)
            }
            Act::Spoil(spoil) => {
                let answer = self.forward(head, body).await?;
                self.keep_back(asked, &answer, 0);
                return Ok(self.spoilt(asked, id, spoil, answer));
            }
            Act::Refuse(refuse) => {
                let answer = self.refused(&refuse, head, body).await?;
                self.proxy.fired(&self.device, asked.number, id);
                self.hand_over(asked, answer).0
            }
            Act::LoseAnswer(_) | Act::Crash(Moment::AfterCommit) => {
                let mut answer = self.forward(head, body).await?;
                complete(&mut answer.0, answer.1.len(), asked.closing);
                self.keep_back(asked, &answer, self.size(&answer.0, answer.1.len()));
                self.strike(asked.number, id, act).await?
            }
            Act::Crash(Moment::AfterAnswer) => {
                let answer = self.forward(head, body).await?;
                let (response, size) = self.hand_over(asked, answer);
                self.crash_after(size, asked.number, id);
                response
            }
            Act::Slow(slow) => return self.slowly(asked, id, slow, (head, body)).await,
            Act::Duplicate(duplicate) => self.twice(asked, id, duplicate, (head, body)).await?,
            Act::Replay(replay) => self.replayed(asked, id, replay, (head, body)).await?,
        };
        Ok(Fate::Answer(answer))
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
    fn hand_over(&self, asked: &Asked, (mut head, body): Answered) -> (Response<Full<Bytes>>, u64) {
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

    /// An answer of the proxy's own.
    fn instead(&self, asked: &Asked, id: u64, canned: Canned) -> Response<Full<Bytes>> {
        let (fields, body) = canned.write(self.proxy.recorder.wall());
        let mut head = Response::new(()).into_parts().0;
        head.status = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::try_from(value) {
                head.headers.insert(name, value);
            }
        }
        let body = Bytes::from(body);
        complete(&mut head, body.len(), asked.closing);
        self.hear_answer(asked, &head, &body);
        let kind = inspect::answer(asked.route, &head, &body);
        self.record_answer(asked, &head, self.size(&head, body.len()), kind);
        self.proxy.fired(&self.device, asked.number, id);
        Response::from_parts(head, Full::new(body))
    }

    /// The server's answer, damaged.
    fn spoilt(&self, asked: &Asked, id: u64, spoil: Spoil, (mut head, body): Answered) -> Fate {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
        complete(&mut head, body.len(), asked.closing);
        let damaged = spoil.of(head.clone(), body);
        let bytes = match &damaged {
            Damaged::Answer((head, body)) => self.size(head, body.len()),
            Damaged::Script(script) => self.layer.on_the_wire(script.length()),
        };
        let kind = MessageKind::Other { summary: format!("a spoilt answer ({spoil:?})") };
        self.record_answer(asked, &head, bytes, kind);
        self.proxy.fired(&self.device, asked.number, id);
        match damaged {
            Damaged::Answer((head, body)) => Fate::Answer(Response::from_parts(head, Full::new(body))),
            Damaged::Script(script) => Fate::Script(script),
        }
    }

    /// The exchange, with a pause in it or drop by drop.
    async fn slowly(&self, asked: &Asked, id: u64, slow: Slow, (head, body): Asking) -> io::Result<Fate> {
        self.proxy.fired(&self.device, asked.number, id);
        sleep(slow.before()).await;
        let answer = self.forward(head, body).await?;
        sleep(slow.after()).await;
        let (mut head, body) = answer.clone();
        complete(&mut head, body.len(), asked.closing);
        let script = slow.script(head_text(&head).into(), body);
        let (response, _) = self.hand_over(asked, answer);
        Ok(script.map_or(Fate::Answer(response), Fate::Script))
    }

    /// The exchange, of which the server sees the request twice.
    async fn twice(
        self: &Rc<Self>,
        asked: &Asked,
        id: u64,
        duplicate: Duplicate,
        (head, body): Asking,
    ) -> io::Result<Response<Full<Bytes>>> {
        let first = self.forward(head.clone(), body.clone()).await?;
        let Duplicate::Late(after) = duplicate else {
            self.keep_back(asked, &first, 0);
            self.proxy.fired(&self.device, asked.number, id);
            let second = self.forward(head, body).await?;
            return Ok(self.hand_over(asked, second).0);
        };
        let copy = self.aside();
        let asked_again = asked.clone();
        spawn_local(async move {
            sleep(after).await;
            if let Ok(second) = copy.forward(head, body).await {
                copy.proxy.fired(&copy.device, asked_again.number, id);
                copy.keep_back(&asked_again, &second, 0);
            }
        });
        Ok(self.hand_over(asked, first).0)
    }

    /// An answer that the device has had before; the server's own where there was none.
    async fn replayed(
        &self,
        asked: &Asked,
        id: u64,
        replay: Replay,
        (head, body): Asking,
    ) -> io::Result<Response<Full<Bytes>>> {
        let recall = |target| self.proxy.memory.borrow().recall(&self.device, target, replay.back);
        let Some((earlier, content)) = asked.target.and_then(recall) else {
            let answer = self.forward(head, body).await?;
            return Ok(self.hand_over(asked, answer).0);
        };
        if replay.after_commit {
            self.keep_back(asked, &self.forward(head, body).await?, 0);
        }
        let kind = MessageKind::Other { summary: format!("an answer of before ({} back)", replay.back) };
        self.record_answer(asked, &earlier, self.size(&earlier, content.len()), kind);
        self.proxy.fired(&self.device, asked.number, id);
        Ok(Response::from_parts(earlier, Full::new(content)))
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

    /// Ends the exchange without an answer. Returns, with an error, only if the connection is to be cut.
    async fn strike<T>(&self, exchange: u64, id: u64, act: Act) -> io::Result<T> {
        self.proxy.fired(&self.device, exchange, id);
        let how = match act {
            Act::LoseRequest(how) | Act::LoseAnswer(how) => Some(how),
            Act::Crash(moment) => {
                self.proxy.crash(&self.device, id, moment);
                None
            }
            Act::Answer(_)
            | Act::AnswerAfter(_)
            | Act::Spoil(_)
            | Act::Refuse(_)
            | Act::Slow(_)
            | Act::Duplicate(_)
            | Act::Replay(_) => None,
        };
        match how {
            Some(LoseHow::Reset) => {
                self.wire.reset_at_end();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Some(LoseHow::Cut) => Err(io::ErrorKind::ConnectionAborted.into()),
            // hyper drops this future when the device closes its side.
            Some(LoseHow::Silence) | None => pending().await,
        }
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

/// No time at all is not even a tick of the clock.
async fn sleep(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
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
