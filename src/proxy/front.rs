//! The proxy's front: how it meets a connection before a byte of HTTP. TLS ends here, so that the rest can be inspected.
//!
//! ```text
//!   ProxyEnd ── front: nothing, modelled TLS, or TLS 1.3 ── hyper server ── …
//!                 '── for some connections: an impostor, somebody behind the times, or nobody
//! ```

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::faults::{Greeting, Greetings};
use super::forward::{ByteStream, Shared};
use super::wire::Watched;
use crate::history::{Certificate, What};
use crate::tls::{Flights, Modelled, sealed_size, why_refused};

/// How connections are met. Clones are the same front.
#[derive(Clone, Debug, Default)]
pub enum Front {
    /// HTTP from the first byte.
    #[default]
    Plain,
    /// Bytes and round trips of TLS without the cryptography.
    Modelled(Flights),
    /// TLS.
    Real(Rc<Terminator>),
}

/// Ends TLS with the server's certificate, or with another where a rule says so.
#[derive(Debug)]
pub struct Terminator {
    face: RefCell<Face>,
    /// Who meets whom otherwise.
    pub greetings: Greetings<Face>,
    /// A handshake that takes longer is over.
    patience: Option<Duration>,
}

/// Who somebody claims to be in a handshake.
#[derive(Clone, Debug)]
pub struct Face {
    /// With what.
    pub settings: Arc<ServerConfig>,
    /// What the truth of it is.
    pub certificate: Certificate,
}

impl Terminator {
    /// A terminator that shows `face`.
    #[must_use]
    pub fn new(face: Face) -> Self {
        Self { face: RefCell::new(face), greetings: Greetings::default(), patience: None }
    }

    /// The same with so much patience for a handshake.
    #[must_use]
    pub fn waiting(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// From the next connection on, the server shows `face`.
    pub fn show(&self, face: Face) {
        *self.face.borrow_mut() = face;
    }
}

/// How bytes of HTTP become bytes on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Plain,
    Records,
}

impl Layer {
    /// How many bytes travel when `bytes` of HTTP are sent at once.
    pub(super) fn on_the_wire(self, bytes: u64) -> u64 {
        match self {
            Self::Plain => bytes,
            Self::Records => sealed_size(bytes),
        }
    }
}

/// A connection that HTTP can be spoken on.
pub(super) struct Met {
    pub(super) stream: Box<dyn ByteStream>,
    pub(super) layer: Layer,
    /// Bytes from the device that were no HTTP.
    pub(super) accounted: u64,
}

impl Front {
    /// Meets the connection behind `end`; `None` when nothing is to be spoken on it.
    pub(super) async fn meet(&self, proxy: &Shared, (device, connection): (&str, u64), end: Watched) -> Option<Met> {
        let wire = end.wire.clone();
        let shaken = match self {
            Self::Plain => return Some(Met { stream: Box::new(end), layer: Layer::Plain, accounted: 0 }),
            Self::Modelled(flights) => {
                let (version, certificate, early) = ("modelled".to_owned(), None, 0);
                let stream = Modelled::accept(end, *flights).await;
                stream.map(|stream| Shaken { stream: Box::new(stream), version, certificate, early })
            }
            Self::Real(terminator) => {
                let struck = terminator.greetings.decide(device);
                if let Some((id, _)) = &struck {
                    proxy.recorder.record(What::FaultFired { id: *id, device: device.into(), exchange: None });
                }
                let own = || Greeting::By(terminator.face.borrow().clone());
                match struck.map_or_else(own, |(_, greeting)| greeting) {
                    Greeting::Silence => return silence(end).await,
                    Greeting::Cut => cut(end).await,
                    Greeting::By(face) => match terminator.patience {
                        Some(patience) => {
                            timeout(patience, accept(end, face)).await.unwrap_or_else(|late| Err(late.into()))
                        }
                        None => accept(end, face).await,
                    },
                }
            }
        };
        let (device, traffic) = (device.to_owned(), wire.traffic());
        match shaken {
            Ok(Shaken { stream, version, certificate, early }) => {
                let (up, down) = (traffic.up.saturating_sub(early), traffic.down);
                proxy.recorder.record(What::Secured { device, connection, version, certificate, up, down });
                Some(Met { stream, layer: Layer::Records, accounted: up })
            }
            Err(error) => {
                let detail = why_refused(&error).unwrap_or_else(|| error.to_string());
                proxy.recorder.record(What::HandshakeFailed { device, connection, detail });
                None
            }
        }
    }
}

/// What came of a handshake.
struct Shaken {
    stream: Box<dyn ByteStream>,
    version: String,
    certificate: Option<Certificate>,
    /// Bytes that the device has sent behind its last words of the handshake, and that have been read with them.
    early: u64,
}

async fn accept(end: Watched, face: Face) -> io::Result<Shaken> {
    // Whatever is written becomes records at once, so that their number is known before.
    let mut stream = TlsAcceptor::from(face.settings).accept_with(end, |tls| tls.set_buffer_limit(None)).await?;
    let tls = stream.get_mut().1;
    let early = tls.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    };
    let (certificate, early) = (Some(face.certificate), sealed_size(early as u64));
    Ok(Shaken { stream: Box::new(stream), version, certificate, early })
}

/// Answers nothing until the device gives up.
async fn silence(mut end: Watched) -> Option<Met> {
    let mut ignored = [0; 1024];
    while end.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
    None
}

/// Hears the first words and hangs up.
async fn cut(mut end: Watched) -> io::Result<Shaken> {
    // How many words there were does not matter.
    let _ = end.read(&mut [0; 1024]).await?;
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was cut in the middle of the handshake"))
}
