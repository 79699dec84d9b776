//! What a user changes: as they set out to, and as it was acknowledged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::{EntityType, OperationKind, Record};

/// What a user sets out to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// What kind of record.
    pub entity_type: EntityType,
    /// Which; `None` for a create.
    pub entity_id: Option<String>,
    /// What is done to it.
    pub action: OperationKind,
    /// The fields, as the user gave them.
    pub fields: Record,
}

/// An acknowledged operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationRecord {
    /// Its id for ever.
    pub queue_id: String,
    /// What kind of record.
    pub entity_type: EntityType,
    /// Which; temporary for what the server does not know yet.
    pub entity_id: String,
    /// What it does.
    pub operation: OperationKind,
    /// Exactly the payload to be pushed, `_version` or `_localId` in it.
    pub payload: Record,
    /// 1 to 10 (spec 5.2), as the device classified it.
    pub priority: u8,
}
