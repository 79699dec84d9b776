//! Steps about what a phone's platform does to an app: battery and data saver (spec 5.1).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// See [`Action::Battery`](super::Action::Battery).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    /// The device or group.
    pub device: String,
    /// How full it is, in percent.
    pub percent: u8,
    /// Whether it is being charged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub charging: bool,
}

impl fmt::Display for Battery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let charging = if self.charging { ", charging" } else { "" };
        write!(f, "the battery of {} has {} % left{charging}", self.device, self.percent)
    }
}

/// See [`Action::DataSaver`](super::Action::DataSaver).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSaver {
    /// The device or group.
    pub device: String,
    /// Whether the network is kept for what is in the foreground.
    pub on: bool,
}
