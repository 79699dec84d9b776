//! The client's side of TLS: whom it trusts, and how it judges a certificate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use serde::{Deserialize, Serialize};

use super::pin::Pin;
use super::refusal::NotPinned;
use super::server::Versions;
use crate::base::WallClock;

/// Whom a device trusts, as the app's settings and its platform say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trust {
    /// Certificates of the authorities that the platform trusts, PEM each.
    pub authorities: Vec<String>,
    /// The keys that the app takes for its server's: the one in use, and one in reserve. Any key when there are none.
    pub pins: Vec<Pin>,
    /// The server's name, which its certificate must bear.
    pub server: String,
}

/// A client's settings that obey `trust` by what `clock` shows.
///
/// # Errors
/// When one of the authorities is none, or there is none at all.
pub fn client_settings(trust: &Trust, versions: Versions, clock: &WallClock) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in &trust.authorities {
        let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).map_err(TrustError::new)?;
        roots.add(certificate).map_err(TrustError::new)?;
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let chain = chain.build().map_err(TrustError::new)?;
    let verifier = Arc::new(Pinned { chain, pins: trust.pins.clone() });
    let time = Arc::new(ByClock(clock.clone()));
    let builder = ClientConfig::builder_with_details(provider, time).with_protocol_versions(versions.list());
    let builder = builder.map_err(TrustError::new)?.dangerous().with_custom_certificate_verifier(verifier);
    let mut settings = builder.with_no_client_auth();
    settings.resumption = Resumption::disabled();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}

/// Judges a server's certificate: first its chain, name and time, then its key.
#[derive(Debug)]
struct Pinned {
    chain: Arc<WebPkiServerVerifier>,
    pins: Vec<Pin>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let pin = Pin::of_certificate(end_entity)?;
        if self.pins.is_empty() || self.pins.contains(&pin) {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(NotPinned(pin))))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Certificates are valid by this clock.
#[derive(Debug)]
pub(super) struct ByClock(pub(super) WallClock);

impl TimeProvider for ByClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Why nobody can be trusted: in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustError(String);

impl TrustError {
    pub(super) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a trusted authority cannot be read: {}", self.0)
    }
}

impl std::error::Error for TrustError {}
