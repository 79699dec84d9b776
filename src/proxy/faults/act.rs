//! What a rule does to an exchange.

use super::{Canned, Duplicate, Garble, LoseHow, Moment, Refuse, Replay, Slow, Spoil};

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The request never reaches the server.
    LoseRequest(LoseHow),
    /// The server does its work; the answer never reaches the device.
    LoseAnswer(LoseHow),
    /// The device crashes.
    Crash(Moment),
    /// The request never reaches the server; the proxy answers.
    Answer(Canned),
    /// The server does its work; the proxy answers in its place.
    AnswerAfter(Canned),
    /// The server does its work; its answer arrives damaged.
    Spoil(Spoil),
    /// Of what the server gives in a pull, a work order never arrives.
    LeaveOut,
    /// Of a push, the operations on some records fail.
    Refuse(Refuse),
    /// It takes its time.
    Slow(Slow),
    /// The server gets the request twice.
    Duplicate(Duplicate),
    /// The server gets another request than was sent.
    Garble(Garble),
    /// The device gets an earlier answer again.
    Replay(Replay),
}

impl Act {
    /// Its name in the names of random streams; it must never change, or recorded seeds lose their meaning.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::LoseRequest(_) => "lose-request",
            Self::LoseAnswer(_) => "lose-answer",
            Self::Crash(_) => "crash",
            Self::Answer(_) => "answer",
            Self::AnswerAfter(_) => "answer-after",
            Self::Spoil(_) => "spoil",
            Self::LeaveOut => "leave-out",
            Self::Refuse(_) => "refuse",
            Self::Slow(_) => "slow",
            Self::Duplicate(_) => "duplicate",
            Self::Garble(_) => "garble",
            Self::Replay(_) => "replay",
        }
    }

    /// Whether the request goes no further than the proxy.
    #[must_use]
    pub fn stops_request(&self) -> bool {
        matches!(
            self,
            Self::LoseRequest(_)
                | Self::Crash(Moment::BeforeRequest)
                | Self::Answer(_)
                | Self::Replay(Replay { after_commit: false, .. })
        )
    }

    /// Whether the server gets all that is in a push.
    #[must_use]
    pub fn lets_all_through(&self) -> bool {
        !self.stops_request() && !matches!(self, Self::Refuse(_))
    }

    /// Whether it is about a request on `entities` at all.
    pub(super) fn concerns(&self, entities: &[&str]) -> bool {
        match self {
            Self::Refuse(refuse) => refuse.concerns(entities),
            Self::LoseRequest(_)
            | Self::LoseAnswer(_)
            | Self::Crash(_)
            | Self::Answer(_)
            | Self::AnswerAfter(_)
            | Self::Spoil(_)
            | Self::LeaveOut
            | Self::Slow(_)
            | Self::Duplicate(_)
            | Self::Garble(_)
            | Self::Replay(_) => true,
        }
    }
}
