//! The push: `POST /api/v1/sync/push` (spec 3.1C, decisions b to h).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ErrorCode, FieldConflict, MAX_BATCH_OPERATIONS, Record, schema};

/// Body of a push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = schema::push_example())]
pub struct PushRequest {
    /// Operations in the order in which the server is to apply them.
    #[schemars(length(max = MAX_BATCH_OPERATIONS))]
    pub operations: Vec<Operation>,
}

/// One queued change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Minted with the edit, never reused; the server applies each at most once (decision c).
    pub queue_id: String,
    /// What kind of record.
    pub entity_type: EntityType,
    /// Which record; temporary until the create is acknowledged (decision b).
    pub entity_id: String,
    /// What happens to it.
    pub operation: OperationKind,
    /// Changed fields alone, with `_version`, the version that the edit was made on; of lines, the changed ones alone.
    /// A create carries `_localId` instead.
    #[schemars(with = "schema::Payload")]
    pub payload: Record,
}

/// Kinds of records that can be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntityType {
    /// A work order.
    WorkOrder,
}

impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkOrder => f.write_str("work-order"),
        }
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// A new record.
    Create,
    /// Changed fields.
    Update,
    /// The record goes.
    Delete,
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// Answer to a push: one result for each operation, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PushAnswer {
    /// The results.
    pub results: Vec<OperationResult>,
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationResult {
    /// The operation's id.
    pub queue_id: String,
    /// How it ended.
    pub status: ResultStatus,
    /// The record's version after it (success and conflict).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_version: Option<i64>,
    /// The server's time of the record's last change (addition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The record's real id, in answer to a temporary one (addition, decision b).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// This is the stored result of an earlier delivery (addition, decision c).
    #[serde(default, skip_serializing_if = "is_false")]
    pub replayed: bool,
    /// The fields that met a foreign change, each with its outcome (addition).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<FieldConflict>,
    /// The id of the audit record that they left, the same on both sides (addition, spec 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict_id: Option<String>,
    /// What others changed since the operation's `_version`: with the result, the client knows the record at
    /// `newVersion` (addition). Absent when nobody else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Payload>")]
    pub server_state: Option<Record>,
    /// Why it failed (addition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OperationError>,
}

impl OperationResult {
    /// A result that says its status and nothing else.
    #[must_use]
    pub fn blank(queue_id: String, status: ResultStatus) -> Self {
        Self {
            queue_id,
            status,
            new_version: None,
            updated_at: None,
            entity_id: None,
            replayed: false,
            conflicts: Vec::new(),
            conflict_id: None,
            server_state: None,
            error: None,
        }
    }

    /// A result that says why the operation was not applied.
    #[must_use]
    pub fn refused(queue_id: String, error: OperationError) -> Self {
        Self { error: Some(error), ..Self::blank(queue_id, ResultStatus::Error) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResultStatus {
    /// Applied as it was.
    Success,
    /// At least one field met a foreign change; the rest is applied.
    Conflict,
    /// Not applied.
    Error,
}

/// Why an operation was not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationError {
    /// The code of spec 7.1.
    pub code: ErrorCode,
    /// In words.
    pub detail: String,
    /// Do not retry sooner than after this many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The record was deleted, not merely never there (decision e).
    #[serde(default, skip_serializing_if = "is_false")]
    pub tombstone: bool,
}
