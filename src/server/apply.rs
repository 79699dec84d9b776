//! What an update or a delete does to a record, field by field and line by line.
//!
//! First everything is decided against what is stored, then everything is written in one commit: an operation whose
//! fields all lose, or that says nothing new, changes nothing and makes no version.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::conflict;
use super::payload::{Change, DELETED};
use super::record::{self, Order, Selection, Write, Written, removed_line};
use super::sealing::Sealed;
use super::stock::Moves;
use super::store::{Commit, Users, Writer, time_text};
use super::view;
use crate::protocol::{ConflictOutcome, FieldConflict, Record};

/// The surroundings of an operation: the transaction that it is in, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) db: &'a Connection,
    pub(super) users: &'a Users,
    pub(super) sealed: &'a Sealed,
    pub(super) writer: Writer<'a>,
    pub(super) now_ms: i64,
}

/// What an operation came to.
#[derive(Debug)]
pub(super) struct Applied {
    /// The record after it.
    pub(super) order: Order,
    pub(super) conflicts: Vec<FieldConflict>,
    /// What others changed since the operation's version, if they did.
    pub(super) server_state: Option<Record>,
}

/// Applies `changes`, made on version `base`, to `before`.
pub(super) fn update(scene: Scene<'_>, before: Order, base: i64, changes: Vec<Change>) -> rusqlite::Result<Applied> {
    let mut plan = Plan::default();
    for change in changes {
        plan.add(scene, &before.id, base, change)?;
    }
    let Plan { writes, conflicts, merged } = plan;
    let order = if writes.is_empty() { before } else { write(scene, before, &writes)? };
    let mut server_state = foreign_content(scene, &order.id, base)?;
    record::add_lines(scene.db, &order.id, &merged, &mut server_state)?;
    Ok(Applied { order, conflicts, server_state: Some(server_state).filter(|state| !state.is_empty()) })
}

/// Deletes `before` unless others changed it after version `base` (decision e).
pub(super) fn delete(scene: Scene<'_>, before: Order, base: i64) -> rusqlite::Result<Applied> {
    let Some((version, by, ts_ms)) = record::foreign_change(scene.db, &before.id, base, scene.writer.device)? else {
        let mut order = Order { deleted: true, ..before.clone() };
        commit(scene, &before, &mut order, &[])?;
        return Ok(Applied { order, conflicts: Vec::new(), server_state: None });
    };
    let server_state = foreign_content(scene, &before.id, base)?;
    let conflict = FieldConflict {
        field: DELETED.to_owned(),
        mine: json!(true),
        theirs: json!(false),
        outcome: ConflictOutcome::ServerWins,
        version,
        by,
        at: time_text(ts_ms),
    };
    Ok(Applied { order: before, conflicts: vec![conflict], server_state: Some(server_state) })
}

/// What others set after version `base`.
fn foreign_content(scene: Scene<'_>, order: &str, base: i64) -> rusqlite::Result<Record> {
    let not_by = Some(scene.writer.device);
    record::content(scene.db, order, Selection { after_version: base, not_by, ..Selection::default() })
}

fn write(scene: Scene<'_>, before: Order, writes: &[Write]) -> rusqlite::Result<Order> {
    let mut order = before.clone();
    for write in writes {
        if let Write::Field { field, value } = write {
            order.follow(field, value);
        }
    }
    commit(scene, &before, &mut order, writes)?;
    Ok(order)
}

fn commit(scene: Scene<'_>, before: &Order, order: &mut Order, writes: &[Write]) -> rusqlite::Result<()> {
    let commit = Commit::next(scene.db, scene.now_ms, scene.writer)?;
    order.version += 1;
    order.updated_at = commit.at();
    let mut moves = Moves::default();
    for write in writes {
        moves.note(scene.db, &order.id, write)?;
        write.apply(scene.db, &order.id, order.version, &commit)?;
    }
    moves.book(scene.db, &commit)?;
    order.save(scene.db)?;
    view::follow(scene.db, scene.users, Some(before), order, &commit, scene.writer.device)
}

/// What is to be written, and what it met.
#[derive(Debug, Default)]
struct Plan {
    writes: Vec<Write>,
    conflicts: Vec<FieldConflict>,
    /// Lines that hold keys of others beside the operation's own, which the device may not know.
    merged: BTreeSet<(String, String)>,
}

impl Plan {
    fn add(&mut self, scene: Scene<'_>, order: &str, base: i64, change: Change) -> rusqlite::Result<()> {
        match change {
            Change::Field { field, value } => {
                let theirs = record::field(scene.db, order, &field)?;
                self.field(scene, base, field, value, theirs);
            }
            Change::Line { field, line, patch, deleted } => {
                let theirs = record::line(scene.db, order, &field, &line)?;
                let mine = if deleted { removed_line(&field, &line) } else { Value::Object(patch) };
                self.line(scene, base, LineEdit { field, line, mine, deleted }, theirs);
            }
        }
        Ok(())
    }

    fn field(&mut self, scene: Scene<'_>, base: i64, field: String, value: Value, theirs: Option<Written>) {
        if theirs.as_ref().is_some_and(|theirs| theirs.value == value) {
            return;
        }
        let met_foreign = conflict::decide(&field, theirs.as_ref(), base, scene.writer.device);
        // Nobody but its user can compare what is sealed.
        let outcome = met_foreign.map(|ruled| if scene.sealed.has(&field) { ConflictOutcome::Manual } else { ruled });
        if let (Some(outcome), Some(theirs)) = (outcome, theirs) {
            self.conflicts.push(met(field.clone(), value.clone(), theirs, outcome));
        }
        if matches!(outcome, None | Some(ConflictOutcome::ClientWins)) {
            self.writes.push(Write::Field { field, value });
        }
    }

    fn line(&mut self, scene: Scene<'_>, base: i64, edit: LineEdit, theirs: Option<Written>) {
        if edit.says_nothing_new(theirs.as_ref()) {
            return;
        }
        let outcome = conflict::decide(&edit.field, theirs.as_ref(), base, scene.writer.device);
        let value = edit.over(theirs.as_ref());
        let LineEdit { field, line, mine, deleted } = edit;
        if let (Some(outcome), Some(mut theirs)) = (outcome, theirs) {
            if theirs.deleted {
                theirs.value = removed_line(&field, &line);
            }
            self.conflicts.push(met(format!("{field}/{line}"), mine, theirs, outcome));
            if outcome == ConflictOutcome::ClientWins && !deleted {
                self.merged.insert((field.clone(), line.clone()));
            }
        }
        if matches!(outcome, None | Some(ConflictOutcome::ClientWins)) {
            self.writes.push(Write::Line { field, line, value, deleted });
        }
    }
}

/// An edit of one line.
struct LineEdit {
    field: String,
    line: String,
    /// As the wire writes it: the keys that change, or the mark of removal.
    mine: Value,
    deleted: bool,
}

impl LineEdit {
    fn says_nothing_new(&self, theirs: Option<&Written>) -> bool {
        match theirs {
            None => self.deleted,
            Some(theirs) if self.deleted => theirs.deleted,
            Some(theirs) => !theirs.deleted && self.over(Some(theirs)) == theirs.value,
        }
    }

    /// The line with the edit laid over it, key by key (decision d). A removed line keeps what it was.
    fn over(&self, theirs: Option<&Written>) -> Value {
        let Some(there) = theirs.and_then(|theirs| theirs.value.as_object()) else { return self.mine.clone() };
        let mut line = there.clone();
        if !self.deleted {
            line.extend(self.mine.as_object().cloned().unwrap_or_default());
        }
        Value::Object(line)
    }
}

fn met(field: String, mine: Value, theirs: Written, outcome: ConflictOutcome) -> FieldConflict {
    let Written { value, version, user, ts_ms, .. } = theirs;
    FieldConflict { field, mine, theirs: value, outcome, version, by: user, at: time_text(ts_ms) }
}
