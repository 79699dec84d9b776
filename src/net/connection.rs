//! A connection, as the model sees it: both its ends, and what its packets say.

use super::conditions::Congestion;
use super::receiver::{Ack, Receiver};
use super::sender::{Mark, PACKET_PAYLOAD, Sender};
use super::timer;
use super::trace::Nanos;

/// What the packets of the handshake have beyond the headers of others, in bytes: their longer options.
pub(super) const HANDSHAKE: u64 = 8;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From the device.
    Up,
    /// To the device.
    Down,
}

impl Way {
    /// The other way.
    #[must_use]
    pub const fn back(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// A connection over a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId {
    pub(super) slot: usize,
    /// Slots are used again; who comes late must not be taken for who has the slot now.
    pub(super) generation: u64,
}

/// What has arrived at an end since it was last asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Bytes.
    pub bytes: usize,
    /// That no more will come, behind them.
    pub finished: bool,
    /// That the other end is gone, behind all.
    pub gone: bool,
}

/// What a packet says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Says {
    pub(super) id: ConnectionId,
    pub(super) what: What,
    /// Of what came the other way.
    pub(super) ack: Ack,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// Sent at this time, which the answer repeats.
    Syn(Nanos),
    SynAck(Nanos),
    Ack,
    /// The packet of this number.
    Data(u64),
}

/// Both ends of a connection. What is indexed by a way belongs to the bytes that go that way.
#[derive(Debug)]
pub(super) struct Connection {
    /// The device's end has had its answer.
    pub(super) open: bool,
    /// Nothing arrives any more.
    pub(super) severed: bool,
    /// When the handshake is tried again, and after which gap once more.
    pub(super) try_at: Option<Nanos>,
    pub(super) try_gap: Nanos,
    pub(super) senders: [Sender; 2],
    pub(super) receivers: [Receiver; 2],
    pub(super) owes_ack: [bool; 2],
    pub(super) arrived: [Arrived; 2],
    /// The next timer that was set; a later one is set when it has gone off.
    pub(super) scheduled: [Option<Nanos>; 2],
    /// Which of the direction's packets was this connection's latest, and its number.
    pub(super) latest: [Option<(u64, u64)>; 2],
}

impl Connection {
    pub(super) fn new(congestion: Congestion, unlimited: bool, phase: usize) -> Self {
        let sender = || Sender::new(congestion, unlimited, phase);
        Self {
            open: false,
            severed: false,
            try_at: None,
            try_gap: timer::INITIAL,
            senders: [sender(), sender()],
            receivers: [Receiver::default(), Receiver::default()],
            owes_ack: [false; 2],
            arrived: [Arrived::default(); 2],
            scheduled: [None; 2],
            latest: [None; 2],
        }
    }

    /// The answer has arrived to a handshake that was `sent` then. Both ends know a round trip now.
    pub(super) fn opened(&mut self, now: Nanos, sent: Nanos) {
        (self.open, self.try_at) = (true, None);
        for sender in &mut self.senders {
            sender.opened(now, (now - sent).max(1));
        }
    }

    /// A packet of data arrives; says whether the reader has something new.
    pub(super) fn data(&mut self, way: Way, now: Nanos, number: u64) -> bool {
        let index = way as usize;
        let (sender, receiver) = (&self.senders[index], &mut self.receivers[index]);
        let full = sender.content(number).is_none_or(|(payload, _)| payload == PACKET_PAYLOAD);
        let before = receiver.next();
        self.owes_ack[index] |= receiver.arrived(now, number, full);
        let arrived = &mut self.arrived[index];
        for number in before..receiver.next() {
            let Some((payload, mark)) = sender.content(number) else { continue };
            arrived.bytes += payload;
            arrived.finished |= mark.is_some();
            arrived.gone |= mark == Some(Mark::Gone);
        }
        receiver.next() > before
    }

    /// An acknowledgement of what went `way` arrives; says whether the writer has more room.
    pub(super) fn acked(&mut self, way: Way, now: Nanos, ack: Ack) -> bool {
        let index = way as usize;
        let sender = &mut self.senders[index];
        let before = sender.outstanding();
        sender.acked(now, ack.until, self.receivers[index].told_by(ack));
        sender.outstanding() < before
    }

    /// A packet of data, with what there is to acknowledge.
    pub(super) fn data_packet(&mut self, id: ConnectionId, way: Way, number: u64) -> Says {
        let back = way.back() as usize;
        self.owes_ack[back] = false;
        Says { id, what: What::Data(number), ack: self.receivers[back].ack() }
    }

    /// When the next timer this way goes off.
    pub(super) fn due(&self, way: Way) -> Option<Nanos> {
        let index = way as usize;
        let handshake = self.try_at.filter(|_| way == Way::Up);
        [handshake, self.senders[index].due(), self.receivers[index].due()].into_iter().flatten().min()
    }
}
