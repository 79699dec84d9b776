//! Steps that strike the server: its clock, and callers that mean no good.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::Skew;

/// See [`super::Action::ServerClock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerClock {
    /// How far from the truth, not from where it stood.
    pub by: Skew,
}

/// See [`super::Action::Tamper`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tamper {
    /// The device whose user's password the caller has.
    pub device: String,
    /// What is sent as operations, whatever it is.
    pub push: Vec<Value>,
}
