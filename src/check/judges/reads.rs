//! I6, session: a device reads its own writes at once, and what it has read does not go back. I15, atomicity: what is
//! queued shows. I14, durability: what was acknowledged is still queued after a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{DeviceEvent, DeviceState, Event, MessageKind, What};
use crate::protocol::{OperationKind, Record, TEMPORARY_ID_PREFIX, line_key};

use super::super::case::{Case, device_event};
use super::super::item::{Item, is_removal, items, parts, same, short};
use super::super::model::version_of;
use super::super::operation::Op;
use super::super::verdict::Findings;

const SESSION: &str = "I6 session";
const DURABLE: &str = "I14 durability";
const ATOMIC: &str = "I15 atomicity";

pub(in super::super) fn own_writes(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut user = User { case, name, open: Vec::new(), before: None, gone: BTreeSet::new() };
        for event in &device.timeline {
            user.follow(event, out);
        }
        if let Some((seq, state)) = device.state {
            user.looks(seq, state, out);
        }
    }
}

/// A user at a device, who remembers what they did and what they saw.
struct User<'c, 'a> {
    case: &'c Case<'a>,
    name: &'c str,
    /// Own changes that no answer can have touched, in order.
    open: Vec<&'c Op<'a>>,
    /// The last look: each order's version.
    before: Option<(u64, BTreeMap<&'c str, i64>)>,
    /// Orders that left since, for a reason that the device had.
    gone: BTreeSet<&'c str>,
}

impl<'c, 'a> User<'c, 'a> {
    fn follow(&mut self, event: &'c Event, out: &mut Findings) {
        match &event.what {
            What::Acknowledged { operation, .. } => {
                let Some(op) = self.case.facts.ops.find(&operation.queue_id) else { return };
                if op.kind == OperationKind::Delete {
                    self.gone.insert(self.case.facts.ops.resolve(op.entity));
                }
                if !answered_before(op, event.seq) {
                    self.open.push(op);
                }
            }
            What::Answer(message) if message.delivered => match &message.kind {
                MessageKind::PushAnswer { .. } => self.open.retain(|op| !answered_before(op, event.seq + 1)),
                MessageKind::DeltaAnswer { removed, .. } => {
                    self.gone.extend(removed.iter().map(|removal| removal.id.as_str()));
                }
                _ => {}
            },
            What::Read { entity_id, row, .. } => self.reads(event.seq, entity_id, row.as_ref(), out),
            What::Looked { state, .. } => self.looks(event.seq, state, out),
            _ => match device_event(event) {
                Some(DeviceEvent::Rescued(rescued)) => self.open.retain(|op| op.queue_id != rescued.queue_id),
                Some(DeviceEvent::Removed { entity_id, .. }) => {
                    self.gone.insert(self.case.facts.ops.resolve(entity_id));
                }
                Some(DeviceEvent::CleanedUp { orders }) => self.gone.extend(orders.iter().map(String::as_str)),
                // By the user's own wish: what they saw before is no measure any more.
                Some(DeviceEvent::CacheCleared) => self.before = None,
                Some(DeviceEvent::LoggedOut) => {
                    self.open.clear();
                    self.before = None;
                }
                Some(DeviceEvent::Opened { queued, .. }) => self.survived(event.seq, *queued, out),
                _ => {}
            },
        }
    }

    /// Right after a change: what it set is there, what it deleted is not.
    fn reads(&self, seq: u64, entity: &'c str, row: Option<&Record>, out: &mut Findings) {
        let order = self.case.facts.ops.resolve(entity);
        let lane = self.open.iter().filter(|op| self.case.facts.ops.resolve(op.entity) == order);
        let lane: Vec<&Op<'_>> = lane.copied().collect();
        let Some(made) = lane.last() else { return };
        let fields: BTreeSet<&str> = made.payload.keys().map(String::as_str).collect();
        self.shows(SESSION, seq, &lane, row, |item| fields.contains(item.field), out);
    }

    fn looks(&mut self, seq: u64, state: &'c DeviceState, out: &mut Findings) {
        let ops = &self.case.facts.ops;
        let rows: BTreeMap<&str, &Record> = state.work_orders.iter().map(|(id, row)| (ops.resolve(id), row)).collect();
        let mut lanes: BTreeMap<&str, Vec<&Op<'_>>> = BTreeMap::new();
        for op in &self.open {
            lanes.entry(ops.resolve(op.entity)).or_default().push(op);
        }
        for (order, lane) in &lanes {
            self.shows(SESSION, seq, lane, rows.get(order).copied(), |_| true, out);
        }
        let mut queued: BTreeMap<&str, Vec<&Op<'_>>> = BTreeMap::new();
        for op in state.queue.iter().filter_map(|row| ops.find(&row.queue_id)) {
            queued.entry(ops.resolve(op.entity)).or_default().push(op);
        }
        for (order, lane) in queued.iter().filter(|(order, _)| !lanes.contains_key(*order)) {
            self.shows(ATOMIC, seq, lane, rows.get(order).copied(), |_| true, out);
        }
        self.compares(seq, &rows, out);
    }

    /// Whether a row shows what the operations of its lane set, one over the other.
    fn shows(
        &self,
        check: &str,
        seq: u64,
        lane: &[&Op<'_>],
        row: Option<&Record>,
        counts: impl Fn(&Item<'_>) -> bool,
        out: &mut Findings,
    ) {
        let Some(last) = lane.last() else { return };
        let deleted = lane.iter().any(|op| op.kind == OperationKind::Delete);
        let mut tell = |op: &Op<'_>, happened: String| {
            let expected = format!("{} shows at once on {}", op.describe(), self.name);
            out.violated(check, expected, happened, &[op.first_seq(), seq]);
        };
        let row = match row {
            Some(_) if deleted => return tell(last, "the order is still there".into()),
            None if deleted => return,
            None => return tell(last, "there is no such order".into()),
            Some(row) => row,
        };
        let mut wanted: BTreeMap<Item<'_>, (Vec<&Value>, &Op<'_>)> = BTreeMap::new();
        for op in lane {
            // What a correction took over from the refused change may have been overwritten since.
            let refused = self.case.facts.ops.corrected_by(op).map(|refused| refused.payload);
            let taken_over = |field: &str| refused.is_some_and(|it| it.get(field) == op.payload.get(field));
            for (item, value) in items(op.payload).filter(|(item, _)| counts(item) && !taken_over(item.field)) {
                let slot = wanted.entry(item).or_insert((Vec::new(), op));
                if is_removal(value) {
                    slot.0.clear();
                }
                slot.0.push(value);
                slot.1 = op;
            }
        }
        for (item, (values, op)) in wanted {
            let renamed = values.iter().any(|value| value.to_string().contains(TEMPORARY_ID_PREFIX));
            if let Some(held) = unlike(&item, &values, row).filter(|_| !renamed) {
                tell(op, format!("{item} is {held}"));
            }
        }
    }

    /// What was there at the last look is there, at no older version.
    fn compares(&mut self, seq: u64, rows: &BTreeMap<&'c str, &'c Record>, out: &mut Findings) {
        let now: BTreeMap<&str, i64> = rows.iter().map(|(id, row)| (*id, version_of(row))).collect();
        if let Some((earlier, before)) = &self.before {
            for (id, version) in before {
                let happened = match now.get(id) {
                    None if self.gone.contains(id) => continue,
                    None => "it is not there any more, and nobody took it away".to_owned(),
                    Some(now) if now < version => format!("it shows version {now}"),
                    Some(_) => continue,
                };
                let expected = format!("{}, who has seen {id} at version {version}, does not see less", self.name);
                out.violated(SESSION, expected, happened, &[*earlier, seq]);
            }
        }
        self.gone.clear();
        self.before = Some((seq, now));
    }

    /// What no answer can have taken out of the queue is in it after a restart.
    fn survived(&self, seq: u64, queued: u64, out: &mut Findings) {
        let least = self.open.len() as u64;
        if queued < least {
            let expected = format!("{} starts with the {least} changes that it had acknowledged", self.name);
            let events: Vec<u64> = self.open.first().map(|op| op.first_seq()).into_iter().chain([seq]).collect();
            out.violated(DURABLE, expected, format!("it finds {queued}"), &events);
        }
    }
}

/// Whether an answer for the operation may have reached the device before `seq`.
fn answered_before(op: &Op<'_>, seq: u64) -> bool {
    op.answers.iter().any(|answer| answer.delivered && answer.seq < seq)
}

/// Whether a person sees the same: an empty text looks like none.
fn alike(held: &Value, wanted: &Value) -> bool {
    let empty = |value: &Value| value.is_null() || *value == "";
    same(held, wanted) || (empty(held) && empty(wanted))
}

/// What a row holds instead of what was written, one over the other; `None` when it shows that.
fn unlike(item: &Item<'_>, values: &[&Value], row: &Record) -> Option<String> {
    let null = &Value::Null;
    let held = row.get(item.field).unwrap_or(null);
    let (Some(line), Some(key)) = (&item.line, line_key(item.field)) else {
        let wanted = values.last().copied().unwrap_or(null);
        return (!alike(held, wanted)).then(|| short(held));
    };
    let named = |candidate: &&Value| candidate.get(key).and_then(Value::as_str) == Some(&**line);
    let shown = held.as_array().into_iter().flatten().find(named);
    match (values.last(), shown) {
        (Some(last), None) if is_removal(last) => None,
        (Some(last), Some(_)) if is_removal(last) => Some("still there".into()),
        (_, None) => Some("not there".into()),
        (_, Some(shown)) => {
            let written: BTreeMap<&str, &Value> = values.iter().flat_map(|value| parts(item.field, value)).collect();
            let fits = written.iter().all(|(name, value)| same(shown.get(*name).unwrap_or(null), value));
            (!fits).then(|| short(shown))
        }
    }
}
