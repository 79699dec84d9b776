//! The audit log (spec 4.4): what conflicts came up, what was decided, what was rescued. It only ever grows, and each
//! entry is bound to the one before it, so that none can be changed, dropped or slipped in unseen.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::StoreError;
use crate::base::hex;
use crate::history::{AuditEntry, RescuedOperation};
use crate::protocol::ConflictRecord;

/// What stands before the first entry.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What happened to a conflict.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) enum Step {
    /// It came up.
    Detected,
    /// A field was decided.
    Resolved,
    /// A decision was taken back.
    Undone,
    /// Its record left.
    Closed,
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Resolved => "resolved",
            Self::Undone => "undone",
            Self::Closed => "closed",
        }
    }
}

/// Logs `conflict` as it is after `step`.
pub(super) fn conflict(c: &Connection, step: Step, conflict: &ConflictRecord, now: &str) -> Result<(), StoreError> {
    append(c, &json!({ "at": now, "what": step.word(), "conflict": conflict }).to_string())
}

/// Logs that an operation was rescued.
pub(super) fn rescue(c: &Connection, operation: &RescuedOperation, now: &str) -> Result<(), StoreError> {
    append(c, &json!({ "at": now, "what": "rescued", "operation": operation }).to_string())
}

/// The log, oldest first.
pub(in crate::client) fn all(c: &Connection) -> Result<Vec<AuditEntry>, StoreError> {
    let mut statement = c.prepare_cached("SELECT sequence, entry, previous, hash FROM audit_log ORDER BY sequence")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence = u64::from(row.get::<_, u32>(0)?);
        all.push(AuditEntry { sequence, entry: row.get(1)?, previous: row.get(2)?, hash: row.get(3)? });
    }
    Ok(all)
}

fn append(c: &Connection, entry: &str) -> Result<(), StoreError> {
    let last: Option<(u32, String)> = c
        .prepare_cached("SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (sequence, previous) = last.unwrap_or_else(|| (0, BEGINNING.to_owned()));
    let hash = hex(&Sha256::new().chain_update(&previous).chain_update(entry).finalize());
    c.prepare_cached("INSERT INTO audit_log VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        sequence + 1,
        entry,
        previous,
        hash
    ])?;
    Ok(())
}
