//! Records as JSON Schema. In the code a record is a map by name; here the table of fields says what may be in it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::fields::{FieldKind, WORK_ORDER_FIELDS};

/// A work order that a pull brings: whole, or the changed fields alone.
pub(super) struct WorkOrder;
/// An asset that a pull brings.
pub(super) struct Asset;
/// A row of inventory that a pull brings: whole, or how many there are.
pub(super) struct Part;
/// Fields of a work order, and what goes with them.
pub(super) struct Payload;

impl JsonSchema for WorkOrder {
    fn schema_name() -> Cow<'static, str> {
        "WorkOrder".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = fields();
        properties.insert("workOrderId".into(), json!({ "type": "string", "description": "Its id." }));
        properties.insert("_version".into(), version());
        let updated = json!({ "type": "string", "format": "date-time", "description": "Its last change, by the server's clock." });
        properties.insert("updatedAt".into(), updated);
        json_schema!({
            "type": "object",
            "description": "A work order: whole where it is new to the device, else its changed fields and lines alone.",
            "properties": properties,
            "required": ["workOrderId", "_version", "updatedAt"],
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for Asset {
    fn schema_name() -> Cow<'static, str> {
        "Asset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "An asset: its fields are those that the registry holds.",
            "properties": { "assetId": { "type": "string", "description": "Its id." } },
            "required": ["assetId"],
        })
    }
}

impl JsonSchema for Part {
    fn schema_name() -> Cow<'static, str> {
        "Part".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A row of inventory: quantities only.",
            "properties": {
                "partId": { "type": "string", "description": "Its id." },
                "description": { "description": "What it is." },
                "quantityAvailable": { "type": ["number", "null"], "description": "How many there are; below zero when more was used than was known of." },
                "unit": { "description": "Of what." },
            },
            "required": ["partId"],
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for Payload {
    fn schema_name() -> Cow<'static, str> {
        "Payload".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = fields();
        properties.insert("_version".into(), version());
        let local_id =
            json!({ "type": "string", "description": "Of a create: the id that the device minted (addition)." });
        properties.insert("_localId".into(), local_id);
        json_schema!({
            "type": "object",
            "description": "Changed fields alone; of a field of lines, the changed lines alone.",
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

fn version() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0, "description": "Grows by one with every update (spec 4.1)." })
}

fn fields() -> Map<String, Value> {
    let kind = |kind: &FieldKind| match kind {
        FieldKind::Scalar => json!({ "type": ["string", "null"] }),
        FieldKind::Document => json!({ "description": "Any JSON; it changes as a whole." }),
        FieldKind::Lines(key) => json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    (*key): { "type": "string", "minLength": 1, "description": "Which line (addition where the spec has no key)." },
                    "_deleted": { "type": "boolean", "description": "The line is removed (addition)." },
                },
                "required": [key],
            },
        }),
    };
    WORK_ORDER_FIELDS.iter().map(|(name, of)| ((*name).to_owned(), kind(of))).collect()
}

/// The sync spec's own example of a push (3.1C).
pub(super) fn push_example() -> Value {
    json!({ "operations": [{
        "queueId": "queue-1",
        "entityType": "work-order",
        "entityId": "WO-000001",
        "operation": "update",
        "payload": { "status": "completed", "actualEnd": "2025-11-08T10:00:00Z", "_version": 1 },
    }] })
}
