//! The simulated disk from outside: its power, its counter, its armed cut, and what lies on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::image::Image;
use super::log::WriteLog;
use crate::base::{CrashHow, Stream};

/// A disk in memory that loses its power on demand. Clones are handles on the same disk.
///
/// It is shared behind a mutex and not an `Rc` because SQLite's connections, which reach it through C, may change
/// threads.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// What the disk is at this moment.
#[derive(Default)]
pub(super) struct State {
    /// The files by name.
    pub(super) files: BTreeMap<String, Image>,
    /// All that was written since somebody last took it.
    pub(super) written: WriteLog,
    /// The databases that a connection of this generation has open.
    pub(super) in_use: BTreeSet<String>,
    /// How often the disk was cut: what was opened under a smaller number is dead.
    generation: u64,
    cut: bool,
    /// Bytes that may still be added; any number when `None`.
    free: Option<usize>,
    operations: u64,
    armed: Option<Armed>,
    bell: Arc<Notify>,
}

/// A cut that waits for its operation.
struct Armed {
    /// Operations until then; the cut takes the place of the last of them.
    left: u64,
    how: CrashHow,
    stream: Stream,
}

/// Why the disk did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is cut, or was cut since the handle was opened.
    Cut,
    /// There is no such file.
    Missing,
    /// Another connection has the database open.
    InUse,
    /// There is no room left.
    Full,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "the disk is cut",
            Self::Missing => "there is no such file on the disk",
            Self::InUse => "another connection has this database open",
            Self::Full => "the disk is full",
        })
    }
}

impl std::error::Error for Refusal {}

impl SimDisk {
    /// An empty disk with its power on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations have changed the disk since it was made: file creations, writes, truncations, syncs and
    /// deletions. Cuts and power-ups do not reset it.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Cuts the disk instead of the `after`-th operation from now; 1 (or 0) is the very next one. Replaces a cut armed
    /// before. `stream` decides what a torn cut leaves.
    pub fn arm(&self, after: u64, how: CrashHow, stream: Stream) {
        self.state().armed = Some(Armed { left: after.max(1), how, stream });
    }

    /// Takes back what [`SimDisk::arm`] armed, if it has not happened yet.
    pub fn disarm(&self) {
        self.state().armed = None;
    }

    /// Cuts the disk now; nothing more happens to a disk that is already cut.
    ///
    /// Whatever is open fails from here on with `SQLITE_IOERR`, for ever, so nothing that a destructor writes arrives.
    /// Only what SQLite answers from its own cache still succeeds.
    pub fn cut(&self, how: CrashHow, stream: &mut Stream) {
        self.state().cut(how, stream);
    }

    /// Whether the disk is cut and waits for [`SimDisk::power_up`].
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.state().cut
    }

    /// From now on so many bytes can still be added to its files; `None` lifts the limit. What shrinks or goes makes no
    /// room: others take it.
    pub fn limit(&self, free: Option<usize>) {
        self.state().free = free;
    }

    /// Waits until the disk is cut. Who waits is woken even if the power is back before it runs.
    pub async fn until_cut(&self) {
        let bell = Arc::clone(&self.state().bell);
        // Listen first, then look: a cut between the two is not missed.
        let rung = bell.notified();
        if !self.is_cut() {
            rung.await;
        }
    }

    /// Turns the power on again: new connections find what survived.
    pub fn power_up(&self) {
        self.state().cut = false;
    }

    /// The bytes on the disk by file name: as the process sees them, or what survived if the disk is cut.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().files.iter().map(|(name, image)| (name.clone(), image.content().to_vec())).collect()
    }

    /// Takes all that was written since the last time, whatever became of it.
    #[must_use]
    pub fn take_written(&self) -> WriteLog {
        std::mem::take(&mut self.state().written)
    }

    /// How many bytes [`SimDisk::take_written`] would give.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.state().written.bytes().len()
    }

    /// A panic elsewhere leaves no half-done change behind, so a poisoned lock is no reason to stop.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("SimDisk")
            .field("cut", &state.cut)
            .field("operations", &state.operations)
            .finish_non_exhaustive()
    }
}

impl State {
    /// The generation that may use the disk now; none while it is cut.
    pub(super) fn generation(&self) -> Option<u64> {
        (!self.cut).then_some(self.generation)
    }

    /// Counts an operation that is about to change the disk, or cuts the disk if this is the armed one.
    pub(super) fn count(&mut self) -> Result<(), Refusal> {
        if let Some(mut armed) = self.armed.take_if(Armed::is_due) {
            self.cut(armed.how, &mut armed.stream);
            return Err(Refusal::Cut);
        }
        self.operations += 1;
        Ok(())
    }

    /// Takes `bytes` of what is free.
    pub(super) fn make_room(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Some(free) = self.free.as_mut() else { return Ok(()) };
        *free = free.checked_sub(bytes).ok_or(Refusal::Full)?;
        Ok(())
    }

    fn cut(&mut self, how: CrashHow, stream: &mut Stream) {
        if self.cut {
            return;
        }
        self.cut = true;
        self.generation += 1;
        self.armed = None;
        self.in_use.clear();
        for image in self.files.values_mut() {
            image.crash(how, stream);
        }
        self.bell.notify_waiters();
    }
}

impl Armed {
    fn is_due(&mut self) -> bool {
        self.left -= 1;
        self.left == 0
    }
}
