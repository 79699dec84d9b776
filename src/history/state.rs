//! The states and faults that events speak of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A fault that a scenario arms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A request that never reaches the server.
    LoseRequest,
    /// An answer that never reaches the device, though the server did the work.
    LoseAnswer,
    /// A crash of the device.
    Crash,
    /// An answer that the server did not give.
    Answer,
    /// An answer that arrives damaged.
    Spoil,
    /// An error for some operations of a push.
    Refuse,
    /// A captive portal between the device and the server.
    CaptivePortal,
    /// The server is not to be had, for anybody.
    ServerOutage,
}

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
}

/// Whether the server is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// It answers.
    Up,
    /// Connections end at once.
    Down,
    /// Connections stay open, and nothing comes.
    Silent,
    /// It answers 503 to everything.
    Overloaded,
}

/// What a user does about a failed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Try it again.
    Retry,
    /// Give it up.
    Discard,
}

/// Who waits for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wait {
    /// Who.
    pub device: String,
    /// For what, in words.
    pub what: String,
}
