//! Conflicts: what a push reports of them, the audit record that each leaves on both sides (spec 4.4), and how a choice
//! travels.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EntityType;

/// The key of a payload under which an update tells which conflicts it decides: a list of [`Resolves`] (addition).
pub const RESOLVES: &str = "_resolves";

/// One field on which two edits met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldConflict {
    /// The field; of a line, `field/key`.
    pub field: String,
    /// The operation's value.
    pub mine: Value,
    /// The value that somebody else had set.
    pub theirs: Value,
    /// Which one the server now holds.
    pub outcome: ConflictOutcome,
    /// The record's version at which theirs was set.
    pub version: i64,
    /// Who set theirs.
    pub by: String,
    /// When, by the server's clock.
    pub at: String,
}

/// What the server made of a field's conflict (spec 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictOutcome {
    /// Theirs stays; mine goes to the conflict log.
    ServerWins,
    /// Mine replaces theirs.
    ClientWins,
    /// Theirs stays until the user who made mine has chosen.
    Manual,
}

impl fmt::Display for ConflictOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerWins => "server wins",
            Self::ClientWins => "client wins",
            Self::Manual => "the user decides",
        })
    }
}

/// The audit record of a conflict: an operation that met foreign changes (spec 4.4, all of its fields). `queueId` and
/// `fields` are additions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictRecord {
    /// Its id, the same on both sides.
    pub conflict_id: String,
    /// The operation.
    pub queue_id: String,
    /// What kind of record.
    pub entity_type: EntityType,
    /// The record.
    pub entity_id: String,
    /// When, by the clock of the side that keeps this record.
    pub detected_at: String,
    /// Who made the operation.
    pub user_id: String,
    /// The version that the operation was made on.
    pub client_version: i64,
    /// The server's version after it.
    pub server_version: i64,
    /// The names of the fields that met.
    pub conflicting_fields: Vec<String>,
    /// How the conflict as a whole is decided.
    pub resolution_strategy: ResolutionStrategy,
    /// When the last of its fields was decided; absent while the user has yet to choose.
    pub resolved_at: Option<String>,
    /// The decisions so far, by field.
    pub resolution: BTreeMap<String, Resolution>,
    /// The fields, each with both values and its outcome.
    pub fields: Vec<FieldConflict>,
}

impl ConflictRecord {
    /// The fields that wait for the user's choice.
    pub fn undecided(&self) -> impl Iterator<Item = &FieldConflict> {
        self.fields.iter().filter(|field| !self.resolution.contains_key(&field.field))
    }
}

/// How a conflict as a whole is decided (spec 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResolutionStrategy {
    /// Theirs stood on every field.
    ServerWins,
    /// Mine replaced theirs on every field.
    ClientWins,
    /// Some fields went one way and some the other.
    Merge,
    /// The user decides at least one field.
    Manual,
}

/// What became of one field's conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// Mine.
    ClientWins,
    /// Theirs.
    ServerWins,
    /// The user wrote a third value in full view of both.
    Merged,
    /// The record left before the user chose; both values stay on record.
    Gone,
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientWins => "mine",
            Self::ServerWins => "the server's",
            Self::Merged => "written by hand",
            Self::Gone => "the order left",
        })
    }
}

/// A choice as it travels with the update that carries it out (addition). It closes the server's audit record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resolves {
    /// The conflict.
    pub conflict_id: String,
    /// The decisions, by field.
    pub resolution: BTreeMap<String, Resolution>,
}

/// Answer to `GET` of the conflicts (addition): a user's own, an auditor's all, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictsAnswer {
    /// The audit records.
    pub conflicts: Vec<ConflictRecord>,
}
