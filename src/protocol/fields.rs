//! The fields of a work order on the wire (spec 2.2 and decision t), and which of them hold lines with keys.

/// How a field's value is shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One value: text or null.
    Scalar,
    /// A JSON array of lines; the name is the key that identifies a line (decision d).
    Lines(&'static str),
    /// A JSON object or array that changes as a whole.
    Document,
}

/// Every field of a work order that a client may write, in the spec's order.
pub const WORK_ORDER_FIELDS: &[(&str, FieldKind)] = &[
    ("siteId", FieldKind::Scalar),
    ("assetId", FieldKind::Scalar),
    ("type", FieldKind::Scalar),
    ("title", FieldKind::Scalar),
    ("description", FieldKind::Scalar),
    ("priority", FieldKind::Scalar),
    ("status", FieldKind::Scalar),
    ("assignedTo", FieldKind::Scalar),
    ("scheduledStart", FieldKind::Scalar),
    ("scheduledEnd", FieldKind::Scalar),
    ("tasks", FieldKind::Lines("taskId")),
    ("partsRequired", FieldKind::Document),
    ("partsUsed", FieldKind::Lines("lineId")),
    ("laborRecords", FieldKind::Lines("laborId")),
    ("attachments", FieldKind::Lines("attachmentId")),
    ("actualStart", FieldKind::Scalar),
    ("actualEnd", FieldKind::Scalar),
    ("completionNotes", FieldKind::Scalar),
    ("rootCause", FieldKind::Scalar),
    ("customFields", FieldKind::Document),
];

/// Fields of a work order that hold a time (RFC 3339).
pub const TIME_FIELDS: &[&str] = &["scheduledStart", "scheduledEnd", "actualStart", "actualEnd"];

/// The kind of a work order's field; `None` for a field that does not exist.
#[must_use]
pub fn field_kind(field: &str) -> Option<FieldKind> {
    WORK_ORDER_FIELDS.iter().find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

/// The key of a field's lines, if it holds lines.
#[must_use]
pub fn line_key(field: &str) -> Option<&'static str> {
    match field_kind(field)? {
        FieldKind::Lines(key) => Some(key),
        FieldKind::Scalar | FieldKind::Document => None,
    }
}
