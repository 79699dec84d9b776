//! One work order's life in the oracle's model: its cells, who wrote them, and what each operation did to it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::{ConflictOutcome, OperationKind, OperationResult};

use super::super::facts::{Facts, Seen};
use super::super::item::{Item, is_removal, items, parts, same};
use super::super::operation::Op;
use super::place::Place;
use super::rules::{is_terminal, winner};
use super::{Expected, Fate, Model, version_of};

/// One change of a cell.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Write<'a> {
    pub(in super::super) version: i64,
    /// Whose; empty for the seed.
    pub(in super::super) device: &'a str,
    /// The operation; none for the seed.
    pub(in super::super) op: Option<usize>,
    /// Whether a status set so binds the field (decision i); `None` when the writer's role is unknown.
    pub(super) binding: Option<bool>,
}

/// What one item holds and who made it so.
#[derive(Clone, Debug)]
pub(in super::super) struct Cell<'a> {
    pub(in super::super) value: Cow<'a, Value>,
    /// Of a line: it was removed.
    pub(in super::super) gone: bool,
    /// Changes, oldest first.
    pub(in super::super) writes: Vec<Write<'a>>,
    /// Of a line: who last changed each of its parts.
    parts: BTreeMap<&'a str, Write<'a>>,
    /// The last write of an equal value by somebody else: whether it makes them the writer, no decision says.
    echo: Option<Write<'a>>,
    /// Operations (with the position of the item in them) whose value this is.
    stakes: Vec<(usize, usize)>,
}

/// What an operation did to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Touch {
    /// It changed something.
    Changed,
    /// It set what was there.
    Repeated,
    /// All that it set was lost to foreign changes.
    Nothing,
}

/// One operation in the record's life.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Step {
    pub(in super::super) op: usize,
    pub(in super::super) version: i64,
    pub(in super::super) touch: Touch,
}

/// Who could see the record from a version on.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Stage<'a> {
    pub(in super::super) version: i64,
    pub(in super::super) at_ms: u64,
    pub(in super::super) assigned_to: Option<&'a str>,
    pub(in super::super) status: Option<&'a str>,
    pub(in super::super) asset: Option<&'a str>,
    pub(in super::super) site: Option<&'a str>,
}

/// One work order.
#[derive(Debug, Default)]
pub(in super::super) struct Order<'a> {
    pub(in super::super) id: &'a str,
    /// The version by the oracle's count; the seed's before anything else.
    pub(in super::super) version: i64,
    pub(in super::super) seeded: Option<Seen<'a>>,
    pub(in super::super) created_by: Option<&'a str>,
    /// When it was made in this run; `None` for a seed.
    pub(in super::super) created_ms: Option<u64>,
    pub(in super::super) creates: Vec<usize>,
    pub(in super::super) deleted: Option<usize>,
    /// Updates that were accepted after the delete.
    pub(in super::super) after_death: Vec<usize>,
    pub(in super::super) cells: BTreeMap<Item<'a>, Cell<'a>>,
    pub(in super::super) steps: Vec<Step>,
    pub(in super::super) stages: Vec<Stage<'a>>,
    /// The server's record at the end and its items.
    pub(in super::super) server: Option<Seen<'a>>,
    pub(in super::super) held: BTreeMap<Item<'a>, &'a Value>,
}

/// How an operation's item meets the record.
enum Meeting {
    /// It holds the same value already.
    Same,
    /// Nobody else's change is in the way.
    Free,
    /// Somebody else changed it since.
    Overlap { certain: bool },
}

impl<'a> Order<'a> {
    pub(super) fn seeded(seen: Seen<'a>) -> Self {
        let version = version_of(seen.record);
        let mut order = Self { version, seeded: Some(seen), ..Self::default() };
        let write = Write { version, device: "", op: None, binding: Some(false) };
        for (item, value) in items(seen.record) {
            order.cells.insert(item, Cell::new(value, write));
        }
        order.created_by = seen.record.get("createdBy").and_then(Value::as_str);
        order.note_stage(version, 0);
        order
    }

    pub(super) fn create(&mut self, facts: &Facts<'a>, model: &mut Model<'a>, place: Place) {
        let op = &facts.ops.all[place.op];
        let user = facts.user_at(op.device, op.first_seq());
        self.creates.push(place.op);
        self.created_by = user;
        self.created_ms = Some(place.at_ms);
        let write = Self::write(facts, place, None);
        for (position, (item, value)) in items(op.payload).enumerate() {
            model.fates[place.op].push((item.clone(), Fate::Stands));
            let mut cell = Cell::new(value, Write { binding: binding(facts, op, &item, value), ..write });
            cell.stakes.push((place.op, position));
            self.cells.insert(item, cell);
        }
        // A technician's order is theirs unless it says otherwise.
        let assigned = Item { field: "assignedTo", line: None };
        if let (Some(user), Some("technician")) = (user, facts.role_at(op.device, op.first_seq())) {
            let default = || Cell::owned(Value::String(user.to_owned()), write);
            self.cells.entry(assigned).or_insert_with(default);
        }
        self.finish(place, Touch::Changed);
    }

    pub(super) fn update(&mut self, facts: &Facts<'a>, model: &mut Model<'a>, place: Place) {
        let op = &facts.ops.all[place.op];
        if self.deleted.is_some() {
            self.after_death.push(place.op);
            return;
        }
        let answer = op.accepted().map(|answer| answer.result);
        let mut touch = Touch::Nothing;
        for (position, (item, mine)) in items(op.payload).enumerate() {
            let (fate, done) = self.apply(facts, model, place, answer, (&item, mine, position));
            model.fates[place.op].push((item, fate));
            touch = stronger(touch, done);
        }
        let touch = if model.fates[place.op].is_empty() { Touch::Repeated } else { touch };
        self.finish(place, touch);
    }

    pub(super) fn delete(&mut self, facts: &Facts<'a>, model: &mut Model<'a>, place: Place) {
        let op = &facts.ops.all[place.op];
        if self.deleted.is_some() {
            return;
        }
        let reported = op.accepted().is_some_and(|answer| reports(answer.result, "_deleted"));
        let foreign =
            |write: &Write<'a>| write.device != op.device && op.base().is_some_and(|base| write.version > base);
        let newest = self.cells.values().filter_map(|cell| cell.writes.last()).filter(|write| foreign(write));
        let newest = newest.max_by_key(|write| write.version).copied();
        let echoed = self.cells.values().filter_map(|cell| cell.echo).any(|write| foreign(&write));
        let certain = op.base().is_some() && (newest.is_some() || !echoed);
        let stays = if certain { newest.is_some() } else { reported };
        if stays {
            let at = newest.unwrap_or(Write { version: self.version, device: "", op: None, binding: None });
            model.expected.entry(place.op).or_default().push(Expected {
                field: "_deleted".into(),
                values: None,
                outcome: Some(ConflictOutcome::ServerWins),
                certain,
                theirs: at,
            });
            let item = Item { field: "_deleted", line: None };
            model.fates[place.op].push((item, Fate::Conflict));
            self.finish(place, Touch::Nothing);
            return;
        }
        self.deleted = Some(place.op);
        for cell in self.cells.values_mut() {
            supersede(model, &mut cell.stakes, place.op);
        }
    }

    fn apply(
        &mut self,
        facts: &Facts<'a>,
        model: &mut Model<'a>,
        place: Place,
        answer: Option<&OperationResult>,
        (item, mine, position): (&Item<'a>, &'a Value, usize),
    ) -> (Fate, Touch) {
        let op = &facts.ops.all[place.op];
        let write = Self::write(facts, place, Some((item, mine)));
        let stake = (place.op, position);
        let known = self.seeded.is_some() || !self.creates.is_empty();
        let Some(cell) = self.cells.get_mut(item) else {
            // On a record whose beginning is known, what it lacks is null: to set it to null, or to remove a line that
            // was never there, changes nothing.
            let repeated = known && (mine.is_null() || (item.line.is_some() && is_removal(mine)));
            let mut cell = Cell::new(mine, write);
            cell.stakes.push(stake);
            self.cells.insert(item.clone(), cell);
            return (Fate::Stands, if repeated { Touch::Repeated } else { Touch::Changed });
        };
        let reported =
            answer.and_then(|result| result.conflicts.iter().find(|conflict| conflict.field == item.to_string()));
        let sealed = facts.sealed.iter().any(|field| field == item.field);
        let overlap = match cell.meets(op, item, mine, sealed) {
            Meeting::Same => {
                cell.stakes.push(stake);
                cell.echo = Some(write);
                return (Fate::Stands, Touch::Repeated);
            }
            Meeting::Free => None,
            Meeting::Overlap { certain } => (certain || reported.is_some()).then_some(certain),
        };
        if let Some(certain) = overlap {
            let base = op.base().unwrap_or(i64::MIN);
            let since = cell.writes.iter().rev().take_while(|write| write.version > base);
            let foreign = since.filter(|write| write.device != op.device);
            let outcome = if sealed { Some(ConflictOutcome::Manual) } else { winner(item.field, foreign) };
            let last = cell.writes.last().copied().unwrap_or(write);
            model.expected.entry(place.op).or_default().push(Expected {
                field: item.to_string(),
                values: Some((mine, cell.value.clone().into_owned())),
                outcome,
                certain,
                theirs: last,
            });
            let outcome = outcome.or(reported.map(|conflict| conflict.outcome));
            if outcome != Some(ConflictOutcome::ClientWins) {
                return (Fate::Conflict, Touch::Nothing);
            }
        }
        cell.overwrite(facts, model, (item, mine), write, stake);
        (Fate::Stands, Touch::Changed)
    }

    fn write(facts: &Facts<'a>, place: Place, what: Option<(&Item<'a>, &'a Value)>) -> Write<'a> {
        let op = &facts.ops.all[place.op];
        let binding = what.map_or(Some(false), |(item, value)| binding(facts, op, item, value));
        Write { version: place.version, device: op.device, op: Some(place.op), binding }
    }

    fn finish(&mut self, place: Place, touch: Touch) {
        self.steps.push(Step { op: place.op, version: place.version, touch });
        self.version = self.version.max(place.version);
        if touch == Touch::Changed {
            self.note_stage(place.version, place.at_ms);
        }
    }

    fn note_stage(&mut self, version: i64, at_ms: u64) {
        let stage = Stage {
            version,
            at_ms,
            assigned_to: self.text("assignedTo"),
            status: self.text("status"),
            asset: self.text("assetId"),
            site: self.text("siteId"),
        };
        let view = |stage: &Stage<'a>| (stage.assigned_to, stage.status, stage.asset, stage.site);
        if self.stages.last().is_none_or(|last| view(last) != view(&stage)) {
            self.stages.push(stage);
        }
    }

    fn text(&self, field: &'a str) -> Option<&'a str> {
        match &self.cells.get(&Item { field, line: None })?.value {
            Cow::Borrowed(value) => value.as_str(),
            // The one owned text is the creator, to whom a technician's order goes by default.
            Cow::Owned(_) => self.created_by,
        }
    }
}

impl<'a> Cell<'a> {
    fn new(value: &'a Value, write: Write<'a>) -> Self {
        let (value, gone) = (Cow::Borrowed(value), is_removal(value));
        Self { value, gone, writes: vec![write], parts: BTreeMap::new(), echo: None, stakes: Vec::new() }
    }

    fn owned(value: Value, write: Write<'a>) -> Self {
        let value = Cow::Owned(value);
        Self { value, gone: false, writes: vec![write], parts: BTreeMap::new(), echo: None, stakes: Vec::new() }
    }

    /// Whether it holds what was seeded: nobody changed it.
    pub(in super::super) fn is_seed(&self) -> bool {
        self.writes.len() == 1 && self.writes[0].device.is_empty()
    }

    fn part(&self, name: &str) -> &Value {
        self.value.get(name).unwrap_or(&Value::Null)
    }

    /// What is sealed the server cannot compare: to it, no two texts are equal.
    fn meets(&self, op: &Op<'a>, item: &Item<'a>, mine: &'a Value, sealed: bool) -> Meeting {
        let removal = item.line.is_some() && is_removal(mine);
        let equal = match &item.line {
            None => same(&self.value, mine) && (!sealed || mine.is_null()),
            Some(_) if removal || self.gone => removal && self.gone,
            Some(_) => parts(item.field, mine).all(|(name, value)| same(self.part(name), value)),
        };
        if equal {
            return Meeting::Same;
        }
        let Some(base) = op.base() else { return Meeting::Overlap { certain: false } };
        let foreign = |write: &Write<'a>| write.device != op.device && write.version > base;
        let by_last = self.writes.last().is_some_and(foreign);
        let by_echo = self.echo.as_ref().map_or(by_last, foreign);
        let by_parts = match &item.line {
            Some(_) if !removal && !self.gone => parts(item.field, mine)
                .filter(|(name, value)| !same(self.part(name), value))
                .any(|(name, _)| self.parts.get(name).or(self.writes.first()).is_some_and(foreign)),
            // Whether a removed line can be edited back, no decision says.
            Some(_) if self.gone => !by_last,
            _ => by_last,
        };
        let certain = by_last == by_echo && by_last == by_parts;
        if certain && !by_last { Meeting::Free } else { Meeting::Overlap { certain } }
    }

    fn overwrite(
        &mut self,
        facts: &Facts<'a>,
        model: &mut Model<'a>,
        (item, mine): (&Item<'a>, &'a Value),
        write: Write<'a>,
        stake: (usize, usize),
    ) {
        if item.line.is_none() || is_removal(mine) || self.gone {
            self.value = Cow::Borrowed(mine);
            self.gone = is_removal(mine);
            self.parts.clear();
            supersede(model, &mut self.stakes, stake.0);
        } else {
            let changed: Vec<&str> = parts(item.field, mine)
                .filter(|(name, value)| !same(self.part(name), value))
                .map(|(name, _)| name)
                .collect();
            let (mut hit, kept) = std::mem::take(&mut self.stakes).into_iter().partition(|(op, _)| {
                let theirs = items(facts.ops.all[*op].payload).find(|(other, _)| other == item);
                theirs.is_some_and(|(_, line)| changed.iter().any(|name| line.get(*name).is_some()))
            });
            supersede(model, &mut hit, stake.0);
            self.stakes = kept;
            let merged = self.value.to_mut();
            for (name, value) in parts(item.field, mine) {
                if let Some(line) = merged.as_object_mut() {
                    line.insert(name.to_owned(), value.clone());
                }
                if changed.contains(&name) {
                    self.parts.insert(name, write);
                }
            }
        }
        self.stakes.push(stake);
        self.writes.push(write);
        self.echo = None;
    }
}

fn supersede(model: &mut Model<'_>, stakes: &mut Vec<(usize, usize)>, by: usize) {
    for (op, position) in stakes.drain(..) {
        if let Some((_, fate)) = model.fates[op].get_mut(position) {
            *fate = Fate::Superseded(by);
        }
    }
}

fn stronger(a: Touch, b: Touch) -> Touch {
    match (a, b) {
        (Touch::Changed, _) | (_, Touch::Changed) => Touch::Changed,
        (Touch::Repeated, _) | (_, Touch::Repeated) => Touch::Repeated,
        (Touch::Nothing, Touch::Nothing) => Touch::Nothing,
    }
}

fn reports(result: &OperationResult, field: &str) -> bool {
    result.conflicts.iter().any(|conflict| conflict.field == field)
}

/// Whether a status binds the field against later edits made on older versions (decision i).
fn binding(facts: &Facts<'_>, op: &Op<'_>, item: &Item<'_>, value: &Value) -> Option<bool> {
    if item.field != "status" || op.kind == OperationKind::Delete || value.as_str().is_some_and(is_terminal) {
        return Some(item.field == "status");
    }
    facts.role_at(op.device, op.first_seq()).map(|role| role == "supervisor")
}
