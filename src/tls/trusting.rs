//! The client's side of TLS towards the world at large: servers are judged by a bundle of authorities, such as the system's.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::client::{ByClock, TrustError};
use super::server::Versions;
use crate::base::WallClock;

/// A client's settings that trust every authority in `bundle`, PEM one behind the other, by what `clock` shows. What is in it and
/// cannot be read is left out: systems' bundles hold such.
///
/// # Errors
/// When none can be read.
pub fn trusting(bundle: &[u8], clock: &WallClock) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(bundle).filter_map(Result::ok));
    if added == 0 {
        return Err(TrustError::new("there is no certificate of an authority in it"));
    }
    let (provider, time) = (Arc::new(ring::default_provider()), Arc::new(ByClock(clock.clone())));
    let builder = ClientConfig::builder_with_details(provider, time).with_protocol_versions(Versions::Both.list());
    let builder = builder.map_err(TrustError::new)?.with_root_certificates(roots);
    let mut settings = builder.with_no_client_auth();
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}
