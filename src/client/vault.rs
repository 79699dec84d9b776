//! The key of the database (spec 8.1, decision o): 32 random bytes, in the clear in memory alone. In the keychain it lies
//! wrapped (AES-256-GCM) by a key that Argon2id derives from the user's credentials and a salt of the device.
//!
//! The derived key lies beside it, as the spec has it, so that an app that the system starts again works without its
//! user; what guards both is that the keychain gives nothing while the device is locked. All is one entry: keychains
//! replace one entry at a time, and a crash between two would leave a key that opens nothing.

use std::fmt;
use std::str::FromStr;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

use super::keychain::{Keychain, KeychainError, VAULT};
use crate::base::{Stream, hex, unhex};

/// Bound into what is wrapped, so that nothing else that was ever wrapped can stand for it.
const PURPOSE: &[u8] = b"deadzone data key";
/// Bytes of the nonce that leads a wrapped key.
const NONCE_LEN: usize = 12;

/// What a derivation costs whoever guesses (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyCost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl KeyCost {
    /// For people: the OWASP Password Storage Cheat Sheet's first choice, some 20 ms.
    pub const REAL: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// The least that Argon2id knows, some microseconds: for thousands of simulated sign-ins, which nobody attacks.
    pub const CHEAPEST: Self = Self { memory_kib: 8, passes: 1 };
}

impl fmt::Display for KeyCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p=1", self.memory_kib, self.passes)
    }
}

impl From<KeyCost> for String {
    fn from(cost: KeyCost) -> Self {
        cost.to_string()
    }
}

impl TryFrom<String> for KeyCost {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for KeyCost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let rest = text.strip_prefix("m=")?.strip_suffix(",p=1")?;
            let (memory, passes) = rest.split_once(",t=")?;
            Some(Self { memory_kib: memory.parse().ok()?, passes: passes.parse().ok()? })
        };
        read().ok_or_else(|| format!("`{text}` is not a cost like `{}`", Self::REAL))
    }
}

/// The key of the database and of what lies beside it, in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// The key itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key in hexadecimal digits, as SQLCipher takes it.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0.fill(0);
        // Without a reader the compiler might leave the write out.
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// Why there is no data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultError {
    /// The keychain gives nothing.
    Keychain(KeychainError),
    /// The entry is damaged, or was wrapped by another key.
    WrongKey,
    /// The derivation refuses the cost.
    Cost(KeyCost),
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keychain(error) => error.fmt(f),
            Self::WrongKey => f.write_str("the key in the keychain does not open this database; it was left as it is"),
            Self::Cost(cost) => write!(f, "a key cannot be derived at a cost of {cost}"),
        }
    }
}

impl std::error::Error for VaultError {}

impl From<KeychainError> for VaultError {
    fn from(error: KeychainError) -> Self {
        Self::Keychain(error)
    }
}

/// The keychain's entry. Bytes are hexadecimal digits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vault {
    salt: String,
    /// The wrapped data key behind its nonce.
    wrapped: String,
    /// What it is wrapped by.
    wrapping: String,
    /// What deriving that cost; nothing before anybody has signed in: then it is random.
    cost: Option<KeyCost>,
}

impl Vault {
    /// A new data key in a new entry, which nobody's credentials have part in yet; it replaces any other.
    ///
    /// # Errors
    /// When the keychain cannot be written.
    pub fn found(keychain: &dyn Keychain, random: &mut Stream) -> Result<DataKey, VaultError> {
        let data_key = DataKey(random.bytes());
        let (salt, wrapping) = (hex(&random.bytes::<16>()), random.bytes::<32>());
        Self::wrap(&data_key, &wrapping, salt, None, random)?.keep(keychain)?;
        Ok(data_key)
    }

    /// The data key, if there is an entry.
    ///
    /// # Errors
    /// When the keychain gives nothing, or what it gives does not fit together.
    pub fn open(keychain: &dyn Keychain) -> Result<Option<DataKey>, VaultError> {
        let Some(text) = keychain.get(VAULT)? else { return Ok(None) };
        Self::read(&text)?.unwrap().map(Some)
    }

    /// Sees to it that `credentials` open the entry at `cost`: derives their key and wraps the data key anew where it is
    /// another one's. Says whether it was.
    ///
    /// # Errors
    /// When the keychain cannot be used; then the old entry stands.
    pub fn bind(
        keychain: &dyn Keychain,
        credentials: &Credentials<'_>,
        cost: KeyCost,
        random: &mut Stream,
    ) -> Result<bool, VaultError> {
        let Some(text) = keychain.get(VAULT)? else { return Err(VaultError::WrongKey) };
        let vault = Self::read(&text)?;
        let derived = derive(credentials, &vault.salt, cost)?;
        if vault.cost == Some(cost) && vault.wrapping == hex(&derived) {
            return Ok(false);
        }
        let data_key = vault.unwrap()?;
        Self::wrap(&data_key, &derived, vault.salt, Some(cost), random)?.keep(keychain)?;
        Ok(true)
    }

    /// Whether nothing but `credentials` and the salt is needed to unwrap the data key.
    ///
    /// # Errors
    /// When the entry cannot be read, or its cost is none.
    pub fn is_bound_to(text: &str, credentials: &Credentials<'_>) -> Result<bool, VaultError> {
        let vault = Self::read(text)?;
        let Some(cost) = vault.cost else { return Ok(false) };
        let derived = derive(credentials, &vault.salt, cost)?;
        Ok(Self { wrapping: hex(&derived), ..vault }.unwrap().is_ok())
    }

    /// What deriving the key of the entry `text` costs; `None` while it hangs on nobody's credentials.
    #[must_use]
    pub fn cost(text: &str) -> Option<KeyCost> {
        Self::read(text).ok()?.cost
    }

    /// Every key in the entry `text`, in hexadecimal digits.
    #[must_use]
    pub fn keys(text: &str) -> Vec<String> {
        let Ok(vault) = Self::read(text) else { return Vec::new() };
        let data_key = vault.unwrap().ok().map(|key| key.hex());
        data_key.into_iter().chain([vault.wrapping]).collect()
    }

    fn read(text: &str) -> Result<Self, VaultError> {
        serde_json::from_str(text).map_err(|_| VaultError::WrongKey)
    }

    fn keep(&self, keychain: &dyn Keychain) -> Result<(), VaultError> {
        let text = serde_json::to_string(self).map_err(|error| KeychainError::Failed(error.to_string()))?;
        Ok(keychain.set(VAULT, &text)?)
    }

    fn wrap(
        data_key: &DataKey,
        wrapping: &[u8; 32],
        salt: String,
        cost: Option<KeyCost>,
        random: &mut Stream,
    ) -> Result<Self, VaultError> {
        let nonce = random.bytes::<NONCE_LEN>();
        let payload = Payload { msg: &data_key.0, aad: PURPOSE };
        let sealed = cipher(wrapping)?.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::WrongKey)?;
        let wrapped = hex(&[nonce.as_slice(), &sealed].concat());
        Ok(Self { salt, wrapped, wrapping: hex(wrapping), cost })
    }

    fn unwrap(&self) -> Result<DataKey, VaultError> {
        let open = || {
            let (wrapping, wrapped) = (unhex(&self.wrapping)?, unhex(&self.wrapped)?);
            let (nonce, sealed) = wrapped.split_at_checked(NONCE_LEN)?;
            let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
            let payload = Payload { msg: sealed, aad: PURPOSE };
            let key = cipher(&wrapping).ok()?.decrypt(&Nonce::from(nonce), payload).ok()?;
            Some(DataKey(key.try_into().ok()?))
        };
        open().ok_or(VaultError::WrongKey)
    }
}

/// Who somebody is, and what proves it.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The user's id.
    pub user: &'a str,
    /// The user's password.
    pub password: &'a str,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

fn derive(credentials: &Credentials<'_>, salt: &str, cost: KeyCost) -> Result<[u8; 32], VaultError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| VaultError::Cost(cost))?;
    let secret = [credentials.user, "\0", credentials.password].concat();
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret.as_bytes(), salt.as_bytes(), &mut key)
        .map_err(|_| VaultError::Cost(cost))?;
    Ok(key)
}

fn cipher(key: &[u8]) -> Result<Aes256Gcm, VaultError> {
    Aes256Gcm::new_from_slice(key).map_err(|_| VaultError::WrongKey)
}

#[cfg(test)]
mod tests {
    use super::super::keychain::MemoryKeychain;
    use super::*;
    use crate::base::Seed;

    const MARIA: Credentials<'_> = Credentials { user: "maria", password: "old" };

    fn bound(keychain: &MemoryKeychain, credentials: &Credentials<'_>) -> bool {
        Vault::is_bound_to(&keychain.get(VAULT).unwrap().unwrap(), credentials).unwrap()
    }

    #[test]
    fn a_new_password_wraps_the_same_key_anew() {
        let (keychain, mut random) = (MemoryKeychain::default(), Seed(1).stream("vault"));
        let key = Vault::found(&keychain, &mut random).unwrap();
        assert_eq!(Vault::open(&keychain), Ok(Some(key.clone())));
        assert!(!bound(&keychain, &MARIA));
        let bind =
            |credentials, random: &mut Stream| Vault::bind(&keychain, &credentials, KeyCost::CHEAPEST, random).unwrap();
        assert!(bind(MARIA, &mut random));
        assert!(!bind(MARIA, &mut random));
        assert!(bound(&keychain, &MARIA));
        let fresh = Credentials { password: "new", ..MARIA };
        assert!(bind(fresh, &mut random));
        assert!(bound(&keychain, &fresh) && !bound(&keychain, &MARIA));
        assert_eq!(Vault::open(&keychain), Ok(Some(key)));
    }

    #[test]
    fn a_damaged_entry_and_another_ones_key_open_nothing() {
        let (keychain, mut random) = (MemoryKeychain::default(), Seed(1).stream("vault"));
        Vault::found(&keychain, &mut random).unwrap();
        let good = keychain.get(VAULT).unwrap().unwrap();
        let wrapping = serde_json::from_str::<Vault>(&good).unwrap().wrapping;
        for bad in
            [good.replace(&wrapping, &"0".repeat(64)), good.replace("\"wrapped\":\"", "\"wrapped\":\"00"), "{}".into()]
        {
            keychain.set(VAULT, &bad).unwrap();
            assert_eq!(Vault::open(&keychain), Err(VaultError::WrongKey), "{bad}");
        }
        keychain.set(VAULT, &good).unwrap();
        keychain.lock();
        assert_eq!(Vault::open(&keychain), Err(VaultError::Keychain(KeychainError::Locked)));
    }

    #[test]
    fn a_cost_is_written_as_it_is_read() {
        for cost in [KeyCost::REAL, KeyCost::CHEAPEST] {
            assert_eq!(cost.to_string().parse(), Ok(cost));
        }
        assert!("m=8".parse::<KeyCost>().is_err());
    }
}
