//! What orders say of files that the server has, and what of those is on the device or on its way.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::StoreError;
use super::files;
use crate::client::attachments::Kept;
use crate::history::HeldFile;

/// What an order says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Line {
    /// The file.
    pub(in crate::client) attachment_id: String,
    /// As users know it.
    pub(in crate::client) file_name: String,
    /// It is a picture, and may have a thumbnail.
    pub(in crate::client) picture: bool,
    /// Its hash, where the order knows it.
    pub(in crate::client) sha256: Option<String>,
    /// It went up as files do. What has no hash, or lies elsewhere, may not be with the server at all, and is looked for
    /// only when it is opened.
    pub(in crate::client) went_up: bool,
    /// Nobody should be without it.
    pub(in crate::client) critical: bool,
}

impl Line {
    /// The line `value`, if it is one whose id can name a file on a disk.
    fn of(value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        let id = text("attachmentId").filter(|id| {
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })?;
        Some(Self {
            attachment_id: id.to_owned(),
            file_name: text("fileName").unwrap_or(id).to_owned(),
            picture: text("mimeType").is_some_and(|kind| kind.starts_with("image/")),
            sha256: text("sha256").map(str::to_owned),
            went_up: text("sha256").is_some() && text("url").is_none(),
            critical: value.get("critical").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// The lines in a field `attachments`.
pub(in crate::client) fn lines_of(attachments: Option<&Value>) -> Vec<Line> {
    attachments.and_then(Value::as_array).into_iter().flatten().filter_map(Line::of).collect()
}

/// The lines of all visible orders, in the order of those.
pub(in crate::client) fn lines(c: &Connection) -> Result<Vec<Line>, StoreError> {
    let sql = "SELECT attachments FROM work_orders WHERE length(attachments) > 2 ORDER BY workOrderId";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.extend(lines_of(Some(&serde_json::from_str(&row.get::<_, String>(0)?)?)));
    }
    Ok(lines)
}

/// The file called `name` with the hash of the whole, once that is here.
pub(in crate::client) fn whole(c: &Connection, name: &str) -> Result<Option<(Kept, String)>, StoreError> {
    let sql = "SELECT wrappedKey, size, sha256 FROM files WHERE name = ?1 AND sha256 IS NOT NULL";
    let mut statement = c.prepare_cached(sql)?;
    let found = statement.query_row([name], |row| Ok((kept(name, row)?, row.get(2)?)));
    Ok(found.optional()?)
}

fn kept(name: &str, row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    let size = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
    Ok(Kept { name: name.to_owned(), key: row.get(0)?, size })
}

/// A file on its way down.
#[derive(Clone, Debug)]
pub(in crate::client) struct Coming {
    /// The file on the device, with the length that it will have.
    pub(in crate::client) kept: Kept,
    /// Under which tag its parts belong together.
    pub(in crate::client) tag: String,
    /// The hash that the whole must have.
    pub(in crate::client) sha256: String,
}

/// The file called `name`, if it is on its way.
pub(in crate::client) fn coming(c: &Connection, name: &str) -> Result<Option<Coming>, StoreError> {
    let sql = "SELECT f.wrappedKey, f.size, d.tag, d.sha256 FROM files f JOIN downloads d USING (name) WHERE name = ?1";
    let mut statement = c.prepare_cached(sql)?;
    let found =
        statement.query_row([name], |row| Ok(Coming { kept: kept(name, row)?, tag: row.get(2)?, sha256: row.get(3)? }));
    Ok(found.optional()?)
}

/// A file begins to come.
pub(in crate::client) fn begin(c: &Connection, attachment_id: &str, coming: &Coming) -> Result<(), StoreError> {
    files::add(c, attachment_id, &coming.kept, None)?;
    c.prepare_cached("INSERT OR REPLACE INTO downloads VALUES (?1, ?2, ?3)")?.execute(params![
        coming.kept.name,
        coming.tag,
        coming.sha256
    ])?;
    Ok(())
}

/// All of it is here, and it is what it should be.
pub(in crate::client) fn complete(c: &Connection, attachment_id: &str, coming: &Coming) -> Result<(), StoreError> {
    files::add(c, attachment_id, &coming.kept, Some(&coming.sha256))?;
    c.prepare_cached("DELETE FROM downloads WHERE name = ?1")?.execute([&coming.kept.name])?;
    c.prepare_cached("DELETE FROM wanted_files WHERE attachmentId = ?1")?.execute([attachment_id])?;
    Ok(())
}

/// What came of a file is good for nothing.
pub(in crate::client) fn give_up(c: &Connection, name: &str) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM files WHERE name = ?1")?.execute([name])?;
    c.prepare_cached("DELETE FROM downloads WHERE name = ?1")?.execute([name])?;
    Ok(())
}

/// A file is not on the disk any more: nothing is known of it, unless it is the user's own and the only one.
pub(in crate::client) fn forget_lost(c: &Connection, name: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM files WHERE name = ?1
               AND attachmentId NOT IN (SELECT attachmentId FROM pending_attachments WHERE NOT _uploaded)";
    c.prepare_cached(sql)?.execute([name])?;
    Ok(())
}

/// The user wants to see it.
pub(in crate::client) fn want(c: &Connection, attachment_id: &str) -> Result<(), StoreError> {
    c.prepare_cached("INSERT OR IGNORE INTO wanted_files VALUES (?1)")?.execute([attachment_id])?;
    Ok(())
}

/// Whether the user wants to see it.
pub(in crate::client) fn wanted(c: &Connection, attachment_id: &str) -> Result<bool, StoreError> {
    Ok(c.prepare_cached("SELECT 1 FROM wanted_files WHERE attachmentId = ?1")?.exists([attachment_id])?)
}

/// Whether there is any file on the device.
pub(in crate::client) fn any(c: &Connection) -> Result<bool, StoreError> {
    Ok(c.prepare_cached("SELECT 1 FROM files")?.exists([])?)
}

/// The files that can be shown, by name. What the name of a thumbnail ends with, `small` says.
pub(in crate::client) fn shown(c: &Connection, small: &str) -> Result<Vec<HeldFile>, StoreError> {
    let mut statement =
        c.prepare_cached("SELECT attachmentId, name, size, sha256 FROM files WHERE sha256 IS NOT NULL ORDER BY name")?;
    let files = statement.query_map([], |row| {
        let bytes = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
        let thumbnail = row.get::<_, String>(1)?.ends_with(small);
        Ok(HeldFile { attachment_id: row.get(0)?, thumbnail, bytes, sha256: row.get(3)? })
    })?;
    Ok(files.collect::<Result<_, _>>()?)
}
