//! Steps of those who mean no good, and of a server that goes wrong: its clock, tampered calls, a disk in strange hands.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file::Skew;
use crate::base::Size;
use crate::protocol::tus;

/// See [`super::Action::ServerClock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerClock {
    /// How far from the truth, not from where it stood.
    pub by: Skew,
}

/// See [`super::Action::CrashServer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrashServer {
    /// After which of its commits from now on, counted from 1.
    pub after_commit: u32,
}

impl fmt::Display for CrashServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's power fails right after commit {} from now", self.after_commit)
    }
}

/// See [`super::Action::SearchDisk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchDisk {
    /// The device, running or dead.
    pub device: String,
    /// Words that the story put into records; the keychain's secrets are searched for besides.
    #[serde(rename = "for")]
    pub words: Vec<String>,
}

/// See [`super::Action::Tamper`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tamper {
    /// The device whose user's password the caller has.
    pub device: String,
    /// What is sent as operations, whatever it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push: Vec<Value>,
    /// What is asked for besides, one call after the other.
    #[schemars(example = "call: [{ path: /api/v1/sync/dead-letters }]")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub call: Vec<Call>,
}

impl fmt::Display for Tamper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pushed, called) = (self.push.len(), self.call.len());
        match (pushed, called) {
            (_, 0) => write!(f, "{pushed} tampered operations are sent as {}", self.device),
            (0, _) => write!(f, "{called} tampered calls are made as {}", self.device),
            _ => write!(f, "{pushed} tampered operations and {called} calls are sent as {}", self.device),
        }
    }
}

/// One call of the API, as no client of ours would make it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Call {
    /// How: `GET` when absent.
    #[schemars(example = "call: [{ method: POST, path: /api/v1/sync/push, body: { operations: [] }, gzip: cut }]")]
    #[serde(default, skip_serializing_if = "CallMethod::is_get")]
    pub method: CallMethod,
    /// What: path and query.
    #[schemars(example = "call: [{ path: /api/v1/assets/AST-0001 }]")]
    pub path: String,
    /// A text, sent as it is, or anything else, sent as JSON.
    #[schemars(example = "call: [{ method: POST, path: /api/v1/sync/push, body: \"{\" }]")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Blanks behind the body, up to this size of both.
    #[schemars(example = "call: [{ method: POST, path: /api/v1/sync/push, body: { operations: [] }, fill: 300kB }]")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Size>,
    /// The body is gzip'd: `whole`, or `cut` in the middle.
    #[schemars(example = "call: [{ method: POST, path: /api/v1/sync/push, body: { operations: [] }, gzip: cut }]")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gzip: Option<Gzip>,
    /// What the body says it is; JSON when absent.
    #[schemars(example = "call: [{ method: POST, path: /api/v1/sync/push, body: hello, content-type: text/plain }]")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Further headers by their names in small letters: those of uploads (tus 1.0), of ranges and of caches.
    #[schemars(example = "call: [{ path: /api/v1/sync/attachments/a-1, headers: { range: bytes=0-9 } }]")]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// In place of the user's own access token; none at all when empty.
    #[schemars(example = "call: [{ path: /api/v1/profile, token: made-up }]")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Words that the answer must not hold; it counts as `told` where it holds one.
    #[schemars(example = "call: [{ path: /api/v1/sync/conflicts, without: [Worn brush] }]")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl Call {
    /// What `headers` can name.
    pub const HEADERS: &'static [&'static str] = &[
        "if-none-match",
        "if-range",
        "range",
        tus::RESUMABLE,
        tus::UPLOAD_CHECKSUM,
        tus::UPLOAD_LENGTH,
        tus::UPLOAD_METADATA,
        tus::UPLOAD_OFFSET,
        "x-http-method-override",
    ];
}

/// How a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallMethod {
    /// `GET`.
    #[default]
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl CallMethod {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
    fn is_get(&self) -> bool {
        *self == Self::Get
    }
}

/// How a body is gzip'd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gzip {
    /// As it should be.
    Whole,
    /// Half of it is missing.
    Cut,
}
