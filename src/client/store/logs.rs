//! The conflict log (spec 4.4) and the rescue log (decision j): what the user can always look up.

use std::collections::BTreeSet;

use rusqlite::{Connection, ToSql, params};

use super::audit::{self, Step};
use super::queue::Queued;
use super::{StoreError, queue};
use crate::client::conflict::lost;
use crate::history::{RescuedOperation, Side};
use crate::protocol::{ConflictRecord, OperationKind, Resolution};

/// Records a new conflict.
pub(in crate::client) fn note_conflict(c: &Connection, conflict: &ConflictRecord, now: &str) -> Result<(), StoreError> {
    let open = lost_something(conflict);
    c.prepare_cached("INSERT INTO conflict_log VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        conflict.entity_id,
        conflict.conflict_id,
        open,
        serde_json::to_string(conflict)?
    ])?;
    audit::conflict(c, Step::Detected, conflict, now)
}

fn lost_something(conflict: &ConflictRecord) -> bool {
    lost(&conflict.fields).next().is_some()
}

/// Writes what became of a conflict that is on record, and marks its row for as long as there is one that its user has
/// not reacted to.
pub(in crate::client) fn update_conflict(
    c: &Connection,
    conflict: &ConflictRecord,
    step: Step,
    now: &str,
) -> Result<(), StoreError> {
    let open = match step {
        Step::Resolved => conflict.undecided().next().is_some(),
        Step::Detected | Step::Undone => lost_something(conflict),
        Step::Closed => false,
    };
    c.prepare_cached("UPDATE conflict_log SET open = ?2, record = ?3 WHERE conflictId = ?1")?.execute(params![
        conflict.conflict_id,
        open,
        serde_json::to_string(conflict)?
    ])?;
    audit::conflict(c, step, conflict, now)?;
    mark(c, &conflict.entity_id)
}

/// Marks a row while a conflict of its is open (spec 5.3).
pub(in crate::client) fn mark(c: &Connection, entity_id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE work_orders SET _conflictDetected =
                 EXISTS (SELECT 1 FROM conflict_log WHERE entityId = ?1 AND open) WHERE workOrderId = ?1";
    c.prepare_cached(sql)?.execute([entity_id])?;
    Ok(())
}

/// Marks every row that has an open conflict: rows that came anew do not know it.
pub(in crate::client) fn mark_open(c: &Connection) -> Result<(), StoreError> {
    let sql = "UPDATE work_orders SET _conflictDetected = 1
               WHERE workOrderId IN (SELECT entityId FROM conflict_log WHERE open)";
    c.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// All conflicts, oldest first.
pub(in crate::client) fn conflicts(c: &Connection) -> Result<Vec<ConflictRecord>, StoreError> {
    read_conflicts(c, "SELECT record FROM conflict_log ORDER BY rowid", params![])
}

/// The conflicts of one record, oldest first.
pub(in crate::client) fn conflicts_of(c: &Connection, entity_id: &str) -> Result<Vec<ConflictRecord>, StoreError> {
    read_conflicts(c, "SELECT record FROM conflict_log WHERE entityId = ?1 ORDER BY rowid", params![entity_id])
}

/// The ids of the conflicts of one record to which its user has not reacted.
pub(in crate::client) fn open_conflicts(c: &Connection, entity_id: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT conflictId FROM conflict_log WHERE entityId = ?1 AND open")?;
    let ids = statement.query_map([entity_id], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn read_conflicts(c: &Connection, sql: &str, params: &[&dyn ToSql]) -> Result<Vec<ConflictRecord>, StoreError> {
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        conflicts.push(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?);
    }
    Ok(conflicts)
}

/// The record left: what waits for a choice on it will get none. Both values stay on record.
fn close_conflicts(c: &Connection, entity_id: &str, now: &str) -> Result<(), StoreError> {
    let open = open_conflicts(c, entity_id)?;
    for mut conflict in conflicts_of(c, entity_id)?.into_iter().filter(|it| open.contains(&it.conflict_id)) {
        let undecided: Vec<String> = conflict.undecided().map(|field| field.field.clone()).collect();
        if !undecided.is_empty() {
            conflict.resolution.extend(undecided.into_iter().map(|field| (field, Resolution::Gone)));
            conflict.resolved_at = Some(now.to_owned());
            update_conflict(c, &conflict, Step::Closed, now)?;
        }
    }
    Ok(())
}

/// Saves which side the user keeps on `field`, of one record or of all; `None` forgets it.
pub(in crate::client) fn prefer(
    c: &Connection,
    entity_id: Option<&str>,
    field: &str,
    side: Option<Side>,
) -> Result<(), StoreError> {
    let entity_id = entity_id.unwrap_or_default();
    match side {
        None => c
            .prepare_cached("DELETE FROM preferences WHERE entityId = ?1 AND field = ?2")?
            .execute(params![entity_id, field])?,
        Some(side) => c.prepare_cached("INSERT OR REPLACE INTO preferences VALUES (?1, ?2, ?3)")?.execute(params![
            entity_id,
            field,
            serde_json::to_string(&side)?
        ])?,
    };
    Ok(())
}

/// Which side the user keeps on `field` of a record; what was said of the record goes before what was said of all.
pub(in crate::client) fn preference(c: &Connection, entity_id: &str, field: &str) -> Result<Option<Side>, StoreError> {
    let sql = "SELECT keeps FROM preferences WHERE entityId IN ('', ?1) AND field = ?2 ORDER BY entityId DESC";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query(params![entity_id, field])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())?))
}

/// A record leaves the device: its operations move from the queue to the rescue log, and its conflicts are closed.
pub(in crate::client) fn rescue_lane(
    c: &Connection,
    entity_id: &str,
    reason: &str,
    now: &str,
) -> Result<Vec<RescuedOperation>, StoreError> {
    let rescued = queue::lane(c, entity_id)?.iter().map(|operation| rescue(c, operation, reason, now)).collect();
    close_conflicts(c, entity_id, now)?;
    rescued
}

/// What need not go out any more before the deletion of its order moves to the rescue log: files, changes that failed, and
/// all that stands behind a creation that failed.
pub(in crate::client) fn rescue_needless(
    c: &Connection,
    entity_id: &str,
    reason: &str,
    now: &str,
) -> Result<Vec<RescuedOperation>, StoreError> {
    let failed = queue::failed(c, entity_id)?;
    let unmade = failed.iter().any(|it| it.operation.operation == OperationKind::Create);
    let lane = queue::lane(c, entity_id)?;
    let needless = lane.iter().filter(|operation| {
        let has_failed = failed.iter().any(|it| it.operation.queue_id == operation.queue_id);
        unmade || has_failed || operation.attachment_id.is_some()
    });
    needless.map(|operation| rescue(c, operation, reason, now)).collect()
}

/// Moves one operation from the queue to the rescue log.
pub(in crate::client) fn rescue(
    c: &Connection,
    operation: &Queued,
    reason: &str,
    now: &str,
) -> Result<RescuedOperation, StoreError> {
    c.prepare_cached("INSERT INTO rescue_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(params![
        operation.queue_id,
        operation.entity_id,
        operation.operation.to_string(),
        serde_json::to_string(&operation.payload)?,
        reason,
        now,
        operation.attachment_id
    ])?;
    queue::remove(c, &operation.queue_id)?;
    let rescued = RescuedOperation {
        queue_id: operation.queue_id.clone(),
        entity_id: operation.entity_id.clone(),
        operation: operation.operation,
        payload: operation.payload.clone(),
        reason: reason.to_owned(),
    };
    audit::rescue(c, &rescued, now)?;
    Ok(rescued)
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

/// Names `new` what the logs called `old`. No conflict can be about a temporary id: the answer that tells of one brings
/// the real one.
pub(in crate::client) fn rename(c: &Connection, old: &str, new: &str) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE rescue_log SET entityId = ?2 WHERE entityId = ?1")?.execute([old, new])?;
    c.prepare_cached("UPDATE OR REPLACE preferences SET entityId = ?2 WHERE entityId = ?1")?.execute([old, new])?;
    Ok(())
}
