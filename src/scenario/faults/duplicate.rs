//! A request that reaches the server twice.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};
use crate::base::Span;

/// See [`crate::scenario::Action::Duplicate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duplicate {
    /// The device or group whose requests are doubled.
    pub device: String,
    /// Which of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// How long after the first the copy comes, whose answer nobody gets. At once when absent: then the device gets the
    /// answer to the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Span>,
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
