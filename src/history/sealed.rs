//! Sealed fields as people and judges see them (spec 8.3).

/// What a device shows in place of a sealed value that is not for it.
pub const UNREADABLE: &str = "(sealed, and not for this device)";

/// The key of a server's record under which its envelopes stand as it holds them, by field; the fields themselves show what
/// the auditor reads in them.
pub const ENVELOPES: &str = "_sealed";
