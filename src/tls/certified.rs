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
    /// The name in the place of one, for clients that ask for none because they were given an address.
    nameless: String,
    made: Mutex<BTreeMap<String, Certified>>,
}

impl OnDemand {
    /// Certificates by `authority` for `key`, valid by `clock`; one for `nameless` where the client names nobody.
    #[must_use]
    pub fn new(authority: Authority, key: Key, clock: WallClock, nameless: &str) -> Self {
        Self { authority, key, clock, nameless: nameless.to_owned(), made: Mutex::default() }
    }

    /// The certificate for `name`.
    ///
    /// # Errors
    /// When `name` is neither a host's name nor an address.
    pub fn for_name(&self, name: &str) -> Result<Certified, AuthorityError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certified) = made.get(name) {
            return Ok(certified.clone());
        }
        let validity = Validity::from_now(self.clock.now(), ON_DEMAND_LIFE);
        let certified = self.authority.issue(&self.key, &[name], validity)?;
        if made.len() >= NAMES_KEPT {
            made.clear();
        }
        made.insert(name.to_owned(), certified.clone());
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
        let name = hello.server_name().unwrap_or(&self.nameless);
        Some(self.for_name(name).ok()?.key)
    }
}
