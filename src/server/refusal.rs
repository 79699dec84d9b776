//! A request that is refused as a whole, and the problem document that says so (RFC 9457).

use std::fmt;

use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue};

use super::rejection::Rejection;
use crate::protocol::{CHECKSUM_MISMATCH, ErrorCode, Problem};

/// Why a request is refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    kind: &'static str,
    code: ErrorCode,
    detail: String,
    /// A header beside the document.
    pub(super) header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refusal {
    /// No token, or none that counts.
    pub(super) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-authenticated", ErrorCode::AuthError, detail)
    }

    /// The caller is known, and may not.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", ErrorCode::PermissionDenied, detail)
    }

    /// The request says nothing that could be obeyed.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", ErrorCode::ValidationError, detail)
    }

    /// What came is no request, or its head is over a limit; `status` says which.
    pub(super) fn no_http(status: StatusCode) -> Self {
        let detail = match status {
            StatusCode::URI_TOO_LONG => "the address is too long",
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "the head of the request is too large",
            _ => "this is no HTTP/1.1 request: its first line or a header cannot be read",
        };
        Self::new(status, "malformed", ErrorCode::ValidationError, detail)
    }

    /// Over a limit (decisions h and n).
    pub(super) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", ErrorCode::ValidationError, detail)
    }

    /// A content type or coding that is not understood (decision n).
    pub(super) fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-body", ErrorCode::ValidationError, detail)
    }

    /// The position that the caller asks from is older than what the server still knows (decision q).
    pub(super) fn resync_required(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "resync-required", ErrorCode::ValidationError, detail)
    }

    /// The caller may not ask for that.
    pub(super) fn denied(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission-denied", ErrorCode::PermissionDenied, detail)
    }

    /// No such path. The code is not `NOT_FOUND`, at which a client gives up a record (spec 7.1).
    pub(super) fn unknown_route(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-route", ErrorCode::ValidationError, detail)
    }

    /// The path exists, the method does not.
    pub(super) fn wrong_method(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", ErrorCode::ValidationError, detail)
    }

    /// There is nothing of that name, as far as the caller may know.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", ErrorCode::NotFound, detail)
    }

    /// What is there already stands against it.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", ErrorCode::ValidationError, detail)
    }

    /// Another version of tus than the server's.
    pub(super) fn other_version(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "other-version", ErrorCode::ValidationError, detail)
    }

    /// A range that the file does not have.
    pub(super) fn unsatisfiable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "outside", ErrorCode::ValidationError, detail)
    }

    /// What came is not what was declared (tus, checksum extension).
    pub(super) fn checksum_mismatch(detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, "checksum-mismatch", ErrorCode::ValidationError, detail)
    }

    fn new(status: StatusCode, kind: &'static str, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { status, kind, code, detail: detail.into(), header: None }
    }

    /// With a header beside the document. What cannot stand in one is left off.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.header = Some(Box::new((name, value)));
        }
        self
    }

    /// Whether it is a [`Self::checksum_mismatch`].
    pub(super) fn is_checksum_mismatch(&self) -> bool {
        self.status.as_u16() == CHECKSUM_MISMATCH
    }

    /// The document.
    pub(super) fn problem(&self) -> Problem {
        Problem {
            kind: format!("/problems/{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Checksum Mismatch").to_owned(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        let detail = format!("the server's database failed: {error}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server-error", ErrorCode::ServerError, detail)
    }
}

impl From<Rejection> for Refusal {
    fn from(Rejection(error): Rejection) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server-error", error.code, error.detail)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {}
