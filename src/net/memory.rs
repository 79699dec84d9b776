//! A device's link: its state, and the connections over it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::link::{Direction, next_try};
use super::profile::Profile;
use super::stream::{self, Connection, DeviceEnd, ProxyEnd, Way};
use crate::base::{Clock, Rate, Seed};
use crate::history::LinkState;

/// A window is at least this many bytes: a dozen packets.
const LEAST_WINDOW: usize = 16 * 1024;
/// A link that is not slow gets at least this window, in bytes; it is what kernels start with.
const USUAL_WINDOW: usize = 64 * 1024;
/// The window of a link without a limit, in bytes.
const UNLIMITED_WINDOW: usize = 1024 * 1024;

/// One device's link. Clones are the same link.
#[derive(Clone, Debug)]
pub struct Link(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    profile: Profile,
    medium: Rc<Medium>,
    changed: Notify,
    /// In the order in which they were made.
    connections: RefCell<Vec<Weak<Connection>>>,
}

/// What all connections of a link travel on.
#[derive(Debug)]
pub(super) struct Medium {
    clock: Clock,
    state: Cell<LinkState>,
    up: RefCell<Direction>,
    down: RefCell<Direction>,
}

impl Medium {
    /// Time since the run began.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The runtime's instant of a time of the run.
    pub(super) fn instant(&self, elapsed: Duration) -> Instant {
        self.clock.instant(elapsed)
    }

    /// Whether packets pass.
    pub(super) fn passes(&self) -> bool {
        self.state.get() == LinkState::Up
    }

    /// Lends one direction of the link.
    pub(super) fn with<T>(&self, way: Way, act: impl FnOnce(&mut Direction) -> T) -> T {
        let direction = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        act(&mut direction.borrow_mut())
    }
}

impl Link {
    /// The link of `device`, up and idle. Its jitter comes from the streams `link/<device>/up` and `/down` of `seed`.
    #[must_use]
    pub fn new(profile: Profile, clock: Clock, seed: Seed, device: &str) -> Self {
        let direction = |rate, delay, way: &str| {
            RefCell::new(Direction::new(rate, delay, profile.jitter, seed.stream(&format!("link/{device}/{way}"))))
        };
        let medium = Medium {
            clock,
            state: Cell::new(LinkState::Up),
            up: direction(profile.up, profile.delay_up.duration(), "up"),
            down: direction(profile.down, profile.delay_down.duration(), "down"),
        };
        Self(Rc::new(Shared {
            profile,
            medium: Rc::new(medium),
            changed: Notify::new(),
            connections: RefCell::default(),
        }))
    }

    /// Changes what the link does, now. Airplane mode resets every connection at once; in a dead zone everything not
    /// yet arrived and everything sent is held and tries again after its end, and nobody is told.
    pub fn set_state(&self, state: LinkState) {
        let medium = &self.0.medium;
        if medium.state.replace(state) == state {
            return;
        }
        let now = medium.now();
        for connection in self.open_connections() {
            match state {
                LinkState::Up => connection.resume(now),
                LinkState::DeadZone => connection.hold(now),
                LinkState::Airplane => connection.reset(),
            }
        }
        if !medium.passes() {
            medium.with(Way::Up, |link| link.cut(now));
            medium.with(Way::Down, |link| link.cut(now));
        }
        self.0.changed.notify_waiters();
    }

    /// What the link does now.
    #[must_use]
    pub fn state(&self) -> LinkState {
        self.0.medium.state.get()
    }

    /// Opens a connection, which takes a round trip; both ends come to life at its end. In a dead zone the first packet
    /// is tried again after 1, 3, 7... seconds, without end.
    ///
    /// # Errors
    /// `NotConnected`, at once, in airplane mode.
    pub async fn connect(&self) -> io::Result<(DeviceEnd, ProxyEnd)> {
        let started = self.0.medium.now();
        let mut attempt = started;
        loop {
            while self.state() != LinkState::Airplane && !self.unchanged_until(attempt).await {}
            match self.state() {
                LinkState::Airplane => return Err(io::Error::new(io::ErrorKind::NotConnected, "airplane mode is on")),
                LinkState::Up if self.unchanged_until(attempt + self.0.profile.round_trip()).await => {
                    return Ok(self.open());
                }
                // Lost on the way, or sent into the dead zone.
                LinkState::Up | LinkState::DeadZone => {}
            }
            attempt = next_try(started, self.0.medium.now() + Duration::from_nanos(1));
        }
    }

    fn open(&self) -> (DeviceEnd, ProxyEnd) {
        let Profile { up, down, .. } = self.0.profile;
        let windows = [up, down].map(|rate| window(rate, self.0.profile.round_trip()));
        let (device, proxy, connection) = stream::connect(Rc::clone(&self.0.medium), windows);
        let mut connections = self.0.connections.borrow_mut();
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Rc::downgrade(&connection));
        (device, proxy)
    }

    fn open_connections(&self) -> Vec<Rc<Connection>> {
        self.0.connections.borrow().iter().filter_map(Weak::upgrade).collect()
    }

    /// Waits until `time`, but no longer than the link stays as it is; says whether it did.
    async fn unchanged_until(&self, time: Duration) -> bool {
        let changed = self.0.changed.notified();
        if self.0.medium.now() >= time {
            return true;
        }
        tokio::select! {
            biased;
            () = changed => false,
            () = sleep_until(self.0.medium.instant(time)) => true,
        }
    }
}

/// How many bytes a connection may have on their way: enough to keep the link busy, but no more than two seconds of it.
fn window(rate: Rate, round_trip: Duration) -> usize {
    let bytes_a_second = rate.bits_per_second() / 8;
    if bytes_a_second == 0 {
        return UNLIMITED_WINDOW;
    }
    let product = u128::from(bytes_a_second) * round_trip.as_millis() / 1000;
    let wanted = usize::try_from(2 * product).unwrap_or(usize::MAX).max(USUAL_WINDOW);
    let bearable = usize::try_from(2 * bytes_a_second).unwrap_or(usize::MAX);
    wanted.min(bearable).max(LEAST_WINDOW)
}
