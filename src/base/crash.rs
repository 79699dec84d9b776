//! The three ways in which a device can die; disk and history both speak of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a crash leaves on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CrashHow {
    /// The process dies; every write survives.
    Kill,
    /// The power goes; only synced writes survive.
    Power,
    /// The power goes while sectors are being written: of the unsynced writes some sectors survive.
    Torn,
}
