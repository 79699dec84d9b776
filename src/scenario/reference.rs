//! References in values: `"@leak"` stands for the id of the order that the story calls `leak`.

use serde_json::Value;

use super::validate::is_name;

/// The label that a text names, if it has the form of a reference.
#[must_use]
pub fn label_in(text: &str) -> Option<&str> {
    text.strip_prefix('@').filter(|label| is_name(label))
}

/// The labels that `value` names, in their order.
pub(super) fn labels_in(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => label_in(text).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(labels_in).collect(),
        Value::Object(fields) => fields.values().flat_map(labels_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
