//! What a payload may hold, checked before anything is applied.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::stock::{PARTS_USED, QUANTITY};
use crate::protocol::{Envelope, FieldKind, Record, TIME_FIELDS, field_kind};

/// The mark of a removed line (decision d).
pub(super) const DELETED: &str = "_deleted";

/// Fields without which there is no work order (spec 2.2, `NOT NULL`).
const REQUIRED: &[&str] = &["siteId", "type", "title", "priority", "status"];

/// Longest id, in bytes.
const LONGEST_ID: usize = 128;

/// One change that a payload asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A field takes a value.
    Field { field: String, value: Value },
    /// A line takes the keys of `patch`, or goes.
    Line { field: String, line: String, patch: Record, deleted: bool },
}

/// The version that an update or a delete was made on.
pub(super) fn base_version(payload: &Record) -> Result<i64, String> {
    match payload.get("_version") {
        Some(version) => version
            .as_i64()
            .filter(|version| *version >= 0)
            .ok_or_else(|| format!("`_version` is {version}, not a version")),
        None => Err("`_version` is missing".to_owned()),
    }
}

/// The `_localId` of a create.
pub(super) fn local_id(payload: &Record) -> Result<&str, String> {
    let local_id = payload.get("_localId").and_then(Value::as_str).unwrap_or_default();
    if local_id.is_empty() {
        return Err("`_localId` is missing or not a text".to_owned());
    }
    check_id("_localId", local_id)?;
    Ok(local_id)
}

/// Whether `id` can be the id of anything: ids go into paths, logs and file names.
pub(super) fn check_id(name: &str, id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    if id.len() > LONGEST_ID || id.contains("..") || id.chars().any(|c| c.is_control() || c == '\\') {
        return Err(format!(
            "`{name}` is no id: at most {LONGEST_ID} bytes, without `..`, `\\` and control characters"
        ));
    }
    Ok(())
}

/// The changes in `payload`; of the fields that are not content only those in `meta` are known.
pub(super) fn changes(payload: &Record, meta: &[&str]) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    for (field, value) in payload {
        match field_kind(field) {
            Some(FieldKind::Scalar) => changes.push(scalar(field, value)?),
            Some(FieldKind::Document) => changes.push(document(field, value)?),
            Some(FieldKind::Lines(key)) => lines(field, key, value, &mut changes)?,
            None if meta.contains(&field.as_str()) => {}
            None => return Err(format!("a work order has no field `{field}`")),
        }
    }
    Ok(changes)
}

/// Which of the fields that a new work order needs is missing from `payload`.
pub(super) fn missing(payload: &Record) -> Option<&'static str> {
    REQUIRED.iter().copied().find(|field| !payload.contains_key(*field))
}

fn scalar(field: &str, value: &Value) -> Result<Change, String> {
    if REQUIRED.contains(&field) {
        if value.as_str().is_none_or(str::is_empty) {
            return Err(format!("`{field}` must be a text that is not empty, not {value}"));
        }
    } else if !(value.is_string() || value.is_null()) {
        return Err(format!("`{field}` must be a text or null, not {value}"));
    }
    if let Some(text) = value.as_str().filter(|_| TIME_FIELDS.contains(&field)) {
        text.parse::<Timestamp>().map_err(|_| format!("`{field}` is `{text}`, not a time"))?;
    }
    Ok(Change::Field { field: field.to_owned(), value: value.clone() })
}

fn document(field: &str, value: &Value) -> Result<Change, String> {
    if !(value.is_object() || value.is_array() || value.is_null() || Envelope::of(value).is_some()) {
        return Err(format!("`{field}` must be an object, an array or null, not {value}"));
    }
    Ok(Change::Field { field: field.to_owned(), value: value.clone() })
}

fn lines(field: &str, key: &str, value: &Value, changes: &mut Vec<Change>) -> Result<(), String> {
    let lines = value.as_array().ok_or_else(|| format!("`{field}` must be an array of lines"))?;
    let mut seen = BTreeSet::new();
    for value in lines {
        let mut patch = value.as_object().cloned().ok_or_else(|| format!("a line of `{field}` is not an object"))?;
        let line = patch.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if line.is_empty() {
            return Err(format!("a line of `{field}` has no `{key}`"));
        }
        check_id(key, &line)?;
        if field == PARTS_USED && patch.get(QUANTITY).is_some_and(|quantity| !quantity.is_number()) {
            return Err(format!("`{QUANTITY}` of the line `{line}` must be a number"));
        }
        if !seen.insert(line.clone()) {
            return Err(format!("`{field}` names the line `{line}` twice"));
        }
        let deleted = match patch.remove(DELETED) {
            None => false,
            Some(Value::Bool(deleted)) => deleted,
            Some(other) => return Err(format!("`{DELETED}` of the line `{line}` is {other}, not true")),
        };
        changes.push(Change::Line { field: field.to_owned(), line, patch, deleted });
    }
    Ok(())
}
