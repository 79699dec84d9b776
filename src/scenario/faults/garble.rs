//! A request that arrives changed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};
use crate::base::Size;

/// See [`crate::scenario::Action::Garble`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Garble {
    /// The device or group whose requests are changed on their way.
    pub device: String,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// Which byte of its body, counted from the start; the one in the middle when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Size>,
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

aimed!(Garble);

impl fmt::Display for Garble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.at.map_or_else(|| "in the middle".to_owned(), |at| format!("{at} from its start"));
        write!(f, "of {} a byte {place} will arrive changed, in the request to {}", self.device, self.aim())
    }
}
