//! Work orders in the database: normalised by field and by line, so that each knows who last set it.

use std::collections::BTreeSet;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::payload::{Change, DELETED};
use super::policy::is_terminal;
use super::store::Commit;
use crate::protocol::{FieldKind, Record, WORK_ORDER_FIELDS, line_key};

/// The kinds of records, as the database numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    WorkOrder = 0,
    Asset = 1,
    Inventory = 2,
}

impl ToSql for Kind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok((*self as i64).into())
    }
}

impl FromSql for Kind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::WorkOrder),
            1 => Ok(Self::Asset),
            2 => Ok(Self::Inventory),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// A work order without its content: what decides who sees it, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) updated_at: String,
    pub(super) created_seq: i64,
    pub(super) created_ms: i64,
    pub(super) created_by: Option<String>,
    pub(super) deleted: bool,
    pub(super) site: Option<String>,
    pub(super) asset: Option<String>,
    pub(super) status: Option<String>,
    pub(super) assigned: Option<String>,
}

impl Order {
    /// Follows a field that decides who sees the order.
    pub(super) fn follow(&mut self, field: &str, value: &Value) {
        let column = match field {
            "siteId" => &mut self.site,
            "assetId" => &mut self.asset,
            "status" => &mut self.status,
            "assignedTo" => &mut self.assigned,
            _ => return,
        };
        *column = value.as_str().map(str::to_owned);
    }

    /// Whether its work has come to an end.
    pub(super) fn is_over(&self) -> bool {
        self.status.as_deref().is_some_and(is_terminal)
    }

    /// Whether the same people see `other`, as far as the order itself decides it.
    pub(super) fn seen_like(&self, other: &Self) -> bool {
        let key = |order: &Self| {
            (order.deleted, order.site.clone(), order.asset.clone(), order.status.clone(), order.assigned.clone())
        };
        key(self) == key(other)
    }

    /// Writes it, new or changed.
    pub(super) fn save(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO work_orders (id, version, updated_at, created_seq, created_ms, created_by, deleted, site, asset,
               status, assigned) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET version = ?2, updated_at = ?3, deleted = ?7, site = ?8, asset = ?9,
               status = ?10, assigned = ?11",
        )?
        .execute(params![
            self.id,
            self.version,
            self.updated_at,
            self.created_seq,
            self.created_ms,
            self.created_by,
            self.deleted,
            self.site,
            self.asset,
            self.status,
            self.assigned
        ])?;
        Ok(())
    }
}

/// The work order `id`, deleted or not.
pub(super) fn find(db: &Connection, id: &str) -> rusqlite::Result<Option<Order>> {
    db.prepare_cached(
        "SELECT id, version, updated_at, created_seq, created_ms, created_by, deleted, site, asset, status, assigned
         FROM work_orders WHERE id = ?1",
    )?
    .query_row([id], |row| {
        Ok(Order {
            id: row.get(0)?,
            version: row.get(1)?,
            updated_at: row.get(2)?,
            created_seq: row.get(3)?,
            created_ms: row.get(4)?,
            created_by: row.get(5)?,
            deleted: row.get(6)?,
            site: row.get(7)?,
            asset: row.get(8)?,
            status: row.get(9)?,
            assigned: row.get(10)?,
        })
    })
    .optional()
}

/// A value, and who last set it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// A line whole; of a removed line what it was before.
    pub(super) value: Value,
    pub(super) deleted: bool,
    pub(super) version: i64,
    pub(super) device: String,
    pub(super) user: String,
    pub(super) role: String,
    pub(super) ts_ms: i64,
}

/// A field of `order`, if it was ever set.
pub(super) fn field(db: &Connection, order: &str, field: &str) -> rusqlite::Result<Option<Written>> {
    db.prepare_cached(
        "SELECT f.value, 0, f.version, c.device, c.user, c.role, c.ts_ms
         FROM fields f JOIN commits c ON c.seq = f.seq WHERE f.work_order = ?1 AND f.field = ?2",
    )?
    .query_row([order, field], written)
    .optional()
}

/// A line of `order`, removed or not, if there ever was one.
pub(super) fn line(db: &Connection, order: &str, field: &str, line: &str) -> rusqlite::Result<Option<Written>> {
    db.prepare_cached(
        "SELECT l.value, l.deleted, l.version, c.device, c.user, c.role, c.ts_ms
         FROM lines l JOIN commits c ON c.seq = l.seq WHERE l.work_order = ?1 AND l.field = ?2 AND l.line = ?3",
    )?
    .query_row([order, field, line], written)
    .optional()
}

/// The latest change to `order` after `version` that came from another device than `device`: version, user, time.
pub(super) fn foreign_change(
    db: &Connection,
    order: &str,
    version: i64,
    device: &str,
) -> rusqlite::Result<Option<(i64, String, i64)>> {
    db.prepare_cached(
        "SELECT x.version, c.user, c.ts_ms FROM
           (SELECT version, seq FROM fields WHERE work_order = ?1
            UNION ALL SELECT version, seq FROM lines WHERE work_order = ?1) x
         JOIN commits c ON c.seq = x.seq WHERE x.version > ?2 AND c.device <> ?3 ORDER BY x.version DESC LIMIT 1",
    )?
    .query_row(params![order, version, device], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    .optional()
}

/// One thing to be written.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Field {
        field: String,
        value: Value,
    },
    /// `value` is the whole line.
    Line {
        field: String,
        line: String,
        value: Value,
        deleted: bool,
    },
}

impl From<Change> for Write {
    /// What `change` is on a record that holds nothing yet.
    fn from(change: Change) -> Self {
        match change {
            Change::Field { field, value } => Self::Field { field, value },
            Change::Line { field, line, patch, deleted } => {
                Self::Line { field, line, value: Value::Object(patch), deleted }
            }
        }
    }
}

impl Write {
    /// Writes it as version `version` of `order`, in `commit`.
    pub(super) fn apply(&self, db: &Connection, order: &str, version: i64, commit: &Commit) -> rusqlite::Result<()> {
        match self {
            Self::Field { field, value } => db
                .prepare_cached(
                    "INSERT INTO fields (work_order, field, value, version, seq) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (work_order, field) DO UPDATE SET value = ?3, version = ?4, seq = ?5",
                )?
                .execute(params![order, field, value.to_string(), version, commit.seq])?,
            // A line that comes back keeps its place.
            Self::Line { field, line, value, deleted } => db
                .prepare_cached(
                    "INSERT INTO lines (work_order, field, line, position, value, deleted, version, seq)
                     VALUES (?1, ?2, ?3,
                       (SELECT count(*) FROM lines WHERE work_order = ?1 AND field = ?2), ?4, ?5, ?6, ?7)
                     ON CONFLICT (work_order, field, line) DO UPDATE SET value = ?4, deleted = ?5, version = ?6, seq = ?7",
                )?
                .execute(params![order, field, line, value.to_string(), deleted, version, commit.seq])?,
        };
        Ok(())
    }
}

/// Which of a record's fields and lines to read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Selection<'a> {
    /// Only what was set after this commit.
    pub(super) after_seq: i64,
    /// Only what was set after this version.
    pub(super) after_version: i64,
    /// Not what this device set.
    pub(super) not_by: Option<&'a str>,
    /// Of the removed lines, only those removed after this commit.
    pub(super) removed_after_seq: i64,
}

/// The whole of `order`; lines removed after `removed_after_seq` come marked, earlier ones not at all.
pub(super) fn whole(db: &Connection, order: &Order, removed_after_seq: i64) -> rusqlite::Result<Record> {
    let mut record = content(db, &order.id, Selection { removed_after_seq, ..Selection::default() })?;
    for (field, kind) in WORK_ORDER_FIELDS {
        if matches!(kind, FieldKind::Lines(_)) && !record.contains_key(*field) {
            record.insert((*field).to_owned(), Value::Array(Vec::new()));
        }
    }
    name(order, &mut record);
    Ok(record)
}

/// What `selection` leaves of `order`; `None` when that is nothing.
pub(super) fn part(db: &Connection, order: &Order, selection: Selection<'_>) -> rusqlite::Result<Option<Record>> {
    let mut record = content(db, &order.id, selection)?;
    if record.is_empty() {
        return Ok(None);
    }
    name(order, &mut record);
    Ok(Some(record))
}

/// The fields and lines of `order` that `selection` names, without id and version.
pub(super) fn content(db: &Connection, order: &str, selection: Selection<'_>) -> rusqlite::Result<Record> {
    let Selection { after_seq, after_version, not_by, removed_after_seq } = selection;
    let mut record = Record::new();
    let mut fields = db.prepare_cached(
        "SELECT f.field, f.value FROM fields f JOIN commits c ON c.seq = f.seq
         WHERE f.work_order = ?1 AND f.seq > ?2 AND f.version > ?3 AND (?4 IS NULL OR c.device <> ?4)",
    )?;
    let mut rows = fields.query(params![order, after_seq, after_version, not_by])?;
    while let Some(row) = rows.next()? {
        record.insert(row.get(0)?, json(row, 1)?);
    }
    let mut lines = db.prepare_cached(
        "SELECT l.field, l.value, l.deleted, l.line FROM lines l JOIN commits c ON c.seq = l.seq
         WHERE l.work_order = ?1 AND l.seq > ?2 AND l.version > ?3 AND (?4 IS NULL OR c.device <> ?4)
           AND (l.deleted = 0 OR l.seq > ?5) ORDER BY l.field, l.position",
    )?;
    let mut rows = lines.query(params![order, after_seq, after_version, not_by, removed_after_seq])?;
    while let Some(row) = rows.next()? {
        let field: String = row.get(0)?;
        let line = if row.get(2)? { removed_line(&field, &row.get::<_, String>(3)?) } else { json(row, 1)? };
        push_line(&mut record, field, line);
    }
    Ok(record)
}

/// Adds lines of `order`, by field and key, to `record`, which must not hold them yet.
pub(super) fn add_lines(
    db: &Connection,
    order: &str,
    lines: &BTreeSet<(String, String)>,
    record: &mut Record,
) -> rusqlite::Result<()> {
    for (field, key) in lines {
        let Some(found) = line(db, order, field, key)? else { continue };
        let value = if found.deleted { removed_line(field, key) } else { found.value };
        push_line(record, field.clone(), value);
    }
    Ok(())
}

/// An asset or an inventory row.
pub(super) fn catalogue(db: &Connection, kind: Kind, id: &str) -> rusqlite::Result<Option<Record>> {
    db.prepare_cached("SELECT record FROM catalogue WHERE kind = ?1 AND id = ?2")?
        .query_row(params![kind, id], |row| parsed(row, 0))
        .optional()
}

/// A removed line as the wire writes it.
pub(super) fn removed_line(field: &str, key: &str) -> Value {
    let mut line = Record::new();
    line.insert(line_key(field).unwrap_or("id").to_owned(), key.into());
    line.insert(DELETED.to_owned(), true.into());
    Value::Object(line)
}

fn push_line(record: &mut Record, field: String, line: Value) {
    let lines = record.entry(field).or_insert_with(|| Value::Array(Vec::new()));
    if let Some(lines) = lines.as_array_mut() {
        lines.push(line);
    }
}

fn name(order: &Order, record: &mut Record) {
    record.insert("workOrderId".to_owned(), order.id.clone().into());
    record.insert("_version".to_owned(), order.version.into());
    record.insert("updatedAt".to_owned(), order.updated_at.clone().into());
}

fn written(row: &Row<'_>) -> rusqlite::Result<Written> {
    Ok(Written {
        value: json(row, 0)?,
        deleted: row.get(1)?,
        version: row.get(2)?,
        device: row.get(3)?,
        user: row.get(4)?,
        role: row.get(5)?,
        ts_ms: row.get(6)?,
    })
}

/// The JSON object in a column.
pub(super) fn parsed(row: &Row<'_>, column: usize) -> rusqlite::Result<Record> {
    match json(row, column)? {
        Value::Object(record) => Ok(record),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Ok(Record::new()),
    }
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
