//! The proxy that stands alone: any app, phone or emulator goes through it to a server of its own.
//!
//! ```text
//!   client ──> gate ──> worker: toxics ── link ──> server
//!                 ▲
//!   control API ──┘  Toxiproxy's, and ours under /deadzone/v1
//! ```
//!
//! It lives in real time. Its random draws are seeded all the same: the same seed decides the same of the same sequence
//! of connections.

mod armory;
mod body;
mod connection;
mod control;
mod course;
mod deed;
mod exchanges;
mod field;
mod gate;
mod gates;
mod head;
mod journal;
mod pipeline;
mod pump;
mod schedule;
mod secure;
mod toxic;
mod workers;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;

pub use control::Trusted;
pub use deed::{Armament, Arming, Deed, MakeRule, NewLink, Timed, Words};
pub use secure::{Faces, Secure, Shows};

use crate::base::{Clock, Seed};
use crate::history::Event;
use field::Field;
use gate::{Gate, Ground};
use gates::Gates;
use journal::Journal;
use workers::Workers;

/// The proxy.
#[derive(Clone, Debug)]
pub struct Alone {
    gates: Arc<Gates>,
}

/// A gate to be opened.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What it is called; devices are called so in histories and faults.
    pub name: &'a str,
    /// Where it listens: `host:port`.
    pub listen: &'a str,
    /// The server behind it: `host:port`.
    pub upstream: &'a str,
    /// The link between; none with `None`.
    pub link: Option<NewLink>,
    /// Whether HTTP exchanges are followed.
    pub inspected: bool,
    /// What is to be done to it, by time.
    pub steps: Vec<Timed>,
}

/// A gate at one moment.
#[derive(Clone, Debug)]
pub struct Glance {
    /// What it is called.
    pub name: String,
    /// Where it listens.
    pub listen: String,
    /// The server behind it.
    pub upstream: String,
    /// Connections so far.
    pub connections: u64,
    /// Connections that are open: client, age, bytes to the server and to the client.
    pub open: Vec<(String, Duration, u64, u64)>,
    /// Toxics and HTTP faults, in words.
    pub faults: Vec<String>,
}

impl Glance {
    fn of(gate: &Gate) -> Self {
        let now = gate.ground.clock.elapsed();
        let open = gate.connections().into_iter().map(|connection| {
            let [_, to_server, _, to_client] = connection.bytes();
            (connection.peer.to_string(), now.saturating_sub(connection.since), to_server, to_client)
        });
        let struck = gate.ground.journal.struck();
        let toxics = gate.toxics().into_iter().map(|toxic| toxic.name);
        let faults = gate.faults().into_iter().map(|(id, known)| {
            format!("{} (struck {} times)", known.text, struck.get(&id).copied().unwrap_or_default())
        });
        Self {
            name: gate.name.to_string(),
            listen: gate.listen(),
            upstream: gate.upstream(),
            connections: gate.totals().connections,
            open: open.collect(),
            faults: toxics.chain(faults).collect(),
        }
    }
}

/// Why a gate cannot be made.
#[derive(Debug)]
pub struct AloneError(String);

impl fmt::Display for AloneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AloneError {}

impl Alone {
    /// A proxy without gates, on `threads` threads; `words` read what requests ask for; `secure` is
    /// what TLS needs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(clock: Clock, seed: Seed, threads: usize, words: Words, secure: Secure) -> io::Result<Self> {
        let journal = Arc::<Journal>::default();
        let theirs = Arc::clone(&journal);
        let workers = Workers::start(threads, move || Field::new(clock, seed, Arc::clone(&theirs)))?;
        let (connections, exchanges, faults) = (AtomicU64::new(0), Arc::default(), AtomicU64::new(0));
        let ground = Ground { clock, seed, workers, connections, exchanges, faults, journal, words, secure };
        Ok(Self { gates: Arc::new(Gates::new(Arc::new(ground))) })
    }

    /// Opens a gate; returns where it listens.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub fn open(&self, wanted: Wanted<'_>) -> Result<String, AloneError> {
        let Wanted { name, listen, upstream, link, inspected, steps } = wanted;
        let gate = Arc::new(Gate::new(name, listen, upstream, Arc::clone(&self.gates.ground)));
        gate.set_inspected(inspected);
        if link.is_some() {
            gate.set_link(link);
        }
        if !steps.is_empty() {
            gate.begin(steps);
        }
        gate.open().map_err(|error| AloneError(error.to_string()))?;
        let at = gate.listen();
        self.gates.add(gate);
        Ok(at)
    }

    /// Everything that happens from now on, in batches: each in order.
    #[must_use]
    pub fn events(&self) -> UnboundedReceiver<Vec<Event>> {
        self.gates.ground.journal.read()
    }

    /// What passes now.
    #[must_use]
    pub fn glance(&self) -> Vec<Glance> {
        self.gates.all().iter().map(|gate| Glance::of(gate)).collect()
    }

    /// Accepts no more connections and goes through no more schedules; connections that are open go on.
    pub fn accept_no_more(&self) {
        for gate in self.gates.all() {
            gate.stop_schedule();
            gate.accept_no_more();
        }
    }

    /// Closes all gates and their connections.
    pub fn close(&self) {
        for gate in self.gates.all() {
            gate.stop_schedule();
            gate.close();
        }
    }

    /// The faults that schedules were to arm and that never struck, each in words. All that happened is known by then only
    /// after [`Alone::settle`].
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        self.gates.all().iter().flat_map(|gate| gate.missed()).collect()
    }

    /// Waits until all that happened so far is in [`Alone::events`], which end with it.
    pub async fn settle(&self) {
        self.gates.ground.workers.hand_in().await;
        self.gates.ground.journal.end();
    }

    /// Listens where the control API is to be.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn listen_for_control(&self, address: SocketAddr) -> io::Result<TcpListener> {
        control::listen(address).await
    }

    /// Serves the control API for ever.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn control(&self, listener: TcpListener, trusted: Trusted) -> io::Result<()> {
        control::serve(listener, Arc::clone(&self.gates), trusted).await
    }
}
