//! The platform's secure store (spec 2.1, 8.2): the database key, the refresh token and the device's id. It survives
//! a crash.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

/// The refresh token.
pub const REFRESH_TOKEN: &str = "refresh-token";
pub(super) const DATA_KEY: &str = "data-key";
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

/// The secure store refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeychainError(pub String);

impl fmt::Display for KeychainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the keychain failed: {}", self.0)
    }
}

impl std::error::Error for KeychainError {}

/// A keychain in memory; clones share it, so that it outlives the engine that a crash ends.
#[derive(Clone, Default)]
pub struct MemoryKeychain(Rc<RefCell<Drawer>>);

#[derive(Default)]
struct Drawer {
    kept: BTreeMap<String, String>,
    /// All that was ever in it.
    ever: Vec<(String, String)>,
}

impl MemoryKeychain {
    /// All that was ever kept in it and is to be known to nobody else, with its name, in order.
    #[must_use]
    pub fn secrets_ever(&self) -> Vec<(String, String)> {
        let secret = |(name, _): &&(String, String)| !OPEN.contains(&name.as_str());
        self.0.borrow().ever.iter().filter(secret).cloned().collect()
    }
}

impl Keychain for MemoryKeychain {
    fn get(&self, name: &str) -> Result<Option<String>, KeychainError> {
        Ok(self.0.borrow().kept.get(name).cloned())
    }

    fn set(&self, name: &str, secret: &str) -> Result<(), KeychainError> {
        let mut drawer = self.0.borrow_mut();
        drawer.kept.insert(name.to_owned(), secret.to_owned());
        drawer.ever.push((name.to_owned(), secret.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), KeychainError> {
        self.0.borrow_mut().kept.remove(name);
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
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| KeychainError(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(KeychainError(error.to_string())),
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
        replace().map_err(|error| KeychainError(error.to_string()))
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
