//! A SQLite database in memory with the server's schema.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::power::Power;
use crate::disk;

/// More than there are statements, so that none is ever prepared twice.
const CACHED_STATEMENTS: usize = 128;

thread_local! {
    /// The database of the last server that ended on this thread. Whoever runs thousands of servers would spend most of
    /// their time on parsing the same schema and statements.
    static SPARE: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// A connection that leaves its schema and its prepared statements to the next one of its thread, and no row.
#[derive(Debug)]
pub(super) struct Database(Option<Connection>);

impl Database {
    /// One without a row in it.
    pub(super) fn empty() -> rusqlite::Result<Self> {
        let spare = SPARE.with_borrow_mut(Option::take);
        // One that cannot be emptied is no loss.
        let spare = spare.filter(|spare| empty(spare).is_ok());
        spare.map_or_else(create, Ok).map(|connection| Self(Some(connection)))
    }

    /// Commits from now on as long as `power` lasts.
    pub(super) fn runs_on(&mut self, power: Arc<Power>) -> rusqlite::Result<()> {
        self.commit_hook(Some(move || power.forbids_commit()))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The next server's power is another.
        let _ = self.commit_hook(None::<fn() -> bool>);
        // The thread itself may be ending.
        let _ = SPARE.try_with(|spare| spare.replace(self.0.take()));
    }
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.as_ref().expect(HELD)
    }
}

impl DerefMut for Database {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0.as_mut().expect(HELD)
    }
}

const HELD: &str = "a database is held until it is dropped";

fn create() -> rusqlite::Result<Connection> {
    disk::set_up()?;
    let connection = Connection::open_in_memory()?;
    // Else every join is prepared anew whenever its parameters change, which costs more than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.execute_batch(concat!("BEGIN;", include_str!("schema.sql"), "COMMIT;"))?;
    Ok(connection)
}

/// Removes every row. Row ids start anew with it: no table of the schema is declared `AUTOINCREMENT`.
fn empty(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    for table in disk::tables(connection)? {
        connection.prepare_cached(&format!("DELETE FROM {table}"))?.execute([])?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_leaves_behind_is_not_there_for_the_next() {
        let rows = |database: &Database| -> i64 {
            database.query_row("SELECT COUNT(*) FROM numbering", [], |row| row.get(0)).unwrap()
        };
        let first = Database::empty().unwrap();
        first.execute("INSERT INTO numbering (last) VALUES (7)", []).unwrap();
        assert_eq!(rows(&first), 1);
        drop(first);
        let next = Database::empty().unwrap();
        assert_eq!(rows(&next), 0);
        next.execute("INSERT INTO numbering (last) VALUES (7)", []).unwrap();
        assert_eq!(next.last_insert_rowid(), 1);
    }
}
