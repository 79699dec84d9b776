//! What a device says of itself: its events and, when asked, its whole state.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::edit::OperationRecord;
use super::files::{FileEvent, HeldFile};
use super::shown::{ChangeLine, Icon, Progress};
use crate::protocol::{ConflictRecord, ErrorCode, OperationKind, Profile, Record, RemovalReason};

/// Why a sync began (spec 5.1; retry is 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The user pulled to refresh.
    Manual,
    /// The interval passed.
    Periodic,
    /// The device learnt that it is online again.
    Reconnect,
    /// A critical change was made.
    Critical,
    /// A wait of the backoff table ended.
    Retry,
    /// The app was started, with somebody signed in.
    Launch,
    /// The app came to the foreground after a while in the background.
    Foreground,
    /// The user cleared the cache, or picked what to sync.
    Asked,
}

/// Why a device pulls everything anew over what it holds (decision q).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResyncReason {
    /// The server does not go back as far as the device's cursor.
    Expired,
    /// The digest of the view differs from the server's.
    Differs,
}

/// The two halves of a sync: push comes first (decision t).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The queue goes up.
    Push,
    /// Changes come down.
    Pull,
    /// Files go up and come down.
    Files,
}

/// How a sync ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SyncOutcome {
    /// Push and pull are through.
    Done,
    /// The device knows that it is offline and did not try.
    Offline,
    /// It stopped at an error.
    Failed {
        /// The code of spec 7.1.
        code: ErrorCode,
        /// In words.
        detail: String,
    },
}

/// What the user is shown of the sync (spec 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing is waiting; the last sync succeeded.
    Synced,
    /// Changes are waiting for the next sync.
    Queued,
    /// A sync runs.
    Syncing,
    /// The device knows that it is offline.
    Offline,
    /// The last sync failed.
    Failed {
        /// Why.
        code: ErrorCode,
        /// Wait until the next try, in milliseconds from now; absent where none comes before the user does something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
}

/// Something a device did or showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceEvent {
    /// The engine opened its database.
    Opened {
        /// Operations found in the queue.
        queued: u64,
        /// Of them, found in progress and set back to pending (decision k).
        interrupted: u64,
    },
    /// A sync began.
    SyncStarted {
        /// Why.
        trigger: Trigger,
    },
    /// A half of a sync began.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A half of a sync ended well.
    PhaseEnded {
        /// Which.
        phase: Phase,
        /// Records received (pull) or operations settled (push).
        count: u64,
    },
    /// A sync ended.
    SyncEnded {
        /// How.
        outcome: SyncOutcome,
    },
    /// The status that the user sees changed.
    Shown {
        /// What it says.
        status: Status,
        /// The number of changes that it says are waiting.
        queued: u64,
        /// While syncing: how far it is; `None` when there is nothing to send.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<Progress>,
        /// How long ago it says that the last sync ended well, in milliseconds; `None` if none ever did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        synced_ago_ms: Option<u64>,
    },
    /// Lines of the queue view or icons of orders changed: those that did, and what they show now.
    Marked {
        /// Changed lines, in the order of the queue. Settled ones leave the view when a sync starts.
        changes: Vec<ChangeLine>,
        /// Changed icons by order.
        icons: BTreeMap<String, Icon>,
    },
    /// The queue pauses under the backoff table (spec 7.2).
    Backoff {
        /// Failures in a row so far, 1 for the first.
        failures: u32,
        /// The wait drawn, in milliseconds.
        wait_ms: u64,
        /// The table's wait without jitter, in milliseconds.
        table_ms: u64,
        /// What failed.
        code: ErrorCode,
    },
    /// A conflict was recorded and shown.
    Conflict(Box<ConflictRecord>),
    /// A choice was made on a conflict.
    Chosen(Box<Choice>),
    /// A choice that had not gone out was taken back; its operation is gone, and its conflicts are as they were.
    Undone {
        /// The operation that would have carried it out.
        queue_id: String,
    },
    /// A failed operation was shown to the user.
    Noticed(Notice),
    /// The user corrected a failed operation: another stands in its place.
    Corrected {
        /// The one that failed.
        queue_id: String,
        /// The one in its place.
        by: String,
    },
    /// The server has failed so often in a row that the user is told, until it is over (spec 7.1, SERVER_ERROR).
    Escalated {
        /// Failures in a row.
        failures: u32,
        /// The last one, in words.
        detail: String,
    },
    /// A record left the device.
    Removed {
        /// The record.
        entity_id: String,
        /// Why.
        reason: RemovalReason,
    },
    /// A pending operation was moved to the rescue log because its record left (decision j).
    Rescued(RescuedOperation),
    /// The device begins to pull everything anew.
    Resync {
        /// Why.
        reason: ResyncReason,
    },
    /// The user cleared the cache: all but the queue and what it is about has gone, and is pulled anew.
    CacheCleared,
    /// Old work was deleted (spec 8.4).
    CleanedUp {
        /// Which work orders.
        orders: Vec<String>,
    },
    /// A photo or a document was attached: sealed on the disk, and queued with the operation that names it.
    Attached {
        /// Its id for ever.
        attachment_id: String,
        /// The operation that adds it to its order.
        queue_id: String,
        /// Bytes that were captured.
        original: u64,
        /// Bytes that go up.
        bytes: u64,
        /// The hash of those, in small hexadecimal digits.
        sha256: String,
    },
    /// A part of a file sets out.
    Uploading {
        /// The file.
        attachment_id: String,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// Bytes in the part.
        bytes: u64,
    },
    /// The server has all of a file.
    Uploaded {
        /// The file.
        attachment_id: String,
    },
    /// A file that the server has comes, or is shown.
    File(FileEvent),
    /// The user looked something up that seldom changes.
    LookedUp {
        /// `profile`, or an asset's id.
        what: String,
        /// What was shown.
        record: Record,
        /// Whence it came.
        from: Source,
    },
    /// The user logged out: records, queue, logs and keys are gone.
    LoggedOut,
}

/// Which side of a conflict the user keeps (spec 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What was set here.
    Mine,
    /// What the server holds.
    Server,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mine => "mine",
            Self::Server => "the server's",
        })
    }
}

/// A choice, stored for good: the operation that will carry it out, and the conflicts that it decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The operation; its payload names the conflicts and what was chosen, field by field.
    pub operation: OperationRecord,
    /// Whether a saved preference chose, and not the user at this moment.
    pub by_preference: bool,
}

/// An entry of the device's audit log, each bound to the one before it (spec 4.4). `hash` is the SHA-256 of `previous`
/// and `entry`, one after the other, in small hexadecimal digits; the first `previous` is 64 zeros.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place, from 1.
    pub sequence: u64,
    /// What is on record, as JSON text: `at`, `what`, and `conflict` or `operation` as of that moment.
    pub entry: String,
    /// The hash of the entry before it.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

/// A failed operation, as the user sees it (spec 7.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The operation.
    pub queue_id: String,
    /// The record.
    pub entity_id: String,
    /// Why.
    pub code: ErrorCode,
    /// In words.
    pub detail: String,
}

/// An operation whose record left the device before it was pushed (decision j).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RescuedOperation {
    /// The operation.
    pub queue_id: String,
    /// The record.
    pub entity_id: String,
    /// What it was to do.
    pub operation: OperationKind,
    /// Its changed fields.
    pub payload: Record,
    /// Why it was rescued.
    pub reason: String,
}

/// A row of the sync queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueRow {
    /// The operation.
    pub queue_id: String,
    /// The record.
    pub entity_id: String,
    /// What it does.
    pub operation: OperationKind,
    /// 1 is highest, 10 lowest (spec 5.2).
    pub priority: u8,
    /// Where it stands.
    pub status: QueueStatus,
    /// Answers of the server that failed it (decision k).
    pub attempts: u32,
    /// The last error, in words.
    pub error: Option<String>,
    /// A record that it names and that is not made yet: it waits for that one's creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<String>,
}

/// Where a queued operation stands (spec 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueStatus {
    /// Waits to be sent.
    Pending,
    /// Sent; the answer is out.
    InProgress,
    /// Acknowledged.
    Completed,
    /// Given up; the user was told.
    Failed,
}

/// All that a device holds and shows, read from its database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceState {
    /// Who is signed in.
    pub user_id: Option<String>,
    /// The visible work orders by id: the spec's wire fields, with `_version` and `_localId` (if any).
    pub work_orders: BTreeMap<String, Record>,
    /// Assets by id.
    pub assets: BTreeMap<String, Record>,
    /// Inventory by part.
    pub inventory: BTreeMap<String, Record>,
    /// Rows of the queue that are not completed, in order.
    pub queue: Vec<QueueRow>,
    /// The conflict log, oldest first.
    pub conflicts: Vec<ConflictRecord>,
    /// The audit log, oldest first.
    #[serde(default)]
    pub audit: Vec<AuditEntry>,
    /// Failed operations that the user was told of and that still stand.
    pub notices: Vec<Notice>,
    /// The rescue log, oldest first.
    pub rescued: Vec<RescuedOperation>,
    /// The cached profile of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The pull position.
    pub cursor: Option<String>,
    /// The status shown.
    pub status: Option<Status>,
    /// Nothing but a sign-in helps: the queue waits for its user (spec 7.1, AUTH_ERROR).
    #[serde(default)]
    pub needs_sign_in: bool,
    /// Why the server's failures were escalated, while they last.
    #[serde(default)]
    pub escalated: Option<String>,
    /// While syncing: how far it is.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// How long ago the last sync ended well, in milliseconds by the device's clock; `None` if none ever did.
    #[serde(default)]
    pub synced_ago_ms: Option<u64>,
    /// The queue view, in order: what waits, and what the latest sync settled.
    #[serde(default)]
    pub changes: Vec<ChangeLine>,
    /// Icons of the orders that are not simply synced.
    #[serde(default)]
    pub icons: BTreeMap<String, Icon>,
    /// The files that it can show: those taken here, thumbnails, and what was opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<HeldFile>,
    /// What envelopes call the device's key for sealed fields by, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealing_key: Option<String>,
    /// What the engine is waiting for, in words; empty when it waits for nothing but the next period.
    pub waits_for: Option<String>,
}

/// Whence an answer comes that the device may keep (spec 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// From the device's cache, while it is fresh.
    Cache,
    /// From there, after the server said that it is still so.
    Revalidated,
    /// From the server.
    Network,
    /// From the cache although its time is over: there is no network.
    Stale,
}
