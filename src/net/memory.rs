//! A device's link: its state, and the connections over it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;

use super::conditions::Conditions;
use super::connection::{ConnectionId, Way};
use super::path::Path;
use super::stream::{self, Connection, DeviceEnd, ProxyEnd};
use crate::base::{Alarm, Clock, Seed};
use crate::history::LinkState;

/// A resolver that hears of no server gives up after this long (the time-out of resolv.conf).
const RESOLVER_TIMEOUT: Duration = Duration::from_secs(5);

/// One device's link. Clones are the same link.
#[derive(Clone, Debug)]
pub struct Link(Rc<Medium>);

/// What all connections of a link travel on.
#[derive(Debug)]
pub(super) struct Medium {
    clock: Clock,
    state: Cell<LinkState>,
    path: RefCell<Path>,
    changed: Notify,
    connections: RefCell<BTreeMap<ConnectionId, Weak<Connection>>>,
}

impl Medium {
    /// Time since the run began.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The model. Who borrows it wakes nobody meanwhile.
    pub(super) fn path(&self) -> &RefCell<Path> {
        &self.path
    }

    /// Lets all happen that is due, and wakes whom it concerns.
    pub(super) fn advance(&self) {
        let stirred = {
            let mut path = self.path.borrow_mut();
            path.advance(self.now());
            path.take_stirred()
        };
        for id in stirred {
            let connection = self.connections.borrow().get(&id).and_then(Weak::upgrade);
            if let Some(connection) = connection {
                connection.look(&self.path);
            }
        }
    }

    /// When it is worth looking again; never where nothing gets through, until that changes.
    pub(super) fn next_event(&self) -> Option<Duration> {
        let [up, down] = passes(self.state.get());
        if up || down { self.path.borrow().next_event() } else { None }
    }

    /// Ready once the next event has come; pending where none is known.
    pub(super) fn poll_next_event(&self, alarm: &mut Alarm, context: &mut Context<'_>) -> Poll<()> {
        self.next_event().map_or(Poll::Pending, |due| alarm.poll(&self.clock, due, context))
    }

    /// Forgets a connection.
    pub(super) fn close(&self, id: ConnectionId) {
        self.connections.borrow_mut().remove(&id);
        self.path.borrow_mut().close(id);
    }

    fn open_connections(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().values().filter_map(Weak::upgrade).collect()
    }

    /// Waits until `time`, where there is one, but no longer than the link stays as it is; says whether it did.
    async fn unchanged_until(&self, time: Option<Duration>) -> bool {
        let changed = self.changed.notified();
        let Some(time) = time else {
            changed.await;
            return false;
        };
        if self.now() >= time {
            return true;
        }
        tokio::select! {
            biased;
            () = changed => false,
            () = self.clock.sleep_until(time) => true,
        }
    }
}

/// Whether packets pass, up and down.
fn passes(state: LinkState) -> [bool; 2] {
    match state {
        LinkState::Up | LinkState::NoDns => [true, true],
        LinkState::NoUplink => [false, true],
        LinkState::NoDownlink => [true, false],
        LinkState::Airplane | LinkState::DeadZone => [false, false],
    }
}

impl Link {
    /// The link of `device`, up and idle. Its jitter and its losses come from the streams of `seed` that begin with
    /// `link/<device>`.
    #[must_use]
    pub fn new(conditions: impl Into<Conditions>, clock: Clock, seed: Seed, device: &str) -> Self {
        Self(Rc::new(Medium {
            clock,
            state: Cell::new(LinkState::Up),
            path: RefCell::new(Path::new(conditions.into(), seed, &format!("link/{device}"))),
            changed: Notify::new(),
            connections: RefCell::default(),
        }))
    }

    /// Changes what the link does, now. Airplane mode resets every connection at once; otherwise packets vanish where they
    /// do not pass, nobody is told, and senders try again in ever longer gaps.
    pub fn set_state(&self, state: LinkState) {
        let medium = &self.0;
        if medium.state.replace(state) == state {
            return;
        }
        let now = medium.now();
        for (way, open) in [Way::Up, Way::Down].into_iter().zip(passes(state)) {
            medium.path.borrow_mut().set_open(now, way, open);
        }
        for connection in medium.open_connections() {
            if state == LinkState::Airplane {
                connection.reset();
            } else {
                connection.wake();
            }
        }
        medium.changed.notify_waiters();
    }

    /// What the link does now.
    #[must_use]
    pub fn state(&self) -> LinkState {
        self.0.state.get()
    }

    /// What the link is like.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        self.0.path.borrow().conditions().clone()
    }

    /// From now on the link is like this. What is on its way arrives as it would have; what waits is sent at the new rate.
    pub fn set_conditions(&self, conditions: Conditions) {
        let medium = &self.0;
        medium.path.borrow_mut().set_conditions(medium.now(), conditions);
        self.look_again();
    }

    /// The device gets another address: every connection is dead, and nobody is told.
    pub fn hand_over(&self) {
        let medium = &self.0;
        medium.path.borrow_mut().sever(medium.now());
        self.look_again();
    }

    /// A trace that would stop begins anew instead.
    pub fn wrap_traces(&self) {
        self.0.path.borrow_mut().wrap_traces();
    }

    fn look_again(&self) {
        for connection in self.0.open_connections() {
            connection.wake();
        }
        self.0.changed.notify_waiters();
    }

    /// Opens a connection, which takes a round trip; both ends come to life at its end. Where the first packet or its
    /// answer gets lost, it is tried again after 1, 3, 7... seconds, without end.
    ///
    /// # Errors
    /// `NotConnected`, at once, in airplane mode; `TimedOut` where names cannot be resolved.
    pub async fn connect(&self) -> io::Result<(DeviceEnd, ProxyEnd)> {
        let medium = &self.0;
        while self.state() == LinkState::NoDns {
            if medium.unchanged_until(Some(medium.now() + RESOLVER_TIMEOUT)).await {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the server's name could not be resolved"));
            }
        }
        let id = medium.path.borrow_mut().connect(medium.now());
        let mut dialing = Dialing { medium, id, open: false };
        loop {
            if self.state() == LinkState::Airplane {
                return Err(io::Error::new(io::ErrorKind::NotConnected, "airplane mode is on"));
            }
            medium.advance();
            if medium.path.borrow().is_open(id) {
                return Ok(dialing.done());
            }
            medium.unchanged_until(medium.next_event()).await;
        }
    }
}

/// A connection that is being opened: given up, it is forgotten.
struct Dialing<'m> {
    medium: &'m Rc<Medium>,
    id: ConnectionId,
    open: bool,
}

impl Dialing<'_> {
    fn done(&mut self) -> (DeviceEnd, ProxyEnd) {
        self.open = true;
        let (device, proxy, connection) = stream::ends(Rc::clone(self.medium), self.id);
        self.medium.connections.borrow_mut().insert(self.id, Rc::downgrade(&connection));
        (device, proxy)
    }
}

impl Drop for Dialing<'_> {
    fn drop(&mut self) {
        if !self.open {
            self.medium.close(self.id);
        }
    }
}
