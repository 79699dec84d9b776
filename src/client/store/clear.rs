//! What leaves the device otherwise than by a pull: old work, the cache, everything (spec 8.4).

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::{StoreError, meta, rows, snapshot};
use crate::base::WallClock;

/// How long closed and cancelled work orders are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Work orders that have been closed or cancelled for 90 days and have no unsynced changes. Both times are the server's,
/// so that a device whose clock is wrong deletes nothing early.
pub(in crate::client) fn old_work(c: &Connection) -> Result<Vec<String>, StoreError> {
    let server_time = meta::get(c, meta::SERVER_TIME)?.and_then(|time| time.parse::<Timestamp>().ok());
    let Some(server_time) = server_time else { return Ok(Vec::new()) };
    let before = WallClock::text(server_time.saturating_sub(KEPT).unwrap_or(Timestamp::MIN));
    let sql = "SELECT workOrderId FROM work_orders WHERE status IN ('closed', 'cancelled') AND _serverUpdatedAt <= ?1
               AND workOrderId NOT IN (SELECT entityId FROM sync_queue)";
    let mut statement = c.prepare_cached(sql)?;
    let old = statement.query_map([before], |row| row.get(0))?;
    Ok(old.collect::<Result<_, _>>()?)
}

/// Deletes a work order with its attachments and the asset that only it refers to.
pub(in crate::client) fn work_order(c: &Connection, id: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM assets WHERE assetId = (SELECT assetId FROM work_orders WHERE workOrderId = ?1)
               AND assetId NOT IN (SELECT assetId FROM work_orders WHERE workOrderId <> ?1 AND assetId IS NOT NULL)
               AND (SELECT role FROM user_profile) = 'technician'";
    c.prepare_cached(sql)?.execute([id])?;
    rows::remove(c, id).map(drop)
}

/// Empties the cache: all that the server can give again. The queue stays, with the records that it is about, and so do
/// files that wait for their upload, and the logs.
pub(in crate::client) fn cache(c: &Connection) -> Result<(), StoreError> {
    c.execute_batch(
        "DELETE FROM work_orders WHERE workOrderId NOT IN (SELECT entityId FROM sync_queue)
           AND workOrderId NOT IN (SELECT workOrderId FROM pending_attachments);
         DELETE FROM assets; DELETE FROM inventory; DELETE FROM user_profile; DELETE FROM responses;",
    )?;
    snapshot::begin(c)
}

/// Deletes every row of every table, leaving no trace of them in the file.
pub(in crate::client) fn everything(c: &Connection) -> Result<(), StoreError> {
    let mut statement =
        c.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")?;
    let tables = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    c.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    for table in tables {
        c.execute_batch(&format!("DELETE FROM {table}"))?;
    }
    Ok(())
}
