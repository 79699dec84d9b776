//! Answers that are kept for a while (spec 6.4), each for the user who got it.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;

use super::{StoreError, packed};
use crate::base::WallClock;

/// What nobody has asked for since then is thrown away.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// An answer as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Kept {
    /// Its entity tag.
    pub(in crate::client) tag: Option<String>,
    /// Its JSON.
    pub(in crate::client) body: String,
    /// When it came, or was last found to be still so, by the device's wall clock.
    pub(in crate::client) stored_at: String,
    /// For how long it need not be asked for again, in seconds.
    pub(in crate::client) fresh_for: i64,
}

impl Kept {
    /// What it says.
    pub(in crate::client) fn content<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

/// What `user` got at `target`.
pub(in crate::client) fn get(c: &Connection, user: &str, target: &str) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT tag, body, storedAt, freshFor FROM responses WHERE userId = ?1 AND target = ?2";
    let mut statement = c.prepare_cached(sql)?;
    let mut rows = statement.query([user, target])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let body = packed::unpack(row.get_ref(1)?)?.unwrap_or_default().into_owned();
    Ok(Some(Kept { tag: row.get(0)?, body, stored_at: row.get(2)?, fresh_for: row.get(3)? }))
}

/// Keeps what `user` got at `target`, and throws away what is very old.
pub(in crate::client) fn put(c: &Connection, user: &str, target: &str, kept: &Kept) -> Result<(), StoreError> {
    if let Ok(now) = kept.stored_at.parse::<Timestamp>() {
        let before = WallClock::text(now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN));
        c.prepare_cached("DELETE FROM responses WHERE storedAt < ?1")?.execute([before])?;
    }
    c.prepare_cached("INSERT OR REPLACE INTO responses VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        user,
        target,
        kept.tag,
        packed::pack(kept.body.clone()),
        kept.stored_at,
        kept.fresh_for
    ])?;
    Ok(())
}

/// Forgets what `user` got at `target`.
pub(in crate::client) fn remove(c: &Connection, user: &str, target: &str) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM responses WHERE userId = ?1 AND target = ?2")?.execute([user, target])?;
    Ok(())
}
