//! The last part of a sync: files go up, each with what its order says of it behind it, in the order of the queue; what the
//! user opened comes down before them, and the rest after.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::FileSettings;
use super::file_store::FileStore;
use super::upload::Advance;
use crate::client::answer::Failure;
use crate::client::engine::{Engine, EngineError};
use crate::client::priority::URGENT;
use crate::client::push::{self, Due, Pushed};
use crate::client::store::{Store, StoreError, downloads, files, meta, queue};
use crate::history::{DeviceEvent, Phase};

/// Batches in a row that may overtake a file, so that it is never kept waiting for ever.
const MOST_OVERTAKING: u32 = 3;

/// Lines that may wait while the next file goes up: they share a round trip then. Whatever ends the sync, they go out first
/// in the next one.
const MOST_LINES_WAITING: usize = 2;

/// At the start of the app disk and database agree again: what nothing refers to goes, and what somebody took from the disk
/// is forgotten where the server can give it again.
pub(in crate::client) fn tidy(store: &Store, file_store: &FileStore) -> Result<(), EngineError> {
    let known = files::names(store.read())?;
    let unused = if known.is_empty() { Vec::new() } else { store.write(files::forget_unused)? };
    let known: BTreeSet<String> = known.into_iter().filter(|name| !unused.contains(name)).collect();
    let there = file_store.sweep(&known)?;
    let mut lost = known.difference(&there).peekable();
    if lost.peek().is_some() {
        store.write(|tx| lost.try_for_each(|name| downloads::forget_lost(tx, name)))?;
    }
    Ok(())
}

/// Sends up what waits and gets what is to come, if anything is and the network is one for it.
pub(in crate::client) async fn run(engine: &Engine, pushed: &mut Pushed) -> Result<(), Failure> {
    let changed = engine.uploads.borrow().down.is_to_look();
    let waits = files::any_waits(engine.store.read())? && !push::due(engine, &pushed.held)?.is_empty();
    if waits || engine.wish(false)?.is_some() {
        engine.emit(DeviceEvent::PhaseStarted { phase: Phase::Files });
        let settled = pushed.settled;
        both_ways(engine, pushed).await?;
        // What stopped for want of WiFi is not on its way any more.
        engine.store.write(queue::release)?;
        engine.remove_unused()?;
        engine.show()?;
        engine.emit(DeviceEvent::PhaseEnded { phase: Phase::Files, count: pushed.settled - settled });
    } else if changed && downloads::any(engine.store.read())? {
        engine.remove_unused()?;
    }
    Ok(())
}

async fn both_ways(engine: &Engine, pushed: &mut Pushed) -> Result<(), Failure> {
    let mut overtaken = 0;
    loop {
        let due = push::due(engine, &pushed.held)?;
        let urgent = due.first().is_some_and(|first| first.level <= URGENT);
        if !urgent && let Some(opened) = engine.wish(true)? {
            engine.fetch(&opened, pushed).await?;
            continue;
        }
        let file = due.iter().find(|due| due.uploads);
        match (due.first(), file) {
            (Some(first), Some(file))
                if first.uploads || lines_can_wait(&due, file) || (overtaken >= MOST_OVERTAKING && !urgent) =>
            {
                overtaken = 0;
                engine.show()?;
                if engine.upload(file.row, pushed).await? == Advance::Judged {
                    engine.show()?;
                }
            }
            (Some(_), _) => {
                // What is urgent never waits for a file.
                overtaken += u32::from(!urgent);
                let rows = due.iter().take_while(|due| !due.uploads).map(|due| due.row).collect();
                push::batch(engine, rows, pushed).await?;
            }
            (None, _) => match engine.wish(false)? {
                Some(wish) => engine.fetch(&wish, pushed).await?,
                None => return Ok(()),
            },
        }
    }
}

/// Whether nothing is due before `file` but a few lines of files that are with the server: theirs are the levels of files.
fn lines_can_wait(due: &[Due], file: &Due) -> bool {
    let ahead = due.iter().take_while(|due| !due.uploads);
    ahead.clone().all(|due| due.level == file.level) && ahead.count() <= MOST_LINES_WAITING
}

/// The settings as the user left them.
pub(in crate::client) fn saved_settings(c: &Connection) -> Result<FileSettings, StoreError> {
    let saved = meta::get(c, meta::FILE_SETTINGS)?;
    Ok(saved.map(|saved| serde_json::from_str(&saved)).transpose()?.unwrap_or_default())
}

impl Engine {
    /// The user sets how files are synced; a running upload obeys at once.
    ///
    /// # Errors
    /// When storage fails; then nothing changed.
    pub fn set_file_settings(&self, settings: FileSettings) -> Result<(), EngineError> {
        let saved = serde_json::to_string(&settings).map_err(StoreError::from)?;
        self.store.write(|tx| meta::set(tx, meta::FILE_SETTINGS, &saved))?;
        self.file_settings.set(settings);
        self.another_network();
        Ok(())
    }

    /// How files are synced.
    #[must_use]
    pub fn file_settings(&self) -> FileSettings {
        self.file_settings.get()
    }

    /// What may go over the network is not what it was: an upload under way looks, and one that waited comes at once.
    pub(in crate::client) fn another_network(&self) {
        self.uploads.borrow_mut().another_link();
        self.disturb.notify_one();
        // A queue that cannot be read now is read by the next sync.
        let goes_up = self.uploads_allowed() && files::any_waits(self.store.read()).unwrap_or(false);
        if goes_up || self.wish(false).is_ok_and(|wish| wish.is_some()) {
            self.schedule.borrow_mut().ask();
            self.wake.notify_one();
        }
    }

    /// Whether files may go up on the network at hand.
    pub(in crate::client) fn uploads_allowed(&self) -> bool {
        self.file_settings.get().uploads(self.schedule.borrow().on_wifi())
    }

    /// Removes the files that nothing on the device speaks of any more.
    pub(in crate::client) fn remove_unused(&self) -> Result<(), StoreError> {
        let unused = self.store.write(files::forget_unused)?;
        // What cannot be removed now is swept at the next start.
        unused.iter().for_each(|name| drop(self.file_store.remove(name)));
        Ok(())
    }
}
