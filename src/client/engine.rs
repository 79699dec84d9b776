//! What an app may ask of the engine.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use super::answer::Failure;
use super::attachments::{self, FileError, FileSettings, FileStore, OpenError, PhotoError, Progress};
use super::board::Board;
use super::keychain::{DEVICE_ID, Keychain, KeychainError, secret};
use super::pace::Pace;
use super::schedule::Schedule;
use super::session::Session;
use super::state::Shown;
use super::store::{Store, StoreError, meta, queue};
use super::transport::Transport;
use super::vault::{Credentials, DataKey, KeyCost, Vault, VaultError};
use super::{account, sealing};
use crate::base::{Stream, WallClock};
use crate::disk::Storage;
use crate::history::{Circumstance, DeviceEvent};
use crate::protocol::{ErrorCode, MAX_BATCH_OPERATIONS, SignInRequest};

/// What an engine is made of besides its storage.
pub struct Parts {
    /// The way to the server.
    pub transport: Rc<dyn Transport>,
    /// The platform's secure store.
    pub keychain: Rc<dyn Keychain>,
    /// The device's wall clock.
    pub clock: WallClock,
    /// Ids, keys and jitter are drawn from it.
    pub random: Stream,
    /// Told of everything that the engine does and shows; it must not call back into the engine.
    pub observer: Rc<dyn Fn(DeviceEvent)>,
    /// See [`Settings`].
    pub settings: Settings,
    /// Whether the platform says that there is a network.
    pub online: bool,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a user or a test may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The period of background syncs; `None` for none (spec 5.1).
    pub sync_every: Option<Duration>,
    /// Whether waits are drawn from the upper half of the table, or are the table's own (decision l).
    pub jitter: bool,
    /// Rows in a page of a pull.
    pub page_limit: u32,
    /// What it costs to derive a key from the user's credentials.
    pub key_cost: KeyCost,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sync_every: Some(Duration::from_secs(15 * 60)), jitter: true, page_limit: 100, key_cost: KeyCost::REAL }
    }
}

/// Why the engine did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// The database failed, or its key is wrong.
    Store(StoreError),
    /// The keychain failed.
    Keychain(KeychainError),
    /// There is no key for the database.
    Vault(VaultError),
    /// The device shows no such work order.
    NoSuchOrder(String),
    /// No change of the work order failed.
    NothingFailed(String),
    /// The record is the server's alone: assets and inventory are caches (spec 2.2).
    ReadOnly(String),
    /// The photo cannot go up.
    Photo(PhotoError),
    /// There is nothing in the file of this name.
    EmptyFile(String),
    /// A file on the device could not be written or read.
    File(FileError),
    /// A file of an order cannot be opened.
    Open(OpenError),
    /// A field that is the sync's own, and not the user's to set.
    ReservedField(String),
    /// No conflict on the order, or on this field of it, can be decided so.
    NothingToResolve {
        /// The order.
        order: String,
        /// The field, if one was named.
        field: Option<String>,
    },
    /// No choice on the order is left that has not gone out.
    NothingToUndo(String),
    /// The rules decide this field's conflicts.
    NoChoice(String),
    /// The device holds another user's data.
    OtherUser(String),
    /// The server, or the way to it, refused.
    Remote {
        /// The code of spec 7.1.
        code: ErrorCode,
        /// In words.
        detail: String,
    },
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Keychain(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
            Self::NoSuchOrder(id) => write!(f, "there is no work order `{id}` on this device"),
            Self::NothingFailed(id) => write!(f, "no change of `{id}` has failed"),
            Self::Photo(error) => error.fmt(f),
            Self::EmptyFile(name) => write!(f, "`{name}` is empty: nothing was attached"),
            Self::File(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::ReadOnly(id) => write!(f, "`{id}` is kept here to be read; it cannot be changed on a device"),
            Self::ReservedField(field) => write!(f, "`{field}` belongs to the sync and cannot be set"),
            Self::NothingToResolve { order, field: None } => write!(f, "nothing on `{order}` waits for a choice"),
            Self::NothingToResolve { order, field: Some(field) } => {
                write!(f, "no conflict on `{field}` of `{order}` can be decided so")
            }
            Self::NothingToUndo(order) => write!(f, "no choice on `{order}` can be taken back any more"),
            Self::NoChoice(field) => write!(f, "the rules decide the conflicts of `{field}`, not the user"),
            Self::OtherUser(user) => write!(f, "this device holds the data of `{user}`"),
            Self::Remote { code, detail } => write!(f, "{code}: {detail}"),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeychainError> for EngineError {
    fn from(error: KeychainError) -> Self {
        Self::Keychain(error)
    }
}

impl From<PhotoError> for EngineError {
    fn from(error: PhotoError) -> Self {
        Self::Photo(error)
    }
}

impl From<FileError> for EngineError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<VaultError> for EngineError {
    fn from(error: VaultError) -> Self {
        if let VaultError::Keychain(error) = error { Self::Keychain(error) } else { Self::Vault(error) }
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        Self::Remote { code: failure.code, detail: failure.detail }
    }
}

/// The sync engine of one device.
pub struct Engine {
    pub(super) store: Store,
    pub(super) data_key: RefCell<DataKey>,
    pub(super) session: Session,
    pub(super) clock: WallClock,
    pub(super) random: RefCell<Stream>,
    observer: Rc<dyn Fn(DeviceEvent)>,
    pub(super) settings: Settings,
    pub(super) schedule: RefCell<Schedule>,
    /// Held by the one sync that runs.
    pub(super) turn: Mutex<()>,
    /// Tells the background loop to look again; it keeps one notice for a loop that is busy.
    pub(super) wake: Notify,
    /// Operations in a batch: halved when the server finds one too large (decision h).
    pub(super) batch_limit: Cell<usize>,
    /// Bytes in a batch: what the link at hand bears.
    pub(super) pace: Cell<Pace>,
    pub(super) shown: RefCell<Option<Shown>>,
    /// No pull has compared the view as a whole since the start.
    pub(super) fresh: Cell<bool>,
    pub(super) keychain: Rc<dyn Keychain>,
    pub(super) device_id: RefCell<String>,
    pub(super) board: RefCell<Board>,
    /// When the last sync ended well, by the wall clock.
    pub(super) synced_at: Cell<Option<Timestamp>>,
    /// The encrypted files.
    pub(super) file_store: FileStore,
    pub(super) file_settings: Cell<FileSettings>,
    pub(super) uploads: RefCell<Progress>,
    /// Tells an upload under way to look whether it may go on.
    pub(super) disturb: Notify,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("device_id", &self.device_id.borrow()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the device's database, creating it on the first start. What a crash left in progress waits again.
    ///
    /// # Errors
    /// When storage or keychain fail, or the database belongs to another key.
    pub fn open(storage: &Storage, parts: Parts) -> Result<Rc<Self>, EngineError> {
        let Parts { transport, keychain, clock, mut random, observer, settings, online } = parts;
        let left = account::finish_leaving(storage, &*keychain)?;
        let data_key = account::data_key(storage, &*keychain, &mut random)?;
        let device_id = secret(&*keychain, DEVICE_ID, || mint(&mut random, &clock))?;
        let store = Store::open(storage, &data_key.hex())?;
        let cleaned = store.tidy()?;
        let queued = queue::count(store.read())?;
        let interrupted = if queued == 0 { 0 } else { store.write(queue::release)? };
        let file_store = FileStore::new(storage.clone(), &data_key.hex());
        attachments::tidy(&store, &file_store)?;
        let file_settings = attachments::saved_settings(store.read())?;
        let sync_every = account::sync_every(&store, settings.sync_every)?;
        let synced_at = meta::get(store.read(), meta::SYNCED_AT)?.and_then(|at| at.parse().ok());
        let session = Session::new(transport, Rc::clone(&keychain), clock.clone(), random.fork());
        let signed_in = session.has_refresh_token()?;
        let engine = Rc::new(Self {
            store,
            data_key: RefCell::new(data_key),
            session,
            clock,
            random: RefCell::new(random),
            observer,
            schedule: RefCell::new(Schedule::new(sync_every, signed_in, Instant::now())),
            settings,
            turn: Mutex::new(()),
            wake: Notify::new(),
            batch_limit: Cell::new(MAX_BATCH_OPERATIONS),
            pace: Cell::default(),
            shown: RefCell::default(),
            fresh: Cell::new(true),
            keychain,
            device_id: RefCell::new(device_id),
            board: RefCell::default(),
            synced_at: Cell::new(synced_at),
            file_store,
            file_settings: Cell::new(file_settings),
            uploads: RefCell::default(),
            disturb: Notify::new(),
        });
        engine.schedule.borrow_mut().connectivity(online);
        if left {
            engine.emit(DeviceEvent::LoggedOut);
        }
        engine.emit(DeviceEvent::Opened { queued, interrupted });
        if !cleaned.is_empty() {
            engine.emit(DeviceEvent::CleanedUp { orders: cleaned });
        }
        engine.show()?;
        Ok(engine)
    }

    /// Signs `user` in, with the code of an authenticator where the server asks for one. The data of another user is never
    /// touched: it takes a logout first.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, the device is another user's, or storage fails.
    pub async fn sign_in(&self, user: &str, password: &str, code: Option<String>) -> Result<(), EngineError> {
        let owner = meta::get(self.store.read(), meta::USER_ID)?;
        if let Some(other) = owner.as_deref().filter(|owner| *owner != user) {
            return Err(EngineError::OtherUser(other.to_owned()));
        }
        let device_id = self.device_id.borrow().clone();
        let request = SignInRequest { user_id: user.to_owned(), password: password.to_owned(), code, device_id };
        self.session.sign_in(&request).await?;
        // Who cannot be reached now is told by the next sync.
        let _ = sealing::prepare(self).await;
        // The server knows these credentials: from now on the database's key is wrapped under them.
        let (credentials, cost) = (Credentials { user, password }, self.settings.key_cost);
        Vault::bind(&*self.keychain, &credentials, cost, &mut self.random.borrow_mut())?;
        if owner.is_none() {
            self.store.write(|tx| meta::set(tx, meta::USER_ID, user))?;
        }
        self.schedule.borrow_mut().signed_in(Instant::now());
        self.wake.notify_one();
        Ok(())
    }

    /// Every text in the database, in the clear: for whoever looks for what should not be there.
    ///
    /// # Errors
    /// When storage fails.
    pub fn contents(&self) -> Result<Vec<u8>, EngineError> {
        Ok(self.store.contents()?)
    }

    /// The key of the database, for what else is encrypted on the device.
    #[must_use]
    pub fn data_key(&self) -> DataKey {
        self.data_key.borrow().clone()
    }

    /// The platform tells whether there is a network. Back online means a sync at once (spec 5.1).
    pub fn connectivity(&self, online: bool) {
        // Whatever link comes, nothing is known of it.
        self.pace.set(Pace::default());
        self.uploads.borrow_mut().another_link();
        self.schedule.borrow_mut().connectivity(online);
        self.wake.notify_one();
        // A status that cannot be read now is read again by the next sync, which reports the database.
        let _ = self.show();
    }

    /// The platform tells of screen, battery and network (spec 5.1).
    pub fn told(&self, what: Circumstance) {
        self.schedule.borrow_mut().told(what, Instant::now());
        if matches!(what, Circumstance::Network { .. }) {
            self.another_network();
        }
        self.wake.notify_one();
    }

    /// A fresh id of version 7.
    pub(super) fn mint(&self) -> String {
        mint(&mut self.random.borrow_mut(), &self.clock)
    }

    pub(super) fn emit(&self, event: DeviceEvent) {
        self.board.borrow_mut().hear(&event);
        (self.observer)(event);
    }
}

pub(super) fn mint(random: &mut Stream, clock: &WallClock) -> String {
    random.uuid_v7(u64::try_from(clock.now().as_millisecond()).unwrap_or(0)).to_string()
}
