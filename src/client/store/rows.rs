//! Work orders: the visible row is the server's base with the queued operations replayed on it (decision g).
//!
//! A row without queued operations is its own base; `base_rows` holds one only while its lane is not empty.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use serde_json::Value;

use super::{StoreError, logs, packed, queue};
use crate::client::merge;
use crate::protocol::{
    FieldKind, MAX_BATCH_OPERATIONS, OperationKind, Record, TEMPORARY_ID_PREFIX, WORK_ORDER_FIELDS,
    replace_temporary_ids, temporary_ids,
};

/// Columns that the spec has NOT NULL; a record that lacks one stores an empty text, which reads as lacking.
const REQUIRED: &[&str] = &["siteId", "type", "title", "priority", "status"];

static FIELDS: LazyLock<String> =
    LazyLock::new(|| WORK_ORDER_FIELDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));

static SELECT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {}, _version, _localId, _serverUpdatedAt, workOrderId FROM work_orders", *FIELDS));

static SELECT_ONE: LazyLock<String> = LazyLock::new(|| format!("{} WHERE workOrderId = ?1", *SELECT));

static RENAME: LazyLock<String> = LazyLock::new(|| {
    let names = || WORK_ORDER_FIELDS.iter().map(|(name, _)| *name).filter(|name| !packed::FIELDS.contains(name));
    let renamed: Vec<String> = names().map(|name| format!("{name} = replace({name}, ?1, ?2)")).collect();
    let found: Vec<String> = names().map(|name| format!("instr({name}, ?1)")).collect();
    format!(
        "UPDATE work_orders SET {} WHERE workOrderId IN (SELECT entityId FROM sync_queue) AND ({})",
        renamed.join(", "),
        found.join(" OR ")
    )
});

/// `_pendingChanges` names a batch of the lane at most, or a long lane would be written out anew with each of its edits.
/// `_lastSyncAt` moves only when the server said something; what never changes again is left alone.
static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let names = WORK_ORDER_FIELDS.iter().map(|(name, _)| *name);
    let marks = vec!["?"; WORK_ORDER_FIELDS.len()].join(", ");
    let updates: Vec<String> = names.map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "INSERT INTO work_orders ({}, workOrderId, _localId, _createdOffline, _version, _synced, _lastSyncAt,
         _serverUpdatedAt, _pendingChanges) VALUES ({marks}, ?21, ?22, ?23, ?24, ?25, ?26, ?27,
         CASE WHEN NOT ?25 THEN (SELECT json_group_array(queueId) FROM
           (SELECT queueId FROM sync_queue WHERE entityId = ?21 ORDER BY rowid LIMIT {MAX_BATCH_OPERATIONS})) END)
         ON CONFLICT(workOrderId) DO UPDATE SET {},
         _version = excluded._version, _synced = excluded._synced, _pendingChanges = excluded._pendingChanges,
         _lastSyncAt = coalesce(excluded._lastSyncAt, _lastSyncAt), _serverUpdatedAt = excluded._serverUpdatedAt",
        *FIELDS,
        updates.join(", ")
    )
});

/// The row that the user sees.
pub(in crate::client) fn visible(c: &Connection, id: &str) -> Result<Option<Record>, StoreError> {
    let mut statement = c.prepare_cached(&SELECT_ONE)?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(record).transpose()
}

/// All rows that the user sees, by id, without the server's time.
pub(in crate::client) fn all(c: &Connection) -> Result<BTreeMap<String, Record>, StoreError> {
    let mut statement = c.prepare_cached(&SELECT)?;
    let mut rows = statement.query([])?;
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(WORK_ORDER_FIELDS.len() + 3)?;
        let mut record = record(row)?;
        record.remove("updatedAt");
        record.insert("workOrderId".into(), id.clone().into());
        all.insert(id, record);
    }
    Ok(all)
}

/// Visible rows with a conflict that their user has not dealt with.
pub(in crate::client) fn in_conflict(c: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT workOrderId FROM work_orders WHERE _conflictDetected = 1")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What `id` is called now: a temporary id that the user still holds leads to the real one.
pub(in crate::client) fn current_id(c: &Connection, id: &str) -> Result<String, StoreError> {
    if !id.starts_with(TEMPORARY_ID_PREFIX) {
        return Ok(id.to_owned());
    }
    Ok(real_id(c, id)?.unwrap_or_else(|| id.to_owned()))
}

/// What a temporary id came to be called, if that is known.
fn real_id(c: &Connection, temporary: &str) -> Result<Option<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT id FROM real_ids WHERE temporaryId = ?1")?;
    Ok(statement.query_row([temporary], |row| row.get(0)).optional()?)
}

/// Whether `temporary` came to be called `id`. Nobody but the server knows that of an order that another device made: it is
/// believed once, and no other order is ever taken for it.
pub(in crate::client) fn became(c: &Connection, temporary: &str, id: &str) -> Result<bool, StoreError> {
    if temporary_ids(temporary).next() != Some(temporary) {
        return Ok(false);
    }
    c.prepare_cached("INSERT OR IGNORE INTO real_ids VALUES (?1, ?2)")?.execute([temporary, id])?;
    Ok(real_id(c, temporary)?.as_deref() == Some(id))
}

/// `record` with the real ids of all records that it names, as far as they are known.
pub(in crate::client) fn with_real_ids(c: &Connection, record: &Record) -> Result<Record, StoreError> {
    let mut value = Value::Object(record.clone());
    replace_temporary_ids(&mut value, &mut |temporary: &str| real_id(c, temporary))?;
    Ok(if let Value::Object(record) = value { record } else { Record::new() })
}

/// Keeps the server's state of a row aside before the first operation is queued on it.
pub(in crate::client) fn keep_base(c: &Connection, id: &str, visible: &Record) -> Result<(), StoreError> {
    if queue::has_lane(c, id)? {
        return Ok(());
    }
    write_base(c, id, visible)
}

/// The server's last known state of a record; `None` if it never told one.
pub(in crate::client) fn server_record(c: &Connection, id: &str) -> Result<Option<Record>, StoreError> {
    if !queue::has_lane(c, id)? {
        return visible(c, id);
    }
    let mut statement = c.prepare_cached("SELECT record FROM base_rows WHERE workOrderId = ?1")?;
    let text: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Stores what the server says of a record, and shows it with what is still queued replayed on it.
pub(in crate::client) fn put_server_record(
    c: &Connection,
    id: &str,
    record: &Record,
    now: &str,
) -> Result<(), StoreError> {
    let lane = queue::lane(c, id)?;
    if lane.is_empty() {
        c.prepare_cached("DELETE FROM base_rows WHERE workOrderId = ?1")?.execute([id])?;
        return write_visible(c, id, record, true, Some(now));
    }
    write_base(c, id, record)?;
    match replayed(Some(record.clone()), &lane) {
        Some(shown) => write_visible(c, id, &shown, false, Some(now)),
        None => hide(c, id),
    }
}

/// Shows a row anew whose lane is not what it was; `base` is the server's state of it, if it has one.
pub(in crate::client) fn show_lane(c: &Connection, id: &str, base: Option<Record>) -> Result<(), StoreError> {
    let lane = queue::lane(c, id)?;
    if lane.is_empty() {
        c.prepare_cached("DELETE FROM base_rows WHERE workOrderId = ?1")?.execute([id])?;
    }
    match replayed(base, &lane) {
        Some(shown) => write_visible(c, id, &shown, lane.is_empty(), None),
        None => hide(c, id),
    }
}

/// What the user sees of a record: its base with the queued operations on it.
fn replayed(base: Option<Record>, lane: &[queue::Queued]) -> Option<Record> {
    let mut shown = base;
    for queued in lane {
        match queued.operation {
            OperationKind::Create | OperationKind::Update => {
                let shown = shown.get_or_insert_default();
                merge::lay_over(shown, &queued.payload);
                if let Some(local_id) = queued.payload.get("_localId") {
                    shown.entry("_localId").or_insert_with(|| local_id.clone());
                }
            }
            OperationKind::Delete => shown = None,
        }
    }
    shown
}

/// Shows a row with one more queued operation on it.
pub(in crate::client) fn show_edited(c: &Connection, id: &str, record: &Record) -> Result<(), StoreError> {
    write_visible(c, id, record, false, None)
}

/// Takes a row out of sight; its base stays.
pub(in crate::client) fn hide(c: &Connection, id: &str) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM work_orders WHERE workOrderId = ?1")?.execute([id])?;
    Ok(())
}

/// Removes a row for good, with the files that wait to be uploaded to it; returns whether there was one.
pub(in crate::client) fn remove(c: &Connection, id: &str) -> Result<bool, StoreError> {
    c.prepare_cached("DELETE FROM pending_attachments WHERE workOrderId = ?1")?.execute([id])?;
    let bases = c.prepare_cached("DELETE FROM base_rows WHERE workOrderId = ?1")?.execute([id])?;
    let rows = c.prepare_cached("DELETE FROM work_orders WHERE workOrderId = ?1")?.execute([id])?;
    Ok(bases + rows > 0)
}

/// Gives a record its real id everywhere (decision b).
pub(in crate::client) fn rename(c: &Connection, old: &str, new: &str) -> Result<(), StoreError> {
    c.prepare_cached("INSERT OR REPLACE INTO real_ids VALUES (?1, ?2)")?.execute([old, new])?;
    // Files and their order change names together; between the two statements they disagree.
    c.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    c.prepare_cached("UPDATE OR REPLACE work_orders SET workOrderId = ?2 WHERE workOrderId = ?1")?
        .execute([old, new])?;
    c.prepare_cached("UPDATE pending_attachments SET workOrderId = ?2 WHERE workOrderId = ?1")?.execute([old, new])?;
    c.prepare_cached("UPDATE OR REPLACE base_rows SET workOrderId = ?2 WHERE workOrderId = ?1")?.execute([old, new])?;
    queue::rename(c, old, new)?;
    logs::rename(c, old, new)?;
    rename_references(c, old, new)
}

/// Other records may name it; only local operations can have put it there.
fn rename_references(c: &Connection, old: &str, new: &str) -> Result<(), StoreError> {
    c.prepare_cached(&RENAME)?.execute([old, new])?;
    rename_packed(c, old, new)?;
    let sql = "UPDATE base_rows SET record = replace(record, ?1, ?2) WHERE instr(record, ?1)";
    c.prepare_cached(sql)?.execute([old, new])?;
    Ok(())
}

/// What is stored compressed no query can change.
fn rename_packed(c: &Connection, old: &str, new: &str) -> Result<(), StoreError> {
    for field in packed::FIELDS {
        let sql = format!(
            "SELECT rowid, {field} FROM work_orders
             WHERE workOrderId IN (SELECT entityId FROM sync_queue) AND (typeof({field}) = 'blob' OR instr({field}, ?1))"
        );
        let mut statement = c.prepare_cached(&sql)?;
        let mut rows = statement.query([old])?;
        let mut renamed: Vec<(i64, String)> = Vec::new();
        while let Some(row) = rows.next()? {
            let text = packed::unpack(row.get_ref(1)?)?.unwrap_or_default();
            if text.contains(old) {
                renamed.push((row.get(0)?, text.replace(old, new)));
            }
        }
        for (row, text) in renamed {
            c.prepare_cached(&format!("UPDATE work_orders SET {field} = ?2 WHERE rowid = ?1"))?
                .execute(params![row, packed::pack(text)])?;
        }
    }
    Ok(())
}

fn write_base(c: &Connection, id: &str, record: &Record) -> Result<(), StoreError> {
    c.prepare_cached("INSERT OR REPLACE INTO base_rows VALUES (?1, ?2)")?
        .execute(params![id, serde_json::to_string(record)?])?;
    Ok(())
}

fn write_visible(
    c: &Connection,
    id: &str,
    record: &Record,
    synced: bool,
    synced_at: Option<&str>,
) -> Result<(), StoreError> {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let created_offline = id.starts_with(TEMPORARY_ID_PREFIX);
    let version = record.get("_version").and_then(Value::as_i64).unwrap_or(1);
    let columns: Vec<SqlValue> = WORK_ORDER_FIELDS
        .iter()
        .map(|(name, kind)| column(name, *kind, record.get(*name)))
        .collect::<Result<_, StoreError>>()?;
    let (local_id, updated_at) = (text("_localId"), text("updatedAt"));
    let sync: [&dyn ToSql; 7] = [&id, &local_id, &created_offline, &version, &synced, &synced_at, &updated_at];
    let values: Vec<ToSqlOutput<'_>> = columns
        .iter()
        .map(|value| Ok(ToSqlOutput::Borrowed(ValueRef::from(value))))
        .chain(sync.iter().map(|value| value.to_sql()))
        .collect::<Result<_, rusqlite::Error>>()?;
    c.prepare_cached(&UPSERT)?.execute(rusqlite::params_from_iter(values))?;
    Ok(())
}

/// A field as its column holds it: text as it is, documents and whatever else as JSON.
fn column(name: &str, kind: FieldKind, value: Option<&Value>) -> Result<SqlValue, StoreError> {
    Ok(match (kind, value) {
        (_, None | Some(Value::Null)) if REQUIRED.contains(&name) => SqlValue::Text(String::new()),
        (_, None | Some(Value::Null)) => SqlValue::Null,
        (FieldKind::Scalar, Some(Value::String(text))) if packed::FIELDS.contains(&name) => packed::pack(text.clone()),
        (FieldKind::Scalar, Some(Value::String(text))) => SqlValue::Text(text.clone()),
        (_, Some(other)) => SqlValue::Text(serde_json::to_string(other)?),
    })
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    let mut record = Record::new();
    for (index, (name, kind)) in WORK_ORDER_FIELDS.iter().enumerate() {
        let Some(text) = packed::unpack(row.get_ref(index)?)? else { continue };
        let value = match kind {
            FieldKind::Scalar if text.is_empty() && REQUIRED.contains(name) => continue,
            FieldKind::Scalar => Value::String(text.into_owned()),
            FieldKind::Lines(_) | FieldKind::Document => serde_json::from_str(&text)?,
        };
        record.insert((*name).to_owned(), value);
    }
    let fields = WORK_ORDER_FIELDS.len();
    record.insert("_version".into(), row.get::<_, i64>(fields)?.into());
    for (name, index) in [("_localId", fields + 1), ("updatedAt", fields + 2)] {
        if let Some(text) = row.get::<_, Option<String>>(index)? {
            record.insert(name.into(), text.into());
        }
    }
    Ok(record)
}
