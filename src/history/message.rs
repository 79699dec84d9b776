//! A message between a device and the server, as the proxy saw it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::{ErrorCode, Operation, OperationResult, Removal};

/// A request or an answer as the proxy saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Whose.
    pub device: String,
    /// The connection's number in the run.
    pub connection: u64,
    /// The exchange's number in the run; a request and its answer share it.
    pub exchange: u64,
    /// Bytes on the wire, head and body.
    pub bytes: u64,
    /// The HTTP status; 0 for a request.
    pub status: u16,
    /// Whether the proxy passes it on. A lost request never reached the server; of a lost answer the effect stands.
    pub delivered: bool,
    /// How many seconds an answer asks to wait (`Retry-After`), if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// What it says.
    pub kind: MessageKind,
}

/// What a message says, as far as the checks need it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A sign-in or its answer.
    SignIn,
    /// A refresh or its answer.
    Refresh,
    /// A profile request or its answer.
    Profile,
    /// A request for an asset's specs, or its answer.
    Asset,
    /// A pull's request.
    Delta {
        /// `cursor`, verbatim.
        cursor: Option<String>,
        /// `since`, verbatim.
        since: Option<String>,
        /// Whether it asks for the digest of the view, to compare it as a whole.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        digest: bool,
    },
    /// A pull's answer.
    DeltaAnswer {
        /// `syncTimestamp`, verbatim.
        sync_timestamp: String,
        /// The `cursor` that it says it answers, verbatim; empty for a pull without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answers: Option<String>,
        /// `nextCursor`, verbatim.
        next_cursor: String,
        /// Whether more pages follow.
        has_more: bool,
        /// The records in it.
        records: Vec<RecordRef>,
        /// The removals in it, all kinds.
        removed: Vec<Removal>,
        /// `deletedIds`, all kinds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        deleted: Vec<String>,
        /// The names of all fields of the inventory rows in it, each once, sorted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inventory_fields: Vec<String>,
    },
    /// A change of what the user picks to sync.
    Selection,
    /// The answer to one.
    SelectionAnswer {
        /// All that the user has picked now.
        picked: Vec<String>,
    },
    /// A push's request.
    Push {
        /// Its operations.
        operations: Vec<Operation>,
    },
    /// A push's answer.
    PushAnswer {
        /// Its results.
        results: Vec<OperationResult>,
    },
    /// A request of an upload.
    Upload(Upload),
    /// The answer to one.
    UploadAnswer {
        /// How many bytes the server has, if it says so.
        offset: Option<u64>,
    },
    /// A file, or its thumbnail, is asked for.
    File {
        /// Which.
        attachment_id: String,
        /// The thumbnail alone.
        thumbnail: bool,
        /// `Range`, verbatim.
        range: Option<String>,
        /// `If-Range`, verbatim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        if_range: Option<String>,
    },
    /// A file, or a part of it.
    FileAnswer {
        /// Bytes in it.
        bytes: u64,
        /// Its tag, verbatim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
    },
    /// What the asker knows is still so (304).
    NotModified,
    /// A problem document.
    Problem {
        /// The code.
        code: ErrorCode,
        /// In words.
        detail: String,
    },
    /// Anything else.
    Other {
        /// Method and path of a request, the content type of an answer.
        summary: String,
    },
}

/// A record named in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordRef {
    /// `work-orders`, `assets` or `inventory`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its `_version`; 0 where it has none.
    pub version: i64,
}

/// A request of the upload protocol (tus 1.0, decision s).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upload {
    /// The file; empty where the request does not name it.
    pub attachment_id: String,
    /// What is asked.
    pub step: UploadStep,
}

/// What an upload's request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UploadStep {
    /// Make it, and take the first of its bytes if there are any.
    Create {
        /// Bytes that the file will have.
        length: u64,
        /// Bytes that came of it with the request.
        bytes: u64,
        /// It broke off before its end.
        cut: bool,
    },
    /// Say where it stands.
    Offset,
    /// Take a part.
    Part {
        /// Where in the file, in bytes from its start.
        offset: u64,
        /// Bytes that came of it.
        bytes: u64,
        /// It broke off before its end.
        cut: bool,
    },
    /// End it.
    End,
}

impl UploadStep {
    /// What it brings of the file: from where on, how many bytes, and whether it broke off before its end.
    #[must_use]
    pub fn part(self) -> Option<(u64, u64, bool)> {
        match self {
            Self::Create { bytes, cut, .. } => (bytes > 0).then_some((0, bytes, cut)),
            Self::Part { offset, bytes, cut } => Some((offset, bytes, cut)),
            Self::Offset | Self::End => None,
        }
    }
}
