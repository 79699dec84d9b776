//! What the user does with the device as a whole: clear the cache, log out (spec 8.4).

use super::attachments::{self, FileSettings};
use super::board::Board;
use super::engine::{Engine, EngineError, hex, mint};
use super::keychain::{DATA_KEY, DEVICE_ID, Keychain, LEAVING, REFRESH_TOKEN};
use super::store::{self, StoreError, clear, logs, queue};
use std::collections::BTreeSet;

use crate::disk::Storage;
use crate::history::DeviceEvent;
use crate::protocol::{SelectionAnswer, SelectionRequest, path};

/// What came of the wish to log out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOut {
    /// Nothing of the user is on the device any more.
    Done,
    /// Refused: so many changes that the server does not have would be lost.
    Unsynced(u64),
}

impl Engine {
    /// Clears the cache; a full pull follows as soon as there is a network. Queued changes stay, with the records that
    /// they are about, so that there is nothing to warn of.
    ///
    /// # Errors
    /// When storage fails; then nothing changed.
    pub async fn clear_cache(&self) -> Result<(), EngineError> {
        let _turn = self.turn.lock().await;
        self.store.write(clear::cache)?;
        self.remove_unused()?;
        self.emit(DeviceEvent::CacheCleared);
        self.ask_for_sync();
        Ok(self.show()?)
    }

    /// Logs the user out: all records, the queue, the logs and the keys are deleted, also if the device dies on the way.
    /// With changes that the server does not have it refuses, unless `force` says that the user has been warned.
    ///
    /// # Errors
    /// When keychain or storage fail; the next start goes on with it then.
    pub async fn log_out(&self, force: bool) -> Result<LogOut, EngineError> {
        let _turn = self.turn.lock().await;
        let c = self.store.read();
        let unsynced = queue::count(c)? + logs::count_rescued(c)?;
        if unsynced > 0 && !force {
            return Ok(LogOut::Unsynced(unsynced));
        }
        self.keychain.set(LEAVING, "yes")?;
        self.session.forget()?;
        self.keychain.remove(DATA_KEY)?;
        self.keychain.remove(DEVICE_ID)?;
        let key = hex(&self.random.borrow_mut().bytes::<32>());
        self.store.wipe(&key)?;
        self.keychain.set(DATA_KEY, &key)?;
        // Without their keys, which are gone, the files are noise; they go all the same.
        self.vault.sweep(&BTreeSet::new())?;
        self.vault.rekey(&key);
        self.file_settings.set(FileSettings::default());
        // Another installation, as far as the server is concerned: nothing that this one wrote may be kept from it.
        let device_id = mint(&mut self.random.borrow_mut(), &self.clock);
        self.keychain.set(DEVICE_ID, &device_id)?;
        *self.device_id.borrow_mut() = device_id;
        self.keychain.remove(LEAVING)?;
        self.schedule.borrow_mut().signed_out();
        *self.board.borrow_mut() = Board::default();
        self.synced_at.set(None);
        self.emit(DeviceEvent::LoggedOut);
        *self.shown.borrow_mut() = None;
        Ok(LogOut::Done)
    }

    /// Picks further work orders to sync, or gives picks up; a sync follows by itself. Needs the network.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses; then nothing changed.
    pub async fn select(&self, request: &SelectionRequest) -> Result<(), EngineError> {
        let json = serde_json::to_vec(request).map_err(StoreError::from)?;
        let _answer: SelectionAnswer = self.session.post_json(path::SELECTION, json).await?;
        self.ask_for_sync();
        Ok(())
    }

    fn ask_for_sync(&self) {
        self.schedule.borrow_mut().ask();
        self.wake.notify_one();
    }
}

/// Ends a logout that a crash cut short: whatever the database holds goes unread. Returns whether there was one.
pub(super) fn finish_leaving(storage: &Storage, keychain: &dyn Keychain) -> Result<bool, EngineError> {
    if keychain.get(LEAVING)?.is_none() {
        return Ok(false);
    }
    for name in [REFRESH_TOKEN, DATA_KEY, DEVICE_ID] {
        keychain.remove(name)?;
    }
    store::discard(storage)?;
    attachments::sweep(storage, &BTreeSet::new())?;
    keychain.remove(LEAVING)?;
    Ok(true)
}
