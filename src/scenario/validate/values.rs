//! Checks values that steps set and claims expect: of the kind of their field, and without slips in words that the world
//! knows. What an app could not even hold is sent by `tamper`.

use serde_json::Value;

use super::Cast;
use crate::protocol::{FieldKind, Record, TIME_FIELDS, field_kind};
use crate::scenario::outline::{Content, Node};
use crate::scenario::problem::{Problems, slip_of};
use crate::scenario::reference::label_in;

/// The words that generated orders, the rules of the specification and the reference server know; a team's own server
/// may know others.
const WORDS: [(&str, &[&str]); 3] = [
    ("status", &["assigned", "in-progress", "on-hold", "completed", "closed", "cancelled", "scheduled"]),
    ("priority", &["low", "medium", "high", "urgent", "critical"]),
    ("type", &["inspection", "preventive", "corrective", "emergency", "repair"]),
];

/// Checks what `at` sets or claims; names of fields are checked elsewhere.
pub(super) fn check(values: &Record, at: &Node, cast: &Cast<'_>, problems: &mut Problems<'_>) {
    for (field, value) in values {
        let at = at.at(field);
        match field_kind(field) {
            Some(FieldKind::Scalar) => scalar(field, value, at, cast, problems),
            Some(FieldKind::Document) => document(field, value, at, problems),
            Some(FieldKind::Lines(key)) => lines(field, key, value, at, problems),
            None => {}
        }
    }
}

fn scalar(field: &str, value: &Value, at: &Node, cast: &Cast<'_>, problems: &mut Problems<'_>) {
    let text = match value {
        Value::Null => return,
        Value::String(text) => text,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let help = match &at.content {
                Content::Plain(scalar) => format!("write `\"{}\"`", scalar.text),
                Content::List(_) | Content::Keys(_) => "write it in quotes, or `null` for none".to_owned(),
            };
            return problems.add(at.place, format!("`{field}` is a text"), Some(help));
        }
    };
    if TIME_FIELDS.contains(&field) && !is_time(text) {
        let help = "write for example `\"2025-11-14T08:00:00.000Z\"`".to_owned();
        return problems.add(at.place, format!("`{field}` is a time, which `{text}` is not"), Some(help));
    }
    if field == "assignedTo" && label_in(text).is_none() {
        cast.assignable(text, at.place, problems);
    }
    let words = WORDS.iter().find(|(name, _)| *name == field).map_or(&[][..], |(_, words)| words);
    if !words.contains(&text.as_str())
        && let Some(word) = slip_of(text, words.iter().copied())
    {
        problems.add(at.place, format!("`{field}` cannot be `{text}`"), Some(format!("did you mean `{word}`?")));
    }
}

/// Whether it is a moment as RFC 3339 writes it.
fn is_time(text: &str) -> bool {
    text.as_bytes().get(10) == Some(&b'T') && !text.contains('[') && text.parse::<jiff::Timestamp>().is_ok()
}

fn document(field: &str, value: &Value, at: &Node, problems: &mut Problems<'_>) {
    if !(value.is_object() || value.is_array() || value.is_null()) {
        let help = format!("write for example `{field}: {{ key: value }}`, or `null` for none");
        problems.add(at.place, format!("`{field}` holds keys and values, or a list"), Some(help));
    }
}

fn lines(field: &str, key: &str, value: &Value, at: &Node, problems: &mut Problems<'_>) {
    let help = || Some(format!("write for example `{field}: [{{ {key}: L-1 }}]`"));
    let Value::Array(lines) = value else {
        return problems.add(at.place, format!("`{field}` is a list of lines"), help());
    };
    for (index, line) in lines.iter().enumerate() {
        let at = at.item(index);
        match line.as_object().map(|line| line.get(key)) {
            None => problems.add(at.place, format!("a line of `{field}` holds keys and values"), help()),
            Some(None | Some(Value::String(_))) => {}
            Some(Some(_)) => {
                let help = match &at.at(key).content {
                    Content::Plain(scalar) if !scalar.text.is_empty() => Some(format!("write `\"{}\"`", scalar.text)),
                    Content::Plain(_) | Content::List(_) | Content::Keys(_) => help(),
                };
                problems.add(at.at(key).place, format!("`{key}` is a text"), help);
            }
        }
    }
}
