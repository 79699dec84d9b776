//! The sync queue (spec 2.2, 5.2): operations that wait for the server, in lanes of one record each.

use std::collections::BTreeSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::{StoreError, packed};
use crate::client::priority::Place;
use crate::history::{Notice, OperationRecord, QueueRow, QueueStatus};
use crate::protocol::{ErrorCode, Operation, OperationKind, Record, TEMPORARY_ID_PREFIX, temporary_ids};

/// Where in a stored payload the envelopes lie that go out in place of its fields.
const SEALED: &str = "_sealed";

/// An operation as it waits.
#[derive(Clone, Debug)]
pub(in crate::client) struct Queued {
    /// Its id for ever.
    pub(in crate::client) queue_id: String,
    /// What its record is called now.
    pub(in crate::client) entity_id: String,
    /// What its record was called when it first went out.
    pub(in crate::client) sent_as: Option<String>,
    /// What it does.
    pub(in crate::client) operation: OperationKind,
    /// Its payload.
    pub(in crate::client) payload: Record,
    /// What goes out in place of fields of the payload, once it has been sealed.
    pub(in crate::client) sealed: Option<Record>,
    /// The file that must be with the server first.
    pub(in crate::client) attachment_id: Option<String>,
}

impl Queued {
    /// Its lane: its record's, or its own when a file goes before it (decision f).
    pub(in crate::client) fn lane<'a>(&'a self, entity_id: &'a str) -> &'a str {
        self.attachment_id.as_deref().unwrap_or(entity_id)
    }

    /// As it goes over the wire; the same for ever once it went out, since the server remembers it (decision c).
    pub(in crate::client) fn wire(&self) -> Operation {
        let mut payload = self.payload.clone();
        payload.extend(self.sealed.clone().unwrap_or_default());
        Operation {
            queue_id: self.queue_id.clone(),
            entity_type: crate::protocol::EntityType::WorkOrder,
            entity_id: self.sent_as.clone().unwrap_or_else(|| self.entity_id.clone()),
            operation: self.operation,
            payload,
        }
    }
}

/// Appends `operation`.
pub(in crate::client) fn append(c: &Connection, operation: &OperationRecord, now: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO sync_queue (queueId, entityType, entityId, operation, payload, priority, createdAt, names)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let payload = serde_json::to_string(&operation.payload)?;
    let names = names(&payload);
    c.prepare_cached(sql)?.execute(params![
        operation.queue_id,
        operation.entity_type.to_string(),
        operation.entity_id,
        operation.operation.to_string(),
        packed::pack(payload),
        operation.priority,
        now,
        names
    ])?;
    Ok(())
}

/// Appends an operation that waits for the file `attachment_id` to be with the server.
pub(in crate::client) fn append_behind(
    c: &Connection,
    operation: &OperationRecord,
    attachment_id: &str,
    now: &str,
) -> Result<(), StoreError> {
    append(c, operation, now)?;
    let sql = "UPDATE sync_queue SET attachmentId = ?2 WHERE queueId = ?1";
    c.prepare_cached(sql)?.execute([operation.queue_id.as_str(), attachment_id])?;
    Ok(())
}

/// The last operation's row; 0 when there is none.
pub(in crate::client) fn newest(c: &Connection) -> Result<i64, StoreError> {
    let newest = c.prepare_cached("SELECT max(rowid) FROM sync_queue")?.query_row([], |row| row.get(0));
    Ok(newest.map(Option::unwrap_or_default)?)
}

/// The places of all operations, in the order of the edits.
pub(in crate::client) fn places(c: &Connection) -> Result<Vec<Place>, StoreError> {
    let sql = "SELECT rowid, entityId, priority, status, names, attachmentId,
               attachmentId IN (SELECT attachmentId FROM pending_attachments WHERE NOT _uploaded)
               FROM sync_queue ORDER BY rowid";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut places = Vec::new();
    while let Some(row) = rows.next()? {
        let status = status(row.get_ref(3)?.as_str().unwrap_or_default());
        let mut names = named(row.get_ref(4)?.as_str_or_null().map_err(rusqlite::Error::from)?);
        let (record, file): (String, Option<String>) = (row.get(1)?, row.get(5)?);
        let uploads = row.get::<_, Option<bool>>(6)?.unwrap_or(false);
        // What has a lane of its own waits for the creation of its record alone.
        names.extend(file.is_some().then(|| record.clone()).filter(|it| it.starts_with(TEMPORARY_ID_PREFIX)));
        let (row, level, lane) = (row.get(0)?, row.get(2)?, file.unwrap_or(record));
        places.push(Place { row, lane, level, status, names, uploads });
    }
    let lanes: BTreeSet<String> = places.iter().map(|place| place.lane.clone()).collect();
    for place in &mut places {
        place.names.retain(|name| lanes.contains(name));
    }
    Ok(places)
}

/// The temporary ids in a payload, which stand beside it, since it is stored compressed: `None` when there are none.
fn names(payload: &str) -> Option<String> {
    Some(temporary_ids(payload).collect::<Vec<_>>().join(" ")).filter(|names| !names.is_empty())
}

/// The records that [`names`] names.
fn named(names: Option<&str>) -> Vec<String> {
    names.map(|names| temporary_ids(names).map(str::to_owned).collect()).unwrap_or_default()
}

fn payload(column: ValueRef<'_>) -> Result<Record, StoreError> {
    Ok(serde_json::from_str(&packed::unpack(column)?.unwrap_or_default())?)
}

const COLUMNS: &str = "queueId, entityId, sentAs, operation, payload, attachmentId";

fn queued(row: &Row<'_>) -> Result<Queued, StoreError> {
    let mut payload = payload(row.get_ref(4)?)?;
    let sealed = payload.remove(SEALED).and_then(|sealed| if let Value::Object(it) = sealed { Some(it) } else { None });
    Ok(Queued {
        queue_id: row.get(0)?,
        entity_id: row.get(1)?,
        sent_as: row.get(2)?,
        operation: kind(row.get_ref(3)?.as_str().unwrap_or_default())?,
        payload,
        sealed,
        attachment_id: row.get(5)?,
    })
}

/// The operation at `row`.
pub(in crate::client) fn load(c: &Connection, row: i64) -> Result<Queued, StoreError> {
    let mut statement = c.prepare_cached(&format!("SELECT {COLUMNS} FROM sync_queue WHERE rowid = ?1"))?;
    let mut rows = statement.query([row])?;
    queued(rows.next()?.ok_or_else(|| StoreError::new("an operation vanished from the queue"))?)
}

/// What the screen needs of a queued operation.
#[derive(Clone, Debug)]
pub(in crate::client) struct Mark {
    /// The operation.
    pub(in crate::client) queue_id: String,
    /// Its record.
    pub(in crate::client) entity_id: String,
    /// Where it stands.
    pub(in crate::client) status: QueueStatus,
    /// Why it failed last.
    pub(in crate::client) code: Option<ErrorCode>,
}

/// Where all operations stand, in order.
pub(in crate::client) fn marks(c: &Connection) -> Result<Vec<Mark>, StoreError> {
    let sql = "SELECT queueId, entityId, status, errorCode FROM sync_queue ORDER BY rowid";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut marks = Vec::new();
    while let Some(row) = rows.next()? {
        let status = status(row.get_ref(2)?.as_str().unwrap_or_default());
        let code: Option<String> = row.get(3)?;
        let code = code.map(|code| serde_json::from_value(code.into())).transpose()?;
        marks.push(Mark { queue_id: row.get(0)?, entity_id: row.get(1)?, status, code });
    }
    Ok(marks)
}

/// The operation with this id, if it still waits.
pub(in crate::client) fn find(c: &Connection, queue_id: &str) -> Result<Option<Queued>, StoreError> {
    let mut statement = c.prepare_cached(&format!("SELECT {COLUMNS} FROM sync_queue WHERE queueId = ?1"))?;
    let mut rows = statement.query([queue_id])?;
    rows.next()?.map(queued).transpose()
}

/// The operations of one record, in order.
pub(in crate::client) fn lane(c: &Connection, entity_id: &str) -> Result<Vec<Queued>, StoreError> {
    let mut statement =
        c.prepare_cached(&format!("SELECT {COLUMNS} FROM sync_queue WHERE entityId = ?1 ORDER BY rowid"))?;
    let mut rows = statement.query([entity_id])?;
    let mut lane = Vec::new();
    while let Some(row) = rows.next()? {
        lane.push(queued(row)?);
    }
    Ok(lane)
}

/// Whether a record has operations.
pub(in crate::client) fn has_lane(c: &Connection, entity_id: &str) -> Result<bool, StoreError> {
    Ok(c.prepare_cached("SELECT 1 FROM sync_queue WHERE entityId = ?1")?.exists([entity_id])?)
}

/// Whether `queue_id` still waits.
pub(in crate::client) fn holds(c: &Connection, queue_id: &str) -> Result<bool, StoreError> {
    Ok(c.prepare_cached("SELECT 1 FROM sync_queue WHERE queueId = ?1")?.exists([queue_id])?)
}

/// How many operations wait, failed ones included: they are not on the server either.
pub(in crate::client) fn count(c: &Connection) -> Result<u64, StoreError> {
    Ok(c.prepare_cached("SELECT count(*) FROM sync_queue")?.query_row([], |row| row.get::<_, u32>(0))?.into())
}

/// Keeps what `operation` was sealed to beside its payload.
pub(in crate::client) fn keep_sealed(c: &Connection, operation: &Queued) -> Result<(), StoreError> {
    let Some(sealed) = &operation.sealed else { return Ok(()) };
    let mut payload = operation.payload.clone();
    payload.insert(SEALED.into(), Value::Object(sealed.clone()));
    c.prepare_cached("UPDATE sync_queue SET payload = ?2 WHERE queueId = ?1")?
        .execute(params![operation.queue_id, packed::pack(serde_json::to_string(&payload)?)])?;
    Ok(())
}

/// Marks `operation` as sent.
pub(in crate::client) fn send(c: &Connection, queue_id: &str, now: &str) -> Result<(), StoreError> {
    let sql = "UPDATE sync_queue SET status = 'in-progress', sentAs = coalesce(sentAs, entityId), lastAttemptAt = ?2
               WHERE queueId = ?1";
    c.prepare_cached(sql)?.execute([queue_id, now])?;
    Ok(())
}

/// Puts operations whose answer will not come back to waiting; returns how many.
pub(in crate::client) fn release(c: &Connection) -> Result<u64, StoreError> {
    let sql = "UPDATE sync_queue SET status = 'pending' WHERE status = 'in-progress'";
    Ok(c.prepare_cached(sql)?.execute([])? as u64)
}

/// Removes an operation that is settled, and what it says of a file that waits with it.
pub(in crate::client) fn remove(c: &Connection, queue_id: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM pending_attachments
               WHERE attachmentId = (SELECT attachmentId FROM sync_queue WHERE queueId = ?1)";
    c.prepare_cached(sql)?.execute([queue_id])?;
    c.prepare_cached("DELETE FROM sync_queue WHERE queueId = ?1")?.execute([queue_id])?;
    Ok(())
}

/// Puts an operation back to waiting that the server did not judge.
pub(in crate::client) fn wait(c: &Connection, queue_id: &str) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE sync_queue SET status = 'pending' WHERE queueId = ?1")?.execute([queue_id])?;
    Ok(())
}

/// Counts an attempt that the server answered with `code`; the operation fails for good at `limit` of them. Returns
/// whether it did.
pub(in crate::client) fn attempt(
    c: &Connection,
    queue_id: &str,
    code: ErrorCode,
    detail: &str,
    limit: u32,
) -> Result<bool, StoreError> {
    let sql = "UPDATE sync_queue SET attempts = attempts + 1, error = ?2, errorCode = ?3,
               status = CASE WHEN attempts + 1 >= ?4 THEN 'failed' ELSE 'pending' END
               WHERE queueId = ?1 RETURNING status = 'failed'";
    let mut statement = c.prepare_cached(sql)?;
    Ok(statement.query_row(params![queue_id, detail, code.to_string(), limit], |row| row.get(0))?)
}

/// An operation that was given up until the user does something.
#[derive(Clone, Debug)]
pub(in crate::client) struct Failed {
    /// Its row.
    pub(in crate::client) row: i64,
    /// Why.
    pub(in crate::client) code: ErrorCode,
    /// It.
    pub(in crate::client) operation: Queued,
}

/// The failed operations of a record, in order.
pub(in crate::client) fn failed(c: &Connection, entity_id: &str) -> Result<Vec<Failed>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT {COLUMNS}, rowid, errorCode FROM sync_queue WHERE entityId = ?1 AND status = 'failed' ORDER BY rowid"
    ))?;
    let mut rows = statement.query([entity_id])?;
    let mut failed = Vec::new();
    while let Some(row) = rows.next()? {
        let code = serde_json::from_value(row.get::<_, String>(7)?.into())?;
        failed.push(Failed { row: row.get(6)?, code, operation: queued(row)? });
    }
    Ok(failed)
}

/// Puts the failed operations of a record back to waiting, as if they had never been tried; returns how many.
pub(in crate::client) fn try_again(c: &Connection, entity_id: &str) -> Result<usize, StoreError> {
    let sql = "UPDATE sync_queue SET status = 'pending', attempts = 0, error = NULL, errorCode = NULL
               WHERE entityId = ?1 AND status = 'failed'";
    Ok(c.prepare_cached(sql)?.execute([entity_id])?)
}

/// Puts `operation` in the place of the one at `row`.
pub(in crate::client) fn replace(
    c: &Connection,
    row: i64,
    operation: &OperationRecord,
    now: &str,
) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM sync_queue WHERE rowid = ?1")?.execute([row])?;
    append(c, operation, now)?;
    c.prepare_cached("UPDATE sync_queue SET rowid = ?1 WHERE queueId = ?2")?
        .execute(params![row, operation.queue_id])?;
    Ok(())
}

/// Gives the operations of `old` to `new`. What has not gone out yet also names it so in its payload.
pub(in crate::client) fn rename(c: &Connection, old: &str, new: &str) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE sync_queue SET entityId = ?2 WHERE entityId = ?1")?.execute([old, new])?;
    let mut statement =
        c.prepare_cached("SELECT rowid, payload FROM sync_queue WHERE sentAs IS NULL AND instr(names, ?1)")?;
    let mut rows = statement.query([old])?;
    let mut renamed: Vec<(i64, String)> = Vec::new();
    while let Some(row) = rows.next()? {
        let payload = packed::unpack(row.get_ref(1)?)?.unwrap_or_default();
        renamed.push((row.get(0)?, payload.replace(old, new)));
    }
    for (row, payload) in renamed {
        let names = names(&payload);
        c.prepare_cached("UPDATE sync_queue SET payload = ?2, names = ?3 WHERE rowid = ?1")?.execute(params![
            row,
            packed::pack(payload),
            names
        ])?;
    }
    Ok(())
}

/// The queue as the user sees it, in order.
pub(in crate::client) fn view(c: &Connection) -> Result<Vec<QueueRow>, StoreError> {
    let sql = "SELECT queueId, entityId, operation, priority, status, attempts, error,
               names FROM sync_queue ORDER BY rowid";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut view: Vec<QueueRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let names = named(row.get_ref(7)?.as_str_or_null().map_err(rusqlite::Error::from)?);
        view.push(QueueRow {
            behind: names.into_iter().find(|name| view.iter().any(|before| before.entity_id == *name)),
            queue_id: row.get(0)?,
            entity_id: row.get(1)?,
            operation: kind(row.get_ref(2)?.as_str().unwrap_or_default())?,
            priority: row.get(3)?,
            status: status(row.get_ref(4)?.as_str().unwrap_or_default()),
            attempts: row.get(5)?,
            error: row.get(6)?,
        });
    }
    Ok(view)
}

/// Failed operations, as the user was told of them.
pub(in crate::client) fn notices(c: &Connection) -> Result<Vec<Notice>, StoreError> {
    let sql = "SELECT queueId, entityId, errorCode, error FROM sync_queue WHERE status = 'failed' ORDER BY rowid";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut notices = Vec::new();
    while let Some(row) = rows.next()? {
        let code = serde_json::from_value(row.get::<_, String>(2)?.into())?;
        notices.push(Notice { queue_id: row.get(0)?, entity_id: row.get(1)?, code, detail: row.get(3)? });
    }
    Ok(notices)
}

pub(super) fn kind(text: &str) -> Result<OperationKind, StoreError> {
    match text {
        "create" => Ok(OperationKind::Create),
        "update" => Ok(OperationKind::Update),
        "delete" => Ok(OperationKind::Delete),
        other => Err(StoreError::new(format!("`{other}` is no operation"))),
    }
}

fn status(text: &str) -> QueueStatus {
    match text {
        "in-progress" => QueueStatus::InProgress,
        "completed" => QueueStatus::Completed,
        "failed" => QueueStatus::Failed,
        _ => QueueStatus::Pending,
    }
}
