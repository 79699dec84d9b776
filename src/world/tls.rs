//! TLS on the stage: the authorities, the server's certificate and its successors, and the device's side of a handshake.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use jiff::SignedDuration;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use super::network::SERVER;
use super::stage::StageError;
use crate::base::{Seed, Stream, WallClock};
use crate::history::{Certificate, Tls};
use crate::proxy::{ByteStream, Face, Front, Terminator, Upstream};
use crate::scenario::CertificateKey;
use crate::tls::{
    Authority, AuthorityError, Flights, Key, Modelled, Trust, Validity, Versions, client_settings, server_settings,
    why_refused,
};

/// How long a certificate of the server lasts unless the story says otherwise: as long as browsers allow.
const LIFE: SignedDuration = SignedDuration::from_hours(398 * 24);

/// What a device must know to reach the server over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OpenTls {
    /// TLS 1.3, with whom to trust.
    Real(Trust),
    /// Its bytes and round trips alone.
    Modelled(Flights),
}

/// Who holds which keys, and what the server shows.
pub(super) struct Security {
    clock: WallClock,
    /// All devices trust it.
    authority: Authority,
    /// No device does.
    foreign: Authority,
    first: Key,
    backup: Key,
    /// Nobody has pinned it.
    unknown: Key,
    terminator: Rc<Terminator>,
}

/// A certificate that somebody shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shows<'a> {
    pub(super) trusted: bool,
    pub(super) key: CertificateKey,
    pub(super) name: &'a str,
    pub(super) life: SignedDuration,
    pub(super) versions: Versions,
}

/// The server's own, as it should be.
pub(super) const OWN: Shows<'static> =
    Shows { trusted: true, key: CertificateKey::First, name: SERVER, life: LIFE, versions: Versions::Only13 };

impl Security {
    /// Authorities and keys that follow from `seed`, and a server that shows [`OWN`].
    fn new(seed: Seed, clock: WallClock) -> Result<Self, StageError> {
        let mut random = seed.stream("tls");
        let keys = |random: &mut Stream, clock: &WallClock| -> Result<_, AuthorityError> {
            let authority = |name: &str, random: &mut Stream| Authority::seeded(name, random, clock.now());
            let authorities = [authority("field authority", random)?, authority("other authority", random)?];
            Ok((authorities, [Key::seeded(random)?, Key::seeded(random)?, Key::seeded(random)?]))
        };
        let made = keys(&mut random, &clock).map_err(|error| failed(&error))?;
        let ([authority, foreign], [first, backup, unknown]) = made;
        let face = face(&authority, &first, OWN, &clock, certificate(OWN))?;
        let terminator = Rc::new(Terminator::new(face));
        Ok(Self { clock, authority, foreign, first, backup, unknown, terminator })
    }

    /// The face of somebody who shows that.
    pub(super) fn face(&self, shows: Shows<'_>) -> Result<Face, StageError> {
        let authority = if shows.trusted { &self.authority } else { &self.foreign };
        let key = match shows.key {
            CertificateKey::First => &self.first,
            CertificateKey::Backup => &self.backup,
            CertificateKey::Unknown => &self.unknown,
        };
        face(authority, key, shows, &self.clock, certificate(shows))
    }

    /// From now on the server shows that.
    pub(super) fn show(&self, shows: Shows<'_>) -> Result<(), StageError> {
        self.terminator.show(self.face(shows)?);
        Ok(())
    }

    pub(super) fn terminator(&self) -> &Terminator {
        &self.terminator
    }

    /// Whom the devices of this run trust.
    pub(super) fn trust(&self) -> Trust {
        Trust {
            authorities: vec![self.authority.certificate_pem()],
            pins: vec![self.first.pin(), self.backup.pin()],
            server: SERVER.to_owned(),
        }
    }
}

fn certificate(shows: Shows<'_>) -> Certificate {
    let pinned = shows.key != CertificateKey::Unknown;
    Certificate { trusted: shows.trusted, pinned, named: shows.name == SERVER }
}

fn face(
    authority: &Authority,
    key: &Key,
    shows: Shows<'_>,
    clock: &WallClock,
    certificate: Certificate,
) -> Result<Face, StageError> {
    let certified = authority.issue(key, &[shows.name], Validity::from_now(clock.now(), shows.life));
    let certified = certified.map_err(|error| failed(&error))?;
    let settings = server_settings(Arc::new(certified), shows.versions, clock).map_err(|error| failed(&error))?;
    Ok(Face { settings, certificate })
}

fn failed(error: &dyn std::fmt::Display) -> StageError {
    StageError(format!("TLS: {error}"))
}

/// What a run with `tls` needs: the proxy's front, what devices are told, and, for real TLS, who holds which keys.
pub(super) fn set(tls: Tls, seed: Seed, clock: &WallClock) -> Result<Set, StageError> {
    if tls == Tls::None {
        return Ok(Set::default());
    }
    let security = Security::new(seed, clock.clone())?;
    let trust = security.trust();
    if tls == Tls::Real {
        let front = Front::Real(security.terminator.clone());
        return Ok(Set { front, open: Some(OpenTls::Real(trust)), security: Some(security) });
    }
    // The model has the bytes of the handshake that it stands for.
    let client = client_settings(&trust, Versions::Only13, clock).map_err(|error| failed(&error))?;
    let server = security.face(OWN)?.settings;
    let flights = Flights::between(client, name(SERVER)?, server).map_err(|error| failed(&error))?;
    Ok(Set { front: Front::Modelled(flights), open: Some(OpenTls::Modelled(flights)), security: None })
}

/// See [`set`].
#[derive(Default)]
pub(super) struct Set {
    pub(super) front: Front,
    pub(super) open: Option<OpenTls>,
    pub(super) security: Option<Security>,
}

fn name(server: &str) -> Result<ServerName<'static>, StageError> {
    ServerName::try_from(server.to_owned()).map_err(|error| failed(&error))
}

/// A way to the server on which nothing is said before both sides have shaken hands.
pub(super) struct Secured {
    inner: Rc<dyn Upstream>,
    how: How,
}

enum How {
    Real(TlsConnector, ServerName<'static>),
    Modelled(Flights),
}

impl Secured {
    /// `inner` as it is when there is no TLS, else under what `open` says. Certificates are valid by `clock`, which is the
    /// device's own.
    pub(super) fn over(
        inner: Rc<dyn Upstream>,
        open: Option<&OpenTls>,
        clock: &WallClock,
    ) -> Result<Rc<dyn Upstream>, StageError> {
        let how = match open {
            None => return Ok(inner),
            Some(OpenTls::Modelled(flights)) => How::Modelled(*flights),
            Some(OpenTls::Real(trust)) => {
                let settings = client_settings(trust, Versions::Only13, clock).map_err(|error| failed(&error))?;
                How::Real(settings.into(), name(&trust.server)?)
            }
        };
        Ok(Rc::new(Self { inner, how }))
    }

    /// A client that is behind the times.
    pub(super) fn behind_the_times(
        inner: Rc<dyn Upstream>,
        trust: &Trust,
        clock: &WallClock,
    ) -> Result<Self, StageError> {
        let settings = client_settings(trust, Versions::Only12, clock).map_err(|error| failed(&error))?;
        Ok(Self { inner, how: How::Real(settings.into(), name(&trust.server)?) })
    }
}

impl Upstream for Secured {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async {
            let stream = self.inner.connect().await?;
            let shaken: Box<dyn ByteStream> = match &self.how {
                How::Modelled(flights) => Box::new(Modelled::connect(stream, *flights).await?),
                How::Real(connector, server) => {
                    // As at the proxy: what is written becomes records at once.
                    let shaking = connector.connect_with(server.clone(), stream, |tls| tls.set_buffer_limit(None));
                    Box::new(shaking.await.map_err(explained)?)
                }
            };
            Ok(shaken)
        })
    }
}

/// An error of TLS in words that its user can act on.
fn explained(error: io::Error) -> io::Error {
    match why_refused(&error) {
        Some(why) => io::Error::new(error.kind(), why),
        None => error,
    }
}
