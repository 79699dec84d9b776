//! Who wins where two edits meet on one field (spec 4.2, decisions f and i). Pure.

use super::policy::is_terminal;
use super::record::Written;
use super::role::Role;
use crate::protocol::ConflictOutcome;

/// Who wins a field's conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// What is there stays: the plan is the office's.
    Server,
    /// Execution data: whoever did the work knows best.
    Client,
    /// What is there stays if a supervisor set it or if it ends the order; else the client wins (decision i).
    Office,
    /// What is there stays until the one who set the other value has chosen.
    Manual,
}

/// The strategy of every field that a client may write, in the spec's order (4.2).
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

/// Whether an edit of `field` by `device` on version `base` may meet `theirs`, a value that differs from its own:
/// `None` when there is no conflict. One device's own edits never conflict with each other.
pub(super) fn decide(field: &str, theirs: Option<&Written>, base: i64, device: &str) -> Option<ConflictOutcome> {
    let theirs = theirs.filter(|theirs| theirs.version > base && theirs.device != device)?;
    Some(match strategy(field) {
        Strategy::Server => ConflictOutcome::ServerWins,
        Strategy::Client => ConflictOutcome::ClientWins,
        Strategy::Manual => ConflictOutcome::Manual,
        Strategy::Office if weighty(theirs) => ConflictOutcome::ServerWins,
        Strategy::Office => ConflictOutcome::ClientWins,
    })
}

/// The spec's default for what no list names: server wins.
fn strategy(field: &str) -> Strategy {
    STRATEGIES.iter().find(|(name, _)| *name == field).map_or(Strategy::Server, |(_, strategy)| *strategy)
}

fn weighty(theirs: &Written) -> bool {
    Role::named(&theirs.role) == Role::Supervisor || theirs.value.as_str().is_some_and(is_terminal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn theirs(value: &str, role: &str) -> Written {
        Written {
            value: json!(value),
            deleted: false,
            version: 5,
            device: "other".into(),
            user: "somebody".into(),
            role: role.into(),
            ts_ms: 0,
        }
    }

    #[test]
    fn a_field_conflicts_only_with_a_later_change_of_another_device() {
        let there = theirs("x", "technician");
        assert_eq!(decide("title", Some(&there), 4, "mine"), Some(ConflictOutcome::ServerWins));
        assert_eq!(decide("title", Some(&there), 5, "mine"), None, "seen by the edit");
        assert_eq!(decide("title", Some(&there), 4, "other"), None, "its own");
        assert_eq!(decide("title", None, 4, "mine"), None, "never set");
    }

    #[test]
    fn execution_fields_are_the_clients_and_the_rest_is_the_servers() {
        let there = theirs("x", "supervisor");
        for field in ["tasks", "partsUsed", "laborRecords", "attachments", "actualStart", "actualEnd"] {
            assert_eq!(decide(field, Some(&there), 1, "mine"), Some(ConflictOutcome::ClientWins), "{field}");
        }
        for field in ["title", "scheduledStart", "scheduledEnd", "priority", "assignedTo", "customFields"] {
            assert_eq!(decide(field, Some(&there), 1, "mine"), Some(ConflictOutcome::ServerWins), "{field}");
        }
    }

    #[test]
    fn what_was_found_waits_for_whoever_found_it() {
        for field in ["rootCause", "completionNotes"] {
            let there = theirs("x", "supervisor");
            assert_eq!(decide(field, Some(&there), 1, "mine"), Some(ConflictOutcome::Manual), "{field}");
        }
    }

    #[test]
    fn every_field_has_its_strategy() {
        let named: Vec<&str> = STRATEGIES.iter().map(|(field, _)| *field).collect();
        let fields: Vec<&str> = crate::protocol::WORK_ORDER_FIELDS.iter().map(|(field, _)| *field).collect();
        assert_eq!(named, fields);
    }

    #[test]
    fn status_is_the_servers_only_if_a_supervisor_set_it_or_it_is_terminal() {
        let outcome = |value, role| decide("status", Some(&theirs(value, role)), 1, "mine");
        assert_eq!(outcome("on-hold", "supervisor"), Some(ConflictOutcome::ServerWins));
        assert_eq!(outcome("cancelled", "technician"), Some(ConflictOutcome::ServerWins));
        assert_eq!(outcome("in-progress", "technician"), Some(ConflictOutcome::ClientWins));
    }
}
