//! I7, order: first in, first out in a lane; by effective priority across lanes; priorities as spec 5.2 has them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{Event, MessageKind, What};
use crate::protocol::{ErrorCode, Operation, OperationKind, Record};

use super::super::case::Case;
use super::super::facts::{Device, WORK_ORDERS};
use super::super::files::added;
use super::super::operation::{Answered, Op, refused_for_good};
use super::super::verdict::Findings;

const CHECK: &str = "I7 order";

pub(in super::super) fn in_their_lanes(case: &Case<'_>, out: &mut Findings) {
    for (device, queue) in queues(case) {
        in_lane(case, device, &queue, out);
    }
}

pub(in super::super) fn by_the_levels(case: &Case<'_>, out: &mut Findings) {
    for (device, queue) in queues(case) {
        classified(case, &queue, out);
        by_priority(case, device, &queue, out);
    }
}

/// The queue of each device that has one, as its user made it.
fn queues<'c, 'a>(case: &'c Case<'a>) -> Vec<(&'c Device<'a>, Queue<'c>)> {
    let mut queues: BTreeMap<&str, Queue<'_>> = BTreeMap::new();
    let mut made: Vec<(u64, usize)> = Vec::new();
    for (index, op) in case.facts.ops.all.iter().enumerate() {
        made.extend(case.facts.ops.standing(op).map(|seq| (seq, index)));
    }
    made.sort_unstable();
    for (_, index) in made {
        let op = &case.facts.ops.all[index];
        // A choice that was taken back stood in no queue when the others went out.
        if op.sent.is_empty() && case.held.get(op.device).is_some_and(|held| held.undone.contains(op.queue_id)) {
            continue;
        }
        queues.entry(op.device).or_default().push(lane(case, op), index);
    }
    let with_device = queues.into_iter().filter_map(|(name, queue)| Some((case.facts.devices.get(name)?, queue)));
    // A user without an engine has no queue.
    with_device.filter(|(device, _)| device.is_a_client()).collect()
}

/// What a device acknowledged, in its order, and by lane.
#[derive(Default)]
struct Queue<'a> {
    ops: Vec<usize>,
    lanes: BTreeMap<&'a str, Vec<usize>>,
    /// Where in its lane an operation stands.
    place: BTreeMap<usize, usize>,
}

impl<'a> Queue<'a> {
    fn push(&mut self, lane: &'a str, op: usize) {
        let lane = self.lanes.entry(lane).or_default();
        self.place.insert(op, lane.len());
        lane.push(op);
        self.ops.push(op);
    }
}

/// The lane of an operation: its record's, or that of the file that goes before it (decision f).
fn lane<'a>(case: &Case<'a>, op: &Op<'a>) -> &'a str {
    added(op.kind, op.payload).unwrap_or_else(|| case.facts.ops.resolve(op.entity))
}

fn classified(case: &Case<'_>, queue: &Queue<'_>, out: &mut Findings) {
    for index in &queue.ops {
        let op = &case.facts.ops.all[*index];
        let Some((seq, record)) = op.acknowledged else { continue };
        let Some(level) = level(op.kind, op.payload) else { continue };
        let raised = level.min(2);
        let allowed = match critical(case, op) {
            Some(true) if sets_status(op) => vec![raised],
            None if sets_status(op) => vec![level, raised],
            _ => vec![level],
        };
        if !allowed.contains(&record.priority) {
            let expected = format!("{} has priority {} (spec 5.2)", op.describe(), allowed[0]);
            out.violated(CHECK, expected, format!("the device gives it {}", record.priority), &[seq]);
        }
    }
}

fn sets_status(op: &Op<'_>) -> bool {
    op.kind == OperationKind::Update && op.payload.contains_key("status")
}

/// Whether the order is an emergency; `None` where it became one, or ceased to be one, in this run.
fn critical(case: &Case<'_>, op: &Op<'_>) -> Option<bool> {
    let ops = &case.facts.ops;
    let order = ops.resolve(op.entity);
    let says = |record: &Record, field: &str, value: &str| record.get(field).and_then(Value::as_str) == Some(value);
    let emergency = |record: &Record| says(record, "type", "emergency") || says(record, "priority", "critical");
    let seed = case.facts.seeded(WORK_ORDERS).find(|(id, _)| *id == order).map(|(_, seen)| seen.record);
    let about = ops.all.iter().filter(|other| ops.resolve(other.entity) == order);
    let (made, changed): (Vec<&Op<'_>>, Vec<&Op<'_>>) = about.partition(|other| other.kind == OperationKind::Create);
    if changed.iter().any(|other| other.payload.contains_key("type") || other.payload.contains_key("priority")) {
        return None;
    }
    Some(seed.into_iter().chain(made.iter().map(|op| op.payload)).any(emergency))
}

/// The level of spec 5.2: the best of all that an operation does. `None` where the table is silent.
fn level(kind: OperationKind, payload: &Record) -> Option<u8> {
    let says = |field: &str, value: &str| payload.get(field).and_then(Value::as_str) == Some(value);
    match kind {
        OperationKind::Delete => None,
        OperationKind::Create if says("type", "emergency") || says("priority", "critical") => Some(1),
        // What else a create holds may count or not: the table only knows emergencies.
        OperationKind::Create => None,
        OperationKind::Update => payload.iter().filter(|(field, _)| !field.starts_with('_')).map(level_of_field).min(),
    }
}

/// What a change of one field is in the spec's table.
fn level_of_field((field, value): (&String, &Value)) -> u8 {
    let document = |file: &Value| {
        let mime = file.get("mimeType").and_then(Value::as_str);
        file.get("attachmentType").is_some_and(|kind| kind == "document")
            || mime.is_some_and(|m| !m.starts_with("image/"))
    };
    let keys = || value.as_object().map(|fields| fields.keys().map(String::as_str).collect::<Vec<_>>());
    match field.as_str() {
        "status" if value == "completed" => 3,
        "partsUsed" => 4,
        "laborRecords" => 6,
        "attachments" => {
            let files = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if !files.is_empty() && files.iter().all(document) { 8 } else { 7 }
        }
        "customFields" if keys().is_some_and(|keys| !keys.is_empty() && keys.iter().all(|key| *key == "telemetry")) => {
            10
        }
        "customFields" => 9,
        _ => 5,
    }
}

/// Each operation goes out behind all that came before it in its lane: those are settled, or earlier in the batch.
fn in_lane(case: &Case<'_>, device: &Device<'_>, queue: &Queue<'_>, out: &mut Findings) {
    let ops = &case.facts.ops;
    let mut settled_until: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &device.timeline {
        let Some(operations) = pushed(event) else { continue };
        let mut batch: BTreeSet<usize> = BTreeSet::new();
        for index in operations.iter().filter_map(|operation| ops.index(&operation.queue_id)) {
            let op = &ops.all[index];
            batch.insert(index);
            let lane_name = lane(case, op);
            let (Some(lane), Some(own)) = (queue.lanes.get(lane_name), queue.place.get(&index)) else { continue };
            let over = |other: usize| over(case, &ops.all[other], event.seq);
            let done = settled_until.entry(lane_name).or_default();
            while *done < *own && over(lane[*done]) {
                *done += 1;
            }
            let ahead = lane.get(*done..*own).unwrap_or_default();
            // A correction takes its place in the lane late.
            let was_there = |other: usize| ops.all[other].acknowledged.is_some_and(|(made, _)| made < event.seq);
            let skips = |other: &&usize| !batch.contains(other) && !over(**other) && was_there(**other);
            if let Some(skipped) = ahead.iter().find(skips) {
                let other = &ops.all[*skipped];
                let expected = format!("{} goes out after {}", op.describe(), other.describe());
                let happened = "it went out before it";
                out.violated(CHECK, expected, happened, &[other.first_seq(), op.first_seq(), event.seq]);
            }
        }
    }
}

fn pushed(event: &Event) -> Option<&[Operation]> {
    let What::Request(message) = &event.what else { return None };
    let MessageKind::Push { operations } = &message.kind else { return None };
    Some(operations)
}

/// Whether the lane may go on without an operation: it was taken before `seq`, or it left with its record or by its
/// user's will.
fn over(case: &Case<'_>, op: &Op<'_>, seq: u64) -> bool {
    let waits_for_user = |answer: &Answered<'_>| {
        answer.result.error.as_ref().is_some_and(|error| error.code == ErrorCode::ValidationError)
    };
    let ends = |answer: &Answered<'_>| answer.accepts() || (refused_for_good(answer.result) && !waits_for_user(answer));
    op.answers.iter().any(|answer| answer.delivered && answer.seq < seq && ends(answer))
        || case.facts.ops.is_corrected(op)
        || case.held.get(op.device).is_some_and(|held| held.rescued.contains(op.queue_id))
}

/// Within the pushes of a sync, what surely is more urgent goes out first. What is made while the sync runs may come
/// early or late, and may or may not pull its lane along. A push that failed is judged by its repetition: what comes
/// over a connection that the device has given up was built in an earlier sync.
fn by_priority(case: &Case<'_>, device: &Device<'_>, queue: &Queue<'_>, out: &mut Findings) {
    for push in device.syncs.iter().filter_map(|sync| sync.push) {
        let Some((end, _)) = push.end else { continue };
        let requests: Vec<(u64, u64, &[Operation])> = device
            .within(&push)
            .iter()
            .filter_map(|event| Some((event.seq, connection(event)?, pushed(event)?)))
            .collect();
        let newest = requests.iter().map(|(_, connection, _)| *connection).max();
        let mut outgoing = Outgoing::new(case, queue, push.from_seq, end);
        for (seq, _, operations) in requests.iter().filter(|(_, connection, _)| Some(*connection) == newest) {
            for index in operations.iter().filter_map(|operation| case.facts.ops.index(&operation.queue_id)) {
                outgoing.follow(index, *seq, out);
            }
        }
    }
}

fn connection(event: &Event) -> Option<u64> {
    if let What::Request(message) = &event.what { Some(message.connection) } else { None }
}

/// The best priority of each operation of a lane and of all behind it, from a place on: counting what was made before
/// the push began, and counting what was made before it ended.
struct Pulled {
    from: usize,
    surely: Vec<Option<u8>>,
    at_best: Vec<Option<u8>>,
}

/// One sync's push as it goes out.
struct Outgoing<'q, 'a> {
    case: &'q Case<'a>,
    queue: &'q Queue<'q>,
    began: u64,
    ended: u64,
    seen: BTreeSet<usize>,
    lanes: BTreeMap<&'q str, Pulled>,
    /// The least urgent so far, at its best, with its place in the queue.
    last: Option<((u8, u64), usize)>,
}

impl<'q, 'a> Outgoing<'q, 'a> {
    fn new(case: &'q Case<'a>, queue: &'q Queue<'q>, began: u64, ended: u64) -> Self {
        Self { case, queue, began, ended, seen: BTreeSet::new(), lanes: BTreeMap::new(), last: None }
    }

    fn follow(&mut self, index: usize, seq: u64, out: &mut Findings) {
        let op = &self.case.facts.ops.all[index];
        let Some(made) = self.case.facts.ops.standing(op) else { return };
        if !self.seen.insert(index) {
            return;
        }
        let Some((surely, at_best)) = self.effective(index) else { return };
        if let (Some(surely), Some((before, other))) = (surely, self.last)
            && (surely, made) < before
        {
            let other = &self.case.facts.ops.all[other];
            let (mine, theirs) = (op.describe(), other.describe());
            let expected = format!("{mine} (priority {surely}) goes out before {theirs} (priority {})", before.0);
            out.violated(CHECK, expected, "it went out after it", &[op.first_seq(), other.first_seq(), seq]);
        }
        let own = (at_best.unwrap_or(u8::MAX), made);
        if at_best.is_some() && self.last.is_none_or(|(before, _)| before < own) {
            self.last = Some((own, index));
        }
    }

    /// Its priority counting its lane: surely, and at best.
    fn effective(&mut self, index: usize) -> Option<(Option<u8>, Option<u8>)> {
        let (case, began, ended) = (self.case, self.began, self.ended);
        let (name, lane) = self.queue.lanes.get_key_value(lane(case, &case.facts.ops.all[index]))?;
        let place = *self.queue.place.get(&index)?;
        if self.lanes.get(name).is_none_or(|pulled| pulled.from > place) {
            // Behind an operation that was refused the lane stands still, and pulls nothing.
            let moving = |until: u64| {
                let refused = |other: &usize| {
                    let answer = case.facts.ops.all[*other].settled();
                    answer.is_some_and(|answer| !answer.accepts() && answer.seq < until)
                };
                lane[place..].iter().take_while(|other| **other == index || !refused(other)).count()
            };
            let best = |until: u64, moving: usize| {
                let mut best = None;
                let mut behind: Vec<Option<u8>> = Vec::new();
                for (at, other) in lane[place..].iter().enumerate().rev() {
                    let made = case.facts.ops.all[*other].acknowledged.filter(|(seq, _)| *seq < until && at < moving);
                    best = best.into_iter().chain(made.map(|(_, record)| record.priority)).min();
                    behind.push(best);
                }
                behind.reverse();
                behind
            };
            self.lanes.insert(
                name,
                Pulled { from: place, surely: best(began, moving(ended)), at_best: best(ended, moving(began)) },
            );
        }
        let pulled = self.lanes.get(name)?;
        let (surely, at_best) = (pulled.surely[place - pulled.from], pulled.at_best[place - pulled.from]);
        // What others name goes before them: it may be as urgent as they are.
        let op = &case.facts.ops.all[index];
        let named = op.kind == OperationKind::Create && case.facts.naming.names(op.entity);
        Some((surely, if named { Some(1) } else { at_best }))
    }
}
