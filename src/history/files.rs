//! Files on their way to a device, and what of them it can show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened to a file on its way down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileEvent {
    /// The device asks for a part.
    Fetching {
        /// Of which file.
        attachment_id: String,
        /// Of its thumbnail, which comes in one part.
        thumbnail: bool,
        /// Where in it, in bytes from its start.
        offset: u64,
    },
    /// A part came, and is on the disk.
    Fetched {
        /// Of which file.
        attachment_id: String,
        /// Of its thumbnail.
        thumbnail: bool,
        /// Where in it, in bytes from its start.
        offset: u64,
        /// Bytes in the part.
        bytes: u64,
    },
    /// All of it is on the device, and is what the server said that it would be.
    Kept(HeldFile),
    /// The user sees the whole file.
    Shown(HeldFile),
    /// The user is told why a file that they opened does not come for now.
    Withheld {
        /// Which.
        attachment_id: String,
        /// Why.
        detail: String,
    },
}

/// A file that a device can show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldFile {
    /// Which.
    pub attachment_id: String,
    /// Its thumbnail alone.
    pub thumbnail: bool,
    /// Bytes in it.
    pub bytes: u64,
    /// Their hash, in small hexadecimal digits.
    pub sha256: String,
}
