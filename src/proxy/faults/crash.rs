//! The device dies at a moment of an exchange.

use super::Entry;

/// When in an exchange a device crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The request has reached the proxy and goes no further.
    BeforeRequest,
    /// The server has done its work; the answer goes no further.
    AfterCommit,
    /// The answer has been handed to the link.
    AfterAnswer,
}

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "crash",
    does: "The device dies before its request, when the server has done its work, or at the first write after the answer.",
    keys: &["when", "how"],
    example: "- crash: { device: maria, when: after-commit, of: push, how: power }",
    source: "an app killed for memory, an empty battery, a removed one",
}];
