//! A certificate authority: made from a seed, made for real phones, kept in a folder.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, PublicKeyData, SerialNumber,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor};
use sha2::{Digest, Sha256};

use super::certified::Certified;
use super::key::{Key, write_secret};
use crate::base::Stream;

/// What an authority for real phones is called on them.
const NAME: &str = "deadzone test authority";
/// Its certificate's file in the authority's folder.
const CERTIFICATE_FILE: &str = "authority.pem";
/// Its private key's.
const KEY_FILE: &str = "authority-key.pem";
/// How long an authority's certificate lasts.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// It is valid from so long before it was made: phones' clocks are wrong.
const BACKDATED: SignedDuration = SignedDuration::from_hours(24);

/// From when to when a certificate is valid, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub not_before: Timestamp,
    /// The last one.
    pub not_after: Timestamp,
}

impl Validity {
    /// Of a certificate made at `now` that lasts for `life`.
    #[must_use]
    pub fn from_now(now: Timestamp, life: SignedDuration) -> Self {
        let shifted = |by: SignedDuration| now.saturating_add(by).unwrap_or(now);
        Self { not_before: shifted(-BACKDATED), not_after: shifted(life) }
    }
}

/// A certificate authority with its private key.
pub struct Authority {
    issuer: Issuer<'static, rcgen::KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
}

impl Authority {
    /// An authority called `name`, whose every byte follows from `random` and `now`.
    ///
    /// # Errors
    /// When the certificate cannot be made.
    pub fn seeded(name: &str, random: &mut Stream, now: Timestamp) -> Result<Self, AuthorityError> {
        Self::new(name, Key::seeded(random)?, now)
    }

    /// An authority that real phones accept once its certificate is installed on them.
    ///
    /// # Errors
    /// When the machine gives no entropy.
    pub fn random(now: Timestamp) -> Result<Self, AuthorityError> {
        Self::new(NAME, Key::random()?, now)
    }

    /// The authority of `folder`: a random one is made there at the first time, its key readable by its owner alone.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or holds something else under these names.
    pub fn kept_in(folder: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        if certificate.exists() || key.exists() {
            let read = |path: &Path| fs::read_to_string(path).map_err(|error| AuthorityError::at(path, error));
            return Self::from_pem(&read(&certificate)?, &read(&key)?);
        }
        let made = Self::random(now)?;
        fs::create_dir_all(folder).map_err(|error| AuthorityError::at(folder, error))?;
        write_secret(&key, &made.key_pem()).map_err(|error| AuthorityError::at(&key, error))?;
        fs::write(&certificate, made.certificate_pem()).map_err(|error| AuthorityError::at(&certificate, error))?;
        Ok(made)
    }

    /// A random authority that was written as PEM.
    ///
    /// # Errors
    /// When either is no PEM, the key is not the certificate's, or the certificate is not one of [`Authority::random`].
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let key = Key::from_pem(key)?;
        let issuer = Issuer::new(authority_params(NAME), rcgen_key(&key)?);
        let own = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(AuthorityError::new)?;
        // The issuer's name is not read from the certificate, so it must be the one that we give.
        let model = authority_params(NAME).self_signed(&key.0).map_err(AuthorityError::new)?;
        let (there, expected) = (anchor(&own)?, anchor(model.der())?);
        if there.subject_public_key_info != expected.subject_public_key_info {
            return Err(AuthorityError("the key does not belong to the authority's certificate".into()));
        }
        if there.subject != expected.subject {
            return Err(AuthorityError(format!("the certificate is not one of a `{NAME}`")));
        }
        Ok(Self { issuer, certificate: own, certificate_pem: certificate.to_owned(), key_pem: key.pem() })
    }

    /// A certificate for a server that is reached by `names` (host names or addresses) and holds `key`.
    ///
    /// # Errors
    /// When a name is neither.
    pub fn issue(&self, key: &Key, names: &[&str], validity: Validity) -> Result<Certified, AuthorityError> {
        for name in names {
            ServerName::try_from(*name)
                .map_err(|_| AuthorityError(format!("`{name}` is no host's name or address")))?;
        }
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names.clone()).map_err(AuthorityError::new)?;
        // Clients read the names alone, and no longer this one (RFC 9525, section 2).
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "deadzone");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, validity);
        params.serial_number = Some(serial(&[
            &key.0.subject_public_key_info(),
            names.join(" ").as_bytes(),
            &validity.not_before.as_second().to_be_bytes(),
            &validity.not_after.as_second().to_be_bytes(),
        ]));
        let leaf = params.signed_by(&key.0, &self.issuer).map_err(AuthorityError::new)?;
        Certified::new(vec![leaf.into()], key)
    }

    /// The certificate, for whoever is to trust it.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.certificate_pem.clone()
    }

    /// The same in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The private key: whoever has it can play every server to whoever trusts this authority.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key_pem.clone()
    }

    fn new(name: &str, key: Key, now: Timestamp) -> Result<Self, AuthorityError> {
        let mut params = authority_params(name);
        set_validity(&mut params, Validity::from_now(now, AUTHORITY_LIFE));
        params.serial_number = Some(serial(&[&key.0.subject_public_key_info(), name.as_bytes()]));
        let certificate = params.self_signed(&key.0).map_err(AuthorityError::new)?;
        let (certificate_pem, key_pem) = (certificate.pem(), key.pem());
        let issuer = Issuer::new(params, key.0);
        Ok(Self { issuer, certificate: certificate.into(), certificate_pem, key_pem })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn rcgen_key(key: &Key) -> Result<rcgen::KeyPair, AuthorityError> {
    rcgen::KeyPair::try_from(key.0.serialized_der()).map_err(AuthorityError::new)
}

fn anchor(certificate: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, AuthorityError> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).map_err(AuthorityError::new)?;
    roots.roots.pop().ok_or_else(|| AuthorityError("the certificate is no authority's".into()))
}

/// Sixteen bytes that follow from `parts`; the first has its top bits set so that all are of one length in DER.
fn serial(parts: &[&[u8]]) -> SerialNumber {
    let hash = Sha256::digest(parts.concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[0] = bytes[0] & 0x3f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn set_validity(params: &mut CertificateParams, validity: Validity) {
    let since_1970 = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0));
    let first_day = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = first_day + since_1970(validity.not_before);
    params.not_after = first_day + since_1970(validity.not_after);
}

/// Why there is no authority, no key, or no certificate: in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityError(String);

impl AuthorityError {
    /// What somebody else says of it.
    pub fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    pub(super) fn at(path: &Path, error: impl fmt::Display) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AuthorityError {}
