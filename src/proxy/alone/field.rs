//! What lies between client and server on one worker: the modelled links and the HTTP faults of the gates that live there.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::connection::dial;
use super::gate::Gate;
use super::journal;
use crate::base::{Clock, Seed};
use crate::history::Recorder;
use crate::net::{Link, Profile};
use crate::proxy::{ByteStream, Faults, Proxy, Upstream};

/// A worker's part of the world between clients and servers.
pub(super) struct Field {
    pub(super) clock: Clock,
    pub(super) seed: Seed,
    pub(super) recorder: Recorder,
    pub(super) journal: journal::Shared,
    /// By the gate's name.
    links: RefCell<BTreeMap<Arc<str>, Link>>,
    engines: RefCell<BTreeMap<Arc<str>, Engine>>,
}

/// What strikes a gate's HTTP exchanges. Clones are the same.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) proxy: Proxy,
    pub(super) faults: Faults,
    /// Exchanges that passed untouched.
    pub(super) exchanges: Rc<Cell<u64>>,
}

/// The way to a gate's server.
struct ToServer(Arc<Gate>);

impl Upstream for ToServer {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async {
            let stream = dial(&self.0.upstream()).await?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

impl Field {
    /// Nothing between anybody yet.
    pub(super) fn new(clock: Clock, seed: Seed, journal: journal::Shared) -> Self {
        let recorder = Recorder::new(clock);
        Self { clock, seed, recorder, journal, links: RefCell::default(), engines: RefCell::default() }
    }

    /// The gate's link, if it has one.
    pub(super) fn link(&self, gate: &str) -> Option<Link> {
        self.links.borrow().get(gate).cloned()
    }

    /// Puts a new link before a gate, or takes it away.
    pub(super) fn set_link(&self, gate: &Arc<str>, profile: Option<Profile>) {
        let link = profile.map(|profile| self.new_link(profile, gate));
        let mut links = self.links.borrow_mut();
        match link {
            Some(link) => links.insert(Arc::clone(gate), link),
            None => links.remove(gate),
        };
    }

    /// A link that belongs to nobody yet.
    pub(super) fn new_link(&self, profile: Profile, gate: &str) -> Link {
        Link::new(profile, self.clock, self.seed, gate)
    }

    /// What strikes the gate's HTTP exchanges.
    pub(super) fn engine(&self, gate: &Arc<Gate>) -> Engine {
        let new = || {
            let faults = Faults::new(self.seed);
            let proxy = Proxy::new(self.recorder.clone(), Rc::new(ToServer(Arc::clone(gate))), faults.clone());
            Engine { proxy, faults, exchanges: Rc::default() }
        };
        self.engines.borrow_mut().entry(Arc::clone(&gate.name)).or_insert_with(new).clone()
    }

    /// Forgets a gate that is gone.
    pub(super) fn forget(&self, gate: &str) {
        self.links.borrow_mut().remove(gate);
        self.engines.borrow_mut().remove(gate);
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("links", &self.links).finish_non_exhaustive()
    }
}
