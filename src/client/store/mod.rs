//! The device's database: SQLCipher over whatever the device stores on.
//!
//! Functions of the files below take a connection, so that the caller decides what belongs to one transaction.

pub(super) mod audit;
pub(super) mod cache;
pub(super) mod clear;
pub(super) mod downloads;
pub(super) mod files;
pub(super) mod logs;
pub(super) mod meta;
mod packed;
pub(super) mod queue;
pub(super) mod responses;
pub(super) mod rows;
pub(super) mod snapshot;

use std::fmt;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::disk::{self, Storage};

/// The database's file name on the device's storage.
const FILE: &str = "deadzone.db";
/// The newest schema, for a device that has none.
const SCHEMA: &str = include_str!("schema.sql");
/// What leads from each schema to the next, the first from version 1 to version 2. A step is never changed once
/// devices have it; a new table or column goes into the schema and, since the last release, into the last step.
const STEPS: &[&str] = &[include_str!("step-2.sql"), include_str!("step-3.sql")];
/// The version of [`SCHEMA`].
const SCHEMA_VERSION: usize = 1 + STEPS.len();
/// More than there are statements, so that each is prepared once.
const CACHED_STATEMENTS: usize = 96;

/// The database failed, or holds what this engine did not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(String);

impl StoreError {
    pub(super) fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the local database failed: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("a stored document is damaged: {error}"))
    }
}

/// How pages are encrypted: half as large as SQLCipher's default, because a commit encrypts and signs whole pages and most
/// change a few small rows; signed with the one SHA-2 that phones and servers have instructions for.
pub(super) const CIPHER: &str = "PRAGMA cipher_page_size = 2048; PRAGMA cipher_hmac_algorithm = HMAC_SHA256";

/// The open database.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the database with the raw key `key_hex` (64 hex digits), creating it when there is none.
    ///
    /// # Errors
    /// When the medium fails, the key is wrong, the library has no encryption or the schema is newer than this engine.
    pub(super) fn open(storage: &Storage, key_hex: &str) -> Result<Self, StoreError> {
        let connection = storage.connect(FILE)?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // EXCLUSIVE before WAL: then no shared memory is needed. FULL, or a power cut takes acknowledged edits (t).
        connection.execute_batch(&format!(
            "PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{key_hex}'\"; {CIPHER}; PRAGMA cipher_memory_security = OFF;
             PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE;"
        ))?;
        let cipher: String =
            connection.query_row("PRAGMA cipher_version", [], |row| row.get(0)).map_err(|_| no_cipher())?;
        if cipher.is_empty() {
            return Err(no_cipher());
        }
        // Else statements with a join inside are prepared anew whenever their parameters change.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // What lies in the log is as durable as what lies in the file, and closing is no time to copy it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let version = known_version(&connection)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
        let store = Self { connection };
        store.migrate(version)?;
        Ok(store)
    }

    /// One transaction, whatever lies between: a crash leaves the old schema or the new one.
    fn migrate(&self, version: usize) -> Result<(), StoreError> {
        let steps: &[&str] = match version {
            0 => &[SCHEMA],
            version => STEPS.get(version - 1..).unwrap_or_default(),
        };
        if steps.is_empty() {
            return Ok(());
        }
        self.write(|tx| {
            steps.iter().try_for_each(|step| tx.execute_batch(step))?;
            Ok(tx.execute_batch(&format!("PRAGMA user_version = {SCHEMA_VERSION}"))?)
        })
    }

    /// Deletes old work; returns the ids of the work orders (spec 8.4).
    ///
    /// # Errors
    /// When the medium fails.
    pub(super) fn tidy(&self) -> Result<Vec<String>, StoreError> {
        let old = clear::old_work(&self.connection)?;
        if !old.is_empty() {
            self.write(|tx| old.iter().try_for_each(|id| clear::work_order(tx, id)))?;
        }
        Ok(old)
    }

    /// Deletes all that is stored and puts what is left of the file under another key.
    ///
    /// # Errors
    /// When the medium fails; then the file is good for nothing but [`discard`].
    pub(super) fn wipe(&self, key_hex: &str) -> Result<(), StoreError> {
        self.connection.execute_batch("PRAGMA secure_delete = ON")?;
        self.write(clear::everything)?;
        self.connection.execute_batch(&format!("PRAGMA rekey = \"x'{key_hex}'\"; PRAGMA secure_delete = OFF"))?;
        self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(())
    }

    /// Every text and every blob in it, in the clear: for whoever looks for what should not be there.
    ///
    /// # Errors
    /// When the medium fails.
    pub(super) fn contents(&self) -> Result<Vec<u8>, StoreError> {
        Ok(disk::contents(&self.connection)?)
    }

    /// For reading.
    pub(super) fn read(&self) -> &Connection {
        &self.connection
    }

    /// Runs `work` in one transaction: all of it is durable on return, or none of it happened.
    ///
    /// # Errors
    /// Those of `work`, and when the medium fails.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }
}

/// Throws the database away, whoever's it is and whatever its key.
///
/// # Errors
/// When the medium refuses; part of it may be gone then.
pub(super) fn discard(storage: &Storage) -> Result<(), StoreError> {
    storage.remove_database(FILE).map_err(|error| StoreError(error.to_string()))
}

/// Whether there is a database.
///
/// # Errors
/// When the medium refuses.
pub(super) fn exists(storage: &Storage) -> Result<bool, StoreError> {
    storage.has(FILE).map_err(|error| StoreError(error.to_string()))
}

/// The schema that the file has, 0 for none; asked before anything is changed, since what a newer engine wrote is not
/// this one's to touch.
fn known_version(connection: &Connection) -> Result<usize, StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if let Some(known) = usize::try_from(version).ok().filter(|version| *version <= SCHEMA_VERSION) {
        return Ok(known);
    }
    Err(StoreError(format!("its schema has version {version}, this engine knows {SCHEMA_VERSION}; update the app")))
}

fn no_cipher() -> StoreError {
    StoreError("the library was built without encryption".into())
}
