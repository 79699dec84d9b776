//! What a user picks to sync beyond what is theirs by assignment: `POST /api/v1/sync/selection` (addition, spec 2.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A change of the user's selection: all of it is done, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectionRequest {
    /// Work orders to sync from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Work orders to sync no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Adds what may be picked and is scheduled to start then or later: a time or a day (UTC), RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// And before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The selection as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectionAnswer {
    /// The work orders in it, by id.
    pub picked: Vec<String>,
}
