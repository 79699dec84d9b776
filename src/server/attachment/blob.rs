//! Uploads in the database: a row for each, and its bytes in pieces.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::metadata::Metadata;
use crate::base::hex;
use crate::protocol::{StoredAttachment, TEMPORARY_ID_PREFIX};
use crate::server::auth::Caller;
use crate::server::role::Role;
use crate::server::settings::{ORPHANS_KEPT, UPLOADS_KEPT, millis};
use crate::server::view;

/// Pieces grow up to this many bytes before the next one begins.
const SEGMENT: usize = 64 << 10;

/// An upload as it stands.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) entry: i64,
    /// What can be said of it.
    pub(super) told: StoredAttachment,
    /// When it is forgotten; never once a record refers to it.
    pub(super) expires_ms: Option<i64>,
}

const COLUMNS: &str =
    "entry, id, user, work_order, file_name, mime_type, kind, captured_at, location, description, length,
    offset, complete, sha256, generation, expires_ms";

fn blob(row: &Row<'_>) -> rusqlite::Result<Blob> {
    let size = |column: usize| row.get::<_, i64>(column).map(|size| u64::try_from(size).unwrap_or(0));
    let expires_ms: Option<i64> = row.get(15)?;
    let told = StoredAttachment {
        attachment_id: row.get(1)?,
        owner: row.get(2)?,
        work_order_id: row.get(3)?,
        file_name: row.get(4)?,
        mime_type: row.get(5)?,
        attachment_type: row.get(6)?,
        captured_at: row.get(7)?,
        location: row.get(8)?,
        description: row.get(9)?,
        length: size(10)?,
        offset: size(11)?,
        complete: row.get(12)?,
        sha256: row.get(13)?,
        generation: size(14)?,
        referenced: expires_ms.is_none(),
    };
    Ok(Blob { entry: row.get(0)?, told, expires_ms })
}

/// The upload `id` of `user`, unless it has expired.
pub(super) fn own(db: &Connection, user: &str, id: &str, now_ms: i64) -> rusqlite::Result<Option<Blob>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM attachments WHERE user = ?1 AND id = ?2"))?
        .query_row([user, id], blob)
        .optional()
        .map(|found| found.filter(|blob| blob.expires_ms.is_none_or(|at| at > now_ms)))
}

/// Every upload called `id` that is whole. Ids are minted by clients, and two may mint one.
pub(super) fn whole(db: &Connection, id: &str, now_ms: i64) -> rusqlite::Result<Vec<Blob>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM attachments WHERE id = ?1 AND complete AND (expires_ms IS NULL OR expires_ms > ?2)
         ORDER BY entry"
    ))?
    .query_map(params![id, now_ms], blob)?
    .collect()
}

/// The whole upload `id` that `caller` may read: their own, or one of a work order in their view; an auditor, any.
pub(super) fn readable(db: &Connection, caller: &Caller, id: &str, now_ms: i64) -> rusqlite::Result<Option<Blob>> {
    let mut others = None;
    for blob in whole(db, id, now_ms)? {
        if blob.told.owner == caller.user() {
            return Ok(Some(blob));
        }
        if others.is_none() && may_read(db, caller, &blob.told)? {
            others = Some(blob);
        }
    }
    Ok(others)
}

fn may_read(db: &Connection, caller: &Caller, told: &StoredAttachment) -> rusqlite::Result<bool> {
    if Role::of(&caller.profile) == Role::Auditor {
        return Ok(true);
    }
    order_of(db, told)?.map_or(Ok(false), |order| view::sees(db, caller.user(), &order))
}

/// The work order of an upload by its real id, once it has one.
pub(super) fn order_of(db: &Connection, told: &StoredAttachment) -> rusqlite::Result<Option<String>> {
    match &told.work_order_id {
        Some(id) => real_id(db, &told.owner, id),
        None => Ok(None),
    }
}

/// The real id of a work order that `user` calls `id`, if it has one.
pub(super) fn real_id(db: &Connection, user: &str, id: &str) -> rusqlite::Result<Option<String>> {
    let Some(local_id) = id.strip_prefix(TEMPORARY_ID_PREFIX) else { return Ok(Some(id.to_owned())) };
    db.prepare_cached("SELECT work_order FROM creations WHERE user = ?1 AND local_id = ?2")?
        .query_row([user, local_id], |row| row.get(0))
        .optional()
}

/// The uploads of `user`, or everybody's.
pub(super) fn list(db: &Connection, user: Option<&str>, now_ms: i64) -> rusqlite::Result<Vec<StoredAttachment>> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM attachments WHERE (?1 IS NULL OR user = ?1) AND (expires_ms IS NULL OR expires_ms > ?2)
         ORDER BY entry"
    ))?;
    let blobs = statement.query_map(params![user, now_ms], blob)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let told = |blob: Blob| match order_of(db, &blob.told)? {
        Some(order) => Ok(StoredAttachment { work_order_id: Some(order), ..blob.told }),
        None => Ok(blob.told),
    };
    blobs.into_iter().map(told).collect()
}

/// Makes room for an upload of `length` bytes in the place of an expired one.
pub(super) fn create(
    db: &Connection,
    user: &str,
    id: &str,
    length: u64,
    metadata: &Metadata,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let expired: Option<i64> = db
        .prepare_cached("SELECT entry FROM attachments WHERE user = ?1 AND id = ?2")?
        .query_row([user, id], |row| row.get(0))
        .optional()?;
    expired.map_or(Ok(()), |entry| remove(db, entry))?;
    db.prepare_cached(
        "INSERT INTO attachments (user, id, work_order, file_name, mime_type, kind, captured_at, location, description,
           length, sha256, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        user,
        id,
        metadata.work_order,
        metadata.file_name,
        metadata.mime_type,
        metadata.kind,
        metadata.captured_at,
        metadata.location,
        metadata.description,
        signed(length),
        metadata.sha256,
        now_ms + millis(UPLOADS_KEPT)
    ])?;
    Ok(())
}

/// Adds `bytes` at `at`, if the upload still stands there; says whether it does. Two PATCHes that run at once, one of
/// them over a connection that nobody has noticed to be dead, cannot mix.
pub(super) fn append(db: &Connection, blob: &Blob, at: u64, bytes: &[u8], now_ms: i64) -> rusqlite::Result<bool> {
    let moved = db
        .prepare_cached(
            "UPDATE attachments SET offset = ?4, expires_ms = ?5
             WHERE entry = ?1 AND generation = ?2 AND offset = ?3 AND NOT complete",
        )?
        .execute(params![
            blob.entry,
            signed(blob.told.generation),
            signed(at),
            signed(at + bytes.len() as u64),
            now_ms + millis(UPLOADS_KEPT)
        ])?;
    if moved == 0 {
        return Ok(false);
    }
    let last: Option<(i64, Vec<u8>)> = db
        .prepare_cached("SELECT at, bytes FROM segments WHERE attachment = ?1 ORDER BY at DESC LIMIT 1")?
        .query_row([blob.entry], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (place, bytes) = match last {
        Some((place, last)) if last.len() + bytes.len() <= SEGMENT => (place, [&last, bytes].concat()),
        Some(_) | None => (signed(at), bytes.to_vec()),
    };
    db.prepare_cached("INSERT OR REPLACE INTO segments (attachment, at, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![blob.entry, place, bytes])?;
    Ok(true)
}

/// Takes back what came after `to`, if nothing has come after `from`: it was refused as a whole.
pub(super) fn take_back(db: &Connection, blob: &Blob, from: u64, to: u64) -> rusqlite::Result<()> {
    let moved = db
        .prepare_cached(
            "UPDATE attachments SET offset = ?4 WHERE entry = ?1 AND generation = ?2 AND offset = ?3 AND NOT complete",
        )?
        .execute(params![blob.entry, signed(blob.told.generation), signed(from), signed(to)])?;
    if moved > 0 {
        db.prepare_cached("DELETE FROM segments WHERE attachment = ?1 AND at >= ?2")?
            .execute([blob.entry, signed(to)])?;
        db.prepare_cached(
            "UPDATE segments SET bytes = substr(bytes, 1, ?2 - at) WHERE attachment = ?1 AND at + length(bytes) > ?2",
        )?
        .execute([blob.entry, signed(to)])?;
    }
    Ok(())
}

/// Marks an upload as whole, with the digest of what is there.
pub(super) fn complete(db: &Connection, entry: i64, sha256: &str, now_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE attachments SET complete = 1, sha256 = ?2, expires_ms = ?3 WHERE entry = ?1")?
        .execute(params![entry, sha256, now_ms + millis(ORPHANS_KEPT)])?;
    Ok(())
}

/// Begins an upload anew.
pub(super) fn restart(db: &Connection, entry: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM segments WHERE attachment = ?1")?.execute([entry])?;
    db.prepare_cached("UPDATE attachments SET offset = 0, generation = generation + 1 WHERE entry = ?1")?
        .execute([entry])?;
    Ok(())
}

/// Work order `order` refers to it: it stays as long as that.
pub(super) fn refer(db: &Connection, entry: i64, order: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE attachments SET expires_ms = NULL, work_order = ?2 WHERE entry = ?1")?
        .execute(params![entry, order])?;
    Ok(())
}

/// Removes an upload and all that is of it.
pub(super) fn remove(db: &Connection, entry: i64) -> rusqlite::Result<()> {
    for table in ["segments WHERE attachment", "thumbnails WHERE attachment", "attachments WHERE entry"] {
        db.prepare_cached(&format!("DELETE FROM {table} = ?1"))?.execute([entry])?;
    }
    Ok(())
}

/// Forgets what is due, and the files of the work orders in `gone`.
pub(in crate::server) fn purge(db: &Connection, now_ms: i64, gone: &[String]) -> rusqlite::Result<()> {
    let mut due: Vec<i64> = db
        .prepare_cached("SELECT entry FROM attachments WHERE expires_ms <= ?1")?
        .query_map([now_ms], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for order in gone {
        let mut statement = db.prepare_cached("SELECT entry FROM attachments WHERE work_order = ?1")?;
        due.extend(statement.query_map([order], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?);
    }
    due.into_iter().try_for_each(|entry| remove(db, entry))
}

/// Bytes `from..to` of an upload.
pub(super) fn read(db: &Connection, entry: i64, from: u64, to: u64) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(to - from).unwrap_or(0));
    walk(db, entry, from, to, |piece| bytes.extend_from_slice(piece))?;
    Ok(bytes)
}

/// The SHA-256 of all that is there, in hexadecimal.
pub(super) fn digest(db: &Connection, entry: i64) -> rusqlite::Result<String> {
    let mut hash = Sha256::new();
    walk(db, entry, 0, u64::MAX, |piece| hash.update(piece))?;
    Ok(hex(&hash.finalize()))
}

fn walk(db: &Connection, entry: i64, from: u64, to: u64, mut take: impl FnMut(&[u8])) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(
        "SELECT at, bytes FROM segments WHERE attachment = ?1 AND at < ?3 AND at + length(bytes) > ?2 ORDER BY at",
    )?;
    let mut rows = statement.query(params![entry, signed(from), signed(to)])?;
    while let Some(row) = rows.next()? {
        let at = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
        let bytes = row.get_ref(1)?.as_blob()?;
        let within = |place: u64| usize::try_from(place.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
        take(&bytes[within(from)..within(to)]);
    }
    Ok(())
}

/// As SQLite counts.
fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
