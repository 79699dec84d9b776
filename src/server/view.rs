//! The log of who sees what: every stay of a record in a user's view is a row (decisions a and j).
//!
//! A delta reads this log alone, by user and by the commit that last touched the row; what nobody touched costs
//! nothing. Invariant: whatever changes a work order goes through [`follow`], in the same transaction.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::policy::{Stand, is_terminal, may_pick, stand};
use super::record::{self, Kind, Order};
use super::role::Role;
use super::selection;
use super::store::{Commit, Users, Writer};
use crate::protocol::{RemovalReason, ViewDigest};

/// Whether `user` may act on work order `id`: it is in their view.
pub(super) fn sees(db: &Connection, user: &str, id: &str) -> rusqlite::Result<bool> {
    holds(db, user, Kind::WorkOrder, id)
}

/// Whether work order `id` ever was in the view of `user`.
pub(super) fn saw(db: &Connection, user: &str, id: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM views WHERE kind = ?1 AND id = ?2 AND user = ?3")?.exists(params![
        Kind::WorkOrder,
        id,
        user
    ])
}

/// Whether `id` is in the view of `user`.
pub(super) fn holds(db: &Connection, user: &str, kind: Kind, id: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM views WHERE kind = ?1 AND id = ?2 AND user = ?3 AND left_seq IS NULL")?
        .exists(params![kind, id, user])
}

/// The commit that last touched what `user` sees, or saw.
pub(super) fn last_change(db: &Connection, user: &str) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT coalesce(max(touched_seq), 0) FROM views WHERE user = ?1")?
        .query_row([user], |row| row.get(0))
}

/// The digest of the unfinished work orders in the view of `user`.
pub(super) fn digest(db: &Connection, user: &str) -> rusqlite::Result<ViewDigest> {
    let mut statement = db.prepare_cached(
        "SELECT w.id, w.version, w.status FROM views v CROSS JOIN work_orders w ON w.id = v.id
         WHERE v.user = ?1 AND v.kind = ?2 AND v.left_seq IS NULL",
    )?;
    let mut rows = statement.query(params![user, Kind::WorkOrder])?;
    let mut unfinished: Vec<(String, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let status: Option<String> = row.get(2)?;
        if !status.as_deref().is_some_and(is_terminal) {
            unfinished.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(ViewDigest::of(unfinished.iter().map(|(id, version)| (id.as_str(), *version))))
}

/// Brings everybody's view up to `commit`, in which `device` made `order` of `before`.
pub(super) fn follow(
    db: &Connection,
    users: &Users,
    before: Option<&Order>,
    order: &Order,
    commit: &Commit,
    device: &str,
) -> rusqlite::Result<()> {
    if before.is_some_and(|before| before.seen_like(order)) {
        db.prepare_cached("UPDATE views SET touched_seq = ?3 WHERE kind = ?1 AND id = ?2 AND left_seq IS NULL")?
            .execute(params![Kind::WorkOrder, order.id, commit.seq])?;
        return Ok(());
    }
    let concerned = place_order(db, users, order, commit, device)?;
    if before.is_some_and(Order::is_over) && !order.is_over() {
        // A device may have cleaned it away meanwhile (spec 8.4), and news of it would not make it whole.
        db.prepare_cached("UPDATE views SET live_seq = ?3 WHERE kind = ?1 AND id = ?2 AND left_seq IS NULL")?
            .execute(params![Kind::WorkOrder, order.id, commit.seq])?;
    }
    let assets = [before.and_then(|before| before.asset.as_deref()), order.asset.as_deref()];
    for asset in assets.into_iter().flatten().collect::<BTreeSet<_>>() {
        place_asset(db, users, &concerned, asset, commit)?;
    }
    Ok(())
}

/// Ends the stays of `user` that time has ended, as a commit of the server's own.
pub(super) fn expire(db: &Connection, users: &Users, user: &str, now_ms: i64) -> rusqlite::Result<()> {
    let due: Vec<String> = db
        .prepare_cached("SELECT id FROM views WHERE user = ?1 AND expires_ms <= ?2")?
        .query_map(params![user, now_ms], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in due {
        let Some(order) = record::find(db, &id)? else { continue };
        let commit = Commit::next(db, now_ms, Writer::SERVER)?;
        follow(db, users, None, &order, &commit, "")?;
    }
    Ok(())
}

/// Shows work order `id` to `user` anew, whole, if it is in their view: at `PERMISSION_DENIED` a client gives a row up,
/// even where the operation alone was denied.
pub(super) fn show_again(db: &Connection, user: &str, id: &str, now_ms: i64) -> rusqlite::Result<()> {
    let Some(stay) = open_stay(db, Kind::WorkOrder, id, user)? else { return Ok(()) };
    let commit = Commit::next(db, now_ms, Writer::SERVER)?;
    db.prepare_cached("UPDATE views SET touched_seq = ?2, live_seq = ?2 WHERE entry = ?1")?
        .execute([stay.entry, commit.seq])?;
    Ok(())
}

/// Puts `order` into the views that it belongs in and takes it out of the others. Returns whom it concerned.
pub(super) fn place_order(
    db: &Connection,
    users: &Users,
    order: &Order,
    commit: &Commit,
    device: &str,
) -> rusqlite::Result<BTreeSet<String>> {
    let mut concerned: BTreeSet<String> = db
        .prepare_cached("SELECT user FROM views WHERE kind = ?1 AND id = ?2 AND left_seq IS NULL")?
        .query_map(params![Kind::WorkOrder, order.id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    concerned.extend(users.overseers().map(str::to_owned));
    concerned.extend(order.assigned.clone());
    concerned.extend(order.created_by.clone());
    for user in &concerned {
        place_for(db, users, user, order, commit, device)?;
    }
    Ok(concerned)
}

/// Puts `order` into the view of `user`, or takes it out. A pick that does not count any more ends.
pub(super) fn place_for(
    db: &Connection,
    users: &Users,
    user: &str,
    order: &Order,
    commit: &Commit,
    device: &str,
) -> rusqlite::Result<()> {
    let Some(account) = users.account(user) else { return Ok(()) };
    let stay = open_stay(db, Kind::WorkOrder, &order.id, user)?;
    let mut stands = stand(&account.profile, order, stay.is_some(), commit.ts_ms);
    if selection::holds(db, user, &order.id)? {
        if !may_pick(&account.profile, order) {
            selection::end(db, user, &order.id)?;
        } else if matches!(stands, Stand::Out(_)) {
            stands = Stand::In { retained: false, until_ms: None };
        }
    }
    match (stands, stay) {
        (Stand::In { retained, until_ms }, Some(stay)) => keep(db, stay.entry, retained, until_ms, commit.seq),
        (Stand::In { retained, until_ms }, None) => {
            enter(db, user, Kind::WorkOrder, &order.id, retained, until_ms, commit.seq)
        }
        (Stand::Out(reason), Some(stay)) => leave(db, stay.entry, reason, device, commit.seq),
        (Stand::Out(_), None) => Ok(()),
    }
}

/// Puts `asset` into the views of those of `concerned` whose work orders refer to it, and takes it out of the others'.
/// Overseers see assets by site, whatever refers to them.
pub(super) fn place_asset(
    db: &Connection,
    users: &Users,
    concerned: &BTreeSet<String>,
    asset: &str,
    commit: &Commit,
) -> rusqlite::Result<()> {
    if record::catalogue(db, Kind::Asset, asset)?.is_none() {
        return Ok(());
    }
    for user in concerned {
        let technician = users.account(user).is_some_and(|account| Role::of(&account.profile) == Role::Technician);
        if !technician {
            continue;
        }
        let stay = open_stay(db, Kind::Asset, asset, user)?;
        match (referred(db, user, asset)?, stay) {
            (Some(live), Some(stay)) if live == stay.retained => keep(db, stay.entry, !live, None, commit.seq)?,
            (Some(_), Some(_)) | (None, None) => {}
            (Some(live), None) => enter(db, user, Kind::Asset, asset, !live, None, commit.seq)?,
            (None, Some(stay)) => leave(db, stay.entry, RemovalReason::Revoked, "", commit.seq)?,
        }
    }
    Ok(())
}

/// Begins a stay.
pub(super) fn enter(
    db: &Connection,
    user: &str,
    kind: Kind,
    id: &str,
    retained: bool,
    until_ms: Option<i64>,
    seq: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO views (user, kind, id, entered_seq, live_seq, touched_seq, retained_seq, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?4, ?4, CASE WHEN ?5 THEN ?4 END, ?6)",
    )?
    .execute(params![user, kind, id, seq, retained, until_ms])?;
    Ok(())
}

/// A stay that has not ended.
struct Stay {
    entry: i64,
    retained: bool,
}

fn open_stay(db: &Connection, kind: Kind, id: &str, user: &str) -> rusqlite::Result<Option<Stay>> {
    db.prepare_cached(
        "SELECT entry, retained_seq IS NOT NULL FROM views
         WHERE kind = ?1 AND id = ?2 AND user = ?3 AND left_seq IS NULL",
    )?
    .query_row(params![kind, id, user], |row| Ok(Stay { entry: row.get(0)?, retained: row.get(1)? }))
    .optional()
}

/// A stay goes on; what was retained may be live again, and the other way round.
fn keep(db: &Connection, entry: i64, retained: bool, until_ms: Option<i64>, seq: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE views SET touched_seq = ?2, expires_ms = ?3,
           live_seq = CASE WHEN retained_seq IS NOT NULL AND NOT ?4 THEN ?2 ELSE live_seq END,
           retained_seq = CASE WHEN ?4 THEN coalesce(retained_seq, ?2) END
         WHERE entry = ?1",
    )?
    .execute(params![entry, seq, until_ms, retained])?;
    Ok(())
}

fn leave(db: &Connection, entry: i64, reason: RemovalReason, device: &str, seq: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE views SET touched_seq = ?2, left_seq = ?2, left_device = ?3, reason = ?4, expires_ms = NULL WHERE entry = ?1",
    )?
    .execute(params![entry, seq, device, reason_text(reason)])?;
    Ok(())
}

/// Whether work orders in the view of `user` refer to `asset`: `Some(true)` when one of them is not merely retained.
/// From the asset to its orders (CROSS JOIN keeps that order), not through all that the user sees.
fn referred(db: &Connection, user: &str, asset: &str) -> rusqlite::Result<Option<bool>> {
    db.prepare_cached(
        "SELECT max(v.retained_seq IS NULL) FROM work_orders w
         CROSS JOIN views v ON v.kind = ?3 AND v.id = w.id AND v.user = ?1 AND v.left_seq IS NULL
         WHERE w.asset = ?2",
    )?
    .query_row(params![user, asset, Kind::WorkOrder], |row| row.get(0))
}

fn reason_text(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::Deleted => "deleted",
        RemovalReason::Reassigned => "reassigned",
        RemovalReason::Revoked => "revoked",
    }
}

/// The reason that `text` names in the log.
pub(super) fn reason(text: &str) -> RemovalReason {
    match text {
        "deleted" => RemovalReason::Deleted,
        "reassigned" => RemovalReason::Reassigned,
        _ => RemovalReason::Revoked,
    }
}
