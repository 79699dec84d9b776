//! Who wins where two edits meet, in the oracle's own words (spec 4.2, decisions f and i).

use crate::protocol::ConflictOutcome;

use super::order::Write;

/// The winner by field, given the foreign writes since the operation's version, newest first. `None` where the
/// decisions allow either.
pub(super) fn winner<'w, 'a: 'w>(field: &str, foreign: impl Iterator<Item = &'w Write<'a>>) -> Option<ConflictOutcome> {
    match field {
        // The technician in the field knows best what was done there.
        "tasks" | "partsUsed" | "laborRecords" | "attachments" | "actualStart" | "actualEnd" => {
            Some(ConflictOutcome::ClientWins)
        }
        "status" => status_winner(foreign),
        _ => Some(ConflictOutcome::ServerWins),
    }
}

/// The server keeps a status that a supervisor set or that ends the work. Whether an earlier such change still binds
/// after a later one that does not, no decision says: then either may win.
fn status_winner<'w, 'a: 'w>(foreign: impl Iterator<Item = &'w Write<'a>>) -> Option<ConflictOutcome> {
    let binding: Option<Vec<bool>> = foreign.map(|write| write.binding).collect();
    let binding = binding?;
    let (newest, any) = (*binding.first()?, binding.iter().any(|binds| *binds));
    match (newest, any) {
        (true, _) => Some(ConflictOutcome::ServerWins),
        (false, false) => Some(ConflictOutcome::ClientWins),
        (false, true) => None,
    }
}

/// A status after which no work is done.
pub(in super::super) fn is_terminal(status: &str) -> bool {
    matches!(status, "completed" | "closed" | "cancelled")
}
