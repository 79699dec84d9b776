//! A record refers to a file only once that is here and whole (decision s).

use serde_json::Value;

use super::super::apply::Scene;
use super::super::payload::Change;
use super::super::record;
use super::super::rejection::Rejection;
use super::blob::{self, Blob};
use crate::protocol::Record;

/// The field whose lines refer to files.
const ATTACHMENTS: &str = "attachments";

/// Checks the lines among `changes` to a work order that are new to it; `order` is its real id, or while it is being
/// created the temporary one. What the server knew from the start, and what was accepted before, is not asked for again.
pub(in crate::server) fn check(scene: Scene<'_>, order: &str, changes: &[Change]) -> Result<(), Rejection> {
    for change in changes {
        let Change::Line { field, line, patch, deleted: false } = change else { continue };
        if field != ATTACHMENTS || record::line(scene.db, order, field, line)?.is_some() {
            continue;
        }
        let blob = named(scene, order, line)?;
        agrees(&blob, patch)?;
        blob::refer(scene.db, blob.entry, order)?;
    }
    Ok(())
}

/// The file that the line names: the writer's own, of this order or of none yet.
fn named(scene: Scene<'_>, order: &str, id: &str) -> Result<Blob, Rejection> {
    let blob = blob::own(scene.db, scene.writer.user, id, scene.now_ms)?;
    let blob = blob.filter(|blob| blob.told.complete).ok_or_else(|| missing(id))?;
    let of = match blob.told.work_order_id.as_deref() {
        None => return Ok(blob),
        Some(of) if of == order => return Ok(blob),
        Some(of) => blob::real_id(scene.db, scene.writer.user, of)?,
    };
    if of.as_deref() == Some(order) { Ok(blob) } else { Err(missing(id)) }
}

fn missing(id: &str) -> Rejection {
    Rejection::invalid(format!("the server does not have the attachment {id} of this work order: upload it first"))
}

/// Whether the line says of the file what it is.
fn agrees(blob: &Blob, line: &Record) -> Result<(), Rejection> {
    let told = &blob.told;
    let digest = line.get("sha256").and_then(Value::as_str);
    if digest.is_some_and(|digest| !told.sha256.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(digest))) {
        return Err(Rejection::invalid(format!("`sha256` is not that of the attachment {}", told.attachment_id)));
    }
    if line.get("fileSize").is_some_and(|size| size.as_u64() != Some(told.length)) {
        return Err(Rejection::invalid(format!("the attachment {} has {} bytes", told.attachment_id, told.length)));
    }
    Ok(())
}
