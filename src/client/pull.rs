//! The pull (spec 3.1B, decision a): pages until there are no more, each with its cursor in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rusqlite::Connection;

use super::answer::Failure;
use super::engine::Engine;
use super::store::cache::{self, Kind};
use super::store::{StoreError, logs, meta, rows};
use super::{merge, push};
use crate::history::DeviceEvent;
use crate::protocol::{Changes, DEFAULT_PAGE, DeltaAnswer, Profile, Record, Removal, RemovalReason, path};

const WORK_ORDER_ID: &str = "workOrderId";

/// Pulls until the server has no more; returns the records received. The first pull of all starts with the profile
/// (spec 3.1A).
pub(super) async fn run(engine: &Engine) -> Result<u64, Failure> {
    fetch_profile(engine).await?;
    let mut received = 0;
    loop {
        let cursor = meta::get(engine.store.read(), meta::CURSOR)?;
        let page: DeltaAnswer = engine.session.get(target(cursor.as_deref(), engine.settings.page_limit)).await?;
        check(&page, cursor.as_deref())?;
        received += count(&page.changes);
        apply(engine, &page, cursor.as_deref())?;
        if !page.has_more {
            return Ok(received);
        }
        push_what_is_critical(engine).await?;
    }
}

/// What must not wait goes out between two pages (spec 5.1). No page is asked for before its outcome is known.
async fn push_what_is_critical(engine: &Engine) -> Result<(), Failure> {
    if !engine.schedule.borrow_mut().take_critical() {
        return Ok(());
    }
    push::run(engine).await?.trouble.map_or(Ok(()), Err)
}

async fn fetch_profile(engine: &Engine) -> Result<(), Failure> {
    if meta::role(engine.store.read())?.is_some() {
        return Ok(());
    }
    let profile: Profile = engine.session.get(path::PROFILE.to_owned()).await?;
    engine.store.write(|tx| meta::set_profile(tx, &profile))?;
    Ok(())
}

/// As short as it can be: it travels with every delta. The cursor wins over `since`, so it goes alone.
fn target(cursor: Option<&str>, limit: u32) -> String {
    let mut target = path::DELTA.to_owned();
    let mut mark = '?';
    if limit != DEFAULT_PAGE {
        let _ = write!(target, "{mark}limit={limit}");
        mark = '&';
    }
    if let Some(cursor) = cursor {
        let _ = write!(target, "{mark}cursor=");
        for byte in cursor.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                target.push(char::from(byte));
            } else {
                let _ = write!(target, "%{byte:02X}");
            }
        }
    }
    target
}

/// Nothing of a page is applied unless all of it can be.
fn check(page: &DeltaAnswer, cursor: Option<&str>) -> Result<(), Failure> {
    if page.has_more && Some(page.next_cursor.as_str()) == cursor {
        return Err(Failure::network("the server promises more, at the cursor that it was asked for"));
    }
    let changes = &page.changes;
    let kinds = [
        (&changes.work_orders, WORK_ORDER_ID),
        (&changes.assets, cache::ASSETS.id_field()),
        (&changes.inventory, cache::INVENTORY.id_field()),
    ];
    let nameless = kinds.iter().find(|(records, field)| records.iter().any(|record| text(record, field).is_none()));
    match nameless {
        Some((_, field)) => Err(Failure::network(format!("a record came without its `{field}`"))),
        None => Ok(()),
    }
}

fn count(changes: &Changes) -> u64 {
    (changes.work_orders.len() + changes.assets.len() + changes.inventory.len()) as u64
}

/// Rows and cursor in one transaction, or a crash between them would lose the page for ever. A page that says nothing
/// new writes nothing.
fn apply(engine: &Engine, page: &DeltaAnswer, cursor: Option<&str>) -> Result<(), StoreError> {
    let changes = &page.changes;
    let removed = [
        removals(&changes.deleted_ids.work_orders, &changes.removed.work_orders),
        removals(&changes.deleted_ids.assets, &changes.removed.assets),
        removals(&changes.deleted_ids.inventory, &changes.removed.inventory),
    ];
    let nothing_new = count(changes) == 0 && removed.iter().all(BTreeMap::is_empty);
    if nothing_new && cursor == Some(page.next_cursor.as_str()) {
        return Ok(());
    }
    let events = engine.store.write(|tx| {
        let now = engine.clock.now_text();
        let [orders, assets, parts] = &removed;
        let events = remove_orders(tx, orders, &now)?;
        remove_cached(tx, cache::ASSETS, assets)?;
        remove_cached(tx, cache::INVENTORY, parts)?;
        for change in &changes.work_orders {
            put_order(tx, change, &now)?;
        }
        changes.assets.iter().try_for_each(|change| cache::ASSETS.put(tx, change, &now))?;
        changes.inventory.iter().try_for_each(|change| cache::INVENTORY.put(tx, change, &now))?;
        meta::set(tx, meta::CURSOR, &page.next_cursor)?;
        Ok(events)
    })?;
    events.into_iter().for_each(|event| engine.emit(event));
    Ok(())
}

/// `removed` holds the deleted ones too, but the spec's own `deletedIds` alone is enough.
fn removals<'a>(deleted: &'a [String], removed: &'a [Removal]) -> BTreeMap<&'a str, RemovalReason> {
    let deleted = deleted.iter().map(|id| (id.as_str(), RemovalReason::Deleted));
    deleted.chain(removed.iter().map(|removal| (removal.id.as_str(), removal.reason))).collect()
}

/// Rows leave by name alone, never because an answer does not mention them: a record made here is in none yet.
fn remove_orders(
    tx: &Connection,
    removed: &BTreeMap<&str, RemovalReason>,
    now: &str,
) -> Result<Vec<DeviceEvent>, StoreError> {
    let mut events = Vec::new();
    for (id, reason) in removed {
        let rescued = logs::rescue_lane(tx, id, word(*reason), now)?;
        events.extend(rescued.into_iter().map(DeviceEvent::Rescued));
        if rows::remove(tx, id)? {
            events.push(DeviceEvent::Removed { entity_id: (*id).to_owned(), reason: *reason });
        }
    }
    Ok(events)
}

fn remove_cached(tx: &Connection, kind: Kind, removed: &BTreeMap<&str, RemovalReason>) -> Result<(), StoreError> {
    let ids: BTreeSet<&str> = removed.keys().copied().collect();
    ids.into_iter().try_for_each(|id| kind.remove(tx, id).map(drop))
}

/// Merged into the server's state of the row; what is queued on it stays visible and will meet the change on the
/// server (spec 3.1B: a conflict, not an overwrite).
fn put_order(tx: &Connection, change: &Record, now: &str) -> Result<(), StoreError> {
    let Some(id) = text(change, WORK_ORDER_ID) else { return Ok(()) };
    let mut base = rows::server_record(tx, id)?.unwrap_or_default();
    merge::lay_server(&mut base, change);
    rows::put_server_record(tx, id, &base, now)
}

fn text<'a>(record: &'a Record, field: &str) -> Option<&'a str> {
    record.get(field)?.as_str()
}

fn word(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::Deleted => "deleted",
        RemovalReason::Reassigned => "reassigned",
        RemovalReason::Revoked => "revoked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_asks_in_as_few_bytes_as_it_can() {
        assert_eq!(target(None, 50), "/api/v1/sync/delta");
        assert_eq!(target(Some("a b/1"), 50), "/api/v1/sync/delta?cursor=a%20b%2F1");
        assert_eq!(target(Some("7-2"), 100), "/api/v1/sync/delta?limit=100&cursor=7-2");
    }
}
