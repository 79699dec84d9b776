//! Steps that make exchanges go wrong, one a file, and what a user does about a change that failed.

mod aim;
mod answer;
mod duplicate;
mod garble;
mod lose;
mod portal;
mod refuse;
mod replay;
mod slow;
mod spoil;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use aim::{Aim, Exchange, Only};
pub use answer::{Answer, AnswerPage, AnswerWhen};
pub use duplicate::Duplicate;
pub use garble::Garble;
pub use lose::{Half, Lose, LoseHow};
pub use portal::{CaptivePortal, PortalHow};
pub use refuse::RefuseChange;
pub use replay::Replay;
pub use slow::{Slow, SlowPart};
pub use spoil::{SpoilAnswer, SpoilHow};

use crate::history::ServerState;

/// Gives a fault with the common keys its aim.
macro_rules! aimed {
    ($fault:ident) => {
        impl $fault {
            /// Which exchanges it is about.
            #[must_use]
            pub fn aim(&self) -> Aim<'_> {
                let Self { device, of, nth, times, only, .. } = self;
                Aim { device, of: *of, nth: *nth, times: *times, only }
            }
        }
    };
}
use aimed;

/// See [`crate::scenario::Action::Retry`] and [`crate::scenario::Action::Discard`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailedChange {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
}

/// The server's state in words.
pub(in crate::scenario) const fn server_words(state: ServerState) -> &'static str {
    match state {
        ServerState::Up => "is back",
        ServerState::Down => "is down",
        ServerState::Silent => "says nothing any more",
        ServerState::Overloaded => "is overloaded",
    }
}

/// The default of `nth` and `times`.
pub(in crate::scenario) const fn one() -> u32 {
    1
}

/// Whether a key need not be written.
pub(in crate::scenario) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
pub(in crate::scenario) const fn is_one(value: &u32) -> bool {
    *value == 1
}
