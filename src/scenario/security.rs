//! Steps about who may read what: locked, uninstalled and stolen devices, new passwords, stolen tokens.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Action;

/// See [`super::Action::Uninstall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Uninstall {
    /// The device or group.
    pub device: String,
    /// Whether the platform leaves the keychain's entries behind, as some do.
    #[schemars(example = "keychain-stays: true")]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keychain_stays: bool,
}

/// See [`super::Action::Steal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steal {
    /// The device, or the device whose user's it is.
    pub from: String,
    /// What the thief has.
    pub what: Loot,
}

/// What a thief may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loot {
    /// The user's password, and nothing else.
    Password,
    /// The password, and the code that the user last signed in with.
    UsedCode,
    /// The password, and all the guesses at a code that the server lets through.
    GuessedCodes,
    /// The device's refresh token.
    RefreshToken,
    /// A copy of the keychain, from before the device last exchanged its refresh token.
    UsedRefreshToken,
    /// A copy of the device's disk, with nothing in the keychain beside it.
    Disk,
    /// A copy of the disk, beside the device's own keychain, which is locked.
    LockedDevice,
    /// A copy of the disk, with the keys of another installation.
    DiskAndOtherKeys,
}

impl fmt::Display for Loot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "the password alone",
            Self::UsedCode => "the password and a code that was used",
            Self::GuessedCodes => "the password and guesses at the code",
            Self::RefreshToken => "the refresh token",
            Self::UsedRefreshToken => "a refresh token that was used, with the device's key",
            Self::Disk => "a copy of the disk",
            Self::LockedDevice => "a copy of the disk beside the locked keychain",
            Self::DiskAndOtherKeys => "a copy of the disk with the keys of another installation",
        })
    }
}

impl fmt::Display for Uninstall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = if self.keychain_stays { "; the keychain stays behind" } else { "" };
        write!(f, "the app is removed from {}{rest}", self.device)
    }
}

impl fmt::Display for Steal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "somebody tries elsewhere what they stole of {}: {}", self.from, self.what)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
pub(super) fn words(action: &Action, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match action {
        Action::Lock(device) => write!(f, "{device} is locked"),
        Action::Unlock(device) => write!(f, "{device} is unlocked"),
        Action::Install(device) => write!(f, "the app is installed on {device} again"),
        Action::Uninstall(step) => write!(f, "{step}"),
        Action::Steal(step) => write!(f, "{step}"),
        _ => Ok(()),
    }
}
