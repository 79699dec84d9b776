//! Everything arrives, but not in time: a slow server, a slow way to it, an answer that comes drop by drop.

use std::time::Duration;

use bytes::Bytes;

use super::Entry;
use crate::proxy::script::{End, Piece, Script};

/// What is slow about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// So long passes before the server gets the request.
    Request(Duration),
    /// So long passes between the server's work and the first byte of its answer.
    Answer(Duration),
    /// The answer's body comes in drops.
    Body(Drops),
    /// The answer's head comes in drops; the body at once behind it.
    Head(Drops),
}

/// So many bytes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drops {
    /// Bytes of a drop; at least 1.
    pub bytes: usize,
    /// The time before each.
    pub every: Duration,
}

impl Slow {
    /// How long the request waits.
    pub(in crate::proxy) fn before(self) -> Duration {
        if let Self::Request(time) = self { time } else { Duration::ZERO }
    }

    /// How long the answer waits.
    pub(in crate::proxy) fn after(self) -> Duration {
        if let Self::Answer(time) = self { time } else { Duration::ZERO }
    }

    /// How `head` and `body` go out, if not as ever.
    pub(in crate::proxy) fn script(self, head: Bytes, body: Bytes) -> Option<Script> {
        let (head, body) = match self {
            Self::Request(_) | Self::Answer(_) => return None,
            Self::Body(drops) => (Piece::whole(head), drops.of(body)),
            Self::Head(drops) => (drops.of(head), Piece::whole(body)),
        };
        Some(Script { pieces: vec![head, body], end: End::Keep })
    }
}

impl Drops {
    fn of(self, bytes: Bytes) -> Piece {
        Piece { bytes, step: self.bytes.max(1), every: self.every }
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "slow request",
        does: "So long passes before the server gets the request.",
        keys: &["by"],
        example: "- slow: { device: maria, what: request, of: push, by: 20s }",
        source: "queues of gateways and of mobile networks",
    },
    Entry {
        name: "slow answer",
        does: "The server has done its work, and so long passes before the answer begins.",
        keys: &["by"],
        example: "- slow: { device: maria, what: answer, of: push, by: 40s }",
        source: "a database at its limit; longer than the time-out it is a lost answer that comes after all",
    },
    Entry {
        name: "slow body",
        does: "The answer's body dribbles: so many bytes each time. Shorter than the idle time-out it only takes long.",
        keys: &["by", "bytes"],
        example: "- slow: { device: maria, what: body, of: pull, by: 1s, bytes: 200B }",
        source: "the far edge of a cell; slowloris the other way round",
    },
    Entry {
        name: "slow head",
        does: "The answer's head dribbles, and its body comes at once behind it.",
        keys: &["by", "bytes"],
        example: "- slow: { device: maria, what: head, of: pull, by: 1s, bytes: 10B }",
        source: "proxies that forward header lines as they come",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const DROPS: Drops = Drops { bytes: 0, every: Duration::from_secs(1) };

    #[test]
    fn only_the_part_that_is_named_dribbles_and_never_by_no_bytes() {
        let steps = |slow: Slow| {
            let script = slow.script(Bytes::from("head"), Bytes::from("body"))?;
            Some(script.pieces.iter().map(|piece| piece.step == 1 && piece.every == DROPS.every).collect::<Vec<_>>())
        };
        assert_eq!(steps(Slow::Body(DROPS)), Some(vec![false, true]));
        assert_eq!(steps(Slow::Head(DROPS)), Some(vec![true, false]));
        assert_eq!(steps(Slow::Answer(DROPS.every)), None);
        assert_eq!(
            (Slow::Answer(DROPS.every).after(), Slow::Answer(DROPS.every).before()),
            (DROPS.every, Duration::ZERO)
        );
    }
}
