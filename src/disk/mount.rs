//! The simulated disk from inside: what a connection may do to files between power-up and the next cut.

use std::sync::MutexGuard;

use super::image::Image;
use super::simulated::{Refusal, SimDisk, State};

/// One connection's access to a disk. The cut that ends its generation ends it for ever: after the next power-up, too,
/// it can neither read nor change what newer ones see.
#[derive(Debug)]
pub(super) struct Mount {
    disk: SimDisk,
    generation: u64,
}

impl Mount {
    /// Access to `disk` until it is cut; refused while it is.
    pub(super) fn new(disk: &SimDisk) -> Result<Self, Refusal> {
        let generation = disk.state().generation().ok_or(Refusal::Cut)?;
        Ok(Self { disk: disk.clone(), generation })
    }

    /// Refused after a cut.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.enter().map(drop)
    }

    /// Finds the file called `name`; with `create`, makes an empty one if there is none.
    pub(super) fn open(&self, name: &str, create: bool) -> Result<(), Refusal> {
        let mut state = self.enter()?;
        if state.files.contains_key(name) {
            return Ok(());
        }
        if !create {
            return Err(Refusal::Missing);
        }
        state.count()?;
        state.files.insert(name.to_owned(), Image::default());
        Ok(())
    }

    /// Takes the database `name` for this connection alone. That is all the locking there is: the VFS's own locks can
    /// then always be granted.
    pub(super) fn reserve(&self, name: &str) -> Result<(), Refusal> {
        if self.enter()?.in_use.insert(name.to_owned()) { Ok(()) } else { Err(Refusal::InUse) }
    }

    /// Gives back what [`Mount::reserve`] took.
    pub(super) fn release(&self, name: &str) {
        if let Ok(mut state) = self.enter() {
            state.in_use.remove(name);
        }
    }

    /// Removes a file, durably.
    pub(super) fn delete(&self, name: &str) -> Result<(), Refusal> {
        let mut state = self.enter()?;
        find(&mut state, name)?;
        state.count()?;
        state.files.remove(name);
        Ok(())
    }

    /// The names of all files that begin with `prefix`, sorted.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>, Refusal> {
        let state = self.enter()?;
        let from = state.files.range(prefix.to_owned()..);
        Ok(from.map(|(name, _)| name).take_while(|name| name.starts_with(prefix)).cloned().collect())
    }

    /// The length of a file in bytes.
    pub(super) fn len(&self, name: &str) -> Result<usize, Refusal> {
        Ok(find(&mut *self.enter()?, name)?.content().len())
    }

    /// Copies what lies at `offset` into `out` and returns how many bytes there were.
    pub(super) fn read(&self, name: &str, offset: usize, out: &mut [u8]) -> Result<usize, Refusal> {
        Ok(find(&mut *self.enter()?, name)?.read(offset, out))
    }

    /// Writes `bytes` at `offset`; durable from the next [`Mount::sync`] on.
    pub(super) fn write(&self, name: &str, offset: usize, bytes: &[u8]) -> Result<(), Refusal> {
        let mut state = self.enter()?;
        let len = find(&mut state, name)?.content().len();
        state.make_room((offset + bytes.len()).saturating_sub(len))?;
        state.count()?;
        state.written.note(name, offset, bytes);
        find(&mut state, name)?.write(offset, bytes);
        Ok(())
    }

    /// Makes a file `len` bytes long; durable from the next [`Mount::sync`] on.
    pub(super) fn truncate(&self, name: &str, len: usize) -> Result<(), Refusal> {
        self.change(name, |image| image.truncate(len))
    }

    /// Makes every change of a file so far durable.
    pub(super) fn sync(&self, name: &str) -> Result<(), Refusal> {
        self.change(name, Image::sync)
    }

    fn change(&self, name: &str, operation: impl FnOnce(&mut Image)) -> Result<(), Refusal> {
        let mut state = self.enter()?;
        find(&mut state, name)?;
        state.count()?;
        operation(find(&mut state, name)?);
        Ok(())
    }

    fn enter(&self) -> Result<MutexGuard<'_, State>, Refusal> {
        let state = self.disk.state();
        if state.generation() == Some(self.generation) { Ok(state) } else { Err(Refusal::Cut) }
    }
}

fn find<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Image, Refusal> {
    state.files.get_mut(name).ok_or(Refusal::Missing)
}
