//! The database, its users, and the one order of commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::database::Database;
use super::factor::Factors;
use super::password::Verifier;
use super::proof::Proofs;
use super::role::Role;
use super::sealing::Sealed;
use super::settings::{RESULTS_KEPT, millis};
use crate::base::{Stream, WallClock};
use crate::protocol::Profile;

/// Everything the server knows.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Database,
    pub(super) users: Users,
    pub(super) random: Stream,
    pub(super) proofs: Proofs,
    /// What the server takes sealed alone.
    pub(super) sealed: Sealed,
    /// When there may next be something that need not be known any more.
    pub(super) purge_due_ms: i64,
    /// Up to this commit the ends of stays are forgotten: who knows no more than that must begin anew.
    pub(super) forgotten: i64,
}

impl Store {
    /// An empty one, begun at `now_ms`.
    pub(super) fn open(users: Users, mut random: Stream, now_ms: i64) -> rusqlite::Result<Self> {
        let purge_due_ms = now_ms.saturating_add(millis(RESULTS_KEPT));
        let proofs = Proofs::new(random.bytes());
        let (connection, sealed) = (Database::empty()?, Sealed::default());
        Ok(Self { connection, users, random, proofs, sealed, purge_due_ms, forgotten: 0 })
    }
}

/// Everybody who can sign in. But for passwords and used codes they do not change while the server runs.
#[derive(Debug)]
pub(super) struct Users {
    by_id: BTreeMap<String, Account>,
    overseers: Vec<String>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) profile: Arc<Profile>,
    pub(super) password: Verifier,
    pub(super) factors: Factors,
}

impl Users {
    /// Profiles with their passwords and second factors.
    pub(super) fn new(users: impl Iterator<Item = (Profile, Verifier, Factors)>) -> Self {
        let account = |(profile, password, factors): (Profile, Verifier, Factors)| {
            (profile.user_id.clone(), Account { profile: Arc::new(profile), password, factors })
        };
        let by_id: BTreeMap<_, _> = users.map(account).collect();
        let is_overseer = |account: &&Account| Role::of(&account.profile) != Role::Technician;
        let overseers = by_id.values().filter(is_overseer).map(|account| account.profile.user_id.clone()).collect();
        Self { by_id, overseers }
    }

    /// The account of `user`.
    pub(super) fn account(&self, user: &str) -> Option<&Account> {
        self.by_id.get(user)
    }

    /// The account of `user`, to be changed.
    pub(super) fn account_mut(&mut self, user: &str) -> Option<&mut Account> {
        self.by_id.get_mut(user)
    }

    /// Gives `user` another password; says whether there is such a user.
    pub(super) fn set_password(&mut self, user: &str, password: Verifier) -> bool {
        self.account_mut(user).map(|account| account.password = password).is_some()
    }

    /// Supervisors and auditors: those whose view does not hang on an assignment.
    pub(super) fn overseers(&self) -> impl Iterator<Item = &str> {
        self.overseers.iter().map(String::as_str)
    }

    /// Everybody.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.by_id.values().map(|account| account.profile.as_ref())
    }
}

/// Who writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    pub(super) device: &'a str,
    pub(super) user: &'a str,
    pub(super) role: &'a str,
}

impl Writer<'static> {
    /// The server itself: no device has seen what it adds.
    pub(super) const SERVER: Self = Self { device: "", user: "system", role: "system" };
}

/// One commit's place in the order of everything.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    /// 1 for the seed; no two are equal.
    pub(super) seq: i64,
    /// Unix milliseconds; no two are equal, and they grow even where the clock steps back (decision a).
    pub(super) ts_ms: i64,
}

impl Commit {
    /// Takes the next place, in the transaction that `db` is in.
    pub(super) fn next(db: &Connection, now_ms: i64, writer: Writer<'_>) -> rusqlite::Result<Self> {
        let last = last_commit(db)?;
        let next = Self { seq: last.seq + 1, ts_ms: now_ms.max(last.ts_ms + 1) };
        db.prepare_cached("INSERT INTO commits (seq, ts_ms, device, user, role) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![next.seq, next.ts_ms, writer.device, writer.user, writer.role])?;
        Ok(next)
    }

    /// Its time as the wire writes it.
    pub(super) fn at(&self) -> String {
        time_text(self.ts_ms)
    }
}

/// The latest commit; seq 0 before the first.
pub(super) fn last_commit(db: &Connection) -> rusqlite::Result<Commit> {
    let last = db
        .prepare_cached("SELECT seq, ts_ms FROM commits ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Commit { seq: row.get(0)?, ts_ms: row.get(1)? }))
        .optional()?;
    Ok(last.unwrap_or(Commit { seq: 0, ts_ms: 0 }))
}

/// The latest commit at or before `ts_ms`; seq 0 when there is none.
pub(super) fn commit_at(db: &Connection, ts_ms: i64) -> rusqlite::Result<i64> {
    let seq = db
        .prepare_cached("SELECT seq FROM commits WHERE ts_ms <= ?1 ORDER BY ts_ms DESC LIMIT 1")?
        .query_row([ts_ms], |row| row.get(0))
        .optional()?;
    Ok(seq.unwrap_or(0))
}

/// When commit `seq` was made, Unix milliseconds; 0 for seq 0.
pub(super) fn commit_time(db: &Connection, seq: i64) -> rusqlite::Result<i64> {
    let ts_ms =
        db.prepare_cached("SELECT ts_ms FROM commits WHERE seq = ?1")?.query_row([seq], |row| row.get(0)).optional()?;
    Ok(ts_ms.unwrap_or(0))
}

/// Unix milliseconds as the wire writes them.
pub(super) fn time_text(ts_ms: i64) -> String {
    WallClock::text(Timestamp::from_millisecond(ts_ms).unwrap_or(Timestamp::MAX))
}
