//! The pull (spec 3.1B, decision a): pages until there are no more, each with its cursor in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::answer::{Failure, Tagged};
use super::engine::Engine;
use super::store::cache::{self, Kind};
use super::store::snapshot::{self, Stage};
use super::store::{StoreError, logs, meta, rows};
use super::transport::in_query;
use super::{merge, push, sealing, static_data};
use crate::history::{DeviceEvent, ResyncReason};
use crate::protocol::{Changes, DEFAULT_PAGE, DeltaAnswer, Record, Removal, RemovalReason, path};

const WORK_ORDER_ID: &str = "workOrderId";
/// The status of an answer that says: so far back I do not go.
const GONE: u16 = 410;
/// After so long without a sync the view is compared as a whole at the next start (spec 5.1).
const STALE: SignedDuration = SignedDuration::from_hours(1);

/// Pulls until the server has no more; returns the records received. A full pull starts with the profile (spec 3.1A).
pub(super) async fn run(engine: &Engine) -> Result<u64, Failure> {
    if static_data::profile_is_due(engine)? {
        static_data::fetch_profile(engine).await?;
    }
    let mut pull = Pull { engine, digest: stale(engine)?, anew: false };
    let mut received = 0;
    loop {
        let cursor = meta::get(engine.store.read(), meta::CURSOR)?;
        let (page, tag) = match pull.page(cursor.as_deref()).await? {
            None => continue,
            Some(Tagged::New { value, tag }) => (value, tag),
            // Nothing has changed since the last page of the last pull, which was applied.
            Some(Tagged::Same { .. }) => return Ok(received),
        };
        check(&page, cursor.as_deref())?;
        received += count(&page.changes);
        let next = apply(engine, &page, cursor.as_deref(), tag.as_deref())?;
        if next == Next::Done && !pull.differs(&page)? {
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

/// What is left to do after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    Done,
}

/// One run of pages.
struct Pull<'a> {
    engine: &'a Engine,
    /// Whether to ask for the digest of the view.
    digest: bool,
    /// It has begun anew once; it does not twice.
    anew: bool,
}

impl Pull<'_> {
    /// The page at `cursor`; `None` when the server does not go back so far, and the pull begins anew.
    async fn page(&mut self, cursor: Option<&str>) -> Result<Option<Tagged<DeltaAnswer>>, Failure> {
        let stage = snapshot::stage(self.engine.store.read())?;
        // A device that held this user's data before wants its finished work again, too.
        let again = cursor.is_none() && stage.is_some();
        // A full pull has yet to come to its end, and a digest to be told.
        let known = match stage.is_none() && !self.digest {
            true => meta::get(self.engine.store.read(), meta::VIEW_TAG)?,
            false => None,
        };
        let asks = [("digest=1", self.digest), ("retained=1", again)];
        let target = target(cursor, self.engine.settings.page_limit, &asks);
        match self.engine.session.get_tagged(target, known.as_deref()).await {
            Ok(page) => Ok(Some(page)),
            Err(failure) if failure.ours && failure.status == GONE && !self.anew => {
                self.begin_anew(ResyncReason::Expired)?;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Compares what the device holds with what the server says that it should; begins anew where they differ.
    fn differs(&mut self, page: &DeltaAnswer) -> Result<bool, Failure> {
        let Some(theirs) = page.view_digest.as_ref().filter(|_| self.digest) else { return Ok(false) };
        self.digest = false;
        self.engine.fresh.set(false);
        if self.anew || *theirs == snapshot::digest(self.engine.store.read())? {
            return Ok(false);
        }
        self.begin_anew(ResyncReason::Differs)?;
        Ok(true)
    }

    fn begin_anew(&mut self, reason: ResyncReason) -> Result<(), StoreError> {
        self.anew = true;
        self.engine.store.write(snapshot::begin)?;
        self.engine.emit(DeviceEvent::Resync { reason });
        Ok(())
    }
}

/// Whether the view is to be compared as a whole: the first pull after a start, when the last sync is over an hour old
/// (spec 5.1, decision q), or in the future, where no clock that is right can have been.
fn stale(engine: &Engine) -> Result<bool, StoreError> {
    let c = engine.store.read();
    if !engine.fresh.get() || meta::get(c, meta::CURSOR)?.is_none() {
        return Ok(false);
    }
    let Some(synced_at) = meta::get(c, meta::SYNCED_AT)?.and_then(|at| at.parse::<Timestamp>().ok()) else {
        return Ok(false);
    };
    let age = engine.clock.now().duration_since(synced_at);
    Ok(age > STALE || age.is_negative())
}

/// As short as it can be: it travels with every delta. The cursor wins over `since`, so it goes alone.
fn target(cursor: Option<&str>, limit: u32, asks: &[(&str, bool)]) -> String {
    let mut target = path::DELTA.to_owned();
    let mut mark = '?';
    if limit != DEFAULT_PAGE {
        let _ = write!(target, "{mark}limit={limit}");
        mark = '&';
    }
    for (ask, _) in asks.iter().filter(|(_, asked)| *asked) {
        let _ = write!(target, "{mark}{ask}");
        mark = '&';
    }
    if let Some(cursor) = cursor {
        let _ = write!(target, "{mark}cursor={}", in_query(cursor));
    }
    target
}

/// Nothing of a page is applied unless all of it can be.
fn check(page: &DeltaAnswer, cursor: Option<&str>) -> Result<(), Failure> {
    if page.cursor.as_deref().is_some_and(|answers| answers != cursor.unwrap_or_default()) {
        return Err(Failure::network("the answer is to another position than the one that was asked for"));
    }
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
/// new writes nothing. With the cursor goes the tag of the view, which is good for that cursor alone.
fn apply(engine: &Engine, page: &DeltaAnswer, cursor: Option<&str>, tag: Option<&str>) -> Result<Next, StoreError> {
    let changes = &page.changes;
    let removed = [
        removals(&changes.deleted_ids.work_orders, &changes.removed.work_orders),
        removals(&changes.deleted_ids.assets, &changes.removed.assets),
        removals(&changes.deleted_ids.inventory, &changes.removed.inventory),
    ];
    let stage = snapshot::stage(engine.store.read())?;
    let last = if page.has_more { Next::More } else { Next::Done };
    let nothing_new = count(changes) == 0 && removed.iter().all(BTreeMap::is_empty);
    let known =
        cursor == Some(page.next_cursor.as_str()) && meta::get(engine.store.read(), meta::VIEW_TAG)?.as_deref() == tag;
    if nothing_new && stage.is_none() && known {
        return Ok(last);
    }
    let (next, events) = engine.store.write(|tx| {
        let mut page_in =
            Applying { engine, tx, now: engine.clock.now_text(), full: stage.is_some(), events: Vec::new() };
        let [orders, assets, parts] = &removed;
        page_in.remove_orders(orders)?;
        remove_cached(tx, cache::ASSETS, assets)?;
        remove_cached(tx, cache::INVENTORY, parts)?;
        changes.work_orders.iter().try_for_each(|change| page_in.order(change))?;
        if !changes.work_orders.is_empty() {
            logs::mark_open(tx)?;
        }
        page_in.cached(cache::ASSETS, &changes.assets)?;
        page_in.cached(cache::INVENTORY, &changes.inventory)?;
        meta::set(tx, meta::CURSOR, &page.next_cursor)?;
        match tag {
            Some(tag) => meta::set(tx, meta::VIEW_TAG, tag)?,
            None => meta::remove(tx, meta::VIEW_TAG)?,
        }
        meta::set(tx, meta::SERVER_TIME, &page.sync_timestamp)?;
        let next = match stage.filter(|_| !page.has_more) {
            None => last,
            // What changed while the pages were read is fetched before anything leaves that no page named.
            Some(Stage::Reading) => {
                snapshot::enter(tx, Stage::Closing)?;
                Next::More
            }
            Some(Stage::Closing) => {
                page_in.prune()?;
                Next::Done
            }
        };
        Ok((next, page_in.events))
    })?;
    engine.uploads.borrow_mut().down.look_again();
    events.into_iter().for_each(|event| engine.emit(event));
    Ok(next)
}

/// `removed` holds the deleted ones too, but the spec's own `deletedIds` alone is enough.
fn removals<'a>(deleted: &'a [String], removed: &'a [Removal]) -> BTreeMap<&'a str, RemovalReason> {
    let deleted = deleted.iter().map(|id| (id.as_str(), RemovalReason::Deleted));
    deleted.chain(removed.iter().map(|removal| (removal.id.as_str(), removal.reason))).collect()
}

/// A page half applied.
struct Applying<'a> {
    engine: &'a Engine,
    tx: &'a Connection,
    now: String,
    /// A full pull runs over what is there already.
    full: bool,
    /// Told once the transaction is durable.
    events: Vec<DeviceEvent>,
}

impl Applying<'_> {
    /// Rows leave by name alone, never because an answer does not mention them: a record made here is in none yet.
    fn remove_orders(&mut self, removed: &BTreeMap<&str, RemovalReason>) -> Result<(), StoreError> {
        removed.iter().try_for_each(|(id, reason)| self.remove_order(id, *reason, word(*reason)))
    }

    fn remove_order(&mut self, id: &str, reason: RemovalReason, why: &str) -> Result<(), StoreError> {
        let rescued = logs::rescue_lane(self.tx, id, why, &self.now)?;
        self.events.extend(rescued.into_iter().map(DeviceEvent::Rescued));
        if rows::remove(self.tx, id)? {
            self.events.push(DeviceEvent::Removed { entity_id: id.to_owned(), reason });
        }
        Ok(())
    }

    /// Merged into the server's state of the row; what is queued on it stays visible and will meet the change on the
    /// server (spec 3.1B: a conflict, not an overwrite). The first word of a full pull replaces that state instead: it
    /// knows nothing of lines that went long ago.
    fn order(&self, change: &Record) -> Result<(), StoreError> {
        let Some(id) = text(change, WORK_ORDER_ID) else { return Ok(()) };
        let known = rows::server_record(self.tx, id)?;
        // A few fields of a record that was cleaned away (spec 8.4) make no record.
        if known.is_none() && ["siteId", "title"].iter().all(|field| text(change, field).is_none()) {
            return Ok(());
        }
        let mut base = known.unwrap_or_default();
        if self.full && snapshot::name(self.tx, snapshot::WORK_ORDERS, id)? {
            base.retain(|field, _| field == "_localId");
        }
        let change = sealing::opened(self.engine, self.tx, id, change)?;
        merge::lay_server(&mut base, &change);
        rows::put_server_record(self.tx, id, &base, &self.now)
    }

    fn cached(&self, kind: Kind, changes: &[Record]) -> Result<(), StoreError> {
        for change in changes {
            if let Some(id) = text(change, kind.id_field()).filter(|_| self.full) {
                snapshot::name(self.tx, kind.table(), id)?;
            }
            kind.put(self.tx, change, &self.now)?;
        }
        Ok(())
    }

    /// A full pull is through: what it did not name is not the user's any more.
    fn prune(&mut self) -> Result<(), StoreError> {
        for id in snapshot::unnamed_orders(self.tx)? {
            self.remove_order(&id, RemovalReason::Revoked, "a full pull does not hold its order any more")?;
        }
        snapshot::prune_cache(self.tx, cache::ASSETS)?;
        snapshot::prune_cache(self.tx, cache::INVENTORY)?;
        snapshot::end(self.tx)
    }
}

fn remove_cached(tx: &Connection, kind: Kind, removed: &BTreeMap<&str, RemovalReason>) -> Result<(), StoreError> {
    let ids: BTreeSet<&str> = removed.keys().copied().collect();
    ids.into_iter().try_for_each(|id| kind.remove(tx, id).map(drop))
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
        assert_eq!(target(None, 50, &[]), "/api/v1/sync/delta");
        assert_eq!(target(Some("a b/1"), 50, &[("digest=1", false)]), "/api/v1/sync/delta?cursor=a%20b%2F1");
        assert_eq!(target(Some("7-2"), 100, &[("digest=1", true)]), "/api/v1/sync/delta?limit=100&digest=1&cursor=7-2");
    }
}
