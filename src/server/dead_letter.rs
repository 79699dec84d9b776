//! Dead letters (decision e): a delete wins over an update, and what the update said is kept for a person to read.

use rusqlite::{Connection, params};

use super::auth::Caller;
use super::record::{self, parsed};
use super::refusal::Refusal;
use super::role::{Role, oversees};
use super::store::{Store, time_text};
use crate::protocol::{DEFAULT_PAGE, DeadLetter, DeadLetters, DeadLettersQuery, MAX_PAGE, Operation};

/// Keeps `operation`, which came too late for work order `id`. A repeat is kept once.
pub(super) fn keep(
    db: &Connection,
    caller: &Caller,
    operation: &Operation,
    id: &str,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let site = record::find(db, id)?.and_then(|order| order.site);
    let payload = serde_json::Value::Object(operation.payload.clone()).to_string();
    db.prepare_cached(
        "INSERT INTO dead_letters (at_ms, user, device, queue_id, work_order, site, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (user, device, queue_id) DO NOTHING",
    )?
    .execute(params![now_ms, caller.user(), caller.device, operation.queue_id, id, site, payload])?;
    Ok(())
}

/// The letters of the sites that `caller` looks after, oldest first.
pub(super) fn read(store: &Store, caller: &Caller, query: &DeadLettersQuery) -> Result<DeadLetters, Refusal> {
    let role = Role::of(&caller.profile);
    if role == Role::Technician {
        return Err(Refusal::denied("dead letters are for supervisors and auditors"));
    }
    let limit = match query.limit {
        Some(0) => return Err(Refusal::malformed("`limit` must be at least 1")),
        limit => limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE) as usize,
    };
    let mut statement = store.connection.prepare_cached(
        "SELECT entry, at_ms, user, device, queue_id, work_order, site, payload FROM dead_letters
         WHERE entry > ?1 ORDER BY entry",
    )?;
    let mut rows = statement.query([query.after.unwrap_or(0)])?;
    let mut page = DeadLetters { dead_letters: Vec::new(), has_more: false };
    while let Some(row) = rows.next()? {
        let site: Option<String> = row.get(6)?;
        if role == Role::Supervisor && !oversees(&caller.profile, site.as_deref()) {
            continue;
        }
        if page.dead_letters.len() == limit {
            page.has_more = true;
            break;
        }
        page.dead_letters.push(DeadLetter {
            number: row.get(0)?,
            at: time_text(row.get(1)?),
            user_id: row.get(2)?,
            device_id: row.get(3)?,
            queue_id: row.get(4)?,
            entity_id: row.get(5)?,
            payload: parsed(row, 7)?,
        });
    }
    Ok(page)
}
