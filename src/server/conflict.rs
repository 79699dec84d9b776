//! Who wins where two edits meet on one field (spec 4.2, decisions f and i). Pure.

use super::policy::TERMINAL;
use super::record::Written;
use super::role::Role;
use crate::protocol::ConflictOutcome;

/// Who wins a field's conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// What is there stays: the rule for everything that the table does not name.
    Server,
    /// Execution data: whoever did the work knows best.
    Client,
    /// What is there stays if a supervisor set it or if it ends the order; else the client wins (decision i).
    Office,
}

const STRATEGIES: &[(&str, Strategy)] = &[
    ("status", Strategy::Office),
    ("tasks", Strategy::Client),
    ("partsUsed", Strategy::Client),
    ("laborRecords", Strategy::Client),
    ("attachments", Strategy::Client),
    ("actualStart", Strategy::Client),
    ("actualEnd", Strategy::Client),
];

/// Whether an edit of `field` by `device` on version `base` may meet `theirs`, a value that differs from its own:
/// `None` when there is no conflict. One device's own edits never conflict with each other.
pub(super) fn decide(field: &str, theirs: Option<&Written>, base: i64, device: &str) -> Option<ConflictOutcome> {
    let theirs = theirs.filter(|theirs| theirs.version > base && theirs.device != device)?;
    Some(match strategy(field) {
        Strategy::Server => ConflictOutcome::ServerWins,
        Strategy::Client => ConflictOutcome::ClientWins,
        Strategy::Office if weighty(theirs) => ConflictOutcome::ServerWins,
        Strategy::Office => ConflictOutcome::ClientWins,
    })
}

fn strategy(field: &str) -> Strategy {
    STRATEGIES.iter().find(|(name, _)| *name == field).map_or(Strategy::Server, |(_, strategy)| *strategy)
}

fn weighty(theirs: &Written) -> bool {
    Role::named(&theirs.role) == Role::Supervisor
        || theirs.value.as_str().is_some_and(|status| TERMINAL.contains(&status))
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
        for field in ["title", "scheduledStart", "scheduledEnd", "priority", "assignedTo", "completionNotes"] {
            assert_eq!(decide(field, Some(&there), 1, "mine"), Some(ConflictOutcome::ServerWins), "{field}");
        }
    }

    #[test]
    fn status_is_the_servers_only_if_a_supervisor_set_it_or_it_is_terminal() {
        let outcome = |value, role| decide("status", Some(&theirs(value, role)), 1, "mine");
        assert_eq!(outcome("on-hold", "supervisor"), Some(ConflictOutcome::ServerWins));
        assert_eq!(outcome("cancelled", "technician"), Some(ConflictOutcome::ServerWins));
        assert_eq!(outcome("in-progress", "technician"), Some(ConflictOutcome::ClientWins));
    }
}
