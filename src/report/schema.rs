//! The shapes of what programs read, as JSON schemas (draft-07), printed from the types that are written.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use super::summary::Summary;
use crate::history::Event;

/// Of `summary.json`.
#[must_use]
pub fn summary_schema() -> String {
    printed::<Summary>()
}

/// Of a line of `history.jsonl`.
#[must_use]
pub fn history_schema() -> String {
    printed::<Event>()
}

fn printed<T: JsonSchema>() -> String {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    format!("{:#}\n", schema.as_value())
}
