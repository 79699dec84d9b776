//! The pure model of a device's link: what is sent goes in with its time, and comes out when it has arrived. No clock, no
//! bytes.
//!
//! ```text
//!   Sender ──packets──> Bottleneck (up)   ──> Receiver        a connection has a sender and a receiver at
//!   Receiver <───────── Bottleneck (down) <── Sender          either end; all connections share both bottlenecks
//! ```
//!
//! Events happen in the order of their times: arrivals and timers. [`Path::advance`] plays them up to a moment, so that a
//! link on which nobody waits costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::bottleneck::Bottleneck;
use super::conditions::{Conditions, Counts, WakeUp};
use super::connection::{Arrived, Connection, ConnectionId, HANDSHAKE, Says, Way, What};
use super::loss::Fate;
use super::sender::{Mark, PACKET_PAYLOAD};
use super::trace::Nanos;
use crate::base::{Seed, Span};

/// What each packet costs on the link beside its payload, in bytes: IP and TCP headers with time stamps.
const PACKET_HEADERS: u64 = 52;

/// The two directions of a device's link, and the connections over it.
#[derive(Debug)]
pub struct Path {
    conditions: Conditions,
    up: Bottleneck<Says>,
    down: Bottleneck<Says>,
    connections: Vec<Option<(u64, Box<Connection>)>>,
    vacant: Vec<usize>,
    generation: u64,
    timers: BinaryHeap<Reverse<(Nanos, u64, Timer)>>,
    armed: u64,
    active: Nanos,
    /// Whose ends have something to look at since they were last told.
    stirred: Vec<ConnectionId>,
}

/// What a timer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    id: ConnectionId,
    way: Way,
}

impl Path {
    /// An idle path. Its losses and its jitter come from the streams of `seed` that begin with `name`.
    #[must_use]
    pub fn new(conditions: Conditions, seed: Seed, name: &str) -> Self {
        let direction = |carries, way: &str| {
            let fate = Fate::new(conditions.loss, seed.stream(&format!("{name}/{way}/loss")));
            Bottleneck::new(carries, fate, seed.stream(&format!("{name}/{way}")))
        };
        let (up, down) = (direction(&conditions.up, "up"), direction(&conditions.down, "down"));
        let mut path = Self {
            conditions,
            up,
            down,
            connections: Vec::new(),
            vacant: Vec::new(),
            generation: 0,
            timers: BinaryHeap::new(),
            armed: 0,
            active: 0,
            stirred: Vec::new(),
        };
        path.apply();
        path
    }

    /// What the link is like.
    #[must_use]
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// From `now` on the link is like this. How windows grow is a matter of each connection's beginning.
    pub fn set_conditions(&mut self, now: Duration, conditions: Conditions) {
        let now = self.play(now);
        let before = std::mem::replace(&mut self.conditions, conditions);
        self.apply();
        if before.up != self.conditions.up {
            self.up.set_capacity(now, &self.conditions.up);
        }
        if before.down != self.conditions.down {
            self.down.set_capacity(now, &self.conditions.down);
        }
    }

    fn apply(&mut self) {
        let Conditions { delay_up, delay_down, jitter, queue, loss, counts, .. } = &self.conditions;
        for (direction, delay) in [(&mut self.up, delay_up), (&mut self.down, delay_down)] {
            direction.delay = nanos(*delay);
            direction.jitter = nanos(*jitter);
            direction.queue = if *counts == Counts::Payload { Nanos::MAX } else { nanos(*queue) };
            direction.fate.set(*loss);
        }
    }

    /// Whether packets pass this way from `now` on. What is on its way when they no longer do is lost.
    pub fn set_open(&mut self, now: Duration, way: Way, open: bool) {
        let now = self.play(now);
        let direction = self.direction(way);
        if direction.open && !open {
            direction.cut(now);
        }
        direction.open = open;
    }

    /// A trace that would stop begins anew instead.
    pub fn wrap_traces(&mut self) {
        self.up.wrap();
        self.down.wrap();
    }

    /// Begins to open a connection at `now`: the device's end can be used once it [is open](Self::is_open).
    pub fn connect(&mut self, now: Duration) -> ConnectionId {
        let now = self.play(now);
        self.generation += 1;
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let id = ConnectionId { slot, generation: self.generation };
        let unlimited = self.conditions.counts == Counts::Payload;
        let connection = Box::new(Connection::new(
            self.conditions.congestion,
            unlimited,
            usize::try_from(self.generation).unwrap_or(0),
        ));
        self.connections[slot] = Some((self.generation, connection));
        self.shake_hands(id, now);
        id
    }

    /// Whether the answer to the handshake has arrived.
    #[must_use]
    pub fn is_open(&self, id: ConnectionId) -> bool {
        self.connection(id).is_some_and(|connection| connection.open)
    }

    /// Forgets a connection. What it has on its way arrives nowhere.
    pub fn close(&mut self, id: ConnectionId) {
        if self.connection(id).is_some() {
            self.connections[id.slot] = None;
            self.vacant.push(id.slot);
        }
    }

    /// Nothing that belongs to the connections there are arrives any more, and nobody is told.
    pub fn sever(&mut self, now: Duration) {
        self.play(now);
        for (_, connection) in self.connections.iter_mut().flatten() {
            connection.severed = true;
        }
    }

    /// Sends `bytes` at `now`, behind all that was sent before.
    pub fn send(&mut self, id: ConnectionId, way: Way, now: Duration, bytes: usize) {
        let now = self.play(now);
        let Some(connection) = self.connection_mut(id) else { return };
        connection.senders[way as usize].push(bytes);
        self.fill_up(id, way, now);
        self.transmit(id, way, now);
    }

    /// Sends a mark at `now`, behind all data.
    pub(super) fn send_mark(&mut self, id: ConnectionId, way: Way, now: Duration, mark: Mark) {
        let now = self.play(now);
        let Some(connection) = self.connection_mut(id) else { return };
        connection.senders[way as usize].push_mark(mark);
        self.transmit(id, way, now);
    }

    /// How many of `bytes` the sender takes over this way at this moment: enough to keep the link busy. Where it is not
    /// all, it fills whole packets: those that are cut where a writer happened to stop would cost headers that TCP does
    /// not pay.
    #[must_use]
    pub fn takes(&self, id: ConnectionId, way: Way, bytes: usize) -> usize {
        let (limit, used) = self.room(id, way);
        let room = limit.saturating_sub(used);
        if bytes <= room {
            return bytes;
        }
        (limit - limit % PACKET_PAYLOAD).saturating_sub(used)
    }

    /// Whether the sender has room for a good part of what it takes over.
    #[must_use]
    pub fn has_room(&self, id: ConnectionId, way: Way) -> bool {
        let (limit, used) = self.room(id, way);
        used <= limit - limit / 4
    }

    /// How many bytes the sender takes over, and how many it has.
    fn room(&self, id: ConnectionId, way: Way) -> (usize, usize) {
        let Some(connection) = self.connection(id) else { return (usize::MAX, 0) };
        let sender = &connection.senders[way as usize];
        let rate = match way {
            Way::Up => self.up.steady_rate(),
            Way::Down => self.down.steady_rate(),
        };
        let second = rate.and_then(|rate| usize::try_from(rate / 8).ok());
        match self.conditions.counts {
            // What is on its way has a limit of its own.
            Counts::Packets => (second.unwrap_or(USUAL_ROOM).clamp(2 * PACKET_PAYLOAD, USUAL_ROOM), sender.unsent()),
            Counts::Payload => {
                let millis = usize::try_from(self.conditions.round_trip().as_millis()).unwrap_or(usize::MAX);
                let product = second.map_or(0, |second| second.saturating_mul(2).saturating_mul(millis) / 1_000);
                let bearable = second.map_or(MOST_ROOM, |second| (2 * second).max(LEAST_ROOM));
                (product.max(USUAL_ROOM).min(bearable), sender.outstanding())
            }
        }
    }

    /// What was taken over this way and not sent yet never will be: nobody reads it.
    pub fn discard(&mut self, id: ConnectionId, way: Way) {
        if let Some(connection) = self.connection_mut(id) {
            connection.senders[way as usize].discard();
        }
    }

    /// What has arrived at the reading end of `way`, once.
    pub fn take_arrived(&mut self, id: ConnectionId, way: Way) -> Arrived {
        self.connection_mut(id)
            .map(|connection| std::mem::take(&mut connection.arrived[way as usize]))
            .unwrap_or_default()
    }

    /// Whether anything is still to be delivered this way.
    #[must_use]
    pub fn is_busy(&self, id: ConnectionId, way: Way) -> bool {
        self.connection(id).is_some_and(|connection| !connection.severed && connection.senders[way as usize].is_busy())
    }

    /// Plays all that happens up to `now`.
    pub fn advance(&mut self, now: Duration) {
        self.play(now);
    }

    /// When the next thing happens, as far as is known.
    #[must_use]
    pub fn next_event(&self) -> Option<Duration> {
        let timer = self.timers.peek().map(|Reverse((due, ..))| *due);
        [self.up.next(), self.down.next(), timer].into_iter().flatten().min().map(Duration::from_nanos)
    }

    /// The connections whose ends have something to look at, each once, since this was last asked.
    pub fn take_stirred(&mut self) -> Vec<ConnectionId> {
        let mut stirred = std::mem::take(&mut self.stirred);
        stirred.sort_unstable();
        stirred.dedup();
        stirred
    }

    fn play(&mut self, now: Duration) -> Nanos {
        let now = u64::try_from(now.as_nanos()).unwrap_or(Nanos::MAX);
        loop {
            let (up, down) = (self.up.next().unwrap_or(Nanos::MAX), self.down.next().unwrap_or(Nanos::MAX));
            let timer = self.timers.peek().map_or(Nanos::MAX, |Reverse((due, ..))| *due);
            let due = up.min(down).min(timer);
            if due > now || due == Nanos::MAX {
                return now;
            }
            if up == due {
                self.arrive(Way::Up, due);
            } else if down == due {
                self.arrive(Way::Down, due);
            } else {
                self.go_off(due);
            }
        }
    }

    fn arrive(&mut self, way: Way, now: Nanos) {
        let Some(Says { id, what, ack }) = self.direction(way).pop() else { return };
        let Some(connection) = self.connection_mut(id).filter(|connection| !connection.severed) else { return };
        match what {
            What::Syn(sent) => {
                let says = Says { id, what: What::SynAck(sent), ack: connection.receivers[Way::Up as usize].ack() };
                self.put(Way::Down, now, HANDSHAKE, says);
                return;
            }
            What::SynAck(_) if connection.open => return,
            What::SynAck(sent) => {
                connection.opened(now, sent);
                self.stir(id);
                self.acknowledge(id, Way::Down, now);
                return;
            }
            What::Ack => {}
            What::Data(number) => {
                let stirs = connection.data(way, now, number);
                if stirs {
                    self.stir(id);
                }
                self.answer(id, way, now);
            }
        }
        let Some(connection) = self.connection_mut(id) else { return };
        let sends = way.back();
        if connection.acked(sends, now, ack) {
            self.stir(id);
        }
        self.transmit(id, sends, now);
    }

    fn stir(&mut self, id: ConnectionId) {
        if self.stirred.last() != Some(&id) {
            self.stirred.push(id);
        }
    }

    /// Data has come this way: it is acknowledged now, or a timer says when.
    fn answer(&mut self, id: ConnectionId, way: Way, now: Nanos) {
        let Some(connection) = self.connection_mut(id) else { return };
        if connection.owes_ack[way as usize] {
            self.acknowledge(id, way, now);
        } else {
            self.arm(id, way);
        }
    }

    /// Sends an acknowledgement of what has come this way.
    fn acknowledge(&mut self, id: ConnectionId, way: Way, now: Nanos) {
        let Some(connection) = self.connection_mut(id) else { return };
        connection.owes_ack[way as usize] = false;
        let ack = connection.receivers[way as usize].ack();
        self.put(way.back(), now, 0, Says { id, what: What::Ack, ack });
    }

    fn shake_hands(&mut self, id: ConnectionId, now: Nanos) {
        let Some(connection) = self.connection_mut(id) else { return };
        connection.try_at = Some(now + connection.try_gap);
        connection.try_gap *= 2;
        let ack = connection.receivers[Way::Down as usize].ack();
        self.put(Way::Up, now, HANDSHAKE, Says { id, what: What::Syn(now), ack });
        self.arm(id, Way::Up);
    }

    /// Sends what may be sent this way.
    fn transmit(&mut self, id: ConnectionId, way: Way, now: Nanos) {
        loop {
            let Some(connection) = self.connection_mut(id).filter(|connection| !connection.severed) else { return };
            let Some(outgoing) = connection.senders[way as usize].next(now) else { break };
            let says = connection.data_packet(id, way, outgoing.number);
            self.put(way, now, outgoing.payload as u64, says);
        }
        self.arm(id, way);
    }

    /// What is sent while the connection's own latest packet waits for its turn fills that packet first, as TCP does.
    fn fill_up(&mut self, id: ConnectionId, way: Way, now: Nanos) {
        let Some(taken) = self.direction(way).waiting(now) else { return };
        let Some(connection) = self.connection_mut(id) else { return };
        let Some(number) = connection.latest[way as usize].filter(|(at, _)| *at == taken).map(|(_, number)| number)
        else {
            return;
        };
        let added = connection.senders[way as usize].fill(number);
        if added > 0 {
            self.direction(way).extend(added as u64);
        }
    }

    /// Puts a packet on the link.
    fn put(&mut self, way: Way, now: Nanos, payload: u64, says: Says) {
        let bytes = match self.conditions.counts {
            Counts::Packets => payload + PACKET_HEADERS,
            Counts::Payload if matches!(says.what, What::Data(_)) => payload,
            Counts::Payload => 0,
        };
        let ready = self.awake(now);
        let direction = self.direction(way);
        let sent = direction.send(now, ready, bytes, says);
        let (busy, taken) = (direction.busy_until(), direction.taken());
        self.active = self.active.max(busy).max(now);
        if let (true, What::Data(number)) = (sent, says.what)
            && let Some(connection) = self.connection_mut(says.id)
        {
            connection.latest[way as usize] = Some((taken, number));
        }
    }

    /// When the radio can send what is there at `now`.
    fn awake(&self, now: Nanos) -> Nanos {
        match self.conditions.wake_up {
            Some(WakeUp { takes, sleeps_after }) if self.active == 0 || now > self.active + nanos(sleeps_after) => {
                now + nanos(takes)
            }
            Some(_) | None => now,
        }
    }

    /// Sees to it that the connection's next timer this way goes off.
    fn arm(&mut self, id: ConnectionId, way: Way) {
        let Some(connection) = self.connection_mut(id) else { return };
        let Some(due) = connection.due(way) else { return };
        let scheduled = &mut connection.scheduled[way as usize];
        if scheduled.is_none_or(|scheduled| due < scheduled) {
            *scheduled = Some(due);
            self.armed += 1;
            self.timers.push(Reverse((due, self.armed, Timer { id, way })));
        }
    }

    /// The first timer goes off, if it is still meant.
    fn go_off(&mut self, now: Nanos) {
        let Some(Reverse((_, _, Timer { id, way }))) = self.timers.pop() else { return };
        let Some(connection) = self.connection_mut(id).filter(|connection| !connection.severed) else { return };
        // An earlier one was set meanwhile, and has set the next.
        if connection.scheduled[way as usize] != Some(now) {
            return;
        }
        connection.scheduled[way as usize] = None;
        if way == Way::Up && !connection.open {
            if connection.try_at.is_some_and(|at| at <= now) {
                self.shake_hands(id, now);
            }
        } else {
            if connection.receivers[way as usize].due().is_some_and(|due| due <= now) {
                self.acknowledge(id, way, now);
            }
            self.fire(id, way, now);
        }
        self.arm(id, way);
    }

    fn fire(&mut self, id: ConnectionId, way: Way, now: Nanos) {
        let Some(connection) = self.connection_mut(id) else { return };
        let sender = &mut connection.senders[way as usize];
        if sender.due().is_none_or(|due| due > now) {
            return;
        }
        if let Some(probe) = sender.fire(now) {
            let says = connection.data_packet(id, way, probe.number);
            self.put(way, now, probe.payload as u64, says);
        }
        self.transmit(id, way, now);
    }

    fn direction(&mut self, way: Way) -> &mut Bottleneck<Says> {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        let slot = self.connections.get(id.slot)?.as_ref();
        slot.filter(|(generation, _)| *generation == id.generation).map(|(_, connection)| connection.as_ref())
    }

    fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slot = self.connections.get_mut(id.slot)?.as_mut();
        slot.filter(|(generation, _)| *generation == id.generation).map(|(_, connection)| connection.as_mut())
    }
}

/// A sender takes over so many bytes that it cannot send yet.
const USUAL_ROOM: usize = 64 * 1024;
/// Where nothing else limits it, at least so many, and at most.
const LEAST_ROOM: usize = 16 * 1024;
const MOST_ROOM: usize = 1024 * 1024;

fn nanos(span: Span) -> Nanos {
    span.micros().saturating_mul(1_000)
}
