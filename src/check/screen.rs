//! What a scenario may claim of a device's screen, of when a change is known to be with the server, and of triggers.

use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::history::{Icon, Trigger};
use crate::protocol::{ErrorCode, Record};

/// See [`Claim::Shown`](super::Claim::Shown).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShownClaim {
    /// The device.
    pub device: String,
    /// The order that `icon`, `change` and `has` are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The sign beside the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Icon>,
    /// Where the order's newest line of the queue view stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeWord>,
    /// An order that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// How many orders there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
    /// The status line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusWord>,
    /// Why it failed: the status line, or the change where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// How many changes the status line says are waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<u64>,
    /// `Syncing, done of ..`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// `Syncing, .. of so many`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// `Synced so long ago`, in whole minutes or, below one, whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_ago: Option<Span>,
    /// Fields of the order and their values; of a field of lines, the lines that must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has: Option<Record>,
}

/// Where a change stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeWord {
    /// It waits.
    Queued,
    /// It is on its way.
    Syncing,
    /// The server has it.
    Synced,
    /// It was given up, or lost to somebody else's change.
    Failed,
    /// Its order left the device.
    Rescued,
}

/// What the status line says, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusWord {
    /// Nothing is waiting; the last sync succeeded.
    Synced,
    /// Changes are waiting for the next sync.
    Queued,
    /// A sync runs.
    Syncing,
    /// The device knows that it is offline.
    Offline,
    /// The last sync failed.
    Failed,
}

/// See [`Claim::Acked`](super::Claim::Acked).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AckedClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
    /// The bound.
    pub at_most: Span,
}

/// See [`Claim::Syncs`](super::Claim::Syncs).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SyncsClaim {
    /// The device.
    pub device: String,
    /// By this trigger; by any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Trigger>,
    /// So often.
    pub exactly: u64,
}

/// See [`super::Claim::Failed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedClaim {
    /// The device.
    pub device: String,
    /// The code of spec 7.1.
    pub code: ErrorCode,
    /// What its words contain.
    pub says: String,
}
