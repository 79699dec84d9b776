//! Plain files beside the database: what is too large for a row. Whole files are written once and durable on return.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::mount::Mount;
use super::simulated::Refusal;
use super::{Storage, absent_is_fine, missing_is_fine};

impl Storage {
    /// Writes the file called `name`, or appends to it. On return it is durable; after a crash on the way there may be
    /// none of it, or a part.
    ///
    /// # Errors
    /// When the medium refuses: cut, full, or worse.
    pub fn append_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Simulated(disk) => {
                let mount = Mount::new(disk).map_err(io::Error::other)?;
                let append = || {
                    mount.open(name, true)?;
                    mount.write(name, mount.len(name)?, bytes)?;
                    mount.sync(name)
                };
                append().map_err(refused)
            }
            Self::Directory(directory) => {
                let mut file = OpenOptions::new().create(true).append(true).open(directory.join(name))?;
                file.write_all(bytes)?;
                file.sync_all()?;
                sync_directory(directory)
            }
        }
    }

    /// Cuts the file called `name` down to `len` bytes. On return it is durable.
    ///
    /// # Errors
    /// When there is no such file, or the medium refuses.
    pub fn cut_file(&self, name: &str, len: u64) -> io::Result<()> {
        match self {
            Self::Simulated(disk) => {
                let mount = Mount::new(disk).map_err(io::Error::other)?;
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                mount.truncate(name, len).and_then(|()| mount.sync(name)).map_err(refused)
            }
            Self::Directory(directory) => {
                let file = OpenOptions::new().write(true).open(directory.join(name))?;
                file.set_len(len)?;
                file.sync_all()
            }
        }
    }

    /// Bytes of the file called `name` from `offset` on, `len` at most.
    ///
    /// # Errors
    /// When there is no such file, or the medium refuses.
    pub fn read_file(&self, name: &str, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Self::Simulated(disk) => {
                let mount = Mount::new(disk).map_err(io::Error::other)?;
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                let there = mount.len(name).map_err(refused)?.saturating_sub(offset);
                bytes.resize(len.min(there), 0);
                mount.read(name, offset, &mut bytes).map_err(refused)?;
            }
            Self::Directory(directory) => {
                let mut file = File::open(directory.join(name))?;
                file.seek(SeekFrom::Start(offset))?;
                file.take(len as u64).read_to_end(&mut bytes)?;
            }
        }
        Ok(bytes)
    }

    /// The length of the file called `name`, in bytes.
    ///
    /// # Errors
    /// When there is no such file, or the medium refuses.
    pub fn file_len(&self, name: &str) -> io::Result<u64> {
        match self {
            Self::Simulated(disk) => {
                let mount = Mount::new(disk).map_err(io::Error::other)?;
                Ok(mount.len(name).map_err(refused)? as u64)
            }
            Self::Directory(directory) => Ok(fs::metadata(directory.join(name))?.len()),
        }
    }

    /// Removes the file called `name`; nothing happens when there is none.
    ///
    /// # Errors
    /// When the medium refuses.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        match self {
            Self::Simulated(disk) => Mount::new(disk).and_then(|mount| mount.delete(name)).or_else(missing_is_fine),
            Self::Directory(directory) => fs::remove_file(directory.join(name)).or_else(absent_is_fine),
        }
    }

    /// The names of all files that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// When the medium refuses.
    pub fn files_with(&self, prefix: &str) -> io::Result<Vec<String>> {
        match self {
            Self::Simulated(disk) => Mount::new(disk).and_then(|mount| mount.names(prefix)).map_err(io::Error::other),
            Self::Directory(directory) => {
                let mut names = Vec::new();
                for entry in fs::read_dir(directory)? {
                    names.extend(entry?.file_name().into_string().ok().filter(|name| name.starts_with(prefix)));
                }
                names.sort();
                Ok(names)
            }
        }
    }
}

/// A new name in a directory outlives a power cut once the directory is synced.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn refused(refusal: Refusal) -> io::Error {
    match refusal {
        Refusal::Missing => io::Error::new(io::ErrorKind::NotFound, refusal),
        Refusal::Full => io::Error::new(io::ErrorKind::StorageFull, refusal),
        Refusal::Cut | Refusal::InUse => io::Error::other(refusal),
    }
}
