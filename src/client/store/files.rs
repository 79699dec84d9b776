//! Files that wait for their upload (spec 2.2, `pending_attachments`), and all encrypted files of the device with their
//! keys (decision p).

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::client::attachments::Kept;

/// A capture as it waits for its upload.
#[derive(Clone, Debug)]
pub(in crate::client) struct Pending {
    /// Its id for ever.
    pub(in crate::client) attachment_id: String,
    /// What its order is called now.
    pub(in crate::client) work_order_id: String,
    /// The file on the device.
    pub(in crate::client) kept: Kept,
    /// As it goes up.
    pub(in crate::client) sha256: String,
    /// As the user knows it.
    pub(in crate::client) file_name: String,
    /// Its media type.
    pub(in crate::client) mime_type: String,
    /// `photo` or `document`.
    pub(in crate::client) attachment_type: String,
    /// When it was taken.
    pub(in crate::client) captured_at: String,
    /// What the user says of it.
    pub(in crate::client) description: Option<String>,
    /// Where it was taken, as JSON text.
    pub(in crate::client) location: Option<String>,
    /// Where its upload goes on, once there is one.
    pub(in crate::client) upload_url: Option<String>,
    /// How often the server was asked to make an upload of it.
    pub(in crate::client) attempts: u32,
}

impl Pending {
    /// Whether the server was never asked to make an upload of it, and has nothing of it.
    pub(in crate::client) fn is_untried(&self) -> bool {
        self.attempts == 0 && self.upload_url.is_none()
    }
}

/// Notes a file that lies on the disk; without the hash of the whole, one that is to come bit by bit.
pub(in crate::client) fn add(
    c: &Connection,
    attachment_id: &str,
    kept: &Kept,
    sha256: Option<&str>,
) -> Result<(), StoreError> {
    c.prepare_cached("INSERT OR REPLACE INTO files VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        kept.name,
        attachment_id,
        kept.key,
        i64::try_from(kept.size).unwrap_or(i64::MAX),
        sha256
    ])?;
    Ok(())
}

/// Notes a capture that is to go up, by the user who took it.
pub(in crate::client) fn await_upload(c: &Connection, pending: &Pending, user: Option<&str>) -> Result<(), StoreError> {
    let sql = "INSERT INTO pending_attachments (attachmentId, workOrderId, localFilePath, fileName, fileSize, mimeType,
               description, attachmentType, capturedAt, capturedBy, location, sha256)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    c.prepare_cached(sql)?.execute(params![
        pending.attachment_id,
        pending.work_order_id,
        pending.kept.name,
        pending.file_name,
        i64::try_from(pending.kept.size).unwrap_or(i64::MAX),
        pending.mime_type,
        pending.description,
        pending.attachment_type,
        pending.captured_at,
        user,
        pending.location,
        pending.sha256
    ])?;
    add(c, &pending.attachment_id, &pending.kept, Some(&pending.sha256))
}

/// The capture with this id.
pub(in crate::client) fn pending(c: &Connection, attachment_id: &str) -> Result<Option<Pending>, StoreError> {
    let sql = "SELECT workOrderId, localFilePath, wrappedKey, size, p.sha256, fileName, mimeType, attachmentType,
               capturedAt, description, location, uploadUrl, _uploadAttempts
               FROM pending_attachments p JOIN files f ON f.name = p.localFilePath WHERE p.attachmentId = ?1";
    let mut statement = c.prepare_cached(sql)?;
    let pending = statement.query_row([attachment_id], |row| {
        let size = u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
        Ok(Pending {
            attachment_id: attachment_id.to_owned(),
            work_order_id: row.get(0)?,
            kept: Kept { name: row.get(1)?, key: row.get(2)?, size },
            sha256: row.get(4)?,
            file_name: row.get(5)?,
            mime_type: row.get(6)?,
            attachment_type: row.get(7)?,
            captured_at: row.get(8)?,
            description: row.get(9)?,
            location: row.get(10)?,
            upload_url: row.get(11)?,
            attempts: row.get(12)?,
        })
    });
    Ok(pending.optional()?)
}

/// Whether there is a file on the device that the server does not have whole.
pub(in crate::client) fn any_waits(c: &Connection) -> Result<bool, StoreError> {
    Ok(c.prepare_cached("SELECT 1 FROM pending_attachments WHERE NOT _uploaded")?.exists([])?)
}

/// The upload goes on there; nowhere when `None`.
pub(in crate::client) fn upload_at(c: &Connection, attachment_id: &str, url: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE pending_attachments SET uploadUrl = ?2 WHERE attachmentId = ?1";
    c.prepare_cached(sql)?.execute(params![attachment_id, url])?;
    Ok(())
}

/// A try begins.
pub(in crate::client) fn trying(c: &Connection, attachment_id: &str, now: &str) -> Result<(), StoreError> {
    let sql = "UPDATE pending_attachments SET _uploadAttempts = _uploadAttempts + 1, _lastAttemptAt = ?2
               WHERE attachmentId = ?1";
    c.prepare_cached(sql)?.execute([attachment_id, now])?;
    Ok(())
}

/// The server has all of it.
pub(in crate::client) fn uploaded(c: &Connection, attachment_id: &str) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE pending_attachments SET _uploaded = 1 WHERE attachmentId = ?1")?
        .execute([attachment_id])?;
    Ok(())
}

/// Forgets the files that nothing on the device speaks of any more; returns their names, in order.
pub(in crate::client) fn forget_unused(c: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = "DELETE FROM files WHERE attachmentId NOT IN (SELECT attachmentId FROM pending_attachments)
               AND attachmentId NOT IN (SELECT attachmentId FROM rescue_log WHERE attachmentId IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM work_orders WHERE instr(attachments, files.attachmentId)) RETURNING name";
    let mut statement = c.prepare_cached(sql)?;
    let mut names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    names.sort();
    c.prepare_cached("DELETE FROM downloads WHERE name NOT IN (SELECT name FROM files)")?.execute([])?;
    Ok(names)
}

/// The names of all files.
pub(in crate::client) fn names(c: &Connection) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT name FROM files")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
