//! Why a handshake failed, in words that tell the user, or whoever looks after the server, what to do.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use super::pin::Pin;

/// The certificate is in order, and its key is none of the pinned ones.
#[derive(Debug)]
pub(super) struct NotPinned(pub(super) Pin);

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its key {} is none of those that this app knows as the server's: somebody is in between", self.0)
    }
}

impl std::error::Error for NotPinned {}

/// What is wrong, when `error` comes from TLS and not from the network underneath.
#[must_use]
pub fn why_refused(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(in_words(error))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library has many errors, and says the others well enough itself"
)]
fn in_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(certificate) => {
            format!("the server's certificate is refused: {}", wrong(certificate))
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_) => {
            "the other side does not speak TLS 1.3, and nothing older is spoken here".to_owned()
        }
        Error::AlertReceived(alert) => format!("the other side broke off the handshake ({alert:?})"),
        other => format!("no secure connection: {other}"),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library has many errors, and says the others well enough itself"
)]
fn wrong(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "no authority that this device trusts has issued it".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired, or this device's clock is ahead".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or this device's clock is behind".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is another server's".to_owned()
        }
        CertificateError::Other(other) => other.to_string(),
        other => format!("{other:?}"),
    }
}
