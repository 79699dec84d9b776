//! What the screen shows of single changes and orders (spec 5.3, 7.3): the queue view and the icons. It is compared with
//! the database whenever something may have changed, so that nobody has to remember to tell it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::conflict;
use super::store::queue::{self, Mark};
use super::store::{StoreError, rows};
use crate::history::{ChangeLine, ChangeState, DeviceEvent, Icon, OperationRecord, Progress, QueueStatus};
use crate::protocol::{ErrorCode, OperationKind, Record};

/// Fields and what a change of them is called.
const CALLED: &[(&str, &str)] = &[
    ("status", "Updated status"),
    ("tasks", "Updated tasks"),
    ("partsUsed", "Recorded parts"),
    ("laborRecords", "Labor time"),
    ("attachments", "Added attachments"),
    ("completionNotes", "Completion notes"),
    ("rootCause", "Root cause"),
    ("customFields", "Custom fields"),
];

/// The queue view and the icons as last shown.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// In the order of the queue; settled ones stay until they are swept.
    lines: Vec<Line>,
    places: BTreeMap<String, usize>,
    /// Orders that are not simply synced.
    icons: BTreeMap<String, Icon>,
    /// What became of operations that left the queue otherwise than by plain success.
    fates: BTreeMap<String, ChangeState>,
}

#[derive(Debug)]
struct Line {
    shown: ChangeLine,
    /// The queue holds it: it is not with the server.
    queued: bool,
}

/// What is shown differently from before.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) changes: Vec<ChangeLine>,
    pub(super) icons: BTreeMap<String, Icon>,
}

impl Board {
    /// The engine says what became of an operation.
    pub(super) fn hear(&mut self, event: &DeviceEvent) {
        if let DeviceEvent::Rescued(rescued) = event {
            self.fates.insert(rescued.queue_id.clone(), ChangeState::Rescued);
        }
        if let DeviceEvent::Undone { queue_id } = event {
            self.lines.retain(|line| line.shown.queue_id != *queue_id);
            self.index();
        }
        if let DeviceEvent::Corrected { queue_id, .. } = event {
            self.fates.insert(queue_id.clone(), ChangeState::Failed { code: ErrorCode::ValidationError });
        }
        if let DeviceEvent::Conflict(record) = event
            && conflict::lost(&record.fields).next().is_some()
        {
            self.fates.insert(record.queue_id.clone(), ChangeState::Failed { code: ErrorCode::VersionConflict });
        }
    }

    /// A sync begins: what earlier ones settled leaves the view.
    pub(super) fn sweep(&mut self) {
        self.fates.clear();
        self.lines.retain(|line| line.queued);
        self.index();
    }

    fn index(&mut self) {
        let places = self.lines.iter().enumerate();
        self.places = places.map(|(place, line)| (line.shown.queue_id.clone(), place)).collect();
    }

    /// One more operation; nothing else has changed.
    pub(super) fn add(&mut self, operation: &OperationRecord) -> Difference {
        let shown = ChangeLine {
            queue_id: operation.queue_id.clone(),
            entity_id: operation.entity_id.clone(),
            what: words(operation.operation, &operation.payload),
            state: ChangeState::Queued,
        };
        let mut icons = BTreeMap::new();
        if !self.icons.contains_key(&shown.entity_id) {
            self.icons.insert(shown.entity_id.clone(), Icon::Queued);
            icons.insert(shown.entity_id.clone(), Icon::Queued);
        }
        self.put(shown.clone(), true);
        Difference { changes: vec![shown], icons }
    }

    /// Compares with the database.
    pub(super) fn refresh(&mut self, c: &Connection) -> Result<Difference, StoreError> {
        let marks = queue::marks(c)?;
        let mut changes = Vec::new();
        for mark in &marks {
            let state = state_of(mark);
            let known = self.places.get(&mark.queue_id).map(|place| &self.lines[*place].shown);
            if known.is_some_and(|line| line.state == state && line.entity_id == mark.entity_id) {
                continue;
            }
            let what = match known {
                Some(line) => line.what.clone(),
                None => queue::find(c, &mark.queue_id)?.map_or_else(String::new, |it| words(it.operation, &it.payload)),
            };
            let (queue_id, entity_id) = (mark.queue_id.clone(), mark.entity_id.clone());
            changes.push(ChangeLine { queue_id, entity_id, what, state });
        }
        changes.iter().for_each(|line| self.put(line.clone(), true));
        changes.extend(self.settle(&marks));
        let icons = self.swap_icons(icons(&marks, rows::in_conflict(c)?));
        Ok(Difference { changes, icons })
    }

    /// Lines that the queue does not hold any more.
    fn settle(&mut self, marks: &[Mark]) -> Vec<ChangeLine> {
        let queued: BTreeSet<&str> = marks.iter().map(|mark| mark.queue_id.as_str()).collect();
        let gone = |line: &&mut Line| line.queued && !queued.contains(line.shown.queue_id.as_str());
        let settled = self.lines.iter_mut().filter(gone).map(|line| {
            line.queued = false;
            line.shown.state = self.fates.get(&line.shown.queue_id).copied().unwrap_or(ChangeState::Synced);
            line.shown.clone()
        });
        settled.collect()
    }

    fn put(&mut self, shown: ChangeLine, queued: bool) {
        let next = self.lines.len();
        let place = *self.places.entry(shown.queue_id.clone()).or_insert(next);
        let line = Line { shown, queued };
        match self.lines.get_mut(place) {
            Some(old) => *old = line,
            None => self.lines.push(line),
        }
    }

    fn swap_icons(&mut self, now: BTreeMap<String, Icon>) -> BTreeMap<String, Icon> {
        let gone = self.icons.keys().filter(|id| !now.contains_key(*id)).map(|id| (id.clone(), Icon::Synced));
        let new = now.iter().filter(|(id, icon)| self.icons.get(*id) != Some(*icon));
        let changed = gone.chain(new.map(|(id, icon)| (id.clone(), *icon))).collect();
        self.icons = now;
        changed
    }

    /// Changes that are not with the server, failed ones included.
    pub(super) fn queued(&self) -> u64 {
        self.lines.iter().filter(|line| line.queued).count() as u64
    }

    /// How far the sync at hand is; what waits for the user is none of its work.
    pub(super) fn progress(&self) -> Option<Progress> {
        let done = self.lines.iter().filter(|line| !line.queued).count() as u64;
        let failed = |line: &&Line| line.queued && !matches!(line.shown.state, ChangeState::Failed { .. });
        let of = done + self.lines.iter().filter(failed).count() as u64;
        (of > 0).then_some(Progress { done, of })
    }

    /// The queue view.
    pub(super) fn lines(&self) -> Vec<ChangeLine> {
        self.lines.iter().map(|line| line.shown.clone()).collect()
    }

    /// Icons of the orders that are not simply synced.
    pub(super) fn icons(&self) -> BTreeMap<String, Icon> {
        self.icons.clone()
    }
}

fn state_of(mark: &Mark) -> ChangeState {
    match mark.status {
        QueueStatus::Pending => ChangeState::Queued,
        QueueStatus::InProgress => ChangeState::Syncing,
        QueueStatus::Completed => ChangeState::Synced,
        QueueStatus::Failed => ChangeState::Failed { code: mark.code.unwrap_or(ErrorCode::ServerError) },
    }
}

/// An order shows what is gravest about it.
fn icons(marks: &[Mark], in_conflict: Vec<String>) -> BTreeMap<String, Icon> {
    let mut icons: BTreeMap<String, Icon> = in_conflict.into_iter().map(|id| (id, Icon::Conflict)).collect();
    for mark in marks {
        let icon = match mark.status {
            QueueStatus::Pending | QueueStatus::Completed => Icon::Queued,
            QueueStatus::InProgress => Icon::Syncing,
            QueueStatus::Failed => Icon::Conflict,
        };
        let shown = icons.entry(mark.entity_id.clone()).or_insert(icon);
        *shown = gravest(*shown, icon);
    }
    icons
}

fn gravest(a: Icon, b: Icon) -> Icon {
    let order = [Icon::Conflict, Icon::Syncing, Icon::Queued];
    order.into_iter().find(|icon| [a, b].contains(icon)).unwrap_or(Icon::Synced)
}

/// A change in words, as the spec's queue view has them.
fn words(operation: OperationKind, payload: &Record) -> String {
    let emergency = || payload.get("type").is_some_and(|kind| kind == "emergency");
    match operation {
        OperationKind::Create if emergency() => "Reported an emergency".into(),
        OperationKind::Create => "Created the order".into(),
        OperationKind::Delete => "Deleted the order".into(),
        OperationKind::Update => {
            if let Some(file) = added_file(payload) {
                return file.into();
            }
            let called = CALLED.iter().filter(|(field, _)| payload.contains_key(*field)).map(|(_, words)| *words);
            let words: Vec<&str> = called.collect();
            if words.is_empty() { "Updated details".into() } else { words.join(", ") }
        }
    }
}

/// What the addition of one file is called, if the change is that.
fn added_file(payload: &Record) -> Option<&'static str> {
    let [line] = payload.get("attachments")?.as_array()?.as_slice() else { return None };
    let alone = payload.keys().all(|field| field == "attachments" || field.starts_with('_'));
    match line.get("attachmentType")?.as_str()? {
        "photo" if alone => Some("Added photo"),
        "document" if alone => Some("Added document"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(queue_id: &str, queued: bool, state: ChangeState) -> Line {
        let shown = ChangeLine { queue_id: queue_id.into(), entity_id: "WO-1".into(), what: String::new(), state };
        Line { shown, queued }
    }

    #[test]
    fn progress_counts_what_this_sync_settled_and_what_it_may_still_send() {
        let mut board = Board::default();
        assert_eq!(board.progress(), None);
        let failed = ChangeState::Failed { code: ErrorCode::ValidationError };
        let lost = ChangeState::Failed { code: ErrorCode::VersionConflict };
        for (id, queued, state) in [
            ("a", false, ChangeState::Synced),
            ("b", true, failed),
            ("c", true, ChangeState::Queued),
            ("d", false, lost),
        ] {
            board.put(line(id, queued, state).shown, queued);
        }
        assert_eq!(board.progress(), Some(Progress { done: 2, of: 3 }));
        assert_eq!(board.queued(), 2);
        board.sweep();
        assert_eq!(board.progress(), Some(Progress { done: 0, of: 1 }));
    }

    #[test]
    fn an_order_shows_what_is_gravest_about_it() {
        let mark = |status| Mark { queue_id: "q".into(), entity_id: "WO-1".into(), status, code: None };
        let icon = |statuses: &[QueueStatus], flagged: bool| {
            let marks: Vec<Mark> = statuses.iter().map(|status| mark(*status)).collect();
            icons(&marks, if flagged { vec!["WO-1".into()] } else { Vec::new() }).get("WO-1").copied()
        };
        use QueueStatus::{Failed, InProgress, Pending};
        assert_eq!(icon(&[], false), None);
        assert_eq!(icon(&[Pending], false), Some(Icon::Queued));
        assert_eq!(icon(&[InProgress, Pending], false), Some(Icon::Syncing));
        assert_eq!(icon(&[Failed, Pending], false), Some(Icon::Conflict));
        assert_eq!(icon(&[Pending], true), Some(Icon::Conflict));
    }

    #[test]
    fn changes_are_called_as_the_spec_calls_them() {
        let called = |payload: serde_json::Value| words(OperationKind::Update, payload.as_object().unwrap());
        assert_eq!(called(json!({"status": "on-hold", "_version": 1})), "Updated status");
        assert_eq!(called(json!({"laborRecords": [], "partsUsed": []})), "Recorded parts, Labor time");
        assert_eq!(called(json!({"title": "x"})), "Updated details");
    }
}
