//! A user attaches a photo or a document to an order.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::file_store::PREFIX;
use super::photo;
use crate::base::hex;
use crate::client::edit::version;
use crate::client::engine::{Engine, EngineError};
use crate::client::priority;
use crate::client::store::files::{self, Pending};
use crate::client::store::{StoreError, meta, queue, rows};
use crate::client::{FileSettings, merge};
use crate::history::{DeviceEvent, OperationRecord};
use crate::protocol::{OperationKind, Record};

/// What a user attaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// To which order; a temporary id stays good after the real one is known.
    pub order: String,
    /// What the camera or another app gave.
    pub bytes: Vec<u8>,
    /// As the user knows it.
    pub file_name: String,
    /// Its media type. Images become JPEG (spec 6.2); whatever else goes up as it is.
    pub mime_type: String,
    /// What the user says of it.
    pub description: Option<String>,
    /// Nobody who sees the order should be without it: it comes to their devices by itself.
    pub critical: bool,
}

/// A capture as it goes up.
struct Ready {
    bytes: Vec<u8>,
    mime_type: String,
    attachment_type: &'static str,
    location: Option<Value>,
}

impl Engine {
    /// Attaches a file to a work order: made ready, sealed on the disk, and queued in one transaction with what the order
    /// will say of it. On return it is durable.
    ///
    /// # Errors
    /// When there is no such work order, the photo cannot be read, or storage fails; then nothing is kept.
    pub fn attach(&self, capture: Capture) -> Result<OperationRecord, EngineError> {
        let id = rows::current_id(self.store.read(), &capture.order)?;
        let visible = self.visible(&id)?;
        let ready = ready(&capture, self.file_settings.get())?;
        let critical = capture.critical;
        let (original, attachment_id) = (capture.bytes.len() as u64, self.mint());
        let name = format!("{PREFIX}{attachment_id}");
        let sha256 = hex(&Sha256::digest(&ready.bytes));
        let kept = self.file_store.keep(&name, &ready.bytes, &mut self.random.borrow_mut())?;
        let user = meta::get(self.store.read(), meta::USER_ID)?;
        let pending = Pending {
            attachment_id: attachment_id.clone(),
            work_order_id: id.clone(),
            kept,
            sha256,
            file_name: capture.file_name,
            mime_type: ready.mime_type,
            attachment_type: ready.attachment_type.to_owned(),
            captured_at: self.clock.now_text(),
            description: capture.description,
            location: ready.location.map(|location| location.to_string()),
            upload_url: None,
            attempts: 0,
        };
        let mut payload = Record::from_iter([("attachments".to_owned(), json!([line(&pending, critical)?]))]);
        payload.insert("_version".into(), version(&visible));
        let mut operation = self.operation(id, OperationKind::Update, payload);
        operation.priority = priority::on(operation.operation, &operation.payload, &visible);
        let stored = self.store.write(|tx| {
            rows::keep_base(tx, &operation.entity_id, &visible)?;
            queue::append_behind(tx, &operation, &attachment_id, &self.clock.now_text())?;
            files::await_upload(tx, &pending, user.as_deref())?;
            let mut edited = visible;
            merge::lay_over(&mut edited, &operation.payload);
            rows::show_edited(tx, &operation.entity_id, &edited)
        });
        if let Err(error) = stored {
            // What cannot be removed now is swept at the next start.
            let _ = self.file_store.remove(&name);
            return Err(error.into());
        }
        self.emit(DeviceEvent::Attached {
            attachment_id,
            queue_id: operation.queue_id.clone(),
            original,
            bytes: pending.kept.size,
            sha256: pending.sha256,
        });
        self.after_change(&operation)?;
        Ok(operation)
    }
}

fn ready(capture: &Capture, settings: FileSettings) -> Result<Ready, EngineError> {
    if !capture.mime_type.starts_with("image/") {
        if capture.bytes.is_empty() {
            return Err(EngineError::EmptyFile(capture.file_name.clone()));
        }
        let (bytes, mime_type) = (capture.bytes.clone(), capture.mime_type.clone());
        return Ok(Ready { bytes, mime_type, attachment_type: "document", location: None });
    }
    let photo = photo::prepare(&capture.bytes, settings.compress_photos)?;
    let location = photo.location.map(|(latitude, longitude)| json!({"latitude": latitude, "longitude": longitude}));
    Ok(Ready { bytes: photo.bytes, mime_type: photo.mime_type.to_owned(), attachment_type: "photo", location })
}

/// What the order says of the file.
fn line(pending: &Pending, critical: bool) -> Result<Value, StoreError> {
    let mut line = json!({
        "attachmentId": pending.attachment_id,
        "fileName": pending.file_name,
        "mimeType": pending.mime_type,
        "fileSize": pending.kept.size,
        "sha256": pending.sha256,
        "attachmentType": pending.attachment_type,
        "capturedAt": pending.captured_at,
    });
    if critical {
        line["critical"] = true.into();
    }
    if let Some(description) = &pending.description {
        line["description"] = description.clone().into();
    }
    if let Some(location) = &pending.location {
        line["location"] = serde_json::from_str(location)?;
    }
    Ok(line)
}
