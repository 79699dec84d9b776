//! How a step ended, what a user decided, and who waits for what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// As asked.
    Done,
    /// It could not be done, and the story may go on: a sync without a network, say.
    Failed {
        /// Why.
        detail: String,
    },
    /// The device crashed under it.
    Crashed,
    /// It asks for what cannot be done at this point: the scenario is wrong.
    Impossible {
        /// Why.
        detail: String,
    },
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
