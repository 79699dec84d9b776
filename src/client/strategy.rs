//! How each field's conflicts are decided, as far as the device needs to know it (spec 4.2): for the audit record, and to
//! know where a saved preference has anything to say. Who wins, the server says.

use crate::protocol::{ConflictOutcome, FieldConflict, ResolutionStrategy};

/// Who decides a field's conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Theirs stays.
    Server,
    /// Mine goes in.
    Client,
    /// Theirs stays if a supervisor set it or if it ends the order; else mine goes in.
    Office,
    /// The user.
    Manual,
}

/// Every field of a work order, in the spec's order.
pub(crate) const STRATEGIES: &[(&str, Strategy)] = &[
    ("siteId", Strategy::Server),
    ("assetId", Strategy::Server),
    ("type", Strategy::Server),
    ("title", Strategy::Server),
    ("description", Strategy::Server),
    ("priority", Strategy::Server),
    ("status", Strategy::Office),
    ("assignedTo", Strategy::Server),
    ("scheduledStart", Strategy::Server),
    ("scheduledEnd", Strategy::Server),
    ("tasks", Strategy::Client),
    ("partsRequired", Strategy::Server),
    ("partsUsed", Strategy::Client),
    ("laborRecords", Strategy::Client),
    ("attachments", Strategy::Client),
    ("actualStart", Strategy::Client),
    ("actualEnd", Strategy::Client),
    ("completionNotes", Strategy::Manual),
    ("rootCause", Strategy::Manual),
    ("customFields", Strategy::Server),
];

/// Whether the user decides the conflicts of `field`.
pub(super) fn is_manual(field: &str) -> bool {
    STRATEGIES.contains(&(field, Strategy::Manual))
}

/// How a conflict on `fields` as a whole is decided.
pub(super) fn of_all(fields: &[FieldConflict]) -> ResolutionStrategy {
    let count = |outcome| fields.iter().filter(|field| field.outcome == outcome).count();
    let (server, client) = (count(ConflictOutcome::ServerWins), count(ConflictOutcome::ClientWins));
    match (server, client) {
        _ if server + client < fields.len() => ResolutionStrategy::Manual,
        (_, 0) => ResolutionStrategy::ServerWins,
        (0, _) => ResolutionStrategy::ClientWins,
        _ => ResolutionStrategy::Merge,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::WORK_ORDER_FIELDS;

    #[test]
    fn every_field_has_its_strategy() {
        let named: Vec<&str> = STRATEGIES.iter().map(|(field, _)| *field).collect();
        let fields: Vec<&str> = WORK_ORDER_FIELDS.iter().map(|(field, _)| *field).collect();
        assert_eq!(named, fields);
    }
}
