//! The pull: what changed in the caller's view since their cursor, page by page (spec 3.1B, decision a).
//!
//! A page is a walk along the view log of one user, in the order (commit that last touched the row, entry). Rows that
//! a commit touches while the pages are read move beyond the pull's upper bound; the next pull owes them then, and its
//! cursor says so by a `base` that lags behind `since`.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::auth::Caller;
use super::cursor::{Cursor, Within};
use super::etag;
use super::purge;
use super::record::{self, Kind, Order, Selection};
use super::refusal::Refusal;
use super::settings::{CURSOR_RENEWED, millis};
use super::stock;
use super::store::{self, Store};
use super::view;
use crate::protocol::{Changes, DEFAULT_PAGE, DeltaAnswer, DeltaQuery, MAX_PAGE, Record, Removal, RemovalReason};

/// Kinds by their names in `entities`.
const KINDS: &[(&str, Kind)] =
    &[("work-orders", Kind::WorkOrder), ("assets", Kind::Asset), ("inventory", Kind::Inventory)];

/// A page, and what makes it a 304 for those who have it (spec 6.4).
pub(super) struct Page {
    pub(super) answer: DeltaAnswer,
    /// The state of the view that the caller holds after it; a page that others follow leaves no such state.
    pub(super) tag: Option<String>,
    /// It says nothing new, and its cursor takes the caller no further than need be.
    pub(super) idle: bool,
}

/// One page for `caller`.
pub(super) fn pull(store: &mut Store, now_ms: i64, caller: &Caller, query: &DeltaQuery) -> Result<Page, Refusal> {
    let limit = match query.limit {
        Some(0) => return Err(Refusal::malformed("`limit` must be at least 1")),
        limit => limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE) as usize,
    };
    purge::purge(store, now_ms)?;
    let forgotten = store.forgotten;
    let tx = store.connection.transaction()?;
    view::expire(&tx, &store.users, caller.user(), now_ms)?;
    let pull = Pull::begin(&tx, caller, query, forgotten)?;
    let answer = pull.page(&tx, limit)?;
    let idle = query.cursor.is_some() && pull.is_idle(&tx, &answer, now_ms)?;
    let tag = match answer.has_more {
        true => None,
        false => Some(etag::weak(&format!("{}-{}", view::last_change(&tx, caller.user())?, pull.cursor.kinds))),
    };
    tx.commit()?;
    let answer = DeltaAnswer { cursor: Some(query.cursor.clone().unwrap_or_default()), ..answer };
    Ok(Page { answer, tag, idle })
}

/// A pull between its first page and its last.
struct Pull<'a> {
    user: &'a str,
    device: &'a str,
    cursor: Cursor,
    upper: i64,
    /// The device asks what it should hold at the end of this pull.
    digest: bool,
}

/// What a page says of one row of the log.
enum Told {
    Record(Kind, Record),
    Removed(Kind, Removal),
}

impl<'a> Pull<'a> {
    fn begin(db: &Connection, caller: &'a Caller, query: &DeltaQuery, forgotten: i64) -> Result<Self, Refusal> {
        let last = store::last_commit(db)?.seq;
        let kinds = kinds(query.entities.as_deref())?;
        let cursor = match (&query.cursor, &query.since) {
            (Some(cursor), _) => given(cursor, kinds, last)?,
            (None, Some(since)) => {
                let time: Timestamp =
                    since.parse().map_err(|_| Refusal::malformed(format!("`since` is `{since}`, not a time")))?;
                let seq = store::commit_at(db, time.as_millisecond())?;
                let origin = if seq == 0 { last } else { 0 };
                Cursor { kinds, origin, base: seq, since: seq, within: None }
            }
            // Who held the view before wants what was retained in it, too.
            (None, None) if query.retained == Some(1) => Cursor { kinds, origin: 0, base: 0, since: 0, within: None },
            (None, None) => Cursor { kinds, origin: last, base: 0, since: 0, within: None },
        };
        // A snapshot that never came to its end has no base, but it knows what it has from its first page on.
        let begun = || if cursor.origin > 0 { cursor.origin } else { cursor.within.map_or(cursor.since, |w| w.upper) };
        let knows = if cursor.base == 0 && query.cursor.is_some() { begun() } else { cursor.base };
        if knows < forgotten && (query.cursor.is_some() || query.since.is_some()) {
            return Err(Refusal::resync_required("what left the view since then is forgotten: pull without a cursor"));
        }
        let upper = cursor.within.map_or(last, |within| within.upper);
        let digest = match query.digest {
            None => false,
            Some(1) => kinds & 1 << (Kind::WorkOrder as u8) != 0,
            Some(_) => return Err(Refusal::malformed("`digest` is 1 or absent")),
        };
        Ok(Self { user: caller.user(), device: &caller.device, cursor, upper, digest })
    }

    /// Whether `answer` says nothing that a caller with this cursor does not know. A cursor that stays behind for long
    /// would come to be older than what the server remembers: now and then it is renewed.
    fn is_idle(&self, db: &Connection, answer: &DeltaAnswer, now_ms: i64) -> rusqlite::Result<bool> {
        let Cursor { base, since, within, .. } = self.cursor;
        let says_nothing = answer.changes == Changes::default() && !answer.has_more && answer.view_digest.is_none();
        if !says_nothing || within.is_some() || base != since {
            return Ok(false);
        }
        Ok(since == self.upper || now_ms - store::commit_time(db, since)? < millis(CURSOR_RENEWED))
    }

    fn page(&self, db: &Connection, limit: usize) -> Result<DeltaAnswer, Refusal> {
        let mut changes = Changes::default();
        let mut at = None;
        let mut told = 0;
        let mut statement = db.prepare_cached(CHANGED)?;
        for (kinds, from) in self.walks() {
            let mut rows = statement.query(params![self.user, from.touched, from.entry, self.upper, kinds])?;
            while let Some(row) = rows.next()? {
                let stay = Stay::read(row)?;
                let place = Within { upper: self.upper, touched: stay.touched, entry: stay.entry, kind: from.kind };
                let Some(news) = self.tell(db, stay)? else { continue };
                if told == limit {
                    return self.answer(db, changes, at);
                }
                add(&mut changes, news);
                told += 1;
                at = Some(place);
            }
        }
        self.answer(db, changes, None)
    }

    /// The walks along the log that are left, each with its kinds and where it goes on. A snapshot takes the kinds one
    /// after the other, in the order of spec 3.1A; changes come in the order of the commits.
    fn walks(&self) -> Vec<(u8, Within)> {
        let (kinds, upper) = (self.cursor.kinds, self.upper);
        let begin = |kind| Within { upper, touched: self.cursor.since + 1, entry: 0, kind };
        let from = self.cursor.within.unwrap_or_else(|| begin(0));
        if self.cursor.since > 0 {
            return vec![(kinds, from)];
        }
        let kind_of = |kind: u8| (1 << kind, if kind == from.kind { from } else { begin(kind) });
        (from.kind..=Kind::Inventory as u8).map(kind_of).filter(|(kind, _)| kinds & kind != 0).collect()
    }

    /// The answer; `more` is the place of the last row sent when further ones follow. `syncTimestamp` moves on only
    /// when all is told, so that a client that knows `since` alone misses nothing.
    fn answer(&self, db: &Connection, changes: Changes, more: Option<Within>) -> Result<DeltaAnswer, Refusal> {
        let mut view_digest = None;
        let next = match more {
            Some(within) => Cursor { within: Some(within), ..self.cursor },
            None => {
                let moved = db
                    .prepare_cached("SELECT 1 FROM views WHERE user = ?1 AND touched_seq > ?2")?
                    .exists(params![self.user, self.upper])?;
                // What moved on is not what the device holds after this page.
                if self.digest && !moved {
                    view_digest = Some(view::digest(db, self.user)?);
                }
                let base = if moved { self.cursor.base } else { self.upper };
                Cursor { base, since: self.upper, within: None, ..self.cursor }
            }
        };
        let told = if more.is_some() { self.cursor.base } else { next.base };
        Ok(DeltaAnswer {
            sync_timestamp: store::time_text(store::commit_time(db, told)?),
            cursor: None,
            next_cursor: next.to_string(),
            has_more: more.is_some(),
            changes,
            view_digest,
        })
    }

    fn tell(&self, db: &Connection, stay: Stay) -> Result<Option<Told>, Refusal> {
        // Merely retained when the device took its snapshot: it never got the row.
        if stay.retained.is_some_and(|retained| retained <= self.cursor.origin) {
            return Ok(None);
        }
        if let Some((left, reason)) = &stay.left {
            let removed = self.must_drop(db, &stay, *left, *reason)?;
            return Ok(removed.then_some(Told::Removed(stay.kind, Removal { id: stay.id, reason: *reason })));
        }
        let arrived = stay.live > self.cursor.base;
        let record = match stay.kind {
            Kind::WorkOrder => match record::find(db, &stay.id)? {
                Some(order) if arrived => self.arrival(db, &order, &stay)?,
                Some(order) => self.news_of(db, &order)?,
                None => None,
            },
            Kind::Asset | Kind::Inventory if arrived => record::catalogue(db, stay.kind, &stay.id)?,
            Kind::Inventory => stock::news(db, &stay.id, self.cursor.base)?,
            Kind::Asset => None,
        };
        Ok(record.map(|record| Told::Record(stay.kind, record)))
    }

    /// A work order that came into the view: whole, unless this device made it and so lacks only what others did.
    fn arrival(&self, db: &Connection, order: &Order, stay: &Stay) -> rusqlite::Result<Option<Record>> {
        let own = self.cursor.base > 0 && stay.live == order.created_seq && self.created(db, order)?;
        if own {
            let selection = Selection { not_by: Some(self.device), ..Selection::default() };
            return record::part(db, order, selection);
        }
        // Where the device may hold it already, it must hear of the lines that went since.
        let known = stay.entered <= self.cursor.since || self.held(db, stay)?;
        let removed_after_seq = if known { self.cursor.base } else { i64::MAX };
        record::whole(db, order, removed_after_seq).map(Some)
    }

    /// What others changed in a work order that the device has.
    fn news_of(&self, db: &Connection, order: &Order) -> rusqlite::Result<Option<Record>> {
        let base = self.cursor.base;
        let selection =
            Selection { after_seq: base, not_by: Some(self.device), removed_after_seq: base, ..Selection::default() };
        record::part(db, order, selection)
    }

    /// Whether the device may hold a row that has left the view, and does not know that it left.
    fn must_drop(&self, db: &Connection, stay: &Stay, left: i64, reason: RemovalReason) -> rusqlite::Result<bool> {
        if reason == RemovalReason::Deleted && stay.left_device.as_deref() == Some(self.device) {
            return Ok(false);
        }
        if (stay.entered <= self.cursor.since && left > self.cursor.base) || self.held(db, stay)? {
            return Ok(true);
        }
        match stay.kind {
            Kind::WorkOrder => match record::find(db, &stay.id)? {
                Some(order) => self.created(db, &order),
                None => Ok(false),
            },
            Kind::Asset | Kind::Inventory => Ok(false),
        }
    }

    /// Whether the device may hold the record from a stay that ended after its base.
    fn held(&self, db: &Connection, stay: &Stay) -> rusqlite::Result<bool> {
        db.prepare_cached(
            "SELECT 1 FROM views
             WHERE kind = ?1 AND id = ?2 AND user = ?3 AND entered_seq <= ?4 AND left_seq > ?5 AND entry <> ?6
               AND (retained_seq IS NULL OR retained_seq > ?7)",
        )?
        .exists(params![
            stay.kind,
            stay.id,
            self.user,
            self.cursor.since,
            self.cursor.base,
            stay.entry,
            self.cursor.origin
        ])
    }

    /// Whether this device created `order`: then it has had it since, whatever the view log says.
    fn created(&self, db: &Connection, order: &Order) -> rusqlite::Result<bool> {
        db.prepare_cached("SELECT 1 FROM commits WHERE seq = ?1 AND device = ?2")?
            .exists(params![order.created_seq, self.device])
    }
}

/// The latest stays of a user's records that were touched after a place and up to a commit, of some kinds.
pub(super) const CHANGED: &str =
    "SELECT v.entry, v.kind, v.id, v.entered_seq, v.live_seq, v.retained_seq, v.left_seq, v.reason,
   v.left_device, v.touched_seq
 FROM views v
 WHERE v.user = ?1 AND (v.touched_seq, v.entry) > (?2, ?3) AND v.touched_seq <= ?4 AND (?5 >> v.kind) & 1
   AND NOT EXISTS (SELECT 1 FROM views later
     WHERE later.kind = v.kind AND later.id = v.id AND later.user = v.user AND later.entered_seq > v.entered_seq)
 ORDER BY v.touched_seq, v.entry";

/// One row of the view log.
struct Stay {
    entry: i64,
    kind: Kind,
    id: String,
    entered: i64,
    /// Since when it is there for more than being retained.
    live: i64,
    retained: Option<i64>,
    left: Option<(i64, RemovalReason)>,
    left_device: Option<String>,
    touched: i64,
}

impl Stay {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let left: Option<i64> = row.get(6)?;
        let reason: Option<String> = row.get(7)?;
        Ok(Self {
            entry: row.get(0)?,
            kind: row.get(1)?,
            id: row.get(2)?,
            entered: row.get(3)?,
            live: row.get(4)?,
            retained: row.get(5)?,
            left: left.map(|left| (left, view::reason(reason.as_deref().unwrap_or_default()))),
            left_device: row.get(8)?,
            touched: row.get(9)?,
        })
    }
}

fn add(changes: &mut Changes, told: Told) {
    match told {
        Told::Record(kind, record) => match kind {
            Kind::WorkOrder => changes.work_orders.push(record),
            Kind::Asset => changes.assets.push(record),
            Kind::Inventory => changes.inventory.push(record),
        },
        Told::Removed(kind, removal) => {
            let (deleted, removed) = match kind {
                Kind::WorkOrder => (&mut changes.deleted_ids.work_orders, &mut changes.removed.work_orders),
                Kind::Asset => (&mut changes.deleted_ids.assets, &mut changes.removed.assets),
                Kind::Inventory => (&mut changes.deleted_ids.inventory, &mut changes.removed.inventory),
            };
            if removal.reason == RemovalReason::Deleted {
                deleted.push(removal.id.clone());
            }
            removed.push(removal);
        }
    }
}

/// The kinds that `entities` names, a bit each; all when it is absent.
fn kinds(entities: Option<&str>) -> Result<u8, Refusal> {
    let bit = |name: &str| {
        let kind = KINDS.iter().find(|(known, _)| *known == name.trim()).map(|(_, kind)| 1 << (*kind as u8));
        kind.ok_or_else(|| Refusal::malformed(format!("`entities` names `{name}`, which is no kind of record")))
    };
    match entities {
        None => Ok(KINDS.iter().fold(0, |bits, (_, kind)| bits | 1 << (*kind as u8))),
        Some(names) => names.split(',').try_fold(0, |bits, name| Ok(bits | bit(name)?)),
    }
}

/// The cursor that the client echoes, if this server can have given it for a pull of these `kinds`.
fn given(text: &str, kinds: u8, last: i64) -> Result<Cursor, Refusal> {
    let cursor: Cursor = text.parse().map_err(|error| Refusal::malformed(format!("{error}")))?;
    if cursor.origin > last || cursor.since > last || cursor.within.is_some_and(|within| within.upper > last) {
        return Err(Refusal::malformed("the cursor is ahead of this server"));
    }
    if kinds & !cursor.kinds != 0 {
        return Err(Refusal::malformed("the cursor comes from a pull of fewer `entities`"));
    }
    Ok(Cursor { kinds, ..cursor })
}
