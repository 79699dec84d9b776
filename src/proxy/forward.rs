//! The proxy: takes a device's connection and answers its requests with what the server says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::LocalBoxFuture;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::exchange::{Answered, Session};
use super::faults::{Faults, Memory, Moment, Target};
use super::front::{Front, Met};
use super::overhear::OnHeard;
use super::wire::{Watched, Wire};
use crate::history::{MessageKind, Recorder, What};
use crate::net::ProxyEnd;
use crate::protocol::Operation;

/// Any stream of bytes both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> ByteStream for T {}

/// The way to the server.
pub trait Upstream {
    /// Opens a connection.
    ///
    /// # Errors
    /// When the server cannot be reached.
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>>;

    /// How requests are to call the server; as the device does when absent.
    fn host(&self) -> Option<String> {
        None
    }
}

/// A connection that was met, and on which HTTP can be spoken.
pub(super) struct Encounter {
    met: Met,
    wire: Rc<Wire>,
}

impl Encounter {
    /// It, without its TLS.
    pub(super) fn stream(&mut self) -> &mut Box<dyn ByteStream> {
        &mut self.met.stream
    }

    /// What has come so far belongs to no exchange that is still to be spoken.
    pub(super) fn settle(&mut self) {
        self.met.accounted = self.wire.traffic().up;
    }
}

/// Told of a device that a rule crashes, and at which moment of the exchange.
pub type OnCrash = Rc<dyn Fn(&str, u64, Moment)>;

/// Reads what a message says.
pub type OnRead = Rc<dyn Fn(MessageKind) -> MessageKind>;

/// The proxy of a run: all devices' connections go through it. Clones are the same proxy.
#[derive(Clone)]
pub struct Proxy(pub(super) Rc<Shared>);

/// What all connections of a proxy share.
pub(super) struct Shared {
    pub(super) recorder: Recorder,
    pub(super) upstream: Rc<dyn Upstream>,
    pub(super) faults: Faults,
    /// What a cache that should not be there has kept.
    pub(super) memory: RefCell<Memory<Target, Answered>>,
    /// The operations that set out for the server.
    pub(super) pushed: RefCell<BTreeSet<String>>,
    on_crash: RefCell<OnCrash>,
    front: RefCell<Front>,
    on_heard: RefCell<Option<OnHeard>>,
    on_read: RefCell<Option<OnRead>>,
    connections: Cell<u64>,
    /// The latest exchange's number, which several proxies may share.
    exchanges: Arc<AtomicU64>,
}

impl Shared {
    /// The next exchange's number, from 1.
    pub(super) fn next_exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// `operations` set out for the server.
    pub(super) fn note_pushed(&self, operations: &[Operation]) {
        self.pushed.borrow_mut().extend(operations.iter().map(|operation| operation.queue_id.clone()));
    }

    /// Records that a rule struck.
    pub(super) fn fired(&self, device: &str, exchange: u64, id: u64) {
        self.recorder.record(What::FaultFired { id, device: device.into(), exchange: Some(exchange) });
    }

    /// Who is told of every message, if anybody is.
    pub(super) fn listener(&self) -> Option<OnHeard> {
        self.on_heard.borrow().clone()
    }

    /// What a message says, as it is to be recorded.
    pub(super) fn read(&self, kind: MessageKind) -> MessageKind {
        let read = self.on_read.borrow().clone();
        match read {
            Some(read) => read(kind),
            None => kind,
        }
    }

    /// Tells whoever runs the device that it crashes now.
    pub(super) fn crash(&self, device: &str, fault: u64, moment: Moment) {
        let call = Rc::clone(&self.on_crash.borrow());
        call(device, fault, moment);
    }
}

impl Proxy {
    /// A proxy that records to `recorder`, forwards to `upstream` and obeys `faults`.
    #[must_use]
    pub fn new(recorder: Recorder, upstream: Rc<dyn Upstream>, faults: Faults) -> Self {
        Self::numbered(recorder, upstream, faults, Arc::default())
    }

    /// The same for one of several proxies: `exchanges` is the number of their latest exchange.
    pub(super) fn numbered(
        recorder: Recorder,
        upstream: Rc<dyn Upstream>,
        faults: Faults,
        exchanges: Arc<AtomicU64>,
    ) -> Self {
        let on_crash: OnCrash = Rc::new(|_, _, _| {});
        Self(Rc::new(Shared {
            recorder,
            upstream,
            faults,
            memory: RefCell::default(),
            pushed: RefCell::default(),
            on_crash: RefCell::new(on_crash),
            front: RefCell::default(),
            on_heard: RefCell::default(),
            on_read: RefCell::default(),
            connections: Cell::default(),
            exchanges,
        }))
    }

    /// Sets what is called when a rule crashes a device. It is called from within [`Proxy::serve`], so it must not drop
    /// that future there and then.
    pub fn on_crash(&self, call: OnCrash) {
        *self.0.on_crash.borrow_mut() = call;
    }

    /// Sets how connections are met; in plain HTTP before.
    pub fn behind(&self, front: Front) {
        *self.0.front.borrow_mut() = front;
    }

    /// Sets who is told every part of every message that passes.
    pub fn on_heard(&self, tell: OnHeard) {
        *self.0.on_heard.borrow_mut() = Some(tell);
    }

    /// Sets who reads what messages say before it is recorded: what is sealed in them, the proxy itself cannot.
    pub fn on_read(&self, read: OnRead) {
        *self.0.on_read.borrow_mut() = Some(read);
    }

    /// Serves one connection of `device` until either side closes it: HTTP/1.1 with keep-alive, one exchange at a time.
    /// What is not HTTP gets a 400 and is closed. Call it inside a `LocalSet`.
    pub async fn serve(&self, device: &str, end: ProxyEnd) {
        let front = self.0.front.borrow().clone();
        self.serve_behind(&front, device, end).await;
    }

    /// The same for whoever stands in the server's own house and needs no TLS.
    pub async fn serve_inside(&self, who: &str, end: ProxyEnd) {
        self.serve_behind(&Front::Plain, who, end).await;
    }

    async fn serve_behind(&self, front: &Front, device: &str, end: ProxyEnd) {
        self.0.connections.set(self.0.connections.get() + 1);
        let connection = self.0.connections.get();
        self.0.recorder.record(What::ConnectionOpened { device: device.into(), connection });
        self.go_on(front, (device, connection), end).await;
        self.0.recorder.record(What::ConnectionClosed { device: device.into(), connection });
    }

    async fn go_on(&self, front: &Front, (device, connection): (&str, u64), end: ProxyEnd) {
        if let Some(encounter) = self.meet(front, (device, connection), end).await {
            self.speak((device, connection), encounter).await;
        }
    }

    /// Meets a connection that is known by its number; `None` when nothing is to be spoken on it.
    pub(super) async fn meet(
        &self,
        front: &Front,
        (device, connection): (&str, u64),
        end: ProxyEnd,
    ) -> Option<Encounter> {
        let wire = Rc::new(Wire::new(&end));
        let watched = Watched { end, wire: Rc::clone(&wire) };
        let met = front.meet(&self.0, (device, connection), watched).await?;
        Some(Encounter { met, wire })
    }

    /// Speaks HTTP with whom it has met, until that ends.
    pub(super) async fn speak(&self, (device, connection): (&str, u64), Encounter { met, wire }: Encounter) {
        let session = Rc::new(Session::new(Rc::clone(&self.0), (device, connection), &met, wire));
        // An error here is the device's garbage, its vanishing, or a fault's cut: the connection is over either way.
        let _ = speak_http(&session, met.stream).await;
    }

    /// The next exchange's number, for one that passes untouched.
    pub(super) fn next_exchange(&self) -> u64 {
        self.0.next_exchange()
    }
}

/// Serves `stream` until it ends: by hyper, and by a script wherever a fault has one.
async fn speak_http(session: &Rc<Session>, stream: impl ByteStream + 'static) -> io::Result<()> {
    let mut io = TokioIo::new(stream);
    loop {
        let asked = Rc::clone(session);
        let service = service_fn(move |request| {
            let session = Rc::clone(&asked);
            Box::pin(async move { session.exchange(request).await })
        });
        let mut server = http1::Builder::new();
        server.auto_date_header(false).header_read_timeout(None);
        let mut connection = server.serve_connection(io, service);
        let served = poll_fn(|context| connection.poll_without_shutdown(context)).await;
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        let Some((script, _turn)) = session.take_script() else {
            served.map_err(io::Error::other)?;
            return stream.shutdown().await;
        };
        // What came early would be lost: nobody who speaks HTTP/1.1 to a faulty proxy sends ahead.
        if !parts.read_buf.is_empty() || !script.play(&mut stream).await? {
            return Ok(());
        }
        io = TokioIo::new(stream);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("faults", &self.0.faults).finish_non_exhaustive()
    }
}
