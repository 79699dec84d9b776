//! What the server forgets, and when (decision q): the results of operations after 30 days; tombstones, ended stays and
//! dead letters after 90; files with what refers to them. A cursor from before what was forgotten would miss removals: its device begins anew.

use rusqlite::{Connection, params};

use super::attachment;
use super::record::Kind;
use super::settings::{PURGE_EVERY, RESULTS_KEPT, TOMBSTONES_KEPT, millis};
use super::store::{self, Store};

/// Forgets what is due. Looks once a day, and walks over nothing but what goes.
pub(super) fn purge(store: &mut Store, now_ms: i64) -> rusqlite::Result<()> {
    if now_ms < store.purge_due_ms {
        return Ok(());
    }
    let tx = store.connection.transaction()?;
    forget_results(&tx, now_ms - millis(RESULTS_KEPT))?;
    let before_ms = now_ms - millis(TOMBSTONES_KEPT);
    tx.prepare_cached("DELETE FROM dead_letters WHERE at_ms < ?1")?.execute([before_ms])?;
    // Who pulled after a commit that is so old has pulled since then.
    let seq = store::commit_at(&tx, before_ms)?;
    let gone = forget_stays(&tx, seq)?;
    attachment::purge(&tx, now_ms, &gone)?;
    tx.commit()?;
    store.forgotten = store.forgotten.max(seq);
    store.purge_due_ms = now_ms + millis(PURGE_EVERY);
    Ok(())
}

fn forget_results(db: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM results WHERE entry <
           coalesce((SELECT entry FROM results WHERE at_ms >= ?1 ORDER BY entry LIMIT 1), 9223372036854775807)",
    )?
    .execute([before_ms])?;
    Ok(())
}

/// Forgets the stays that ended up to commit `seq`, and the work orders that ended with them; returns those.
fn forget_stays(db: &Connection, seq: i64) -> rusqlite::Result<Vec<String>> {
    let dead: Vec<String> = db
        .prepare_cached(
            "SELECT DISTINCT v.id FROM views v JOIN work_orders w ON w.id = v.id
             WHERE v.left_seq <= ?1 AND v.kind = ?2 AND v.reason = 'deleted' AND w.deleted",
        )?
        .query_map(params![seq, Kind::WorkOrder], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &dead {
        for table in ["fields", "lines"] {
            db.prepare_cached(&format!("DELETE FROM {table} WHERE work_order = ?1"))?.execute([id])?;
        }
        db.prepare_cached("DELETE FROM work_orders WHERE id = ?1")?.execute([id])?;
    }
    db.prepare_cached("DELETE FROM views WHERE left_seq <= ?1")?.execute([seq])?;
    Ok(dead)
}
