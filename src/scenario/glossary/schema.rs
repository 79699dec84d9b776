//! The schema for editors: what `schema/scenario.schema.json` holds.

use serde_json::{Map, Value, json};

use super::tree::{inner, tree};
use super::word::under;
use crate::scenario::parse;

/// The JSON schema (draft-07) of a scenario file, for editors that read YAML with one.
#[must_use]
pub fn scenario_schema() -> String {
    let mut root = tree();
    with_values(&mut root, &[]);
    for part in ["world", "devices", "steps", "expect", "seed", "settle-within"] {
        root.pointer_mut(&format!("/properties/{part}")).into_iter().for_each(or_variable);
    }
    let mut whole = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A deadzone scenario",
    });
    if let (Some(whole), Some(root)) = (whole.as_object_mut(), root.as_object()) {
        whole.extend(root.clone());
    }
    format!("{whole:#}\n")
}

/// Lets `${name}` stand in the place of every value that is more than text. In a text of any kind it may stand anyway.
fn or_variable(schema: &mut Value) {
    if schema.get("anyOf").is_none() {
        inner(schema).into_iter().for_each(or_variable);
    }
    let Some(rules) = schema.as_object_mut() else { return };
    let is_number = ["integer", "number", "boolean"].iter().any(|name| rules.get("type") == Some(&(*name).into()));
    let restricted = ["enum", "pattern"].iter().any(|rule| rules.contains_key(*rule));
    if let Some(choices) = rules.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.iter_mut().flat_map(inner).for_each(or_variable);
        choices.push(variable());
    } else if is_number || restricted {
        let told = ["title", "description", "examples"];
        let kept = rules.iter().filter(|(rule, _)| !told.contains(&rule.as_str()));
        let kept: Map<String, Value> = kept.map(|(rule, says)| (rule.clone(), says.clone())).collect();
        rules.retain(|rule, _| told.contains(&rule.as_str()));
        rules.insert("anyOf".to_owned(), json!([kept, variable()]));
    }
}

fn variable() -> Value {
    json!({ "type": "string", "pattern": r"\$\{[a-z0-9-]+\}" })
}

/// Turns the texts in `examples` into the values that stand in them; a key without an example of its own gets that of
/// what is `around` it.
fn with_values(schema: &mut Value, around: &[Value]) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        for inner in inner(schema) {
            with_values(inner, around);
        }
        return;
    };
    for (name, own) in properties {
        let texts = own.get("examples").and_then(Value::as_array).cloned().unwrap_or_default();
        let written = texts.iter().filter_map(Value::as_str).filter_map(parse::value);
        let written: Vec<Value> = written.filter_map(|value| under(&value, name).cloned()).collect();
        let given = || around.iter().filter_map(|value| under(value, name)).cloned().collect();
        let values: Vec<Value> = if written.is_empty() { given() } else { written };
        if let Some(rules) = own.as_object_mut()
            && !values.is_empty()
        {
            rules.insert("examples".to_owned(), values.clone().into());
        }
        with_values(own, &values);
    }
    for rule in ["additionalProperties", "items"] {
        if let Some(inner) = schema.get_mut(rule) {
            with_values(inner, around);
        }
    }
}
