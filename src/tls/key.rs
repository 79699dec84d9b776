//! Key pairs of authorities and servers.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::authority::AuthorityError;
use super::pin::Pin;
use crate::base::Stream;

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const ED25519_PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key pair, private half included. It does not print itself.
pub struct Key(pub(super) KeyPair);

impl Key {
    /// An Ed25519 key, drawn from `random`: the same stream gives the same key. For tests alone.
    ///
    /// # Errors
    /// When the cryptographic library refuses it, which it does not.
    pub fn seeded(random: &mut Stream) -> Result<Self, AuthorityError> {
        Self::from_der(&[&ED25519_PKCS8[..], &random.bytes::<32>()].concat())
    }

    /// A P-256 key from the machine's entropy, as every phone accepts it.
    ///
    /// # Errors
    /// When the machine gives no entropy.
    pub fn random() -> Result<Self, AuthorityError> {
        Ok(Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::new)?))
    }

    /// A key as [`Key::pem`] writes it.
    ///
    /// # Errors
    /// When `text` is no such key.
    pub fn from_pem(text: &str) -> Result<Self, AuthorityError> {
        Ok(Self(KeyPair::from_pem(text).map_err(AuthorityError::new)?))
    }

    /// The key in the file `path`: a random one is made there at the first time, readable by its owner alone.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn kept_in(path: &Path) -> Result<Self, AuthorityError> {
        if path.exists() {
            let text = fs::read_to_string(path).map_err(|error| AuthorityError::at(path, error))?;
            return Self::from_pem(&text).map_err(|error| AuthorityError::at(path, error));
        }
        let made = Self::random()?;
        write_secret(path, &made.pem()).map_err(|error| AuthorityError::at(path, error))?;
        Ok(made)
    }

    /// PKCS #8 in PEM. Whoever has it can play the server.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// What a client pins to know this key again.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin::of(&self.0.subject_public_key_info())
    }

    fn from_der(der: &[u8]) -> Result<Self, AuthorityError> {
        Ok(Self(KeyPair::try_from(der).map_err(AuthorityError::new)?))
    }

    pub(super) fn der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.serialize_der()).into()
    }
}

/// Writes a new file that its owner alone can read.
pub(super) fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.pin()).finish()
    }
}
