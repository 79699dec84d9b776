//! The pull: `GET /api/v1/sync/delta` (spec 3.1B).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Record, ViewDigest, schema};

/// Query of a pull. Without `since` and `cursor` it is a full, paged snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeltaQuery {
    /// The last `syncTimestamp`, verbatim; exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The last `nextCursor`, verbatim; wins over `since` (addition).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Kinds asked for, comma-separated: `work-orders`, `assets`, `inventory`. All when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<String>,
    /// Most rows in this page (addition).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
    /// 1 asks for `viewDigest` (addition).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<u8>,
    /// With neither `since` nor `cursor`: 1 from a device that held this user's data before, so that finished work that
    /// the user keeps comes too (addition).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retained: Option<u8>,
}

/// Answer to a pull.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeltaAnswer {
    /// Timestamp of the last commit in this answer.
    pub sync_timestamp: String,
    /// The `cursor` that this answers, empty when none was sent: an answer that a cache has kept is known by it
    /// (addition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Opaque position for the next pull (addition).
    pub next_cursor: String,
    /// More pages follow at `next_cursor` (addition).
    #[serde(default)]
    pub has_more: bool,
    /// What changed.
    pub changes: Changes,
    /// What the device holds once it has applied this last page, when it asked for it and the server can tell
    /// (addition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_digest: Option<ViewDigest>,
}

/// What changed, by kind. A record that the device has already carries its id, `_version`, `updatedAt` and the changed
/// fields alone; of a field of lines, the changed lines alone, removed ones with `_deleted: true` (decision d).
/// A record that is new to the user's view comes whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Changed work orders.
    #[serde(default)]
    #[schemars(with = "Vec<schema::WorkOrder>")]
    pub work_orders: Vec<Record>,
    /// Changed assets.
    #[serde(default)]
    #[schemars(with = "Vec<schema::Asset>")]
    pub assets: Vec<Record>,
    /// Changed inventory rows (addition).
    #[serde(default)]
    #[schemars(with = "Vec<schema::Part>")]
    pub inventory: Vec<Record>,
    /// Deleted on the server.
    #[serde(default)]
    pub deleted_ids: IdsByKind,
    /// Left the user's view, with the reason; holds the deleted ones too (addition).
    #[serde(default)]
    pub removed: RemovalsByKind,
}

/// Ids by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdsByKind {
    /// Work orders.
    #[serde(default)]
    pub work_orders: Vec<String>,
    /// Assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
    /// Inventory rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inventory: Vec<String>,
}

/// Removals by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovalsByKind {
    /// Work orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work_orders: Vec<Removal>,
    /// Assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<Removal>,
    /// Inventory rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inventory: Vec<Removal>,
}

/// One record that left the user's view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removal {
    /// The record's id.
    pub id: String,
    /// Why it left.
    pub reason: RemovalReason,
}

/// Why a record left the user's view (decision j).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RemovalReason {
    /// Deleted on the server.
    Deleted,
    /// Assigned to somebody else.
    Reassigned,
    /// The user may no longer see it.
    Revoked,
}
