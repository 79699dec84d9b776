//! Updates that came too late: `GET /api/v1/sync/dead-letters` (addition, decision e).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Record, schema};

/// Query for dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLettersQuery {
    /// Only letters after the one with this `number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Most letters in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
}

/// Dead letters, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetters {
    /// The letters.
    pub dead_letters: Vec<DeadLetter>,
    /// More follow after the last one.
    pub has_more: bool,
}

/// An update that reached the server after its work order had been deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its place among all letters.
    pub number: i64,
    /// When it arrived, by the server's clock.
    pub at: String,
    /// Whose it is.
    pub user_id: String,
    /// From which device it came.
    pub device_id: String,
    /// The operation's id.
    pub queue_id: String,
    /// The work order that is gone.
    pub entity_id: String,
    /// What it was to change.
    #[schemars(with = "schema::Payload")]
    pub payload: Record,
}
