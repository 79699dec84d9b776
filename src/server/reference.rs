//! What an operation says of other records: a temporary id in its payload becomes the real one before anything is stored
//! (decision b), so that dependents travel in the same batch.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rusqlite::OptionalExtension;
use serde_json::Value;

use super::apply::Scene;
use super::rejection::Rejection;
use crate::protocol::{
    ErrorCode, Operation, OperationError, Record, TEMPORARY_ID_PREFIX, replace_temporary_ids, temporary_ids,
};

/// The work order that the user's `temporary` id names, if it has been made.
pub(super) fn real_id(scene: Scene<'_>, temporary: &str) -> rusqlite::Result<Option<String>> {
    let Some(local_id) = temporary.strip_prefix(TEMPORARY_ID_PREFIX) else { return Ok(None) };
    scene
        .db
        .prepare_cached("SELECT work_order FROM creations WHERE user = ?1 AND local_id = ?2")?
        .query_row([scene.writer.user, local_id], |row| row.get(0))
        .optional()
}

/// `operation` with real ids in its payload. An id that names nothing would for ever: it is refused.
pub(super) fn resolved<'o>(scene: Scene<'_>, operation: &'o Operation) -> Result<Cow<'o, Operation>, Rejection> {
    let text = serde_json::to_string(&operation.payload).unwrap_or_default();
    if temporary_ids(&text).next().is_none() {
        return Ok(Cow::Borrowed(operation));
    }
    let mut payload = Value::Object(operation.payload.clone());
    replace_temporary_ids(&mut payload, &mut |temporary: &str| match real_id(scene, temporary)? {
        Some(id) => Ok(Some(id)),
        None => Err(Rejection::invalid(format!("it names {temporary}, which is no work order of yours"))),
    })?;
    let payload = if let Value::Object(payload) = payload { payload } else { Record::new() };
    Ok(Cow::Owned(Operation { payload, ..operation.clone() }))
}

/// Why an operation cannot be judged that names a record whose creation failed in the same batch. What ails that record
/// does not ail this one: only a trouble of the server's is handed on as it is.
pub(super) fn stopped(operation: &Value, stopped: &BTreeMap<String, OperationError>) -> Option<OperationError> {
    if stopped.is_empty() {
        return None;
    }
    let payload = operation.get("payload").map(ToString::to_string)?;
    let error = temporary_ids(&payload).find_map(|id| stopped.get(id))?;
    let code = if error.code == ErrorCode::ServerError { error.code } else { ErrorCode::ValidationError };
    let detail = "not judged: a record that it names could not be made".to_owned();
    Some(OperationError { code, detail, ..error.clone() })
}
