//! TLS on both sides: ended towards apps with certificates of an authority of ours, and begun anew towards servers.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::SignedDuration;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::base::WallClock;
use crate::history::Certificate;
use crate::proxy::Face;
use crate::tls::{Authority, AuthorityError, Key, OnDemand, Validity, Versions, server_settings};

/// How long a server may take to accept, and to shake hands.
const DIAL_WITHIN: Duration = Duration::from_secs(10);
/// How long a certificate for an app lasts unless somebody says otherwise; phones accept no more than 825 days.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// An upstream that is reached over TLS.
const SCHEME: &str = "https://";

/// What TLS needs on either side.
#[derive(Clone, Debug, Default)]
pub struct Secure {
    /// Ends the apps' TLS; without it TLS passes as it is.
    pub faces: Option<Arc<Faces>>,
    /// How to judge a server that is reached over TLS; without it there is none.
    pub servers: Option<Arc<ClientConfig>>,
    /// Requests to such a server call it as the app does, not by its own name.
    pub keeps_host: bool,
}

/// Who can be shown to apps. For each name that an app asks for there is a certificate.
pub struct Faces {
    clock: WallClock,
    /// Certificate and key of the authority that is installed on devices, and of one that is not.
    trusted: [String; 2],
    foreign: [String; 2],
    /// The proxy's key, and one that no app can have pinned.
    key: String,
    other_key: String,
    /// The names in a certificate for apps that ask for none, because they were given an address.
    nameless: Vec<String>,
    own: Face,
}

/// A certificate that is shown.
#[derive(Clone, Debug)]
pub struct Shows {
    /// By the authority that is installed on devices.
    pub trusted: bool,
    /// For the proxy's own key.
    pub own_key: bool,
    /// For this server; for whichever is asked for when absent.
    pub name: Option<String>,
    /// Valid for so long from now.
    pub life: SignedDuration,
    /// In these versions of TLS.
    pub versions: Versions,
}

impl Default for Shows {
    fn default() -> Self {
        Self { trusted: true, own_key: true, name: None, life: LIFE, versions: Versions::Both }
    }
}

impl Faces {
    /// Faces by `authority` for `key`; certificates for apps that ask for no name bear the names in `nameless`.
    ///
    /// # Errors
    /// When the machine gives no entropy, or a name is none.
    pub fn new(
        authority: &Authority,
        key: &Key,
        clock: WallClock,
        nameless: Vec<String>,
    ) -> Result<Self, AuthorityError> {
        let pem = |authority: &Authority| [authority.certificate_pem(), authority.key_pem()];
        let (trusted, foreign) = (pem(authority), pem(&Authority::random(clock.now())?));
        let (key, other_key) = (key.pem(), Key::random()?.pem());
        let shows = Shows::default();
        let own = face(&clock, [&trusted, &foreign], [&key, &other_key], &nameless, &shows)?;
        Ok(Self { clock, trusted, foreign, key, other_key, nameless, own })
    }

    /// The proxy as it is.
    pub(super) fn own(&self) -> Face {
        self.own.clone()
    }

    /// Somebody who shows that.
    ///
    /// # Errors
    /// When the name in it is none.
    pub(super) fn face(&self, shows: &Shows) -> Result<Face, AuthorityError> {
        let keys = [self.key.as_str(), self.other_key.as_str()];
        face(&self.clock, [&self.trusted, &self.foreign], keys, &self.nameless, shows)
    }
}

fn face(
    clock: &WallClock,
    [trusted, foreign]: [&[String; 2]; 2],
    [own, other]: [&str; 2],
    nameless: &[String],
    shows: &Shows,
) -> Result<Face, AuthorityError> {
    let [certificate, secret] = if shows.trusted { trusted } else { foreign };
    let authority = Authority::from_pem(certificate, secret)?;
    let key = Key::from_pem(if shows.own_key { own } else { other })?;
    let settings = match &shows.name {
        Some(name) => {
            let certified = authority.issue(&key, &[name], Validity::from_now(clock.now(), shows.life))?;
            server_settings(Arc::new(certified), shows.versions, clock)
        }
        None => {
            let on_demand = OnDemand::new(authority, key, clock.clone(), nameless.to_vec()).lasting(shows.life);
            on_demand.check()?;
            server_settings(Arc::new(on_demand), shows.versions, clock)
        }
    };
    let certificate = Certificate { trusted: shows.trusted, pinned: shows.own_key, named: shows.name.is_none() };
    Ok(Face { settings: settings.map_err(AuthorityError::new)?, certificate })
}

impl fmt::Debug for Faces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faces").field("nameless", &self.nameless).finish_non_exhaustive()
    }
}

/// A connection to a server.
#[derive(Debug)]
pub(super) enum Server {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
}

/// How a server that is reached over TLS is called in requests, its port included unless it is the usual one.
pub(super) fn host(upstream: &str) -> Option<&str> {
    let host = upstream.strip_prefix(SCHEME)?.trim_end_matches('/');
    Some(host.strip_suffix(":443").unwrap_or(host))
}

/// A connection to `upstream`: `host:port`, or `https://host` with or without a port.
///
/// # Errors
/// When nobody accepts in time, or the server is not to be trusted.
pub(super) async fn dial(upstream: &str, secure: &Secure) -> io::Result<Server> {
    let (address, name) = match upstream.strip_prefix(SCHEME) {
        None => (upstream.strip_prefix("http://").unwrap_or(upstream).to_owned(), None),
        Some(rest) => {
            let (host, port) =
                rest.trim_end_matches('/').rsplit_once(':').unwrap_or((rest.trim_end_matches('/'), "443"));
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
            (format!("{host}:{port}"), Some(name.map_err(io::Error::other)?))
        }
    };
    let stream = timeout(DIAL_WITHIN, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    let Some(name) = name else { return Ok(Server::Plain(stream)) };
    let settings =
        secure.servers.clone().ok_or_else(|| io::Error::other("nobody was named whom servers are judged by"))?;
    let shaken = timeout(DIAL_WITHIN, TlsConnector::from(settings).connect(name, stream)).await?;
    let stream = shaken.inspect_err(|error| tracing::warn!(upstream, %error, "the server cannot be trusted"))?;
    Ok(Server::Secured(Box::new(stream)))
}

impl Server {
    /// It ends with a reset.
    pub(super) fn reset_at_end(&self) {
        if let Self::Plain(stream) = self {
            // A socket that is too broken for it is closed all the same.
            let _ = stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Server {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secured(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Server {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, data),
            Self::Secured(stream) => Pin::new(stream).poll_write(context, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Secured(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secured(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn a_server_behind_tls_is_called_by_its_name() {
        assert_eq!(host("https://api.example.test"), Some("api.example.test"));
        assert_eq!(host("https://api.example.test:443/"), Some("api.example.test"));
        assert_eq!(host("https://[::1]:8443"), Some("[::1]:8443"));
        assert_eq!((host("api.example.test:80"), host("http://api.example.test")), (None, None));
    }
}
