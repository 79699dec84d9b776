//! What a device stores on: the simulated disk with its SQLite VFS, and the real directory.
//!
//! ```text
//! Storage::connect ─► vfs (FFI) ─► mount (one boot's view) ─► simulated (power, counting) ─► image (bytes of one file)
//! ```

mod files;
mod image;
mod log;
mod mount;
mod simulated;
mod tables;
mod vfs;

#[cfg(test)]
mod tests;

pub use log::WriteLog;
pub use simulated::SimDisk;
pub use tables::{contents, tables};

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::{fs, io};

use rusqlite::Connection;

use mount::Mount;
use simulated::Refusal;

/// Where a device keeps its files.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A disk in memory that can be cut at any operation.
    Simulated(SimDisk),
    /// A directory of the machine's file system.
    Directory(PathBuf),
}

/// One connection that is keyed before there is any other, and stays open. SQLite lets other threads in before the beginnings
/// of SQLCipher are over, and SQLCipher ends with its last keyed connection, under the hands of whoever opens the next.
static IN_USE: LazyLock<rusqlite::Result<Mutex<Connection>>> = LazyLock::new(|| {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA key = 'in use'")?;
    Ok(Mutex::new(connection))
});

/// Sets SQLite and SQLCipher up. Whoever opens a connection does this before.
///
/// # Errors
/// When the library does not begin.
pub fn set_up() -> rusqlite::Result<()> {
    IN_USE.as_ref().map(|_| ()).map_err(|error| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR);
        rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
    })
}

impl Storage {
    /// Opens (or creates) the SQLite database called `file`, not yet keyed.
    ///
    /// On a simulated disk the connection must say `locking_mode = EXCLUSIVE` before `journal_mode = WAL`, because the
    /// disk has no shared memory, and keep `temp_store` in memory, because the disk holds no temporary files.
    ///
    /// # Errors
    /// When the medium refuses. A simulated disk does so while it is cut, and while another connection has `file` open.
    pub fn connect(&self, file: &str) -> rusqlite::Result<Connection> {
        set_up()?;
        match self {
            Self::Simulated(disk) => {
                let connection = vfs::connect(disk, file)?;
                // SQLCipher reports every page that a cut keeps it from reading on standard error; here that is no news.
                connection.pragma_update(None, "cipher_log_level", "NONE")?;
                Ok(connection)
            }
            Self::Directory(directory) => Connection::open(directory.join(file)),
        }
    }

    /// Whether a file called `file` holds anything.
    ///
    /// # Errors
    /// When the medium refuses.
    pub fn has(&self, file: &str) -> io::Result<bool> {
        match self {
            Self::Simulated(disk) => match Mount::new(disk).and_then(|mount| mount.len(file)) {
                Ok(len) => Ok(len > 0),
                Err(refusal) => missing_is_fine(refusal).map(|()| false),
            },
            Self::Directory(directory) => match fs::metadata(directory.join(file)) {
                Ok(found) => Ok(found.len() > 0),
                Err(error) => absent_is_fine(error).map(|()| false),
            },
        }
    }

    /// Removes the database called `file` and what SQLite keeps beside it; nothing happens when there is none. Nobody
    /// may have it open.
    ///
    /// # Errors
    /// When the medium refuses; called again, it goes on where it stopped.
    pub fn remove_database(&self, file: &str) -> io::Result<()> {
        // What holds the latest changes goes last: a database without its log would be an older one.
        for name in ["", "-journal", "-wal", "-shm"].map(|suffix| format!("{file}{suffix}")) {
            let removed = match self {
                Self::Simulated(disk) => {
                    Mount::new(disk).and_then(|mount| mount.delete(&name)).or_else(missing_is_fine)
                }
                Self::Directory(directory) => fs::remove_file(directory.join(&name)).or_else(absent_is_fine),
            };
            removed?;
        }
        Ok(())
    }
}

fn missing_is_fine(refusal: Refusal) -> io::Result<()> {
    if refusal == Refusal::Missing { Ok(()) } else { Err(io::Error::other(refusal)) }
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
