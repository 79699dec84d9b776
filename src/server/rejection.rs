//! An operation that is not applied, and the error that its result carries (spec 7.1).

use crate::protocol::{ErrorCode, OperationError};

/// Why an operation was not applied.
#[derive(Debug)]
pub(super) struct Rejection(pub(super) OperationError);

impl Rejection {
    /// Any code.
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(OperationError { code, detail: detail.into(), retry_after: None, tombstone: false })
    }

    /// The operation says what cannot be done.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::ValidationError, detail)
    }

    /// Its user may not.
    pub(super) fn denied(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::PermissionDenied, detail)
    }

    /// There never was such a record, as far as its user may know.
    pub(super) fn not_found(id: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("there is no work order {id}"))
    }

    /// What the server wrote itself cannot be read.
    pub(super) fn damaged(error: &serde_json::Error) -> Self {
        Self::new(ErrorCode::ServerError, format!("the server's database is damaged: {error}"))
    }

    /// There is no longer such a record (decision e).
    pub(super) fn gone(id: &str) -> Self {
        let Self(error) = Self::new(ErrorCode::NotFound, format!("work order {id} was deleted"));
        Self(OperationError { tombstone: true, ..error })
    }
}

impl From<rusqlite::Error> for Rejection {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(ErrorCode::ServerError, format!("the server's database failed: {error}"))
    }
}
