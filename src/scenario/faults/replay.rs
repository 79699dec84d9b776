//! An earlier answer that comes again.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::answer::AnswerWhen;
use super::{aimed, is_default, is_one, one};

/// See [`crate::scenario::Action::Replay`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The device or group that gets earlier answers.
    pub device: String,
    /// To which of its requests.
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// How many answers of this kind back; 1 is the last one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub back: u32,
    /// Whether the server has done its work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: AnswerWhen,
    /// The first one, counted from 1 among those that match.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
    /// What narrows it further.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: Only,
}

impl Replay {
    /// So far back answers are remembered.
    pub const FARTHEST: u32 = 3;
}

aimed!(Replay);

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self.when {
            AnswerWhen::Instead => "in place of",
            AnswerWhen::AfterCommit => "when the work is done, in place of",
        };
        write!(f, "{} will get the answer of {} before {when} {}", self.device, self.back, self.aim())
    }
}
