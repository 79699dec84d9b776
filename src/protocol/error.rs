//! Error codes (spec 7.1) and the problem documents that carry them (RFC 9457).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sync error types of spec 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// No connectivity: retried with backoff.
    NetworkError,
    /// Token expired or unknown: refreshed, retried.
    AuthError,
    /// Optimistic locking failed: conflict resolution.
    VersionConflict,
    /// Invalid data: shown to the user, who corrects it.
    ValidationError,
    /// The record is gone on the server: removed locally, user told.
    NotFound,
    /// The user may not: removed locally, user told.
    PermissionDenied,
    /// 5xx: retried with backoff, escalated if it persists.
    ServerError,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetworkError => "NETWORK_ERROR",
            Self::AuthError => "AUTH_ERROR",
            Self::VersionConflict => "VERSION_CONFLICT",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::NotFound => "NOT_FOUND",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ServerError => "SERVER_ERROR",
        })
    }
}

/// A problem document, `application/problem+json` (RFC 9457), with the code of spec 7.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// The code of spec 7.1.
    pub code: ErrorCode,
    /// This occurrence in words.
    pub detail: String,
}

impl Problem {
    /// The media type of a problem document.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";
}
