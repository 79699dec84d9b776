//! Steps about who may read what: locked, uninstalled and stolen devices, new passwords, stolen tokens.

use std::fmt;

use serde::{Deserialize, Serialize};

/// See [`super::Action::Uninstall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Uninstall {
    /// The device or group.
    pub device: String,
    /// Whether the platform leaves the keychain's entries behind, as some do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keychain_stays: bool,
}

/// See [`super::Action::StealDisk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StealDisk {
    /// The device whose disk is copied, running or dead.
    pub device: String,
    /// What keychain the copy is opened with.
    pub keychain: StolenKeychain,
}

/// The keychain beside a copied disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StolenKeychain {
    /// Another device's, which knows nothing.
    Empty,
    /// The device's own, locked.
    Locked,
    /// One that holds the keys of another installation.
    Another,
}

/// See [`super::Action::Steal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steal {
    /// The device, or the device whose user's it is.
    pub from: String,
    /// What the thief has.
    pub what: Loot,
}

/// What a thief may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loot {
    /// The user's password, and nothing else.
    Password,
    /// The password, and the code that the user last signed in with.
    UsedCode,
    /// The password, and all the guesses at a code that the server lets through.
    GuessedCodes,
}

impl fmt::Display for Loot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "the password alone",
            Self::UsedCode => "the password and a code that was used",
            Self::GuessedCodes => "the password and guesses at the code",
        })
    }
}

impl fmt::Display for Uninstall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = if self.keychain_stays { "; the keychain stays behind" } else { "" };
        write!(f, "the app is removed from {}{rest}", self.device)
    }
}

impl fmt::Display for StealDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = match self.keychain {
            StolenKeychain::Empty => "on another device",
            StolenKeychain::Locked => "beside its locked keychain",
            StolenKeychain::Another => "with the keys of another installation",
        };
        write!(f, "somebody copies the disk of {} and opens it {with}", self.device)
    }
}

impl fmt::Display for Steal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "somebody tries elsewhere what they stole of {}'s user: {}", self.from, self.what)
    }
}
