//! TLS, as a run uses it and as the proxy sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What lies between the devices and the server of a run, beside the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Nothing: bytes and times compare with those of other systems.
    #[default]
    None,
    /// The bytes and round trips of TLS 1.3, without the cryptography: for fleets.
    Modelled,
    /// TLS 1.3.
    Real,
}

impl Tls {
    /// Whether it is the default.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// The truth of a certificate that somebody showed to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// An authority that the device trusts has issued it.
    pub trusted: bool,
    /// The app knows its key as the server's.
    pub pinned: bool,
    /// It bears the server's name.
    pub named: bool,
}

impl Certificate {
    /// Whether it is the server's own.
    #[must_use]
    pub const fn is_the_servers(&self) -> bool {
        self.trusted && self.pinned && self.named
    }
}
