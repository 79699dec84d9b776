//! What lies between client and server on one worker: the modelled links and the HTTP faults of the gates that live there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::deed::NewLink;
use super::gate::Gate;
use super::journal;
use super::secure::{Shows, dial};
use crate::base::{Clock, Seed};
use crate::history::{LinkState, Recorder, What};
use crate::net::{Conditions, Link, Weather};
use crate::proxy::{ByteStream, Face, Faults, Front, Greeting, Meeting, Proxy, Terminator, Upstream};

/// How long an app may take to shake hands.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A worker's part of the world between clients and servers.
pub(super) struct Field {
    pub(super) clock: Clock,
    pub(super) seed: Seed,
    pub(super) recorder: Recorder,
    pub(super) journal: journal::Shared,
    /// By the gate's name.
    ways: RefCell<BTreeMap<Arc<str>, Way>>,
    engines: RefCell<BTreeMap<Arc<str>, Engine>>,
}

/// A gate's link, with what goes on at it by itself.
#[derive(Debug)]
struct Way {
    link: Link,
    fading: Weather,
    flapping: Weather,
}

/// What strikes a gate's HTTP exchanges. Clones are the same.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) proxy: Proxy,
    pub(super) faults: Faults,
    /// Ends TLS, if it ends here.
    terminator: Option<Rc<Terminator>>,
}

impl Engine {
    /// How connections are met.
    pub(super) fn front(&self) -> Front {
        self.terminator.clone().map_or(Front::Plain, Front::Real)
    }

    /// Disarms the fault `id`.
    pub(super) fn disarm(&self, id: u64) {
        self.faults.disarm(id);
        self.terminator.iter().for_each(|terminator| terminator.greetings.disarm(id));
    }

    /// How often each fault that may strike yet may do so, by its number.
    pub(super) fn left(&self) -> BTreeMap<u64, u32> {
        let greetings = self.terminator.iter().flat_map(|terminator| terminator.greetings.left());
        self.faults.left().into_iter().chain(greetings).collect()
    }
}

/// The way to a gate's server.
struct ToServer(Arc<Gate>);

impl Upstream for ToServer {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async {
            let stream = dial(&self.0.upstream(), &self.0.ground.secure).await?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }

    fn host(&self) -> Option<String> {
        self.0.host()
    }
}

impl Field {
    /// Nothing between anybody yet.
    pub(super) fn new(clock: Clock, seed: Seed, journal: journal::Shared) -> Self {
        let recorder = Recorder::new(clock);
        Self { clock, seed, recorder, journal, ways: RefCell::default(), engines: RefCell::default() }
    }

    /// The gate's link, if it has one.
    pub(super) fn link(&self, gate: &str) -> Option<Link> {
        self.ways.borrow().get(gate).map(|way| way.link.clone())
    }

    /// Changes the link of a gate, or puts one before it, or takes it away.
    pub(super) fn set_link(&self, gate: &Arc<str>, new: Option<NewLink>) {
        let mut ways = self.ways.borrow_mut();
        let Some(NewLink { conditions, over, .. }) = new else {
            ways.remove(gate);
            return;
        };
        match (ways.get(gate), over) {
            (None, _) => {
                let link = self.new_link(conditions, gate);
                ways.insert(Arc::clone(gate), Way { link, fading: Weather::default(), flapping: Weather::default() });
            }
            (Some(way), None) => {
                way.fading.calm();
                way.link.set_conditions(conditions);
            }
            (Some(way), Some(over)) => way.fading.begin(way.link.clone().fade(conditions, over)),
        }
    }

    /// The gate's link changes its state; nothing happens when it has none.
    pub(super) fn set_link_state(&self, gate: &str, state: LinkState) {
        if let Some(way) = self.ways.borrow().get(gate) {
            way.flapping.calm();
            way.link.set_state(state);
            self.recorder.record(What::LinkChanged { device: gate.to_owned(), state });
        }
    }

    /// The gate's link comes and goes from now on; nothing happens when it has none.
    pub(super) fn flap(&self, gate: &str, down: Duration, up: Duration) {
        if let Some(way) = self.ways.borrow().get(gate) {
            let (recorder, device) = (self.recorder.clone(), gate.to_owned());
            let tell = move |state| recorder.record(What::LinkChanged { device: device.clone(), state });
            way.flapping.begin(way.link.clone().flap(down, up, tell));
        }
    }

    /// A link that belongs to nobody yet.
    pub(super) fn new_link(&self, conditions: impl Into<Conditions>, gate: &str) -> Link {
        Link::new(conditions, self.clock, self.seed, gate)
    }

    /// What strikes the gate's HTTP exchanges.
    pub(super) fn engine(&self, gate: &Arc<Gate>) -> Engine {
        let new = || {
            let faults = Faults::new(self.seed);
            let (recorder, exchanges) = (self.recorder.clone(), Arc::clone(&gate.ground.exchanges));
            let proxy = Proxy::numbered(recorder, Rc::new(ToServer(Arc::clone(gate))), faults.clone(), exchanges);
            let faces = gate.ground.secure.faces.as_ref();
            let terminator = faces.map(|faces| Rc::new(Terminator::new(faces.own()).waiting(HANDSHAKE_WITHIN)));
            Engine { proxy, faults, terminator }
        };
        self.engines.borrow_mut().entry(Arc::clone(&gate.name)).or_insert_with(new).clone()
    }

    /// Meets connections of the gate by somebody else, if TLS ends here: the fault's number, the first, how many.
    pub(super) fn greet(&self, gate: &Arc<Gate>, (id, nth, times): (u64, u32, u32), how: Greeting<Shows>) {
        let how = match how {
            Greeting::Silence => Greeting::Silence,
            Greeting::Cut => Greeting::Cut,
            Greeting::By(shows) => match self.face(gate, &shows) {
                Some(face) => Greeting::By(face),
                None => return,
            },
        };
        if let Some(terminator) = self.engine(gate).terminator {
            terminator.greetings.arm(Meeting { id, device: gate.name.to_string(), nth, times, how });
        }
    }

    /// From the next connection on the gate shows that, if TLS ends here.
    pub(super) fn show(&self, gate: &Arc<Gate>, shows: &Shows) {
        if let (Some(face), Some(terminator)) = (self.face(gate, shows), self.engine(gate).terminator) {
            terminator.show(face);
        }
    }

    fn face(&self, gate: &Gate, shows: &Shows) -> Option<Face> {
        let face = gate.ground.secure.faces.as_ref()?.face(shows);
        face.inspect_err(|error| tracing::warn!(gate = %gate.name, %error, "there is no such certificate")).ok()
    }

    /// Forgets a gate that is gone.
    pub(super) fn forget(&self, gate: &str) {
        self.ways.borrow_mut().remove(gate);
        self.engines.borrow_mut().remove(gate);
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("ways", &self.ways).finish_non_exhaustive()
    }
}
