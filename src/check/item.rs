//! The grain at which edits meet: a field, or of a field of lines, one line. And when two values are the same.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::protocol::{Record, line_key};

/// A field, or one line of a field of lines. Prints as a conflict names it: `status`, `tasks/T1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item<'a> {
    pub(super) field: &'a str,
    /// The line's key; `None` for a whole field.
    pub(super) line: Option<Cow<'a, str>>,
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some(key) => write!(f, "{}/{key}", self.field),
            None => f.write_str(self.field),
        }
    }
}

/// The items of a record or payload with their values; metadata (`_version` and its like) is none.
pub(super) fn items(record: &Record) -> impl Iterator<Item = (Item<'_>, &Value)> {
    record.iter().filter(|(field, _)| !field.starts_with('_')).flat_map(|(field, value)| of_field(field, value))
}

fn of_field<'a>(field: &'a str, value: &'a Value) -> Vec<(Item<'a>, &'a Value)> {
    match (line_key(field), value) {
        (Some(key), Value::Array(lines)) => {
            let named = |line: &'a Value| Some((Item { field, line: Some(line_name(line, key)?) }, line));
            lines.iter().filter_map(named).collect()
        }
        // A field of lines without any: no item.
        (Some(_), Value::Null) => Vec::new(),
        _ => vec![(Item { field, line: None }, value)],
    }
}

fn line_name<'a>(line: &'a Value, key: &str) -> Option<Cow<'a, str>> {
    match line.get(key)? {
        Value::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}

/// Whether a line is a removal.
pub(super) fn is_removal(line: &Value) -> bool {
    line.get("_deleted").and_then(Value::as_bool).unwrap_or(false)
}

/// The parts of a line that carry data: neither its key nor metadata.
pub(super) fn parts<'a>(field: &str, line: &'a Value) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let key = line_key(field);
    let all = line.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value));
    all.filter(move |(name, _)| Some(*name) != key && !name.starts_with('_'))
}

/// Equal as data: `1` and `1.0` are, and so are an absent part and null.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            let covers = |a: &Record, b: &Record| a.iter().all(|(k, v)| same(v, b.get(k).unwrap_or(&Value::Null)));
            covers(a, b) && covers(b, a)
        }
        (
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_),
            _,
        ) => a == b,
    }
}

/// A value for a person: JSON, cut where it gets long.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 {
        return text;
    }
    text.chars().take(57).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_items_of_their_own() {
        let Value::Object(record) = json!({
            "_version": 3, "status": "completed", "tasks": [{"taskId": "T1"}, {"taskId": 2}], "partsUsed": null,
        }) else {
            unreachable!()
        };
        let names: Vec<String> = items(&record).map(|(item, _)| item.to_string()).collect();
        assert_eq!(names, ["status", "tasks/T1", "tasks/2"]);
    }

    #[test]
    fn sameness_is_of_data_not_of_spelling() {
        assert!(same(&json!(1), &json!(1.0)));
        assert!(same(&json!({"a": null}), &json!({})));
        assert!(!same(&json!({"a": 1}), &json!({})));
        assert!(!same(&json!([1, 2]), &json!([2, 1])));
    }
}
