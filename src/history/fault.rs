//! What a history calls the faults that a scenario arms.

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
    /// An exchange that takes its time.
    Slow,
    /// A request that reaches the server twice.
    Duplicate,
    /// A request that arrives changed.
    Garble,
    /// An earlier answer that comes again.
    Replay,
    /// A captive portal between the device and the server.
    CaptivePortal,
    /// The server is not to be had, for anybody.
    ServerOutage,
    /// The server's power fails right after a commit.
    ServerCrash,
    /// Somebody between the device and the server who plays the server.
    ManInTheMiddle,
    /// A handshake that comes to nothing.
    Handshake,
}
