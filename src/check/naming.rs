//! Which records operations name, and under which names. A judge compares values under the names that records have in the
//! end: a reference that was made with a temporary id is one to the record that got the real one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use serde_json::Value;

use crate::history::{DeviceEvent, History, Message, MessageKind, What};
use crate::protocol::{
    Operation, OperationKind, Record, ResultStatus, TEMPORARY_ID_PREFIX, replace_temporary_ids, temporary_ids,
};

/// An operation that went out before the record that it names.
#[derive(Clone, Debug)]
pub(super) struct Premature {
    pub(super) seq: u64,
    pub(super) queue_id: String,
    pub(super) named: String,
}

/// What operations name by temporary ids.
#[derive(Debug, Default)]
pub(super) struct Naming {
    /// By operation.
    pub(super) by_op: BTreeMap<String, BTreeSet<String>>,
    pub(super) premature: Vec<Premature>,
}

impl Naming {
    /// Whether any operation names the record with this temporary id.
    pub(super) fn names(&self, temporary: &str) -> bool {
        self.by_op.values().any(|named| named.contains(temporary))
    }
}

/// The history with every payload under the names that records have in the end, and what was named before.
pub(super) fn settled(history: &History) -> (Cow<'_, History>, Naming) {
    let mut naming = Naming::default();
    let mut real: BTreeMap<String, String> = BTreeMap::new();
    let mut entities: BTreeMap<&str, &str> = BTreeMap::new();
    let mut made: BTreeSet<&str> = BTreeSet::new();
    for event in &history.0 {
        match &event.what {
            What::Acknowledged { operation, .. } => {
                naming.note(&operation.queue_id, &operation.payload);
            }
            What::Device { event: DeviceEvent::Chosen(choice), .. } => {
                naming.note(&choice.operation.queue_id, &choice.operation.payload);
            }
            What::Request(Message { kind: MessageKind::Push { operations }, .. }) => {
                let mut known = made.clone();
                for operation in operations {
                    entities.insert(&operation.queue_id, &operation.entity_id);
                    naming.sent(event.seq, operation, &known);
                    if operation.operation == OperationKind::Create {
                        known.insert(&operation.entity_id);
                    }
                }
            }
            What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) => {
                for result in results.iter().filter(|result| result.status != ResultStatus::Error) {
                    let Some(entity) = entities.get(result.queue_id.as_str()).copied() else { continue };
                    made.insert(entity);
                    if let (Some(id), true) = (&result.entity_id, entity.starts_with(TEMPORARY_ID_PREFIX)) {
                        real.entry(entity.to_owned()).or_insert_with(|| id.clone());
                    }
                }
            }
            _ => {}
        }
    }
    if naming.by_op.is_empty() {
        return (Cow::Borrowed(history), naming);
    }
    let mut renamed = history.clone();
    renamed.0.iter_mut().for_each(|event| rename(&mut event.what, &real));
    (Cow::Owned(renamed), naming)
}

impl Naming {
    fn note(&mut self, queue_id: &str, payload: &Record) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        payload.values().for_each(|value| find(value, &mut named));
        if !named.is_empty() {
            self.by_op.entry(queue_id.to_owned()).or_default().extend(named.iter().cloned());
        }
        named
    }

    fn sent(&mut self, seq: u64, operation: &Operation, known: &BTreeSet<&str>) {
        let named = self.note(&operation.queue_id, &operation.payload);
        let early = named.into_iter().filter(|named| !known.contains(named.as_str()) && *named != operation.entity_id);
        let queue_id = &operation.queue_id;
        self.premature.extend(early.map(|named| Premature { seq, queue_id: queue_id.clone(), named }));
    }
}

/// The temporary ids in `value`.
pub(super) fn find(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(temporary_ids(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| find(item, found)),
        Value::Object(fields) => fields.values().for_each(|inner| find(inner, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn rename(what: &mut What, real: &BTreeMap<String, String>) {
    match what {
        What::Attempted { edit, .. } => rename_in(&mut edit.fields, real),
        What::Acknowledged { operation, .. } => rename_in(&mut operation.payload, real),
        // What a user sees under way is judged by what it will be.
        What::Read { row: Some(row), .. } => rename_in(row, real),
        What::Looked { state, .. } => state.work_orders.values_mut().for_each(|row| rename_in(row, real)),
        What::Device { event: DeviceEvent::Chosen(choice), .. } => rename_in(&mut choice.operation.payload, real),
        What::Request(Message { kind: MessageKind::Push { operations }, .. }) => {
            operations.iter_mut().for_each(|operation| rename_in(&mut operation.payload, real));
        }
        _ => {}
    }
}

fn rename_in(record: &mut Record, real: &BTreeMap<String, String>) {
    for value in record.values_mut() {
        let Ok(()) =
            replace_temporary_ids(value, &mut |temporary: &str| Ok::<_, Infallible>(real.get(temporary).cloned()));
    }
}
