//! What the user does with the device as a whole: clear the cache, log out (spec 8.4).

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::attachments::{self, FileSettings, Progress};
use super::board::Board;
use super::engine::{Engine, EngineError, mint};
use super::keychain::{DEVICE_ID, DEVICE_KEY, Keychain, LEAVING, REFRESH_TOKEN, SEALING_KEY, VAULT};
use super::store::{self, Store, StoreError, clear, logs, meta, queue};
use super::vault::{DataKey, Vault, VaultError};
use crate::base::Stream;
use crate::disk::Storage;
use crate::history::DeviceEvent;
use crate::protocol::{SelectionAnswer, SelectionRequest, path};

/// What is stored where the device is never to sync by itself.
const NEVER: &str = "never";

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
        self.keychain.remove(SEALING_KEY)?;
        self.keychain.remove(VAULT)?;
        self.keychain.remove(DEVICE_ID)?;
        let data_key = Vault::found(&*self.keychain, &mut self.random.borrow_mut())?;
        self.store.wipe(&data_key.hex())?;
        *self.data_key.borrow_mut() = data_key;
        // Without their keys, which are gone, the files are noise; they go all the same.
        self.file_store.sweep(&BTreeSet::new())?;
        self.file_store.rekey(&self.data_key.borrow().hex());
        self.file_settings.set(FileSettings::default());
        // Another installation, as far as the server is concerned: nothing that this one wrote may be kept from it.
        let device_id = mint(&mut self.random.borrow_mut(), &self.clock);
        self.keychain.set(DEVICE_ID, &device_id)?;
        *self.device_id.borrow_mut() = device_id;
        self.keychain.remove(LEAVING)?;
        self.schedule.borrow_mut().set_period(self.settings.sync_every, Instant::now());
        self.schedule.borrow_mut().signed_out();
        *self.uploads.borrow_mut() = Progress::default();
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

    /// The user sets how often the device syncs by itself; `None` for never.
    ///
    /// # Errors
    /// When storage fails; then nothing changed.
    pub fn set_sync_every(&self, every: Option<Duration>) -> Result<(), EngineError> {
        let saved = every.map_or_else(|| NEVER.to_owned(), |every| every.as_millis().to_string());
        self.store.write(|tx| meta::set(tx, meta::SYNC_EVERY, &saved))?;
        self.schedule.borrow_mut().set_period(every, Instant::now());
        self.wake.notify_one();
        Ok(())
    }

    fn ask_for_sync(&self) {
        self.schedule.borrow_mut().ask();
        self.wake.notify_one();
    }
}

/// How often the device syncs by itself: as its user set it, else as it came.
pub(super) fn sync_every(store: &Store, unless_set: Option<Duration>) -> Result<Option<Duration>, StoreError> {
    let saved = meta::get(store.read(), meta::SYNC_EVERY)?;
    Ok(match saved.as_deref() {
        None => unless_set,
        Some(saved) => saved.parse().ok().map(Duration::from_millis),
    })
}

/// Ends a logout that a crash cut short: whatever the database holds goes unread. Returns whether there was one.
pub(super) fn finish_leaving(storage: &Storage, keychain: &dyn Keychain) -> Result<bool, EngineError> {
    if keychain.get(LEAVING)?.is_none() {
        return Ok(false);
    }
    forget(keychain)?;
    store::discard(storage)?;
    attachments::sweep(storage, &BTreeSet::new())?;
    keychain.remove(LEAVING)?;
    Ok(true)
}

/// The key of the database. A key without a database is an earlier installation's, whose app was removed: nothing of it
/// is used. A database without its key was copied from elsewhere: it is left as it is.
pub(super) fn data_key(
    storage: &Storage,
    keychain: &dyn Keychain,
    random: &mut Stream,
) -> Result<DataKey, EngineError> {
    match (Vault::open(keychain)?, store::exists(storage)?) {
        (Some(key), true) => Ok(key),
        (None, true) => Err(VaultError::WrongKey.into()),
        (_, false) => {
            forget(keychain)?;
            // It is safe before a database exists that needs it.
            Ok(Vault::found(keychain, random)?)
        }
    }
}

fn forget(keychain: &dyn Keychain) -> Result<(), EngineError> {
    Ok([REFRESH_TOKEN, VAULT, DEVICE_KEY, SEALING_KEY, DEVICE_ID]
        .into_iter()
        .try_for_each(|name| keychain.remove(name))?)
}
