//! Who wins where two edits meet, in the oracle's own words (spec 4.2, decisions f and i).

use std::fmt::Write as _;

use crate::protocol::ConflictOutcome;

use super::order::Write;

/// Who is right where two edits meet on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The office, which plans the work.
    ServerWins,
    /// The technician, who did it.
    ClientWins,
    /// The office if a supervisor spoke or the work is over, the technician else.
    SupervisorWins,
    /// Nobody, until the technician has compared both.
    UserDecides,
}

/// A field and the rule for it, with the reason.
#[derive(Clone, Copy, Debug)]
pub struct FieldRule {
    /// The field.
    pub field: &'static str,
    /// The rule.
    pub rule: Rule,
    /// Why, in words.
    pub why: &'static str,
}

const fn of(field: &'static str, rule: Rule, why: &'static str) -> FieldRule {
    FieldRule { field, rule, why }
}

/// Every field of a work order, in the spec's order (4.2).
pub const RULES: &[FieldRule] = &[
    of("siteId", Rule::ServerWins, "where the work is, the office knows"),
    of("assetId", Rule::ServerWins, "what the work is on, the office knows"),
    of("type", Rule::ServerWins, "the default"),
    of("title", Rule::ServerWins, "the default"),
    of("description", Rule::ServerWins, "the default"),
    of("priority", Rule::ServerWins, "the default"),
    of(
        "status",
        Rule::SupervisorWins,
        "a supervisor's word, and the end of the work, stand against what was made before",
    ),
    of("assignedTo", Rule::ServerWins, "who works, the office decides"),
    of("scheduledStart", Rule::ServerWins, "dates are the office's plan"),
    of("scheduledEnd", Rule::ServerWins, "dates are the office's plan"),
    of("tasks", Rule::ClientWins, "what was done and measured, line by line"),
    of("partsRequired", Rule::ServerWins, "the default"),
    of("partsUsed", Rule::ClientWins, "what was used, line by line"),
    of("laborRecords", Rule::ClientWins, "hours worked, line by line"),
    of("attachments", Rule::ClientWins, "what was recorded on site, line by line"),
    of("actualStart", Rule::ClientWins, "when the work began"),
    of("actualEnd", Rule::ClientWins, "when the work ended"),
    of("completionNotes", Rule::UserDecides, "two people's findings: neither may be dropped"),
    of("rootCause", Rule::UserDecides, "two people's findings: neither may be dropped"),
    of("customFields", Rule::ServerWins, "the default"),
];

/// The rules as `docs/CONFLICTS.md` has them.
#[must_use]
pub fn print_rules() -> String {
    let mut page = String::from(RULES_HEAD);
    for FieldRule { field, rule, why } in RULES {
        let who = match rule {
            Rule::ServerWins => "server wins",
            Rule::ClientWins => "client wins",
            Rule::SupervisorWins => "server wins if a supervisor set it or it is final, else client wins",
            Rule::UserDecides => "manual: both are kept until the user chooses",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{field}` | {who} | {why} |");
    }
    page.push_str(RULES_TAIL);
    page
}

const RULES_HEAD: &str = "# Who wins where two edits meet

Printed from the oracle's table in `src/check/model/rules.rs`; a test compares the two, and another compares the table
with those of engine and server. To print it anew: `cargo test --lib check::tests::rules -- --ignored`.

A field, or one line of a field of lines, conflicts if another device changed it after the version that the edit was made
on, to another value. Fields and lines that do not overlap are taken from both sides and are no conflict.

| field | who wins | why |
|---|---|---|
";

const RULES_TAIL: &str = "
Lines of `tasks`, `partsUsed`, `laborRecords` and `attachments` unite by their keys; inside a line, each of its values
is taken from whoever set it last. A line that is removed says so. Assets, their status among them, are the server's:
a client cannot change them.

A delete that meets changes of others is dropped: the server wins. An update of what was deleted is dropped, too; its
payload stays in the device's rescue log and audit log.
";

/// The winner by field, given the foreign writes since the operation's version, newest first. `None` where the
/// decisions allow either.
pub(super) fn winner<'w, 'a: 'w>(field: &str, foreign: impl Iterator<Item = &'w Write<'a>>) -> Option<ConflictOutcome> {
    match RULES.iter().find(|row| row.field == field).map_or(Rule::ServerWins, |row| row.rule) {
        Rule::ServerWins => Some(ConflictOutcome::ServerWins),
        Rule::ClientWins => Some(ConflictOutcome::ClientWins),
        Rule::SupervisorWins => status_winner(foreign),
        Rule::UserDecides => Some(ConflictOutcome::Manual),
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
