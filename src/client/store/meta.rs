//! Single values, and who is signed in.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::protocol::Profile;

/// The pull position, verbatim.
pub(in crate::client) const CURSOR: &str = "cursor";
/// The entity tag of the view as it was at the pull position; absent where the server gave none.
pub(in crate::client) const VIEW_TAG: &str = "viewTag";
/// When the last sync ended well, by the device's wall clock.
pub(in crate::client) const SYNCED_AT: &str = "syncedAt";
/// What the user set about files.
pub(in crate::client) const FILE_SETTINGS: &str = "fileSettings";
/// How often the user wants the device to sync by itself, in milliseconds; `never` for not at all.
pub(in crate::client) const SYNC_EVERY: &str = "syncEvery";
/// The latest time that the server named, by its own clock.
pub(in crate::client) const SERVER_TIME: &str = "serverTime";
/// How far the full pull under way is; absent when there is none.
pub(in crate::client) const SNAPSHOT: &str = "snapshot";
/// The fields that the server takes sealed alone, as JSON; absent while it has named none.
pub(in crate::client) const SEALED: &str = "sealed";
/// The device id under which the server knows the device's key for sealed fields.
pub(in crate::client) const SEALING_KEY_OF: &str = "sealingKeyOf";
/// Whose data this is.
pub(in crate::client) const USER_ID: &str = "userId";

/// The value called `name`.
pub(in crate::client) fn get(c: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Stores `value` as `name`.
pub(in crate::client) fn set(c: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    c.prepare_cached("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = excluded.value")?
        .execute([name, value])?;
    Ok(())
}

/// Forgets the value called `name`.
pub(in crate::client) fn remove(c: &Connection, name: &str) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([name])?;
    Ok(())
}

/// Caches the user's profile (spec 2.2).
pub(in crate::client) fn set_profile(c: &Connection, profile: &Profile) -> Result<(), StoreError> {
    let (skills, sites) = (serde_json::to_string(&profile.skills)?, serde_json::to_string(&profile.site_ids)?);
    c.prepare_cached("INSERT OR REPLACE INTO user_profile VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)")?.execute(
        params![profile.user_id, profile.email, profile.first_name, profile.last_name, profile.role, skills, sites],
    )?;
    Ok(())
}

/// The cached profile.
pub(in crate::client) fn profile(c: &Connection) -> Result<Option<Profile>, StoreError> {
    let sql = "SELECT userId, email, firstName, lastName, role, skills, siteIds FROM user_profile";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Profile {
        user_id: row.get(0)?,
        email: row.get(1)?,
        first_name: row.get(2)?,
        last_name: row.get(3)?,
        role: row.get(4)?,
        skills: serde_json::from_str(&row.get::<_, String>(5)?)?,
        site_ids: serde_json::from_str(&row.get::<_, String>(6)?)?,
    }))
}

/// The role of the cached profile, if one is cached.
pub(in crate::client) fn role(c: &Connection) -> Result<Option<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT role FROM user_profile")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}
