//! The platform's secure store (spec 2.1, 8.1, 8.2): the database key, the refresh token and the device's id. It survives
//! a crash, and gives nothing while the device is locked.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use super::vault::Vault;

/// The refresh token.
pub const REFRESH_TOKEN: &str = "refresh-token";
/// The wrapped data key, see [`super::Vault`].
pub const VAULT: &str = "vault";
/// The private key by which the device proves that it asks.
pub(super) const DEVICE_KEY: &str = "device-key";
/// The private key by which the device opens sealed fields.
pub(super) const SEALING_KEY: &str = "sealing-key";
pub(super) const DEVICE_ID: &str = "device-id";
/// There while a logout is under way: whatever the database holds is not to be seen again.
pub(super) const LEAVING: &str = "leaving";
/// What lies in a keychain and is no secret.
const OPEN: &[&str] = &[DEVICE_ID, LEAVING];

/// A store of small secrets by name. What `set` returned for is durable.
pub trait Keychain: fmt::Debug {
    /// The secret called `name`, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, name: &str) -> Result<Option<String>, KeychainError>;

    /// Stores `secret` as `name`.
    ///
    /// # Errors
    /// When the store cannot be written; the old secret stands.
    fn set(&self, name: &str, secret: &str) -> Result<(), KeychainError>;

    /// Forgets `name`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn remove(&self, name: &str) -> Result<(), KeychainError>;
}

/// Why the secure store refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeychainError {
    /// The device is locked.
    Locked,
    /// It failed: in words.
    Failed(String),
}

impl KeychainError {
    fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl fmt::Display for KeychainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("the keychain gives nothing while the device is locked; unlock it"),
            Self::Failed(why) => write!(f, "the keychain failed: {why}"),
        }
    }
}

impl std::error::Error for KeychainError {}

/// The secret called `name`; a new one of `mint` where there is none.
pub(super) fn secret(
    keychain: &dyn Keychain,
    name: &str,
    mint: impl FnOnce() -> String,
) -> Result<String, KeychainError> {
    if let Some(known) = keychain.get(name)? {
        return Ok(known);
    }
    let fresh = mint();
    keychain.set(name, &fresh)?;
    Ok(fresh)
}

/// A keychain in memory; clones share it, so that it outlives the engine that a crash ends.
#[derive(Clone, Default)]
pub struct MemoryKeychain(Rc<RefCell<Drawer>>);

#[derive(Default)]
struct Drawer {
    kept: BTreeMap<String, String>,
    /// All that was ever in it.
    ever: Vec<(String, String)>,
    locked: Cell<bool>,
}

impl Drawer {
    fn check(&self) -> Result<(), KeychainError> {
        if self.locked.get() { Err(KeychainError::Locked) } else { Ok(()) }
    }
}

impl MemoryKeychain {
    /// From now on it gives and takes nothing.
    pub fn lock(&self) {
        self.0.borrow().locked.set(true);
    }

    /// From now on it gives and takes again.
    pub fn unlock(&self) {
        self.0.borrow().locked.set(false);
    }

    /// Forgets all, as when the app is removed.
    pub fn clear(&self) {
        self.0.borrow_mut().kept.clear();
    }

    /// Another keychain with the same entries.
    #[must_use]
    pub fn copy(&self) -> Self {
        let kept = self.0.borrow().kept.clone();
        Self(Rc::new(RefCell::new(Drawer { kept, ..Drawer::default() })))
    }

    /// All that was ever kept in it and is to be known to nobody else, with its name, in order.
    #[must_use]
    pub fn secrets_ever(&self) -> Vec<(String, String)> {
        let mut secrets = Vec::new();
        for (name, text) in &self.0.borrow().ever {
            match name.as_str() {
                VAULT => secrets.extend(Vault::keys(text).into_iter().map(|key| ("database key".to_owned(), key))),
                name if OPEN.contains(&name) => {}
                _ => secrets.push((name.clone(), text.clone())),
            }
        }
        secrets
    }
}

impl Keychain for MemoryKeychain {
    fn get(&self, name: &str) -> Result<Option<String>, KeychainError> {
        let drawer = self.0.borrow();
        drawer.check()?;
        Ok(drawer.kept.get(name).cloned())
    }

    fn set(&self, name: &str, secret: &str) -> Result<(), KeychainError> {
        let mut drawer = self.0.borrow_mut();
        drawer.check()?;
        drawer.kept.insert(name.to_owned(), secret.to_owned());
        drawer.ever.push((name.to_owned(), secret.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), KeychainError> {
        let mut drawer = self.0.borrow_mut();
        drawer.check()?;
        drawer.kept.remove(name);
        Ok(())
    }
}

impl fmt::Debug for MemoryKeychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryKeychain").finish_non_exhaustive()
    }
}

/// A keychain in one JSON file that only its owner may read, replaced atomically.
#[derive(Clone, Debug)]
pub struct FileKeychain {
    path: PathBuf,
}

impl FileKeychain {
    /// The keychain at `path`; the file appears with the first secret.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn read(&self) -> Result<BTreeMap<String, String>, KeychainError> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(KeychainError::failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(KeychainError::failed(error)),
        }
    }

    fn write(&self, secrets: &BTreeMap<String, String>) -> Result<(), KeychainError> {
        let replace = || -> io::Result<()> {
            let fresh = self.path.with_extension("new");
            let mut file = private_file(&fresh)?;
            file.write_all(&serde_json::to_vec(secrets)?)?;
            file.sync_all()?;
            fs::rename(&fresh, &self.path)?;
            match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        replace().map_err(KeychainError::failed)
    }
}

impl Keychain for FileKeychain {
    fn get(&self, name: &str) -> Result<Option<String>, KeychainError> {
        Ok(self.read()?.remove(name))
    }

    fn set(&self, name: &str, secret: &str) -> Result<(), KeychainError> {
        let mut secrets = self.read()?;
        secrets.insert(name.to_owned(), secret.to_owned());
        self.write(&secrets)
    }

    fn remove(&self, name: &str) -> Result<(), KeychainError> {
        let mut secrets = self.read()?;
        match secrets.remove(name) {
            Some(_) => self.write(&secrets),
            None => Ok(()),
        }
    }
}

/// A new file that nobody but its owner may open.
fn private_file(path: &std::path::Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
