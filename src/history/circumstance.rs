//! What the platform tells an app of itself: the conditions of the triggers (spec 5.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that the platform tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Circumstance {
    /// The app comes to the foreground.
    Foreground,
    /// The app goes to the background.
    Background,
    /// How full the battery is.
    Battery {
        /// In percent of all that fits in.
        percent: u8,
        /// Whether it is being charged.
        charging: bool,
    },
    /// The network is kept for what the user does (data saver, roaming), or is free again.
    DataSaver {
        /// Whether it is kept.
        on: bool,
    },
    /// Which network it is.
    Network {
        /// WiFi, which costs nothing; otherwise cellular.
        wifi: bool,
    },
}
