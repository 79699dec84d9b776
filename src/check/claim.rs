//! What a scenario may claim of its run: the vocabulary of `expect`.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::base::{Size, Span};
use crate::protocol::{ConflictOutcome, ErrorCode, Record, RemovalReason, Resolution};

use super::screen::{AckedClaim, FailedClaim, ShownClaim, SyncsClaim};

/// One claim. Orders are named by id or by the label under which the story created them; devices by their name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// In the end the server holds these values.
    Server(ServerClaim),
    /// In the end the server has no such order.
    ServerLacks(OrderClaim),
    /// In the end the device holds these values.
    Device(DeviceClaim),
    /// In the end the device has no such order.
    DeviceLacks(DeviceOrderClaim),
    /// This conflict was recorded on the device, once.
    Conflict(ConflictClaim),
    /// So many conflicts were recorded.
    Conflicts(ConflictsClaim),
    /// A conflict on the device waits for the user's choice, with both values.
    Undecided(UndecidedClaim),
    /// A conflict on the device was decided so.
    Decided(DecidedClaim),
    /// The order left the device for this reason.
    Removed(RemovedClaim),
    /// A pending change of the order went to the rescue log.
    Rescued(DeviceOrderClaim),
    /// A change of the order was rejected, and the user was told.
    Rejected(RejectedClaim),
    /// A sync took no longer than that. A miss is a timing miss, not a broken promise.
    Took(TookClaim),
    /// A sync moved no more bytes than that. A miss is a timing miss, not a broken promise.
    Bytes(BytesClaim),
    /// A sync brought down exactly so many records.
    Documents(DocumentsClaim),
    /// The device's waits between tries, in order.
    Waits(WaitsClaim),
    /// The orders in which the device's changes first went out.
    Pushed(PushedClaim),
    /// How many requests of a kind the device made.
    Requests(RequestsClaim),
    /// The device told its user that the server keeps failing.
    Escalated(OnDevice),
    /// How much all devices together ask of the server at a time: from the end of the story's last outage on (a link or
    /// the server came back), or in the whole story if there was none. A miss is a timing miss.
    Peak(PeakClaim),
    /// Records that the device was given although it had been given them, so, before.
    FetchedAgain(FetchedAgainClaim),
    /// The device refused to log out and named the loss.
    Warned(WarnedClaim),
    /// In the end the device's screen shows this.
    Shown(ShownClaim),
    /// At a `look` step the screen shows this; written as the step, never in `expect`.
    #[serde(skip)]
    Look {
        /// The step, from 0.
        step: usize,
        /// What is claimed.
        shown: ShownClaim,
    },
    /// Every change that the device made of an order was acknowledged by the server, and the device knew it, so soon
    /// after it was made. A miss is a timing miss, not a broken promise.
    Acked(AckedClaim),
    /// So often the device began to sync in the story, by this trigger or at all.
    Syncs(SyncsClaim),
    /// In the end the server, or a device, counts so many of a part less than in the beginning.
    Stock(StockClaim),
    /// An update of the order came too late, and the server keeps it for a person to read.
    DeadLetter(DeadLetterClaim),
    /// So many files of the device are with the server in the end, and this is what they cost.
    Uploads(UploadsClaim),
    /// What was answered to all that was sent in the name of the device's user by `tamper` steps.
    Tampered(TamperedClaim),
    /// A sync of the device failed in the story, and it said why.
    Failed(FailedClaim),
}

/// See [`Claim::Server`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerClaim {
    /// The order.
    pub order: String,
    /// Fields and their values; of a field of lines, the lines that must be there.
    pub has: Record,
}

/// See [`Claim::ServerLacks`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderClaim {
    /// The order.
    pub order: String,
}

/// See [`Claim::Device`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
    /// Fields and their values; of a field of lines, the lines that must be there.
    pub has: Record,
}

/// See [`Claim::DeviceLacks`] and [`Claim::Rescued`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceOrderClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
}

/// See [`Claim::Conflict`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConflictClaim {
    /// The device that recorded it.
    pub device: String,
    /// The order.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConflictsClaim {
    /// On this device; on all together when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// So many records, one for each operation that met a foreign change.
    pub count: u64,
}

/// See [`Claim::Undecided`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndecidedClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
    /// The field.
    pub field: String,
    /// What the device had set.
    pub mine: Value,
    /// What somebody else had set.
    pub theirs: Value,
}

/// See [`Claim::Decided`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecidedClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
    /// The field.
    pub field: String,
    /// How, in the words of the audit record.
    #[serde(rename = "as")]
    pub how: Resolution,
}

/// See [`Claim::Removed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
    /// Why.
    pub reason: RemovalReason,
}

/// See [`Claim::Rejected`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectedClaim {
    /// The device.
    pub device: String,
    /// The order.
    pub order: String,
    /// With this code.
    pub code: ErrorCode,
}

/// See [`Claim::Escalated`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnDevice {
    /// The device.
    pub device: String,
}

/// Which part of a sync is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TookClaim {
    /// The device.
    pub device: String,
    /// Its so-manieth sync, from 1; its last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<u32>,
    /// Which part of it.
    #[serde(default)]
    pub phase: Part,
    /// The bound.
    pub at_most: Span,
}

/// See [`Claim::Bytes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BytesClaim {
    /// The device.
    pub device: String,
    /// Its so-manieth sync, from 1; its last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<u32>,
    /// Which part of it.
    #[serde(default)]
    pub phase: Part,
    /// Bound on what the device sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_at_most: Option<Size>,
    /// Bound on what it receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_at_most: Option<Size>,
}

/// See [`Claim::Documents`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitsClaim {
    /// The device.
    pub device: String,
    /// The waits.
    pub exactly: Vec<Span>,
}

/// See [`Claim::Pushed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushedClaim {
    /// The device.
    pub device: String,
    /// The orders, first out first.
    pub orders: Vec<String>,
}

/// Kinds of requests that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// Pushes.
    Push,
    /// Pulls, each page one.
    Pull,
    /// Sign-ins.
    SignIn,
    /// Token refreshes.
    Refresh,
}

/// See [`Claim::Requests`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RequestsClaim {
    /// The device.
    pub device: String,
    /// Of this kind.
    pub of: RequestKind,
    /// No more than so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// No fewer than so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// Just so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exactly: Option<u64>,
}

/// What a peak counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeakOf {
    /// Devices that ask for something, each once.
    Devices,
    /// Requests of any kind.
    Requests,
}

/// See [`Claim::Peak`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FetchedAgainClaim {
    /// The device.
    pub device: String,
    /// Of its records, no more than so many in a hundred came twice in the same version.
    pub at_most_percent: u64,
}

/// See [`Claim::Warned`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarnedClaim {
    /// The device.
    pub device: String,
    /// So many changes would be lost, it said.
    pub changes: u64,
}

/// See [`Claim::Stock`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterClaim {
    /// The device that sent the update.
    pub device: String,
    /// The order.
    pub order: String,
    /// Fields that it was to change, and their values.
    pub has: Record,
}

/// See [`Claim::Uploads`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UploadsClaim {
    /// The device.
    pub device: String,
    /// So many files.
    pub count: u64,
    /// From the start of the sync that first sent a byte of them to the server's word that it has all. A miss is a timing
    /// miss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// Bytes of parts that went up, in a hundred of what the files have. A miss is a timing miss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_most_percent: Option<u64>,
    /// Bytes of the files, in a hundred of what was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_captured_at_most_percent: Option<u64>,
}

/// See [`Claim::Tampered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TamperedClaim {
    /// The device whose user's name was used.
    pub device: String,
    /// One for each operation, in order: `success`, `conflict`, or the code of the error.
    pub answers: Vec<String>,
}
