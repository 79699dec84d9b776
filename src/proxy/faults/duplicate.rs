//! A request reaches the server twice: something on the way tried again by itself, or a copy wandered.

use std::time::Duration;

use super::Entry;

/// When the second copy of a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicate {
    /// Right behind the first; the device gets the answer to the second.
    AtOnce,
    /// So long after the first, whose answer the device has got meanwhile. The answer to the copy goes nowhere.
    Late(Duration),
}

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "duplicate",
    does: "The server sees the request twice: at once, where the device gets the second answer, or `late`, when it has long moved on.",
    keys: &["late"],
    example: "- duplicate: { device: maria, of: push, late: 10min }",
    source: "proxies that repeat what they take for idempotent (RFC 9110, 9.2.2), gateways that retry a slow upstream",
}];
