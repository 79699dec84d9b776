//! A full pull onto a database that holds something already (decision q): which records it has named so far, and what
//! leaves when it ends. It outlives a crash, so that a full pull that was cut goes on where it stopped.

use rusqlite::Connection;

use super::cache::Kind;
use super::{StoreError, meta};
use crate::protocol::{Record, TEMPORARY_ID_PREFIX, ViewDigest};

/// The kind under which work orders are named.
pub(in crate::client) const WORK_ORDERS: &str = "work_orders";
/// The kind under which work orders stand that the server acknowledged while the full pull ran: its pages may be bounded
/// by a moment before that.
const ACKNOWLEDGED: &str = "acknowledged";

/// How far a full pull is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Stage {
    /// Its pages are read.
    Reading,
    /// They are through; what changed meanwhile is fetched before anything leaves.
    Closing,
}

impl Stage {
    const fn word(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Closing => "closing",
        }
    }
}

/// The full pull under way, if there is one.
pub(in crate::client) fn stage(c: &Connection) -> Result<Option<Stage>, StoreError> {
    let word = meta::get(c, meta::SNAPSHOT)?;
    Ok([Stage::Reading, Stage::Closing].into_iter().find(|stage| word.as_deref() == Some(stage.word())))
}

/// The next pull begins anew, and what the device holds stays until it has ended.
pub(in crate::client) fn begin(c: &Connection) -> Result<(), StoreError> {
    meta::remove(c, meta::CURSOR)?;
    meta::remove(c, meta::VIEW_TAG)?;
    c.prepare_cached("DELETE FROM snapshot")?.execute([])?;
    enter(c, Stage::Reading)
}

/// The full pull comes to `stage`.
pub(in crate::client) fn enter(c: &Connection, stage: Stage) -> Result<(), StoreError> {
    meta::set(c, meta::SNAPSHOT, stage.word())
}

/// It is over.
pub(in crate::client) fn end(c: &Connection) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM snapshot")?.execute([])?;
    meta::remove(c, meta::SNAPSHOT)
}

/// A page named the record; says whether that was the first time.
pub(in crate::client) fn name(c: &Connection, kind: &str, id: &str) -> Result<bool, StoreError> {
    Ok(c.prepare_cached("INSERT OR IGNORE INTO snapshot VALUES (?1, ?2)")?.execute([kind, id])? > 0)
}

/// The server has just spoken of the work order otherwise: it stays, whatever the pages say.
pub(in crate::client) fn spare(c: &Connection, id: &str) -> Result<(), StoreError> {
    name(c, ACKNOWLEDGED, id).map(drop)
}

/// Work orders that the full pull did not name. What was made here and never acknowledged is in no answer: it stays.
pub(in crate::client) fn unnamed_orders(c: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT workOrderId FROM (SELECT workOrderId FROM work_orders UNION SELECT workOrderId FROM base_rows)
         WHERE workOrderId NOT LIKE '{TEMPORARY_ID_PREFIX}%'
           AND workOrderId NOT IN (SELECT id FROM snapshot WHERE kind IN ('{WORK_ORDERS}', '{ACKNOWLEDGED}'))
         ORDER BY workOrderId"
    );
    let mut statement = c.prepare_cached(&sql)?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Removes the cached records that the full pull did not name.
pub(in crate::client) fn prune_cache(c: &Connection, kind: Kind) -> Result<(), StoreError> {
    let (table, id) = (kind.table(), kind.id_field());
    let sql = format!("DELETE FROM {table} WHERE {id} NOT IN (SELECT id FROM snapshot WHERE kind = '{table}')");
    c.prepare_cached(&sql)?.execute([])?;
    Ok(())
}

/// Statuses that end a work order, for SQL.
const FINISHED: &str = "('completed', 'closed', 'cancelled')";

/// The digest of what the server is believed to give: its state of every work order that it has told and that is not
/// finished.
pub(in crate::client) fn digest(c: &Connection) -> Result<ViewDigest, StoreError> {
    let sql = format!(
        "SELECT w.workOrderId, w._version, NULL FROM work_orders w
           WHERE w.workOrderId NOT IN (SELECT entityId FROM sync_queue) AND w.status NOT IN {FINISHED}
         UNION ALL SELECT b.workOrderId, 0, b.record FROM base_rows b"
    );
    let mut statement = c.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut known: Vec<(String, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let base: Option<String> = row.get(2)?;
        let Some(base) = base else {
            known.push((row.get(0)?, row.get(1)?));
            continue;
        };
        let base: Record = serde_json::from_str(&base)?;
        let text = |field: &str| base.get(field).and_then(serde_json::Value::as_str);
        if !text("status").is_some_and(|status| FINISHED.contains(&format!("'{status}'"))) {
            let version = base.get("_version").and_then(serde_json::Value::as_i64).unwrap_or(1);
            known.push((row.get(0)?, version));
        }
    }
    Ok(ViewDigest::of(known.iter().map(|(id, version)| (id.as_str(), *version))))
}
