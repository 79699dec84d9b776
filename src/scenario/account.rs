//! Steps about a device as a whole and who is signed in on it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::Record;

/// See [`super::Action::Logout`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// The device or group.
    pub device: String,
    /// Whether the user insists when warned that changes would be lost.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
}

/// See [`super::Action::SignIn`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The device or group.
    pub device: String,
    /// The device whose user signs in here; who was here last when absent.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl fmt::Display for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "the user of {user} signs in on {}", self.device),
            None => write!(f, "the user of {} signs in again", self.device),
        }
    }
}

/// See [`super::Action::Select`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Select {
    /// The device or group.
    pub device: String,
    /// Orders to sync from now on: ids or labels.
    #[schemars(example = "orders: [WO-000004]")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<String>,
    /// Orders to sync no more.
    #[schemars(example = "give-up: [WO-000004]")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub give_up: Vec<String>,
    /// With `to`: all that may be picked and is scheduled to start then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// And before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// See [`super::Action::LookUp`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The device or group.
    pub device: String,
    /// `profile`, or an asset's id.
    pub what: String,
}

/// See [`super::Action::EditCached`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCached {
    /// The device or group.
    pub device: String,
    /// The asset or part: its id.
    pub record: String,
    /// The new values by field.
    pub set: Record,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
