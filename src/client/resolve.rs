//! The user's part in conflicts (spec 4.2, 4.3): to choose a side, field by field or at once, to save a choice for later,
//! and to take one back until it has gone out.
//!
//! A choice is a queued operation like any other: it carries the kept value, if the server does not hold it, and tells
//! which conflicts it decides. It is made on the version that the conflict was found at, so that a change that came
//! after it is met again, and not overwritten unseen.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::Value;

use super::conflict;
use super::engine::{Engine, EngineError};
use super::store::audit::Step;
use super::store::{StoreError, logs, queue, rows};
use super::{merge, priority, sealing, strategy};
use crate::history::{Choice, DeviceEvent, Side};
use crate::protocol::{
    ConflictOutcome, ConflictRecord, FieldConflict, OperationKind, RESOLVES, Record, Resolution, Resolves,
};

impl Engine {
    /// Chooses `side` on `field` of `order`, or on all its fields that wait for a choice. A field that the rules have
    /// decided can be named to overrule them. On return the choice is durable.
    ///
    /// # Errors
    /// When there is no such work order or nothing to choose, or storage fails; then nothing changed.
    pub fn resolve(&self, order: &str, field: Option<&str>, side: Side) -> Result<(), EngineError> {
        let id = rows::current_id(self.store.read(), order)?;
        let visible = self.visible(&id)?;
        let desk = Desk::of(self.store.read(), &id)?;
        let decisions = desk.decisions(field, side);
        if decisions.is_empty() {
            return Err(EngineError::NothingToResolve { order: id, field: field.map(str::to_owned) });
        }
        let mut operation = self.operation(id, OperationKind::Update, desk.payload(&decisions));
        operation.priority = priority::on(operation.operation, &operation.payload, &visible);
        self.store.write(|tx| {
            rows::keep_base(tx, &operation.entity_id, &visible)?;
            let now = self.clock.now_text();
            queue::append(tx, &operation, &now)?;
            let mut edited = visible;
            merge::lay_over(&mut edited, &operation.payload);
            rows::show_edited(tx, &operation.entity_id, &edited)?;
            let choices = desk.resolves(&decisions);
            record_choices(tx, desk.conflicts, &choices, &now)
        })?;
        self.hurry_if_critical(&operation);
        self.show()?;
        self.emit(DeviceEvent::Chosen(Box::new(Choice { operation, by_preference: false })));
        Ok(())
    }

    /// Saves which side to keep in later conflicts on `field`, of `order` or of all; `None` asks again.
    ///
    /// # Errors
    /// When the rules leave the user nothing to say on `field`, or storage fails.
    pub fn prefer(&self, order: Option<&str>, field: &str, side: Option<Side>) -> Result<(), EngineError> {
        if !strategy::is_manual(field) && !sealing::is_sealed(self.store.read(), field)? {
            return Err(EngineError::NoChoice(field.to_owned()));
        }
        let id = order.map(|order| rows::current_id(self.store.read(), order)).transpose()?;
        Ok(self.store.write(|tx| logs::prefer(tx, id.as_deref(), field, side))?)
    }

    /// Takes the latest choice on `order`, or on one field of it, back; its conflicts are as they were.
    ///
    /// # Errors
    /// When there is none that has not gone out yet, or storage fails; then nothing changed.
    pub fn undo(&self, order: &str, field: Option<&str>) -> Result<(), EngineError> {
        let id = rows::current_id(self.store.read(), order)?;
        let lane = queue::lane(self.store.read(), &id)?;
        let unsent = lane.iter().rev().filter(|queued| queued.sent_as.is_none());
        let chosen = unsent.map(|queued| (&queued.queue_id, choices(&queued.payload))).find(|(_, choices)| {
            let mut decided = choices.iter().flat_map(|choice| &choice.resolution);
            decided.any(|(name, how)| *how != Resolution::Merged && field.is_none_or(|field| field == name))
        });
        let Some((queue_id, choices)) = chosen else { return Err(EngineError::NothingToUndo(id)) };
        self.store.write(|tx| {
            let now = self.clock.now_text();
            let base = rows::server_record(tx, &id)?;
            queue::remove(tx, queue_id)?;
            rows::show_lane(tx, &id, base)?;
            for mut conflict in logs::conflicts_of(tx, &id)? {
                let Some(choice) = choices.iter().find(|choice| choice.conflict_id == conflict.conflict_id) else {
                    continue;
                };
                take_back(&mut conflict, choice);
                logs::update_conflict(tx, &conflict, Step::Undone, &now)?;
            }
            Ok(())
        })?;
        self.emit(DeviceEvent::Undone { queue_id: queue_id.clone() });
        Ok(self.show()?)
    }

    /// Carries out what the user prefers on a conflict that has just come up; it must be on record. Returns the choice,
    /// if a preference made one.
    pub(super) fn choose_as_preferred(
        &self,
        tx: &Connection,
        conflict: &ConflictRecord,
        now: &str,
    ) -> Result<Option<Choice>, StoreError> {
        let mut decisions = Decisions::new();
        for field in conflict.undecided() {
            if let Some(side) = logs::preference(tx, &conflict.entity_id, &field.field)? {
                decisions.entry(field.field.clone()).or_insert(side);
            }
        }
        if decisions.is_empty() {
            return Ok(None);
        }
        let open = BTreeSet::from([conflict.conflict_id.clone()]);
        let desk = Desk { conflicts: vec![conflict.clone()], open };
        let (payload, choices) = (desk.payload(&decisions), desk.resolves(&decisions));
        let operation = self.operation(conflict.entity_id.clone(), OperationKind::Update, payload);
        queue::append(tx, &operation, now)?;
        record_choices(tx, desk.conflicts, &choices, now)?;
        Ok(Some(Choice { operation, by_preference: true }))
    }
}

/// The side chosen, by field as conflicts name it.
type Decisions = BTreeMap<String, Side>;

/// The conflicts of one record, oldest first, as they lie before the user.
struct Desk {
    conflicts: Vec<ConflictRecord>,
    /// Those to which the user has not reacted.
    open: BTreeSet<String>,
}

impl Desk {
    fn of(c: &Connection, id: &str) -> Result<Self, StoreError> {
        Ok(Self { conflicts: logs::conflicts_of(c, id)?, open: logs::open_conflicts(c, id)? })
    }

    /// What `side` on `field`, or on all, comes to. Whoever chooses the server's on all has seen what the rules dropped;
    /// to overrule them, a field must be named.
    fn decisions(&self, field: Option<&str>, side: Side) -> Decisions {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for conflict in self.conflicts.iter().filter(|conflict| self.open.contains(&conflict.conflict_id)) {
            names.extend(conflict.undecided().map(|found| found.field.as_str()));
            let lost = conflict.fields.iter().filter(|found| found.outcome == ConflictOutcome::ServerWins);
            names.extend(lost.filter(|_| side == Side::Server).map(|found| found.field.as_str()));
        }
        names.retain(|name| field.is_none_or(|field| field == *name));
        names.extend(field.filter(|field| self.overrules(field, side)));
        names.into_iter().map(|name| (name.to_owned(), side)).collect()
    }

    /// Whether the newest conflict on `field` went the other way.
    fn overrules(&self, field: &str, side: Side) -> bool {
        let of_field = |conflict: &&ConflictRecord| conflict.fields.iter().any(|found| found.field == field);
        let newest = self.conflicts.iter().rev().find(of_field).and_then(|conflict| conflict.resolution.get(field));
        field != merge::DELETED
            && matches!(
                (newest, side),
                (Some(Resolution::ServerWins), Side::Mine) | (Some(Resolution::ClientWins), Side::Server)
            )
    }

    /// The conflicts on `field` that a decision on it is about: all that are open, or else the newest.
    fn about(&self, field: &str) -> Vec<(&ConflictRecord, &FieldConflict)> {
        let with = |conflict| field_of(conflict, field).map(|found| (conflict, found));
        let all: Vec<_> = self.conflicts.iter().filter_map(with).collect();
        let open = |(conflict, _): &&(&ConflictRecord, &FieldConflict)| self.open.contains(&conflict.conflict_id);
        let open: Vec<_> = all.iter().filter(open).copied().collect();
        if open.is_empty() { all.last().copied().into_iter().collect() } else { open }
    }

    fn payload(&self, decisions: &Decisions) -> Record {
        let mut payload = Record::new();
        let mut made_on = i64::MAX;
        for (name, side) in decisions {
            let Some((conflict, field)) = self.about(name).last().copied() else { continue };
            made_on = made_on.min(conflict.server_version);
            let server_has = match conflict.resolution.get(name) {
                Some(Resolution::ClientWins) => Side::Mine,
                _ => Side::Server,
            };
            if *side != server_has {
                let value = if *side == Side::Mine { &field.mine } else { &field.theirs };
                conflict::set(&mut payload, name, value);
            }
        }
        payload.insert("_version".into(), made_on.into());
        let choices = self.resolves(decisions);
        let choices: Vec<Value> = choices.iter().filter_map(|choice| serde_json::to_value(choice).ok()).collect();
        payload.insert(RESOLVES.into(), choices.into());
        payload
    }

    fn resolves(&self, decisions: &Decisions) -> Vec<Resolves> {
        let mut by_conflict: BTreeMap<&str, BTreeMap<String, Resolution>> = BTreeMap::new();
        for (name, side) in decisions {
            let resolution = if *side == Side::Mine { Resolution::ClientWins } else { Resolution::ServerWins };
            for (conflict, _) in self.about(name) {
                by_conflict.entry(&conflict.conflict_id).or_default().insert(name.clone(), resolution);
            }
        }
        let resolves = |(id, resolution): (&str, _)| Resolves { conflict_id: id.to_owned(), resolution };
        by_conflict.into_iter().map(resolves).collect()
    }
}

fn field_of<'c>(conflict: &'c ConflictRecord, field: &str) -> Option<&'c FieldConflict> {
    conflict.fields.iter().find(|found| found.field == field)
}

fn record_choices(
    c: &Connection,
    conflicts: Vec<ConflictRecord>,
    choices: &[Resolves],
    now: &str,
) -> Result<(), StoreError> {
    for mut conflict in conflicts {
        let Some(choice) = choices.iter().find(|choice| choice.conflict_id == conflict.conflict_id) else { continue };
        conflict.resolution.extend(choice.resolution.clone());
        if conflict.undecided().next().is_none() {
            conflict.resolved_at = Some(now.to_owned());
        }
        logs::update_conflict(c, &conflict, Step::Resolved, now)?;
    }
    Ok(())
}

/// The choices that come with an edit of fields on which conflicts wait: who writes a value in full view of both has
/// chosen it.
pub(super) fn by_hand(c: &Connection, id: &str, set: &Record) -> Result<Vec<Resolves>, StoreError> {
    let mut choices = Vec::new();
    for conflict in logs::conflicts_of(c, id)? {
        let written = conflict.undecided().filter(|field| set.contains_key(&field.field));
        let resolution: BTreeMap<_, _> = written.map(|field| (field.field.clone(), Resolution::Merged)).collect();
        if !resolution.is_empty() {
            choices.push(Resolves { conflict_id: conflict.conflict_id, resolution });
        }
    }
    Ok(choices)
}

/// Puts `choices`, which came with an edit of `id`, on record.
pub(super) fn note_by_hand(c: &Connection, id: &str, choices: &[Resolves], now: &str) -> Result<(), StoreError> {
    if choices.is_empty() { Ok(()) } else { record_choices(c, logs::conflicts_of(c, id)?, choices, now) }
}

fn choices(payload: &Record) -> Vec<Resolves> {
    let choices = payload.get(RESOLVES).and_then(Value::as_array).into_iter().flatten();
    choices.filter_map(|choice| serde_json::from_value(choice.clone()).ok()).collect()
}

fn take_back(conflict: &mut ConflictRecord, choice: &Resolves) {
    for name in choice.resolution.keys() {
        let outcome = field_of(conflict, name).map(|field| field.outcome);
        match outcome.and_then(conflict::decided) {
            Some(resolution) => drop(conflict.resolution.insert(name.clone(), resolution)),
            None => drop(conflict.resolution.remove(name)),
        }
    }
    let decided = conflict.undecided().next().is_none();
    conflict.resolved_at = decided.then(|| conflict.detected_at.clone());
}
