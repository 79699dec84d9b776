//! What a server shows: one certificate with its key, or one made on demand for whatever name is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::authority::{Authority, AuthorityError, Validity};
use super::key::Key;
use super::pin::Pin;
use crate::base::WallClock;

/// How long a certificate made on demand lasts; phones accept no more than 825 days.
const ON_DEMAND_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Names for which certificates are kept; whoever asks for more gets them made anew.
const NAMES_KEPT: usize = 1000;

/// A certificate with the private key that belongs to it. Clones share both.
#[derive(Clone)]
pub struct Certified {
    pub(super) key: Arc<CertifiedKey>,
    pin: Pin,
}

impl Certified {
    pub(super) fn new(chain: Vec<CertificateDer<'static>>, key: &Key) -> Result<Self, AuthorityError> {
        let certified = CertifiedKey::from_der(chain, key.der(), &ring::default_provider());
        Ok(Self { key: Arc::new(certified.map_err(AuthorityError::new)?), pin: key.pin() })
    }

    /// What a client pins to know its key again.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// Length of the certificate in DER, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.key.cert.iter().map(|certificate| certificate.len()).sum()
    }
}

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certified").field("pin", &self.pin).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certified {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.clone())
    }
}

/// Certificates for whatever name a client asks for, all with one key: a proxy that terminates TLS has no names of its
/// own.
pub struct OnDemand {
    authority: Authority,
    key: Key,
    clock: WallClock,
    /// The names for clients that ask for none because they were given an address.
    nameless: Vec<String>,
    life: SignedDuration,
    made: Mutex<BTreeMap<String, Certified>>,
}

impl OnDemand {
    /// Certificates by `authority` for `key`, valid by `clock`; one for `nameless` where the client names nobody.
    #[must_use]
    pub fn new(authority: Authority, key: Key, clock: WallClock, nameless: Vec<String>) -> Self {
        Self { authority, key, clock, nameless, life: ON_DEMAND_LIFE, made: Mutex::default() }
    }

    /// Certificates that are valid for `life` from when they are made, once for each name.
    #[must_use]
    pub fn lasting(self, life: SignedDuration) -> Self {
        Self { life, ..self }
    }

    /// Whether clients that name nobody can be answered.
    ///
    /// # Errors
    /// When one of the names for them is neither a host's name nor an address.
    pub fn check(&self) -> Result<(), AuthorityError> {
        self.for_names("", &self.nameless).map(drop)
    }

    /// The certificate for `name`.
    ///
    /// # Errors
    /// When `name` is neither a host's name nor an address.
    pub fn for_name(&self, name: &str) -> Result<Certified, AuthorityError> {
        self.for_names(name, std::slice::from_ref(&name.to_owned()))
    }

    fn for_names(&self, asked: &str, names: &[String]) -> Result<Certified, AuthorityError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certified) = made.get(asked) {
            return Ok(certified.clone());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let validity = Validity::from_now(self.clock.now(), self.life);
        let certified = self.authority.issue(&self.key, &names, validity)?;
        if made.len() >= NAMES_KEPT {
            made.clear();
        }
        made.insert(asked.to_owned(), certified.clone());
        Ok(certified)
    }
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemand").field("key", &self.key).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for OnDemand {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certified = match hello.server_name() {
            Some(name) => self.for_name(name),
            None => self.for_names("", &self.nameless),
        };
        Some(certified.ok()?.key)
    }
}
