//! The server's side of TLS.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::client::ByClock;
use crate::base::WallClock;

/// Which versions of TLS somebody speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.3 alone (spec 8.3).
    #[default]
    Only13,
    /// TLS 1.2 alone: somebody who is behind the times.
    Only12,
    /// Both: a proxy before apps that are not ours.
    Both,
}

impl Versions {
    pub(super) fn list(self) -> &'static [&'static SupportedProtocolVersion] {
        static NEWEST_FIRST: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Self::Only13 => &NEWEST_FIRST[..1],
            Self::Only12 => &NEWEST_FIRST[1..],
            Self::Both => &NEWEST_FIRST,
        }
    }
}

/// What an acceptor of TLS needs: the certificates to show, HTTP/1.1 within, no resumption (a device keeps one connection).
///
/// # Errors
/// When the cryptographic library has no such version, which it has.
pub fn server_settings(
    certificates: Arc<dyn ResolvesServerCert>,
    versions: Versions,
    clock: &WallClock,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let time = Arc::new(ByClock(clock.clone()));
    let builder = ServerConfig::builder_with_details(provider, time).with_protocol_versions(versions.list())?;
    let mut settings = builder.with_no_client_auth().with_cert_resolver(certificates);
    settings.session_storage = Arc::new(NoServerSessionStorage {});
    settings.send_tls13_tickets = 0;
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}
