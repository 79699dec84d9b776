//! A gate: one address that is listened on, the server behind it, and what happens to connections in between. It is what
//! Toxiproxy's control API calls a proxy.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::armory::Armory;
use super::connection::{self, Connection};
use super::course::Toxics;
use super::deed::{NewLink, Timed, Words};
use super::exchanges::Disturbance;
use super::field::Field;
use super::journal::Journal;
use super::schedule::Schedule;
use super::secure::{self, Secure};
use super::toxic::{Stream, Toxic};
use super::workers::Workers;
use crate::base::{Clock, Seed};
use crate::history::LinkState;

/// Connections that the system holds until they are accepted.
const BACKLOG: u32 = 4096;
/// How long to wait when the system cannot give more connections.
const RECOVERY: Duration = Duration::from_millis(20);

/// What all gates share.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) clock: Clock,
    pub(super) seed: Seed,
    pub(super) workers: Workers,
    /// The latest connection's number.
    pub(super) connections: AtomicU64,
    /// The latest exchange's number.
    pub(super) exchanges: Arc<AtomicU64>,
    /// The latest HTTP fault's number.
    pub(super) faults: AtomicU64,
    pub(super) journal: Arc<Journal>,
    pub(super) words: Words,
    pub(super) secure: Secure,
}

/// One gate.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) name: Arc<str>,
    pub(super) ground: Arc<Ground>,
    /// The worker on which everything that connections share lives.
    pub(super) home: usize,
    settings: Mutex<Settings>,
    toxics: watch::Sender<Arc<Vec<Toxic>>>,
    pub(super) armory: Armory,
    schedule: Mutex<Option<Schedule>>,
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    ordinals: AtomicU64,
    past: Past,
}

/// What can be set.
#[derive(Debug)]
struct Settings {
    listen: String,
    upstream: String,
    manner: Manner,
    listening: Option<Listening>,
}

/// How connections are treated, beside toxics.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Over a modelled link, as it was written.
    pub(super) link: Option<Value>,
    /// HTTP exchanges are followed, so that they can be noted and struck.
    pub(super) inspected: bool,
}

/// An open listener. Dropping it ends it and its connections.
#[derive(Debug)]
struct Listening {
    accepting: AbortHandle,
    /// The one who holds it: without it the address is free at once, and not when the task that accepts has heard of its end.
    listener: Option<Arc<TcpListener>>,
    _open: watch::Sender<()>,
}

/// Bytes of connections that have ended: received and sent, upstream and downstream.
#[derive(Debug, Default)]
struct Past {
    connections: AtomicU64,
    bytes: [AtomicU64; 4],
}

/// What passed a gate so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) connections: u64,
    pub(super) open: usize,
    /// From the client, to the server, from the server, to the client.
    pub(super) bytes: [u64; 4],
}

/// Why a gate does not open.
#[derive(Debug)]
pub(super) struct ListenError {
    address: String,
    error: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listen tcp {}: {}", self.address, self.error)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Gate {
    /// A gate that is not open yet.
    pub(super) fn new(name: &str, listen: &str, upstream: &str, ground: Arc<Ground>) -> Self {
        let settings = Settings {
            listen: if listen.is_empty() { "127.0.0.1:0" } else { listen }.to_owned(),
            upstream: upstream.to_owned(),
            manner: Manner::default(),
            listening: None,
        };
        Self {
            name: name.into(),
            home: ground.workers.next(),
            ground,
            settings: Mutex::new(settings),
            toxics: watch::Sender::default(),
            armory: Armory::default(),
            schedule: Mutex::default(),
            open: Mutex::default(),
            ordinals: AtomicU64::new(0),
            past: Past::default(),
        }
    }

    /// Where it listens: once open, with the port that the system chose.
    pub(super) fn listen(&self) -> String {
        self.settings().listen.clone()
    }

    /// The server behind it.
    pub(super) fn upstream(&self) -> String {
        self.settings().upstream.clone()
    }

    /// How requests are to call the server; as the app does when absent.
    pub(super) fn host(&self) -> Option<String> {
        secure::host(&self.upstream()).filter(|_| !self.ground.secure.keeps_host).map(str::to_owned)
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.settings().listening.is_some()
    }

    /// How connections are treated.
    pub(super) fn manner(&self) -> Manner {
        self.settings().manner.clone()
    }

    /// Follows HTTP exchanges of connections that come from now on, or no longer.
    pub(super) fn set_inspected(&self, inspected: bool) {
        self.settings().manner.inspected = inspected;
    }

    /// Gives it another link, or takes it away.
    pub(super) fn set_link(&self, link: Option<NewLink>) {
        self.settings().manner.link = link.as_ref().map(|link| link.written.clone());
        let name = Arc::clone(&self.name);
        self.at_home(move |field| field.set_link(&name, link));
    }

    /// Its link changes its state, connections included; nothing happens when it has none.
    pub(super) fn set_link_state(&self, state: LinkState) {
        let name = Arc::clone(&self.name);
        self.at_home(move |field| field.set_link_state(&name, state));
    }

    /// Its link comes and goes from now on; nothing happens when it has none.
    pub(super) fn flap(&self, down: Duration, up: Duration) {
        let name = Arc::clone(&self.name);
        self.at_home(move |field| field.flap(&name, down, up));
    }

    /// Its connections are dead, and nobody is told; nothing happens when it has no link.
    pub(super) fn hand_over(&self) {
        let name = Arc::clone(&self.name);
        self.at_home(move |field| field.link(&name).into_iter().for_each(|link| link.hand_over()));
    }

    /// Begins with a schedule now, in place of the one before.
    pub(super) fn begin(self: &Arc<Self>, steps: Vec<Timed>) {
        *lock(&self.schedule) = Some(Schedule::begin(self, steps));
    }

    /// Ends its schedule and forgets it; what was done stays done.
    pub(super) fn end_schedule(&self) {
        *lock(&self.schedule) = None;
    }

    /// Goes no further with its schedule.
    pub(super) fn stop_schedule(&self) {
        lock(&self.schedule).iter().for_each(Schedule::stop);
    }

    /// The faults that its schedule was to arm and that never struck, each in words.
    pub(super) fn missed(&self) -> Vec<String> {
        let struck = self.ground.journal.struck();
        lock(&self.schedule).as_ref().map(|schedule| schedule.missed(&struck)).unwrap_or_default()
    }

    /// Its schedule as the API shows it; null without one.
    pub(super) fn schedule(&self) -> Value {
        let now = self.ground.clock.elapsed();
        lock(&self.schedule).as_ref().map_or(Value::Null, |schedule| schedule.to_json(now))
    }

    /// Does something on the worker where what its connections share lives.
    pub(super) fn at_home(&self, act: impl FnOnce(&Rc<Field>) + Send + 'static) {
        self.ground.workers.run(self.home, async move |field| act(&field));
    }

    /// Does something there and waits for what comes of it; `None` when the program ends.
    pub(super) async fn ask_home<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Rc<Field>) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        // Who asked may have gone away.
        self.at_home(move |field| drop(answer.send(act(field))));
        answered.await.ok()
    }

    /// What may disturb HTTP exchanges, toxics among it where nothing else obeys them.
    pub(super) fn disturbance(&self, with_toxics: bool) -> Disturbance {
        Disturbance { toxics: with_toxics.then(|| self.watch_toxics()), armed: self.armory.armed.subscribe() }
    }

    /// Opens it, unless it is open.
    ///
    /// # Errors
    /// When its address cannot be listened on.
    pub(super) fn open(self: &Arc<Self>) -> Result<(), ListenError> {
        let mut settings = self.settings();
        if settings.listening.is_some() {
            return Ok(());
        }
        let failed = |error| ListenError { address: settings.listen.clone(), error };
        let listener = bind(&settings.listen).map_err(failed)?;
        settings.listen = listener.local_addr().map_err(failed)?.to_string();
        let (open, closing) = watch::channel(());
        let listener = Arc::new(listener);
        let accepting = tokio::spawn(accept(Arc::clone(self), Arc::downgrade(&listener), closing)).abort_handle();
        settings.listening = Some(Listening { accepting, listener: Some(listener), _open: open });
        Ok(())
    }

    /// Closes it and all its connections.
    pub(super) fn close(&self) {
        self.settings().listening = None;
    }

    /// Accepts no more; connections that are open go on.
    pub(super) fn accept_no_more(&self) {
        if let Some(listening) = &mut self.settings().listening {
            listening.accepting.abort();
            listening.listener = None;
        }
    }

    /// Moves it, and opens it again if it was open and has moved.
    ///
    /// # Errors
    /// When the new address cannot be listened on; it is closed then.
    pub(super) fn relocate(self: &Arc<Self>, listen: &str, upstream: &str) -> Result<(), ListenError> {
        let mut settings = self.settings();
        if same_address(&settings.listen, listen) && settings.upstream == upstream {
            return Ok(());
        }
        let was_open = settings.listening.take().is_some();
        (settings.listen, settings.upstream) = (listen.to_owned(), upstream.to_owned());
        drop(settings);
        if was_open { self.open() } else { Ok(()) }
    }

    /// Whether it listens on `listen`.
    pub(super) fn is_at(&self, listen: &str) -> bool {
        same_address(&self.settings().listen, listen)
    }

    /// Its toxics, as they are now and change.
    pub(super) fn watch_toxics(&self) -> Toxics {
        self.toxics.subscribe()
    }

    /// Its toxics: upstream first, each in its order.
    pub(super) fn toxics(&self) -> Vec<Toxic> {
        let toxics = Arc::clone(&self.toxics.borrow());
        let of = |stream| toxics.iter().filter(move |toxic| toxic.stream == stream).cloned();
        of(Stream::Upstream).chain(of(Stream::Downstream)).collect()
    }

    /// Changes its toxics, open connections included, unless `change` fails.
    ///
    /// # Errors
    /// Those of `change`.
    pub(super) fn change_toxics<T, E>(&self, change: impl FnOnce(&mut Vec<Toxic>) -> Result<T, E>) -> Result<T, E> {
        let _one_at_a_time = self.settings();
        let mut toxics = self.toxics.borrow().as_ref().clone();
        let outcome = change(&mut toxics)?;
        self.toxics.send_replace(Arc::new(toxics));
        Ok(outcome)
    }

    /// Connections that are open, oldest first.
    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.open).values().cloned().collect()
    }

    /// What has passed so far, connections that are open included.
    pub(super) fn totals(&self) -> Totals {
        let open = lock(&self.open);
        let past = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut totals = Totals {
            connections: past(&self.past.connections) + open.len() as u64,
            open: open.len(),
            bytes: [0, 1, 2, 3].map(|index| past(&self.past.bytes[index])),
        };
        for connection in open.values() {
            for (total, bytes) in totals.bytes.iter_mut().zip(connection.bytes()) {
                *total += bytes;
            }
        }
        totals
    }

    /// Takes note that `connection` is over.
    pub(super) fn forget(&self, connection: &Connection) {
        let mut open = lock(&self.open);
        open.remove(&connection.number);
        self.past.connections.fetch_add(1, Ordering::Relaxed);
        for (total, bytes) in self.past.bytes.iter().zip(connection.bytes()) {
            total.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Sends a new connection to the worker that carries it.
    fn admit(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr, closing: &watch::Receiver<()>) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let socket = socket.into_std()?;
        let ordinal = self.ordinals.fetch_add(1, Ordering::Relaxed) + 1;
        let number = self.ground.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let connection = Arc::new(Connection::new(number, ordinal, peer, self.ground.clock.elapsed()));
        lock(&self.open).insert(number, Arc::clone(&connection));
        let manner = self.manner();
        let shared = manner.link.is_some() || manner.inspected || self.ground.secure.faces.is_some();
        let worker = if shared { self.home } else { self.ground.workers.next() };
        let (gate, closing) = (Arc::clone(self), closing.clone());
        self.ground.workers.run(worker, move |field| connection::serve(field, gate, connection, socket, closing));
        Ok(())
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }
}

/// What a panic left behind is whole: nothing here is changed in two steps.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(gate: Arc<Gate>, listener: Weak<TcpListener>, closing: watch::Receiver<()>) {
    loop {
        let accepted = poll_fn(|context| match listener.upgrade() {
            Some(listener) => listener.poll_accept(context),
            None => Poll::Pending,
        });
        let admitted = match accepted.await {
            Ok((socket, peer)) => gate.admit(socket, peer, &closing),
            Err(error) => {
                // Out of descriptors, most likely: others must end first.
                tracing::warn!(gate = %gate.name, %error, "cannot accept");
                sleep(RECOVERY).await;
                Ok(())
            }
        };
        if let Err(error) = admitted {
            tracing::debug!(gate = %gate.name, %error, "gone before it was served");
        }
    }
}

/// Listens on `address`: `host:port`, or `:port` for every interface.
fn bind(address: &str) -> io::Result<TcpListener> {
    let everywhere = format!("0.0.0.0{address}");
    let address = if address.starts_with(':') { &everywhere } else { address };
    let mut failure = io::Error::new(io::ErrorKind::AddrNotAvailable, "no such host");
    for address in address.to_socket_addrs()? {
        match bind_to(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether two ways to write an address mean the same.
fn same_address(one: &str, other: &str) -> bool {
    let resolved = |text: &str| text.to_socket_addrs().map(Iterator::collect::<Vec<_>>).ok();
    one == other || resolved(one).is_some_and(|one| resolved(other).is_some_and(|other| one[..1] == other[..1]))
}
