//! Failed changes (spec 7.1, 7.2, decision k): given up after ten answers of the server and not before, shown, and never
//! sent again, corrected or dropped but by the user's word.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Decision, DeviceEvent, Message, MessageKind, Notice, QueueStatus, Upload, UploadStep, What};
use crate::protocol::{ErrorCode, Operation, OperationResult};

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::files::taken;
use super::super::verdict::Findings;

const CHECK: &str = "7.2 failed changes";
const MAX_ATTEMPTS: u32 = 10;
/// An answer that the proxy passed on may still have been lost, and its operation sent again.
const MAYBE_UNHEARD: u32 = 2;
/// So many answers that do not help a file on count as one that failed it.
const STRIKES: u32 = 3;
const INTERNAL_ERROR: u16 = 500;

pub(in super::super) fn by_the_users_word(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let files = taken(device).into_iter().map(|file| (file.id, file.queue_id)).collect();
        Watch { case, name, ops: BTreeMap::new(), asked: BTreeMap::new(), files, uploads: BTreeMap::new() }
            .follow(device, out);
        stand(name, device, out);
    }
}

/// A notice stands for each change that failed, and for nothing else.
fn stand(name: &str, device: &Device<'_>, out: &mut Findings) {
    let Some((seq, state)) = device.state else { return };
    let failed = state.queue.iter().filter(|row| row.status == QueueStatus::Failed);
    let failed: BTreeSet<&str> = failed.map(|row| row.queue_id.as_str()).collect();
    let noticed: BTreeSet<&str> = state.notices.iter().map(|notice| notice.queue_id.as_str()).collect();
    for queue_id in failed.symmetric_difference(&noticed) {
        let expected = format!("{name} shows a notice for each change that failed, and for no other");
        let happened = match failed.contains(queue_id) {
            true => format!("{queue_id} has failed, and none stands for it"),
            false => format!("one stands for {queue_id}, which has not"),
        };
        out.violated(CHECK, expected, happened, &[seq]);
    }
}

/// What is known of one operation since its user last had a say.
#[derive(Default)]
struct Known {
    /// Answers that failed it for now.
    failed: u32,
    /// The farthest that the server said its file had come, in bytes.
    reached: u64,
    /// Answers since then that did not help its file on.
    strikes: u32,
    /// Answers that called it invalid.
    invalid: u32,
    /// The user was told.
    noticed: Option<u64>,
}

struct Watch<'c, 'a> {
    case: &'c Case<'a>,
    name: &'c str,
    ops: BTreeMap<&'a str, Known>,
    /// Pushes under way, by exchange.
    asked: BTreeMap<u64, &'a [Operation]>,
    /// The operation behind each file.
    files: BTreeMap<&'a str, &'a str>,
    /// Requests of uploads under way, by exchange.
    uploads: BTreeMap<u64, &'a Upload>,
}

impl<'a> Watch<'_, 'a> {
    fn follow(mut self, device: &Device<'a>, out: &mut Findings) {
        for event in &device.timeline {
            match &event.what {
                What::Request(message) => match &message.kind {
                    MessageKind::Push { operations } => {
                        operations.iter().for_each(|operation| self.sent(operation, event.seq, out));
                        self.asked.insert(message.exchange, operations);
                    }
                    MessageKind::Upload(upload) => drop(self.uploads.insert(message.exchange, upload)),
                    _ => {}
                },
                What::Answer(message) if self.uploads.contains_key(&message.exchange) => self.of_upload(message),
                What::Answer(message) if message.delivered => match &message.kind {
                    MessageKind::PushAnswer { results } => results.iter().for_each(|result| self.answered(result)),
                    MessageKind::Problem { code, .. } => self.refused(message.exchange, message.status, *code),
                    _ => {}
                },
                What::Decided { order, decision, .. } => self.decided(order, *decision),
                _ => match device_event(event) {
                    Some(DeviceEvent::Noticed(notice)) => self.noticed(notice, event.seq, out),
                    Some(DeviceEvent::Rescued(rescued)) => {
                        let told = self.ops.get(rescued.queue_id.as_str()).and_then(|known| known.noticed);
                        let stays =
                            device.state.is_some_and(|(_, state)| state.work_orders.contains_key(&rescued.entity_id));
                        if let (Some(told), true) = (told, stays) {
                            let expected = format!("{} keeps a failed change until its user gives it up", self.name);
                            out.violated(CHECK, expected, "it dropped one by itself", &[told, event.seq]);
                        }
                    }
                    _ => {}
                },
            }
        }
    }

    fn sent(&mut self, operation: &'a Operation, seq: u64, out: &mut Findings) {
        let known = self.ops.entry(&operation.queue_id).or_default();
        let happened = if known.noticed.is_some() {
            "it was sent again, and nobody had asked for that"
        } else if known.invalid >= MAYBE_UNHEARD {
            "it was sent again though it is invalid, and its user was not told"
        } else if known.failed >= MAX_ATTEMPTS + MAYBE_UNHEARD {
            "it is tried again and again, and its user was not told"
        } else {
            return;
        };
        let what = self.case.facts.ops.find(&operation.queue_id).map_or_else(String::new, |op| op.describe());
        let events: Vec<u64> = known.noticed.into_iter().chain([seq]).collect();
        out.violated(CHECK, format!("{what} waits for its user once it has failed"), happened, &events);
    }

    fn answered(&mut self, result: &'a OperationResult) {
        let known = self.ops.entry(&result.queue_id).or_default();
        match result.error.as_ref().map(|error| error.code) {
            Some(ErrorCode::ServerError | ErrorCode::VersionConflict) => known.failed += 1,
            Some(ErrorCode::ValidationError) => known.invalid += 1,
            _ => {}
        }
    }

    /// A push that was refused as a whole speaks of an operation only where it held no other: a device finds the one that
    /// is meant by sending fewer.
    fn refused(&mut self, exchange: u64, status: u16, code: ErrorCode) {
        let [operation] = self.asked.get(&exchange).copied().unwrap_or_default() else { return };
        let known = self.ops.entry(&operation.queue_id).or_default();
        known.failed += u32::from(status == INTERNAL_ERROR);
        known.invalid += u32::from(code == ErrorCode::ValidationError && status != INTERNAL_ERROR);
    }

    /// A file is judged as the operation that names it: by a server that broke over it, or by several answers in a row
    /// that did not help it on.
    fn of_upload(&mut self, message: &Message) {
        let Some(upload) = self.uploads.remove(&message.exchange).filter(|_| message.delivered) else { return };
        let Some(queue_id) = self.files.get(upload.attachment_id.as_str()) else { return };
        let known = self.ops.entry(queue_id).or_default();
        // The answer to a question for the offset has no body that could say more.
        let ours = matches!(message.kind, MessageKind::Problem { .. }) || upload.step == UploadStep::Offset;
        match message.status {
            INTERNAL_ERROR if ours => known.failed += 1,
            404 | 409 | 410 | 460 if ours => {
                known.strikes += 1;
                known.failed += u32::from(known.strikes.is_multiple_of(STRIKES));
            }
            413 => known.invalid += 1,
            _ => {}
        }
        if let MessageKind::UploadAnswer { offset: Some(offset) } = message.kind
            && offset > known.reached
        {
            (known.reached, known.strikes) = (offset, 0);
        }
    }

    fn noticed(&mut self, notice: &'a Notice, seq: u64, out: &mut Findings) {
        let known = self.ops.entry(&notice.queue_id).or_default();
        let enough = match notice.code {
            ErrorCode::ServerError | ErrorCode::VersionConflict => known.failed >= MAX_ATTEMPTS,
            ErrorCode::NetworkError | ErrorCode::AuthError => false,
            ErrorCode::ValidationError | ErrorCode::NotFound | ErrorCode::PermissionDenied => true,
        };
        if !enough {
            let expected = format!("a change of {} fails after {MAX_ATTEMPTS} answers of the server", notice.entity_id);
            let happened = format!("{} gave it up with {} after {}", self.name, notice.code, known.failed);
            out.violated(CHECK, expected, happened, &[seq]);
        }
        known.noticed = Some(seq);
    }

    fn decided(&mut self, order: &str, _: Decision) {
        let ops = &self.case.facts.ops;
        let order = ops.resolve(order);
        self.ops.retain(|queue_id, _| ops.find(queue_id).is_none_or(|op| ops.resolve(op.entity) != order));
    }
}
