//! The conflict log (spec 4.4) and the rescue log (decision j): what the user can always look up.

use rusqlite::{Connection, params};

use super::queue::Queued;
use super::{StoreError, queue};
use crate::history::{ConflictRecord, RescuedOperation};

/// Records a conflict and marks its row.
pub(in crate::client) fn note_conflict(c: &Connection, conflict: &ConflictRecord) -> Result<(), StoreError> {
    c.prepare_cached("INSERT INTO conflict_log VALUES (?1, ?2)")?
        .execute(params![conflict.entity_id, serde_json::to_string(conflict)?])?;
    c.prepare_cached("UPDATE work_orders SET _conflictDetected = 1 WHERE workOrderId = ?1")?
        .execute([&conflict.entity_id])?;
    Ok(())
}

/// All conflicts, oldest first.
pub(in crate::client) fn conflicts(c: &Connection) -> Result<Vec<ConflictRecord>, StoreError> {
    let mut statement = c.prepare_cached("SELECT record FROM conflict_log ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        conflicts.push(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?);
    }
    Ok(conflicts)
}

/// Moves a record's operations from the queue to the rescue log.
pub(in crate::client) fn rescue_lane(
    c: &Connection,
    entity_id: &str,
    reason: &str,
    now: &str,
) -> Result<Vec<RescuedOperation>, StoreError> {
    queue::lane(c, entity_id)?.iter().map(|operation| rescue(c, operation, reason, now)).collect()
}

/// Moves one operation from the queue to the rescue log.
pub(in crate::client) fn rescue(
    c: &Connection,
    operation: &Queued,
    reason: &str,
    now: &str,
) -> Result<RescuedOperation, StoreError> {
    c.prepare_cached("INSERT INTO rescue_log VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        operation.queue_id,
        operation.entity_id,
        operation.operation.to_string(),
        serde_json::to_string(&operation.payload)?,
        reason,
        now
    ])?;
    queue::remove(c, &operation.queue_id)?;
    Ok(RescuedOperation {
        queue_id: operation.queue_id.clone(),
        entity_id: operation.entity_id.clone(),
        operation: operation.operation,
        payload: operation.payload.clone(),
        reason: reason.to_owned(),
    })
}

/// How many operations were rescued.
pub(in crate::client) fn count_rescued(c: &Connection) -> Result<u64, StoreError> {
    Ok(c.prepare_cached("SELECT count(*) FROM rescue_log")?.query_row([], |row| row.get::<_, u32>(0))?.into())
}

/// All rescued operations, oldest first.
pub(in crate::client) fn rescued(c: &Connection) -> Result<Vec<RescuedOperation>, StoreError> {
    let sql = "SELECT queueId, entityId, operation, payload, reason FROM rescue_log ORDER BY rowid";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut rescued = Vec::new();
    while let Some(row) = rows.next()? {
        rescued.push(RescuedOperation {
            queue_id: row.get(0)?,
            entity_id: row.get(1)?,
            operation: queue::kind(row.get_ref(2)?.as_str().unwrap_or_default())?,
            payload: serde_json::from_str(row.get_ref(3)?.as_str().unwrap_or_default())?,
            reason: row.get(4)?,
        });
    }
    Ok(rescued)
}

/// Names `new` what the logs called `old`.
pub(in crate::client) fn rename(c: &Connection, old: &str, new: &str) -> Result<(), StoreError> {
    let sql = "UPDATE conflict_log SET entityId = ?2, record = replace(record, ?1, ?2) WHERE entityId = ?1";
    c.prepare_cached(sql)?.execute([old, new])?;
    c.prepare_cached("UPDATE rescue_log SET entityId = ?2 WHERE entityId = ?1")?.execute([old, new])?;
    Ok(())
}
