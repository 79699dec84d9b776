//! What can be the matter with a device's link.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A device's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Packets pass.
    Up,
    /// The radio is off and the device knows: connects fail at once.
    Airplane,
    /// Packets vanish and nobody is told.
    DeadZone,
    /// What the device sends vanishes; what is sent to it arrives.
    NoUplink,
    /// What is sent to the device vanishes; what it sends arrives.
    NoDownlink,
    /// Packets pass, but no name can be resolved: no new connection comes about.
    NoDns,
}
