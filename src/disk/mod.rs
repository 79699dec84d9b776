//! What a device stores on: the simulated disk with its SQLite VFS, and the real directory.

use std::path::PathBuf;

use rusqlite::Connection;

/// Where a device keeps its files.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A directory of the machine's file system.
    Directory(PathBuf),
}

impl Storage {
    /// Opens (or creates) the SQLite database called `file`, not yet keyed.
    ///
    /// # Errors
    /// When the medium refuses.
    pub fn connect(&self, file: &str) -> rusqlite::Result<Connection> {
        match self {
            Self::Directory(directory) => Connection::open(directory.join(file)),
        }
    }
}
