//! What a scenario may claim of its run: the vocabulary of `expect`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::base::{Size, Span};
use crate::protocol::{ConflictOutcome, ErrorCode, Record, RemovalReason, Resolution};

use super::screen::{AckedClaim, FailedClaim, OpenedClaim, ShownClaim, SyncsClaim};

/// One claim. Orders are named by id or by the label under which the story created them; devices by their name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// In the end the server holds these values.
    #[schemars(example = "- server: { order: WO-000004, has: { rootCause: Worn brush } }")]
    Server(ServerClaim),
    /// In the end the server has no such order.
    #[schemars(example = "- server-lacks: { order: leak }")]
    ServerLacks(OrderClaim),
    /// In the end the device holds these values.
    #[schemars(example = "- device: { device: maria, order: WO-000006, has: { priority: urgent } }")]
    Device(DeviceClaim),
    /// In the end the device has no such order.
    #[schemars(example = "- device-lacks: { device: jo, order: WO-000001 }")]
    DeviceLacks(DeviceOrderClaim),
    /// This conflict was recorded on the device, once; `outcome`: `server-wins`, `client-wins`, `manual`.
    #[schemars(
        example = "- conflict: { device: maria, order: WO-000003, field: status, mine: completed, theirs: on-hold, outcome: server-wins }"
    )]
    Conflict(ConflictClaim),
    /// So many conflicts were recorded, on one `device` or on all together.
    #[schemars(example = "- conflicts: { device: maria, count: 1 }")]
    Conflicts(ConflictsClaim),
    /// A conflict waits for the user's choice, with both values.
    #[schemars(
        example = "- undecided: { device: maria, order: WO-000002, field: rootCause, mine: Rust, theirs: Dirt }"
    )]
    Undecided(UndecidedClaim),
    /// A conflict was decided `as` `client-wins`, `server-wins`, `merged` or `gone`.
    #[schemars(example = "- decided: { device: maria, order: WO-000001, field: rootCause, as: client-wins }")]
    Decided(DecidedClaim),
    /// The order left the device; `reason`: `deleted`, `reassigned`, `revoked`.
    #[schemars(example = "- removed: { device: jo, order: WO-000001, reason: reassigned }")]
    Removed(RemovedClaim),
    /// A pending change of the order is in the rescue log.
    #[schemars(example = "- rescued: { device: maria, order: WO-000001 }")]
    Rescued(DeviceOrderClaim),
    /// A change was rejected with this code, and the user was told.
    #[schemars(example = "- rejected: { device: maria, order: leak, code: VALIDATION_ERROR }")]
    Rejected(RejectedClaim),
    /// A sync lasted no longer than that.
    #[schemars(example = "- took: { device: maria, sync: 2, at-most: 2s }")]
    Took(TookClaim),
    /// A sync moved no more than that, `up-at-most`, `down-at-most` or both.
    #[schemars(example = "- bytes: { device: maria, sync: 2, phase: pull, down-at-most: 1500B }")]
    Bytes(BytesClaim),
    /// A sync brought exactly so many records.
    #[schemars(example = "- documents: { device: maria, sync: 2, exactly: 10 }")]
    Documents(DocumentsClaim),
    /// The device's waits between tries, in order.
    #[schemars(example = "- waits: { device: maria, exactly: [5s, 10s, 30s] }")]
    Waits(WaitsClaim),
    /// The orders in which the device's changes first went out.
    #[schemars(example = "- pushed: { device: maria, orders: [leak, WO-000001, WO-000002] }")]
    Pushed(PushedClaim),
    /// How many requests the device made in the story, `of` `push`, `pull`, `comparison` (pulls that compare the
    /// view as a whole), `sign-in`, `refresh` or `static` (what is looked up): `at-most`, `at-least`, `exactly`.
    #[schemars(example = "- requests: { device: maria, of: push, exactly: 5 }")]
    Requests(RequestsClaim),
    /// The user was told that the server keeps failing.
    #[schemars(example = "- escalated: { device: maria }")]
    Escalated(OnDevice),
    /// Each search of the device's database that met this text, which the story wrote, met it compressed; one did.
    #[schemars(example = "- compressed: { device: maria, text: \"${notes}\" }")]
    Compressed(CompressedClaim),
    /// How much all ask of the server at a time, `of` `devices` or `requests`: no more than so many ask `within` any such stretch, from the end of the story's
    /// last outage on, or in all of it if there was none.
    #[schemars(example = "- peak: { of: devices, within: 1s, at-most: 20 }")]
    Peak(PeakClaim),
    /// Of the device's records, no more than so many in a hundred came twice in the same version.
    #[schemars(example = "- fetched-again: { device: maria, at-most-percent: 10 }")]
    FetchedAgain(FetchedAgainClaim),
    /// The device refused to log out, since so many changes would be lost.
    #[schemars(example = "- warned: { device: maria, changes: 2 }")]
    Warned(WarnedClaim),
    /// In the end the device's screen shows this; at least one key beside `device` and `order` must be there.
    #[schemars(example = "- shown: { device: maria, status: synced, queued: 0 }")]
    Shown(ShownClaim),
    /// At a `look` step the screen shows this; written as the step, never in `expect`.
    #[serde(skip)]
    Look {
        /// The step, from 0.
        step: usize,
        /// What is claimed.
        shown: ShownClaim,
    },
    /// The device knew each of its changes of the order to be with the server so soon after it was made.
    #[schemars(example = "- acked: { device: maria, order: fire, at-most: 1s }")]
    Acked(AckedClaim),
    /// So many syncs began in the story, `by` one trigger or at all: `manual`, `periodic`, `reconnect`, `critical`,
    /// `retry`, `launch`, `foreground`, `asked`.
    #[schemars(example = "- syncs: { device: maria, by: periodic, exactly: 3 }")]
    Syncs(SyncsClaim),
    /// In the end so many of a part are `taken`, as the server counts, or a `device`.
    #[schemars(example = "- stock: { device: maria, part: P-201, taken: 4 }")]
    Stock(StockClaim),
    /// An update came after the order was deleted, and the server keeps it.
    #[schemars(example = "- dead-letter: { device: maria, order: WO-000001, has: { rootCause: Worn brush } }")]
    DeadLetter(DeadLetterClaim),
    /// Just so many files of the device are with the server in the end; `within`: from the start of the sync that
    /// sent their first byte to the last one's end; `sent-at-most-percent`: bytes of parts that went up, in a hundred
    /// of the files' own; `of-captured-at-most-percent`: the files' bytes in a hundred of what was captured.
    #[schemars(example = "- uploads: { device: maria, count: 1, sent-at-most-percent: 100 }")]
    Uploads(UploadsClaim),
    /// Just so many files that were opened are shown in the story; `withheld`: so often the device said no, or not now;
    /// `within`: from the wish to the picture, for each; `fetched-at-most-percent`: bytes of whole files that set out
    /// to the device, in a hundred of what it shows.
    #[schemars(example = "- opened: { device: maria, count: 1, within: 5s }")]
    Opened(OpenedClaim),
    /// The answers to all that `tamper` steps sent: `success`, `conflict`, or the code of the error, one an operation;
    /// then the HTTP status of each call.
    #[schemars(example = "- tampered: { device: jo, answers: [PERMISSION_DENIED, VALIDATION_ERROR] }")]
    Tampered(TamperedClaim),
    /// A sync failed with this code of the spec's, and its words contain what `says` says.
    #[schemars(example = "- failed: { device: maria, code: NETWORK_ERROR, says: it has expired }")]
    Failed(FailedClaim),
}

/// See [`Claim::Server`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerClaim {
    /// The order: id or label.
    pub order: String,
    /// Fields and their values; of a field of lines, the lines that must be there.
    pub has: Record,
}

/// See [`Claim::ServerLacks`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderClaim {
    /// The order: id or label.
    pub order: String,
}

/// See [`Claim::Device`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceClaim {
    /// The device.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// Fields and their values; of a field of lines, the lines that must be there.
    pub has: Record,
}

/// See [`Claim::DeviceLacks`] and [`Claim::Rescued`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceOrderClaim {
    /// The device.
    pub device: String,
    /// The order: id or label.
    pub order: String,
}

/// See [`Claim::Conflict`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictClaim {
    /// The device that recorded it.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The field.
    pub field: String,
    /// What the device had set.
    pub mine: Value,
    /// What somebody else had set.
    pub theirs: Value,
    /// Which one stands.
    pub outcome: ConflictOutcome,
}

/// See [`Claim::Conflicts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictsClaim {
    /// On this device; on all together when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// So many records, one for each operation that met a foreign change.
    pub count: u64,
}

/// See [`Claim::Undecided`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndecidedClaim {
    /// The device.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The field.
    pub field: String,
    /// What the device had set.
    pub mine: Value,
    /// What somebody else had set.
    pub theirs: Value,
}

/// See [`Claim::Decided`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecidedClaim {
    /// The device.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The field.
    pub field: String,
    /// How, in the words of the audit record.
    #[serde(rename = "as")]
    pub how: Resolution,
}

/// See [`Claim::Removed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovedClaim {
    /// The device.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// Why.
    pub reason: RemovalReason,
}

/// See [`Claim::Rejected`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectedClaim {
    /// The device.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// With this code of spec 7.1.
    pub code: ErrorCode,
}

/// See [`Claim::Compressed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CompressedClaim {
    /// The device.
    pub device: String,
    /// The text, as it was written.
    pub text: String,
}

/// See [`Claim::Escalated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnDevice {
    /// The device.
    pub device: String,
}

/// Which part of a sync is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// From its start to its end.
    #[default]
    Whole,
    /// The push alone.
    Push,
    /// The pull alone.
    Pull,
    /// The part in which files go up and come down.
    Files,
}

/// See [`Claim::Took`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TookClaim {
    /// The device.
    pub device: String,
    /// Its so-manieth sync, from 1; its last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<u32>,
    /// Which part of it; the whole when absent.
    #[schemars(example = "phase: push")]
    #[serde(default)]
    pub phase: Part,
    /// The bound.
    pub at_most: Span,
}

/// See [`Claim::Bytes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BytesClaim {
    /// The device.
    pub device: String,
    /// Its so-manieth sync, from 1; its last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<u32>,
    /// Which part of it; the whole when absent.
    #[serde(default)]
    pub phase: Part,
    /// Bound on what the device sends.
    #[schemars(example = "up-at-most: 2kB")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_at_most: Option<Size>,
    /// Bound on what it receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_at_most: Option<Size>,
}

/// See [`Claim::Documents`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentsClaim {
    /// The device.
    pub device: String,
    /// Its so-manieth sync, from 1; its last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<u32>,
    /// So many records.
    pub exactly: u64,
}

/// See [`Claim::Waits`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitsClaim {
    /// The device.
    pub device: String,
    /// The waits.
    pub exactly: Vec<Span>,
}

/// See [`Claim::Pushed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushedClaim {
    /// The device.
    pub device: String,
    /// The orders, first out first.
    pub orders: Vec<String>,
}

/// Kinds of requests that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// Pushes.
    Push,
    /// Pulls, each page one.
    Pull,
    /// Pulls that ask for the digest of the view, to compare it as a whole.
    Comparison,
    /// Sign-ins.
    SignIn,
    /// Token refreshes.
    Refresh,
    /// Questions for what seldom changes: one's own profile, specs of assets.
    Static,
}

/// See [`Claim::Requests`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RequestsClaim {
    /// The device.
    pub device: String,
    /// Of this kind.
    pub of: RequestKind,
    /// No more than so many.
    #[schemars(example = "at-most: 7")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// No fewer than so many.
    #[schemars(example = "at-least: 1")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// Just so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exactly: Option<u64>,
}

/// What a peak counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PeakOf {
    /// Devices that ask for something, each once.
    Devices,
    /// Requests of any kind.
    Requests,
}

/// See [`Claim::Peak`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PeakClaim {
    /// Of what.
    pub of: PeakOf,
    /// In any stretch of this length.
    pub within: Span,
    /// No more than so many.
    pub at_most: u64,
}

/// See [`Claim::FetchedAgain`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FetchedAgainClaim {
    /// The device.
    pub device: String,
    /// Of its records, no more than so many in a hundred came twice in the same version.
    pub at_most_percent: u64,
}

/// See [`Claim::Warned`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarnedClaim {
    /// The device.
    pub device: String,
    /// So many changes would be lost, it said.
    pub changes: u64,
}

/// See [`Claim::Stock`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StockClaim {
    /// Who counts; the server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The part.
    pub part: String,
    /// So many less; negative when there are more.
    pub taken: Number,
}

/// See [`Claim::DeadLetter`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterClaim {
    /// The device that sent the update.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// Fields that it was to change, and their values.
    pub has: Record,
}

/// See [`Claim::Uploads`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UploadsClaim {
    /// The device.
    pub device: String,
    /// So many files.
    pub count: u64,
    /// From the start of the sync that first sent a byte of them to the server's word that it has all. A miss is a timing
    /// miss.
    #[schemars(example = "within: 10min")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Bytes of parts that went up, in a hundred of what the files have. A miss is a timing miss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_most_percent: Option<u64>,
    /// Bytes of the files, in a hundred of what was captured.
    #[schemars(example = "of-captured-at-most-percent: 20")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_captured_at_most_percent: Option<u64>,
}

/// See [`Claim::Tampered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TamperedClaim {
    /// The device whose user's name was used.
    pub device: String,
    /// One for each operation, in order: `success`, `conflict`, or the code of the error; one for each call: its HTTP
    /// status, and `told` behind it where the answer holds what it must not.
    pub answers: Vec<String>,
}
