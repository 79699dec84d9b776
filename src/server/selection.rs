//! What technicians pick to sync (spec 2.3): further work orders of their sites that are nobody else's.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;

use super::auth::Caller;
use super::policy::may_pick;
use super::record::{self, Order};
use super::refusal::Refusal;
use super::role::Role;
use super::store::{Commit, Store, Users, Writer};
use super::view;
use crate::protocol::{MAX_PAGE, SelectionAnswer, SelectionRequest};

/// Whether `user` has picked work order `id`.
pub(super) fn holds(db: &Connection, user: &str, id: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM selections WHERE user = ?1 AND work_order = ?2")?.exists([user, id])
}

/// Ends a pick; says whether there was one.
pub(super) fn end(db: &Connection, user: &str, id: &str) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM selections WHERE user = ?1 AND work_order = ?2";
    Ok(db.prepare_cached(sql)?.execute([user, id])? > 0)
}

/// Changes the selection of `caller`: all as asked, or nothing.
pub(super) fn select(
    store: &mut Store,
    now_ms: i64,
    caller: &Caller,
    request: &SelectionRequest,
) -> Result<SelectionAnswer, Refusal> {
    if Role::of(&caller.profile) != Role::Technician {
        return Err(Refusal::denied("who oversees a site has all of its work orders"));
    }
    if request.add.len() + request.remove.len() > MAX_PAGE as usize {
        return Err(Refusal::malformed(format!("a selection changes by at most {MAX_PAGE} work orders at once")));
    }
    let tx = store.connection.transaction()?;
    for id in &request.remove {
        if end(&tx, caller.user(), id)? {
            place(&tx, &store.users, caller, id, now_ms)?;
        }
    }
    let mut add = request.add.clone();
    if request.from.is_some() || request.to.is_some() {
        let bounds = [time("from", request.from.as_deref())?, time("to", request.to.as_deref())?];
        add.extend(scheduled(&tx, caller, bounds)?);
    }
    for id in &add {
        // Of what is not there and what may not be seen the answer is the same.
        let order = record::find(&tx, id)?.filter(|order| may_pick(&caller.profile, order));
        let order = order.ok_or_else(|| Refusal::denied(format!("{id} is none that you may pick")))?;
        tx.prepare_cached("INSERT OR IGNORE INTO selections (user, work_order) VALUES (?1, ?2)")?
            .execute([caller.user(), &order.id])?;
        if !view::sees(&tx, caller.user(), id)? {
            place(&tx, &store.users, caller, id, now_ms)?;
        }
    }
    let picked = tx
        .prepare_cached("SELECT work_order FROM selections WHERE user = ?1 ORDER BY work_order")?
        .query_map([caller.user()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    tx.commit()?;
    Ok(SelectionAnswer { picked })
}

/// A commit of the server's own, in which the order comes into the view or leaves it.
fn place(db: &Connection, users: &Users, caller: &Caller, id: &str, now_ms: i64) -> rusqlite::Result<()> {
    let Some(order) = record::find(db, id)? else { return Ok(()) };
    let commit = Commit::next(db, now_ms, Writer::SERVER)?;
    view::place_for(db, users, caller.user(), &order, &commit, "")?;
    match &order.asset {
        Some(asset) => view::place_asset(db, users, &[caller.user().to_owned()].into(), asset, &commit),
        None => Ok(()),
    }
}

/// A bound of the range that is picked: a time, or a day, which begins at midnight in UTC.
fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let midnight = |text: &str| TimeZone::UTC.to_timestamp(text.parse::<Date>()?.at(0, 0, 0, 0));
    let parse = |text: &str| {
        let time = text.parse().or_else(|_| midnight(text));
        time.map_err(|_| Refusal::malformed(format!("`{name}` is `{text}`, not a time or a day")))
    };
    text.map(parse).transpose()
}

/// Work orders that `caller` may pick and that start at `from` or later, and before `to`.
fn scheduled(db: &Connection, caller: &Caller, [from, to]: [Option<Timestamp>; 2]) -> Result<Vec<String>, Refusal> {
    let mut statement = db.prepare_cached(
        "SELECT w.id, f.value FROM work_orders w JOIN fields f ON f.work_order = w.id AND f.field = 'scheduledStart'
         WHERE NOT w.deleted ORDER BY w.id",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut picked = Vec::new();
    for row in rows {
        let (id, value): (String, String) = row?;
        let Ok(start) = serde_json::from_str::<Timestamp>(&value) else { continue };
        let within = from.is_none_or(|from| from <= start) && to.is_none_or(|to| start < to);
        let order: Option<Order> = if within { record::find(db, &id)? } else { None };
        picked.extend(order.filter(|order| may_pick(&caller.profile, order)).map(|order| order.id));
    }
    Ok(picked)
}
