//! The encrypted files on the device's disk (decision p): each under a key of its own, which is wrapped under the data
//! key and kept in the database.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest, Sha256};

use super::sealed::{self, Damaged, FileKey, SEGMENT};
use crate::base::{Stream, hex};
use crate::disk::Storage;

/// What the names of all files begin with; after it comes what the file is and whose.
pub const PREFIX: &str = "file-";

/// Bytes that are read at a time where all of a file is looked at.
const READ_AT_ONCE: u64 = 16 * SEGMENT as u64;

/// A file could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError(String);

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a file on the device failed: {}", self.0)
    }
}

impl std::error::Error for FileError {}

impl From<Damaged> for FileError {
    fn from(_: Damaged) -> Self {
        Self("it is damaged, or its key is another's".into())
    }
}

/// A file's name, its wrapped key and its length without encryption: what the database knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Kept {
    pub(in crate::client) name: String,
    pub(in crate::client) key: Vec<u8>,
    pub(in crate::client) size: u64,
}

/// The files.
pub(in crate::client) struct FileStore {
    storage: Storage,
    /// Wraps the files' keys.
    wrapping: Cell<FileKey>,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").finish_non_exhaustive()
    }
}

impl FileStore {
    /// The files on `storage`, under the data key.
    pub(in crate::client) fn new(storage: Storage, data_key: &str) -> Self {
        Self { storage, wrapping: Cell::new(wrapping_key(data_key)) }
    }

    /// From now on there is another data key; what was kept under the old one is lost.
    pub(in crate::client) fn rekey(&self, data_key: &str) {
        self.wrapping.set(wrapping_key(data_key));
    }

    /// Keeps `plain` as `name`; durable on return. What fails leaves nothing behind.
    pub(in crate::client) fn keep(&self, name: &str, plain: &[u8], random: &mut Stream) -> Result<Kept, FileError> {
        let key: FileKey = random.bytes();
        let kept = sealed::wrap(&self.wrapping.get(), name, random.bytes(), &key)?;
        let written = sealed::seal(&key, 0, plain, true)?;
        if let Err(error) = self.storage.append_file(name, &written) {
            // A disk that refuses this, too, is swept at the next start.
            let _ = self.storage.remove_file(name);
            return Err(FileError(format!("{name} cannot be written: {error}")));
        }
        Ok(Kept { name: name.to_owned(), key: kept, size: plain.len() as u64 })
    }

    /// Makes room for a file of `size` bytes that comes bit by bit; what was there of an earlier one goes.
    pub(in crate::client) fn begin(&self, name: &str, size: u64, random: &mut Stream) -> Result<Kept, FileError> {
        self.remove(name)?;
        let key: FileKey = random.bytes();
        let kept = sealed::wrap(&self.wrapping.get(), name, random.bytes(), &key)?;
        Ok(Kept { name: name.to_owned(), key: kept, size })
    }

    /// How much of a file is here, in bytes.
    pub(in crate::client) fn there(&self, kept: &Kept) -> Result<u64, FileError> {
        Ok(sealed::plain_len(self.sealed_len(kept)?, kept.size))
    }

    /// How much of a file is here and sound, in bytes: what a torn write left behind its last good segment is cut off.
    pub(in crate::client) fn mend(&self, kept: &Kept) -> Result<u64, FileError> {
        let sealed = self.sealed_len(kept)?;
        let (there, mut sound) = (sealed::plain_len(sealed, kept.size), 0);
        while sound < there
            && let Ok(segment) = self.read(kept, sound, SEGMENT as u64)
            && !segment.is_empty()
        {
            sound += segment.len() as u64;
        }
        let kept_bytes = sealed::sealed_len(sound, kept.size);
        if kept_bytes < sealed {
            let failed = |error| FileError(format!("{} cannot be cut: {error}", kept.name));
            self.storage.cut_file(&kept.name, kept_bytes).map_err(failed)?;
        }
        Ok(sound)
    }

    fn sealed_len(&self, kept: &Kept) -> Result<u64, FileError> {
        match self.storage.file_len(&kept.name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            len => len.map_err(|error| FileError(format!("{} cannot be read: {error}", kept.name))),
        }
    }

    /// Adds to a file what comes at `offset`: whole segments, unless the file ends with it. Durable on return.
    pub(in crate::client) fn extend(&self, kept: &Kept, offset: u64, plain: &[u8]) -> Result<(), FileError> {
        let key = sealed::unwrap(&self.wrapping.get(), &kept.name, &kept.key)?;
        let first = usize::try_from(offset).unwrap_or(usize::MAX) / SEGMENT;
        let last = offset + plain.len() as u64 == kept.size;
        let segments = sealed::seal(&key, first, plain, last)?;
        let failed = |error| FileError(format!("{} cannot be written: {error}", kept.name));
        self.storage.append_file(&kept.name, &segments).map_err(failed)
    }

    /// The hash of a whole file, in small hexadecimal digits.
    pub(in crate::client) fn sha256(&self, kept: &Kept) -> Result<String, FileError> {
        let mut hash = Sha256::new();
        let mut offset = 0;
        while offset < kept.size {
            let part = self.read(kept, offset, READ_AT_ONCE)?;
            if part.is_empty() {
                return Err(Damaged.into());
            }
            hash.update(&part);
            offset += part.len() as u64;
        }
        Ok(hex(&hash.finalize()))
    }

    /// `len` bytes of a file from `offset` on, less at its end.
    pub(in crate::client) fn read(&self, kept: &Kept, offset: u64, len: u64) -> Result<Vec<u8>, FileError> {
        let key = sealed::unwrap(&self.wrapping.get(), &kept.name, &kept.key)?;
        let (first, at, bytes, last) = sealed::place(kept.size, offset, len);
        let failed = |error| FileError(format!("{} cannot be read: {error}", kept.name));
        let segments = self.storage.read_file(&kept.name, at, bytes).map_err(failed)?;
        let mut plain = sealed::open(&key, first, &segments, last)?;
        let skip = usize::try_from(offset).unwrap_or(usize::MAX).saturating_sub(first * SEGMENT).min(plain.len());
        plain.drain(..skip);
        plain.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(plain)
    }

    /// Removes a file, if it is there.
    pub(in crate::client) fn remove(&self, name: &str) -> Result<(), FileError> {
        self.storage.remove_file(name).map_err(|error| FileError(format!("{name} cannot be removed: {error}")))
    }

    /// Removes all files but those that the database knows: what a crash left of captures that were never acknowledged.
    /// Returns the names of those that are there.
    pub(in crate::client) fn sweep(&self, known: &BTreeSet<String>) -> Result<BTreeSet<String>, FileError> {
        sweep(&self.storage, known)
    }
}

/// Removes all files but the `known` ones; returns the names of those that are there.
pub(in crate::client) fn sweep(storage: &Storage, known: &BTreeSet<String>) -> Result<BTreeSet<String>, FileError> {
    let failed = |error| FileError(format!("files cannot be swept: {error}"));
    let all = storage.files_with(PREFIX).map_err(failed)?;
    let (there, unknown): (BTreeSet<String>, BTreeSet<String>) = all.into_iter().partition(|name| known.contains(name));
    unknown.iter().try_for_each(|name| storage.remove_file(name)).map_err(failed)?;
    Ok(there)
}

/// The data key opens the database; a key that is derived from it wraps.
fn wrapping_key(data_key: &str) -> FileKey {
    Sha256::new().chain_update(b"deadzone: keys of files").chain_update(data_key).finalize().into()
}
