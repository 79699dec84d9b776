//! Every operation of a run: as the user was promised it, as it was sent, and as it was answered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{DeviceEvent, Event, Message, MessageKind, OperationRecord, What};
use crate::protocol::{
    Operation, OperationKind, OperationResult, RESOLVES, Record, Resolution, Resolves, ResultStatus,
    TEMPORARY_ID_PREFIX,
};

use super::item::items;

/// One delivery of an operation to the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub(super) seq: u64,
    pub(super) delivered: bool,
    pub(super) operation: &'a Operation,
}

/// One result of an operation, whether or not it reached the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered<'a> {
    pub(super) seq: u64,
    pub(super) at_ms: u64,
    pub(super) delivered: bool,
    pub(super) result: &'a OperationResult,
}

impl Answered<'_> {
    /// Whether the server took the operation, wholly or in part.
    pub(super) fn accepts(&self) -> bool {
        match self.result.status {
            ResultStatus::Success | ResultStatus::Conflict => true,
            ResultStatus::Error => false,
        }
    }
}

/// One operation.
#[derive(Debug)]
pub(super) struct Op<'a> {
    pub(super) queue_id: &'a str,
    pub(super) device: &'a str,
    /// The record as the operation first named it.
    pub(super) entity: &'a str,
    pub(super) kind: OperationKind,
    /// As acknowledged; as first sent when no acknowledgement was seen.
    pub(super) payload: &'a Record,
    pub(super) acknowledged: Option<(u64, &'a OperationRecord)>,
    pub(super) sent: Vec<Sent<'a>>,
    pub(super) answers: Vec<Answered<'a>>,
}

impl<'a> Op<'a> {
    /// The first answer that took it, delivered or not: the effect stands either way.
    pub(super) fn accepted(&self) -> Option<&Answered<'a>> {
        self.answers.iter().find(|answer| answer.accepts())
    }

    /// The first answer that reached the device and ends the wait: taken, or refused for good.
    pub(super) fn settled(&self) -> Option<&Answered<'a>> {
        self.answers.iter().find(|answer| answer.delivered && (answer.accepts() || refused_for_good(answer.result)))
    }

    /// The choices on conflicts that it carries; none where they cannot be read.
    pub(super) fn choices(&self) -> Vec<Resolves> {
        let choices = self.payload.get(RESOLVES).cloned();
        choices.and_then(|choices| serde_json::from_value(choices).ok()).unwrap_or_default()
    }

    /// Whether it carries out a choice between two sides, rather than a value that the user wrote.
    pub(super) fn is_choice(&self) -> bool {
        let choices = self.choices();
        choices.iter().flat_map(|choice| choice.resolution.values()).any(|how| *how != Resolution::Merged)
    }

    /// The version that it was made on; `None` where the payload names none.
    pub(super) fn base(&self) -> Option<i64> {
        self.payload.get("_version").and_then(Value::as_i64)
    }

    /// For a person: `maria's update of WO-000017 (status, tasks/T1)`.
    pub(super) fn describe(&self) -> String {
        let fields: Vec<String> = items(self.payload).take(4).map(|(item, _)| item.to_string()).collect();
        let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
        format!("{}'s {} of {}{fields}", self.device, self.kind, self.entity)
    }

    /// The event that shows it first.
    pub(super) fn first_seq(&self) -> u64 {
        let sent = self.sent.first().map(|sent| sent.seq);
        self.acknowledged.map(|(seq, _)| seq).or(sent).unwrap_or(0)
    }

    /// Whether it never left its device before `seq`.
    pub(super) fn first_sent_after(&self, seq: u64) -> bool {
        self.sent.iter().all(|sent| sent.seq > seq)
    }

    /// Sent at least once so that the server had it, and nobody saw an answer: it may have been applied.
    pub(super) fn unanswered(&self) -> bool {
        self.answers.is_empty() && self.sent.iter().any(|sent| sent.delivered)
    }
}

/// Whether a result ends the operation: everything but a failure that is tried again.
pub(super) fn refused_for_good(result: &OperationResult) -> bool {
    use crate::protocol::ErrorCode as Code;
    match result.error.as_ref().map(|error| error.code) {
        Some(Code::ValidationError | Code::NotFound | Code::PermissionDenied) => true,
        Some(Code::NetworkError | Code::AuthError | Code::VersionConflict | Code::ServerError) | None => false,
    }
}

/// All operations, in the order in which they were first seen, with the ids that the server gave.
#[derive(Debug, Default)]
pub(super) struct Ops<'a> {
    pub(super) all: Vec<Op<'a>>,
    by_queue: BTreeMap<&'a str, usize>,
    /// What a correction stands in for.
    corrects: BTreeMap<&'a str, &'a str>,
    real_ids: BTreeMap<&'a str, &'a str>,
}

impl<'a> Ops<'a> {
    pub(super) fn note(&mut self, event: &'a Event) {
        match &event.what {
            What::Acknowledged { device, operation } => self.note_made(event.seq, device, operation),
            What::Device { device, event: DeviceEvent::Chosen(choice) } => {
                self.note_made(event.seq, device, &choice.operation);
            }
            What::Device { event: DeviceEvent::Corrected { queue_id, by }, .. } => {
                self.corrects.insert(by, queue_id);
            }
            What::Request(message) => self.note_request(event.seq, message),
            What::Answer(message) => self.note_answer(event, message),
            _ => {}
        }
    }

    fn note_made(&mut self, seq: u64, device: &'a str, operation: &'a OperationRecord) {
        let (queue_id, entity) = (&operation.queue_id, &operation.entity_id);
        let index = self.entry(queue_id, device, entity, operation.operation, &operation.payload);
        let op = &mut self.all[index];
        op.acknowledged.get_or_insert((seq, operation));
        (op.payload, op.entity) = (&operation.payload, &operation.entity_id);
    }

    fn note_request(&mut self, seq: u64, message: &'a Message) {
        let MessageKind::Push { operations } = &message.kind else { return };
        for operation in operations {
            let (device, payload) = (&message.device, &operation.payload);
            let index = self.entry(&operation.queue_id, device, &operation.entity_id, operation.operation, payload);
            self.all[index].sent.push(Sent { seq, delivered: message.delivered, operation });
        }
    }

    fn note_answer(&mut self, event: &'a Event, message: &'a Message) {
        let MessageKind::PushAnswer { results } = &message.kind else { return };
        for result in results {
            let Some(index) = self.by_queue.get(result.queue_id.as_str()) else { continue };
            let op = &mut self.all[*index];
            let (seq, at_ms, delivered) = (event.seq, event.at_ms, message.delivered);
            op.answers.push(Answered { seq, at_ms, delivered, result });
            if let Some(real) = &result.entity_id
                && op.entity.starts_with(TEMPORARY_ID_PREFIX)
            {
                self.real_ids.entry(op.entity).or_insert(real);
            }
        }
    }

    fn entry(
        &mut self,
        queue_id: &'a str,
        device: &'a str,
        entity: &'a str,
        kind: OperationKind,
        payload: &'a Record,
    ) -> usize {
        *self.by_queue.entry(queue_id).or_insert_with(|| {
            let (sent, answers) = (Vec::new(), Vec::new());
            self.all.push(Op { queue_id, device, entity, kind, payload, acknowledged: None, sent, answers });
            self.all.len() - 1
        })
    }

    /// The real id of a record named by a temporary one; any other id as it is.
    pub(super) fn resolve<'b>(&self, id: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.real_ids.get(id).copied().unwrap_or(id)
    }

    /// The position of an operation.
    pub(super) fn index(&self, queue_id: &str) -> Option<usize> {
        self.by_queue.get(queue_id).copied()
    }

    /// The operation with this id.
    pub(super) fn find(&self, queue_id: &str) -> Option<&Op<'a>> {
        Some(&self.all[self.index(queue_id)?])
    }

    /// The refused operation that `op` is the correction of.
    pub(super) fn corrected_by(&self, op: &Op<'a>) -> Option<&Op<'a>> {
        self.find(self.corrects.get(op.queue_id)?)
    }

    /// Whether a correction stands in for `op`.
    pub(super) fn is_corrected(&self, op: &Op<'a>) -> bool {
        self.corrects.values().any(|queue_id| *queue_id == op.queue_id)
    }

    /// Where `op` stands among those that its device acknowledged: a correction where the first of what it corrects stood.
    pub(super) fn standing(&self, op: &Op<'a>) -> Option<u64> {
        let mut first = op;
        // Nothing corrects itself; a history that says so is not followed for ever.
        for _ in 0..self.corrects.len() {
            let Some(earlier) = self.corrected_by(first) else { break };
            first = earlier;
        }
        op.acknowledged.and(first.acknowledged).map(|(seq, _)| seq)
    }

    pub(super) fn created_ids(&self) -> BTreeSet<&'a str> {
        self.real_ids.values().copied().collect()
    }

    pub(super) fn unanswered_creates(&self) -> Vec<usize> {
        let maybe = |op: &Op<'_>| op.kind == OperationKind::Create && op.unanswered();
        self.all.iter().enumerate().filter(|(_, op)| maybe(op)).map(|(index, _)| index).collect()
    }

    pub(super) fn adopt(&mut self, temporary: &'a str, real: &'a str) {
        self.real_ids.entry(temporary).or_insert(real);
    }
}
