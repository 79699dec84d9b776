//! Single values, and who is signed in.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::protocol::Profile;

/// The pull position, verbatim.
pub(in crate::client) const CURSOR: &str = "cursor";
/// When the last sync ended well, by the device's wall clock.
pub(in crate::client) const SYNCED_AT: &str = "syncedAt";
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

/// Caches the user's profile (spec 2.2).
pub(in crate::client) fn set_profile(c: &Connection, profile: &Profile) -> Result<(), StoreError> {
    let (skills, sites) = (serde_json::to_string(&profile.skills)?, serde_json::to_string(&profile.site_ids)?);
    c.prepare_cached("INSERT OR REPLACE INTO user_profile VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)")?.execute(
        params![profile.user_id, profile.email, profile.first_name, profile.last_name, profile.role, skills, sites],
    )?;
    Ok(())
}

/// The role of the cached profile, if one is cached.
pub(in crate::client) fn role(c: &Connection) -> Result<Option<String>, StoreError> {
    let mut statement = c.prepare_cached("SELECT role FROM user_profile")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}
