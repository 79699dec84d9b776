//! What a scenario may claim of a device's screen, of when a change is known to be with the server, and of triggers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;
use crate::history::{Icon, Trigger};
use crate::protocol::{ErrorCode, Record};

/// See [`Claim::Shown`](super::Claim::Shown).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShownClaim {
    /// The device.
    #[schemars(example = "- shown: { device: maria, status: synced, queued: 0 }")]
    pub device: String,
    /// The order that `icon`, `change` and `has` are about.
    #[schemars(example = "- look: { device: maria, order: WO-000002, icon: synced }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The sign beside `order`.
    #[schemars(example = "- look: { device: maria, order: WO-000002, icon: synced }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<Icon>,
    /// Where the newest change of `order` stands in the queue view.
    #[schemars(
        example = "- look: { device: maria, order: WO-000004, icon: queued, change: queued, has: { completionNotes: One more } }"
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeWord>,
    /// An order that is not there.
    #[schemars(example = "- look: { device: maria, lacks: twin, orders: 2, queued: 0 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// How many orders there are.
    #[schemars(example = "- look: { device: maria, lacks: twin, orders: 2, queued: 0 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
    /// How many pictures are shown by a thumbnail.
    #[schemars(example = "- look: { device: maria, thumbnails: 1, files: 0 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<u64>,
    /// How many whole files are on the device.
    #[schemars(example = "- look: { device: maria, thumbnails: 1, files: 0 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// The status line.
    #[schemars(example = "- shown: { device: maria, status: synced, queued: 0 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusWord>,
    /// Why it failed: the status line, or the change where one is named.
    #[schemars(example = "- look: { device: maria, status: failed, code: NETWORK_ERROR, queued: 1 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// Changes that the status line says are waiting.
    #[schemars(example = "- look: { device: maria, queued: 1 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<u64>,
    /// `Syncing, done of ..`.
    #[schemars(example = "- look: { device: maria, status: syncing, queued: 3, done: 0, of: 3 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// `Syncing, .. of so many`.
    #[schemars(example = "- look: { device: maria, status: syncing, queued: 3, done: 0, of: 3 }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// `Synced so long ago`, in whole minutes or, below one, whole seconds.
    #[schemars(example = "- look: { device: maria, status: offline, synced-ago: 10min }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_ago: Option<Span>,
    /// Values of `order`; of a field of lines, the lines that must be there.
    #[schemars(example = "- look: { device: maria, order: WO-000001, has: { priority: urgent } }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has: Option<Record>,
}

/// Where a change stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// See [`super::Claim::Opened`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OpenedClaim {
    /// The device.
    pub device: String,
    /// So many were shown.
    pub count: u64,
    /// So often it said no, or not now.
    #[schemars(example = "withheld: 1")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<u64>,
    /// From the user's wish to the picture, for each. A miss is a timing miss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Bytes of whole files that set out to the device, in a hundred of what was shown. A miss is a timing miss.
    #[schemars(example = "fetched-at-most-percent: 110")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched_at_most_percent: Option<u64>,
}

/// See [`super::Claim::Failed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailedClaim {
    /// The device.
    pub device: String,
    /// The code of spec 7.1.
    pub code: ErrorCode,
    /// What its words contain.
    pub says: String,
}
