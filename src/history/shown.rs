//! What a person is shown of the sync beside the status line: icons of orders, the queue view, progress (spec 5.3, 7.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::ErrorCode;

/// The sign beside a work order in the list (spec 5.3). An order of which nothing is said is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Icon {
    /// All of it is with the server.
    Synced,
    /// A change of it is on its way.
    Syncing,
    /// A change of it waits.
    Queued,
    /// It needs its user: a conflict to look at, or a change that failed.
    Conflict,
}

/// Where a change stands, as the queue view says it (spec 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// It waits.
    Queued,
    /// It is on its way.
    Syncing,
    /// The server has it; so shown until the next sync begins.
    Synced,
    /// It was given up, or lost to somebody else's change (VERSION_CONFLICT).
    Failed {
        /// The code of spec 7.1.
        code: ErrorCode,
    },
    /// Its order left the device; the rescue log has it.
    Rescued,
}

/// One line of the queue view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeLine {
    /// The operation.
    pub queue_id: String,
    /// The order.
    pub entity_id: String,
    /// The change in words: `Updated status`.
    pub what: String,
    /// Where it stands.
    pub state: ChangeState,
}

/// How far a sync's push is: `3 of 10 items`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Changes that this sync is through with.
    pub done: u64,
    /// Those and the ones that still wait.
    pub of: u64,
}
