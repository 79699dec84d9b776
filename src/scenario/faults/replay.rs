//! An earlier answer that comes again.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::answer::AnswerWhen;
use super::{aimed, is_default, is_one, one};

/// See [`crate::scenario::Action::Replay`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The device or group that gets earlier answers.
    pub device: String,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// How many answers of this kind back, to 3; 1, the last one, when absent.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub back: u32,
    /// Whether the server has done its work; it has not when absent.
    #[schemars(example = "when: after-commit")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: AnswerWhen,
    /// The first one that it strikes, counted from 1 among those that match, from this step on; 1 when absent.
    #[schemars(example = "nth: 3")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row; then it has recovered. 1 when absent.
    #[schemars(example = "times: 999")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
    /// What narrows it further.
    #[schemars(example = "only: { percent: 10, until: 16h }")]
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
