//! The format as the types have it: one JSON schema (draft-07) with every part in its place. What the types' macros write
//! is made what editors and readers want: a step is one object of which one key is there, a choice is a list of words.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::scenario::expand::STEPS_FILE;
use crate::scenario::written::Written;

/// The schema of a file. `examples` of keys are texts here, as a file has them.
pub(super) fn tree() -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    let mut root = settings.into_generator().into_root_schema_for::<Written>().to_value();
    tidy(&mut root);
    if let Some(Value::Object(steps)) = root.pointer_mut("/properties/steps/items/properties") {
        steps.insert("include".to_owned(), include());
    }
    root
}

/// The one step that is played by nobody: it is gone before types are read.
fn include() -> Value {
    json!({
        "type": "string",
        "pattern": format!("{}$", STEPS_FILE.replace('.', r"\.")),
        "description": "The steps of another file come in its place. The file is a list of steps and nothing else, and its \
                        name ends in `.steps.yaml`; the path counts from the folder of the file that names it. \
                        Variables are put in there, too.",
        "examples": ["- include: steps/sign-in.steps.yaml"],
    })
}

/// The schemas directly inside `schema`.
pub(super) fn inner(schema: &mut Value) -> Vec<&mut Value> {
    let Some(rules) = schema.as_object_mut() else { return Vec::new() };
    let mut found = Vec::new();
    for (rule, says) in rules {
        match (rule.as_str(), says) {
            ("properties", Value::Object(properties)) => found.extend(properties.values_mut()),
            ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => found.extend(schemas),
            ("items" | "additionalProperties", schema) if schema.is_object() => found.push(schema),
            _ => {}
        }
    }
    found
}

/// The keys that `schema` knows.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn tidy(schema: &mut Value) {
    for inner in inner(schema) {
        tidy(inner);
    }
    let Some(rules) = schema.as_object_mut() else { return };
    for unwanted in ["format", "default", "$schema"] {
        rules.remove(unwanted);
    }
    if let Some(Value::Object(properties)) = rules.get_mut("properties") {
        properties.values_mut().for_each(never_null);
    }
    if let Some(Value::String(description)) = rules.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let Some(Value::Array(choices)) = rules.get("oneOf") else { return };
    let better = words(choices).or_else(|| single_keys(choices));
    if let Some(better) = better {
        rules.remove("oneOf");
        rules.extend(better);
    }
}

/// A key may be left out, but not be there without a value.
fn never_null(schema: &mut Value) {
    let Some(rules) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = rules.get("type") {
        let kept: Vec<Value> = types.iter().filter(|name| *name != "null").cloned().collect();
        rules.insert("type".to_owned(), if let [only] = &kept[..] { only.clone() } else { kept.into() });
    }
    let Some(Value::Array(choices)) = rules.get("anyOf") else { return };
    let kept: Vec<Value> =
        choices.iter().filter(|choice| choice.get("type") != Some(&"null".into())).cloned().collect();
    if kept.len() == choices.len() {
        return;
    }
    rules.remove("anyOf");
    let alone = match &kept[..] {
        [Value::Object(only)] => only.clone(),
        _ => Map::from_iter([("anyOf".to_owned(), kept.into())]),
    };
    for (rule, says) in alone {
        rules.entry(rule).or_insert(says);
    }
}

/// A choice among words, each with what it means.
fn words(choices: &[Value]) -> Option<Map<String, Value>> {
    let (mut names, mut meanings) = (Vec::new(), Vec::new());
    for choice in choices {
        names.push(choice.get("const")?.clone());
        meanings.push(choice.get("description").cloned().unwrap_or_default());
    }
    Some(Map::from_iter([
        ("type".to_owned(), "string".into()),
        ("enum".to_owned(), names.into()),
        ("enumDescriptions".to_owned(), meanings.into()),
    ]))
}

/// A choice among objects of one key each. An object of which one key must be there says the same, and an editor offers
/// each key once.
fn single_keys(choices: &[Value]) -> Option<Map<String, Value>> {
    let mut keys = Map::new();
    for choice in choices {
        let mut known = properties(choice);
        let (name, schema) = known.next().filter(|_| choice.get("required").is_some())?;
        let mut schema = schema.as_object()?.clone();
        for rule in ["description", "examples"] {
            schema.extend(choice.get(rule).map(|says| (rule.to_owned(), says.clone())));
        }
        keys.insert(name.clone(), schema.into());
        if known.next().is_some() {
            return None;
        }
    }
    let object = json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
        "properties": keys,
    });
    object.as_object().cloned()
}
