//! Steps of those who mean no good, and of a server that goes wrong: its clock, tampered calls, a disk in strange hands.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::Skew;

/// See [`super::Action::ServerClock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerClock {
    /// How far from the truth, not from where it stood.
    pub by: Skew,
}

/// See [`super::Action::CrashServer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrashServer {
    /// After which of its commits from now on, counted from 1.
    pub after_commit: u32,
}

impl fmt::Display for CrashServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's power fails right after commit {} from now", self.after_commit)
    }
}

/// See [`super::Action::SearchDisk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchDisk {
    /// The device, running or dead.
    pub device: String,
    /// Words that the story put into records; the keychain's secrets are searched for besides.
    #[serde(rename = "for")]
    pub words: Vec<String>,
}

/// See [`super::Action::Tamper`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tamper {
    /// The device whose user's password the caller has.
    pub device: String,
    /// What is sent as operations, whatever it is.
    pub push: Vec<Value>,
}
