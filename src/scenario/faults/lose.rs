//! A message that gets lost.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};

/// See [`crate::scenario::Action::Lose`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lose {
    /// The device or group whose traffic is struck.
    pub device: String,
    /// Which half of an exchange.
    pub what: Half,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
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
    /// What the device notices; `cut` when absent.
    #[schemars(example = "how: silence")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub how: LoseHow,
}

/// The halves of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    /// The request: the server never hears of it.
    Request,
    /// The answer: the server did the work, the device does not learn of it.
    Answer,
}

/// What a device notices of a lost message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoseHow {
    /// Its connection is closed at once.
    #[default]
    Cut,
    /// Its connection is reset.
    Reset,
    /// Nothing: it waits on an open connection.
    Silence,
}

aimed!(Lose);

impl fmt::Display for Lose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = match self.what {
            Half::Request => "request",
            Half::Answer => "answer",
        };
        write!(f, "{} will lose {half} {}{}", self.device, self.nth, self.of.words())?;
        if self.times > 1 {
            write!(f, " and the {} after it", self.times - 1)?;
        }
        self.only.fmt(f)?;
        f.write_str(match self.how {
            LoseHow::Cut => "",
            LoseHow::Reset => ", by a reset",
            LoseHow::Silence => ", in silence",
        })
    }
}
