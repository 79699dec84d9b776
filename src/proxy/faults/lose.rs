//! A message gets lost: the request, so that nothing was done, or the answer, so that it was and nobody says so.

use super::Entry;

/// How a message gets lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoseHow {
    /// The connection is closed at once.
    Cut,
    /// The connection is reset (RFC 9293, 3.5.3), as a middlebox does that has forgotten it.
    Reset,
    /// The connection stays open, and nothing comes.
    Silence,
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "lose request",
        does: "The request never reaches the server; the connection is cut, reset, or left half-open in silence.",
        keys: &["how"],
        example: "- lose: { device: maria, what: request, of: push, how: silence }",
        source: "a lift, a tunnel, a carrier's NAT that has forgotten the connection (RFC 5382 lets it after 2 h)",
    },
    Entry {
        name: "lose answer",
        does: "The server has done its work, and the device never learns of it. To keep the connection, answer 504 after the commit.",
        keys: &["how"],
        example: "- lose: { device: maria, what: answer, of: push, how: reset }",
        source: "the commonest way to a doubled order: a commit, and an acknowledgement that got lost",
    },
];
