//! A request that reaches the server twice.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};
use crate::base::Span;

/// See [`crate::scenario::Action::Duplicate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {
    /// The device or group whose requests are doubled.
    pub device: String,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// How long after the first the copy comes, whose answer nobody gets. At once when absent: then the device gets the
    /// answer to the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Span>,
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

aimed!(Duplicate);

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server will see the request of {} twice, for {}", self.device, self.aim())?;
        match self.late {
            Some(late) => write!(f, ", the copy {late} late"),
            None => Ok(()),
        }
    }
}
