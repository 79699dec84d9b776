//! The files of a run: as devices took them, as they went up part by part, and as the server holds them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::history::{DeviceEvent, Message, MessageKind, Upload, UploadStep, What};
use crate::protocol::{OperationKind, Record};

use super::case::device_event;
use super::facts::Device;

/// A file that a device keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    pub(super) seq: u64,
    pub(super) id: &'a str,
    pub(super) queue_id: &'a str,
    /// Bytes that were captured, and that go up.
    pub(super) original: u64,
    pub(super) bytes: u64,
    pub(super) sha256: &'a str,
    /// What the user attached: media type and hash.
    pub(super) captured: Option<(&'a str, &'a str)>,
}

/// All files that a device keeps or kept, in order.
pub(super) fn taken<'a>(device: &Device<'a>) -> Vec<Taken<'a>> {
    let mut captured = None;
    let mut all = Vec::new();
    for event in &device.timeline {
        if let What::Captured { mime_type, sha256, .. } = &event.what {
            captured = Some((mime_type.as_str(), sha256.as_str()));
        }
        if let Some(DeviceEvent::Attached { attachment_id, queue_id, original, bytes, sha256 }) = device_event(event) {
            let (seq, original, bytes) = (event.seq, *original, *bytes);
            all.push(Taken { seq, id: attachment_id, queue_id, original, bytes, sha256, captured });
        }
    }
    all
}

/// The file that an operation adds to its order, if that is all that it does: such an operation has a lane of its own
/// (decision f).
pub(super) fn added(kind: OperationKind, payload: &Record) -> Option<&str> {
    let alone = payload.keys().all(|field| field == "attachments" || field.starts_with('_'));
    let [line] = payload.get("attachments")?.as_array()?.as_slice() else { return None };
    line.get("sha256")?;
    line.get("attachmentId").and_then(Value::as_str).filter(|_| alone && kind == OperationKind::Update)
}

/// A request of an upload, or an answer to one, as it went by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Passed<'a> {
    /// A request that the proxy passed on.
    Asked(&'a str, UploadStep),
    /// An answer to a request, with its step.
    Told(&'a str, UploadStep, Told),
}

/// An answer to a request of an upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The offset that it names.
    pub(super) offset: Option<u64>,
    /// Its status.
    pub(super) status: u16,
    /// The device got it.
    pub(super) heard: bool,
    /// It came as the server made it; else nobody knows what the device takes from it.
    pub(super) whole: bool,
}

/// Pairs the requests of uploads with their answers.
#[derive(Debug, Default)]
pub(super) struct Exchanges<'a>(BTreeMap<u64, &'a Upload>);

impl<'a> Exchanges<'a> {
    /// What an event is to an upload, if it is anything.
    pub(super) fn note(&mut self, what: &'a What) -> Option<Passed<'a>> {
        match what {
            What::Request(Message { kind: MessageKind::Upload(upload), exchange, delivered, .. }) => {
                self.0.insert(*exchange, upload);
                delivered.then_some(Passed::Asked(&upload.attachment_id, upload.step))
            }
            What::Answer(message) => {
                let upload = self.0.get(&message.exchange)?;
                let offset = if let MessageKind::UploadAnswer { offset } = message.kind { offset } else { None };
                let whole = !matches!(message.kind, MessageKind::Other { .. });
                let told = Told { offset, status: message.status, heard: message.delivered, whole };
                Some(Passed::Told(&upload.attachment_id, upload.step, told))
            }
            _ => None,
        }
    }
}
