//! Steps about TLS: a man in the middle, handshakes that come to nothing, the server's certificate.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::faults::{is_default, is_one, one};
use crate::base::Span;

/// See [`super::Action::Mitm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mitm {
    /// The device or group.
    pub device: String,
    /// What the one in between can show; a certificate of an `other-authority` when absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub with: Impostor,
}

/// What a man in the middle has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impostor {
    /// A certificate of an authority that no device trusts.
    #[default]
    OtherAuthority,
    /// A certificate in the server's name of the authority that the devices trust, for a key of their own.
    OtherKey,
}

/// See [`super::Action::Handshake`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// The device or group.
    pub device: String,
    /// What becomes of it.
    pub how: HandshakeHow,
    /// The first connection that is struck, counted from 1 (default).
    #[schemars(example = "nth: 2")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row are struck; 1 when absent.
    #[schemars(example = "times: 3")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
}

/// How a handshake comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HandshakeHow {
    /// The other side says nothing.
    Stalled,
    /// The other side hangs up.
    Cut,
    /// The other side has the right certificate and speaks TLS 1.2 alone.
    Downgraded,
}

/// See [`super::Action::Certificate`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// For which key; its `first` when absent.
    #[schemars(example = "key: backup")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: CertificateKey,
    /// For which server; for itself when absent.
    #[schemars(example = "name: other.example")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long it is valid; more than a year when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
}

/// The server's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKey {
    /// The one that it begins with; pinned.
    #[default]
    First,
    /// The one in reserve; pinned, too.
    Backup,
    /// One that no app knows.
    Unknown,
}

impl fmt::Display for Mitm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = match self.with {
            Impostor::OtherAuthority => "a certificate of an authority that nobody trusts",
            Impostor::OtherKey => "a certificate of the trusted authority for another key",
        };
        write!(f, "somebody with {with} is between {} and the server", self.device)
    }
}

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            HandshakeHow::Stalled => "stall",
            HandshakeHow::Cut => "be cut",
            HandshakeHow::Downgraded => "be downgraded to TLS 1.2",
        };
        write!(f, "handshake {} of {}", self.nth, self.device)?;
        if self.times > 1 {
            write!(f, " and the {} after it", self.times - 1)?;
        }
        write!(f, " will {how}")
    }
}

impl fmt::Display for NewCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key {
            CertificateKey::First => "its first key",
            CertificateKey::Backup => "its backup key",
            CertificateKey::Unknown => "a key that no app knows",
        };
        write!(f, "the server gets a certificate for {key}")?;
        if let Some(name) = &self.name {
            write!(f, " in the name of {name}")?;
        }
        self.lasts.map_or(Ok(()), |span| write!(f, ", valid for {span}"))
    }
}
