//! The report's schemas: they are what the types say today, and what a run writes is what they say.
#![expect(clippy::wildcard_enum_match_arm, reason = "of JSON's few kinds of values a check wants one or two")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn deadzone(arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    let output = command.current_dir(root()).args(arguments).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn schema(name: &str) -> Value {
    let text = fs::read(root().join("schema").join(name)).expect("a schema");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn the_published_schemas_are_those_of_today() {
    for name in ["summary", "history", "scenario"] {
        let file = format!("schema/{name}.schema.json");
        let published = fs::read(root().join(&file)).unwrap_or_default();
        let today = deadzone(&["schema", name]);
        assert!(published == today, "{file} is stale: `cargo run -- schema {name} > {file}` renews it");
    }
}

/// What of draft-07 the schemas use; an unknown word in a schema is an error, so that nothing goes unchecked.
struct Checker<'a> {
    root: &'a Value,
}

impl Checker<'_> {
    fn wrong(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let Value::Object(rules) = schema else {
            return (schema == &Value::Bool(false)).then(|| format!("{at}: never"));
        };
        rules.iter().find_map(|(rule, says)| self.breaks(rule, says, schema, value, at))
    }

    fn breaks(&self, rule: &str, says: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let list = || says.as_array().into_iter().flatten();
        let fits = |schema: &&Value| self.wrong(schema, value, at).is_none();
        let holds = match rule {
            "$schema" | "title" | "description" | "format" | "default" | "definitions" | "minimum" | "maximum" => true,
            "$ref" => {
                let pointer = says.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
                return self.wrong(self.root.pointer(pointer).expect("a definition"), value, at);
            }
            "type" => match says {
                Value::Array(types) => types.iter().any(|one| is(one, value)),
                one => is(one, value),
            },
            "const" => says == value,
            "enum" => list().any(|one| one == value),
            "oneOf" => list().filter(fits).count() == 1,
            "anyOf" => list().any(|schema| fits(&schema)),
            "allOf" => return list().find_map(|schema| self.wrong(schema, value, at)),
            "required" => match list().find(|key| value.get(key.as_str().expect("a key")).is_none()) {
                Some(key) => return Some(format!("{at}: {key} is missing")),
                None => true,
            },
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                return items.filter_map(|(n, item)| self.wrong(says, item, &format!("{at}/{n}"))).next();
            }
            "properties" => {
                let known = says.as_object().into_iter().flatten();
                let there = known.filter_map(|(key, schema)| Some((key, schema, value.get(key)?)));
                return there.filter_map(|(key, schema, it)| self.wrong(schema, it, &format!("{at}/{key}"))).next();
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let others = value.as_object().into_iter().flatten();
                let others = others.filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
                return others.filter_map(|(key, it)| self.wrong(says, it, &format!("{at}/{key}"))).next();
            }
            "minLength" | "maxLength" => {
                let (length, bound) = (value.as_str().map(|text| text.chars().count() as u64), says.as_u64());
                length.is_none_or(
                    |length| if rule == "minLength" { Some(length) >= bound } else { Some(length) <= bound },
                )
            }
            "minItems" | "maxItems" => true,
            other => panic!("the checker does not know `{other}`"),
        };
        (!holds).then(|| format!("{at}: {value} breaks {rule} {says}"))
    }
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the checker does not know the type `{other}`"),
    }
}

fn check(schema: &Value, value: &Value) -> Option<String> {
    Checker { root: schema }.wrong(schema, value, "")
}

#[test]
fn what_a_run_writes_is_what_the_schemas_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().display().to_string();
    deadzone(&["run", "--tag", "smoke", "--report", &report]);
    let summary: Value =
        serde_json::from_slice(&fs::read(folder.path().join("summary.json")).expect("a summary")).expect("JSON");
    assert_eq!(check(&schema("summary.schema.json"), &summary), None);
    let history = schema("history.schema.json");
    let mut events = 0;
    for scenario in summary["scenarios"].as_array().expect("scenarios") {
        let file = format!("{}.history.jsonl", scenario["file"].as_str().expect("a file"));
        for line in fs::read_to_string(folder.path().join(&file)).expect("a history").lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(check(&history, &event), None, "{file}: {line}");
            events += 1;
        }
    }
    assert!(events > 300, "only {events} events");
}

#[test]
fn the_checker_refuses_what_is_wrong() {
    let (summary, history) = (schema("summary.schema.json"), schema("history.schema.json"));
    let wrong = serde_json::json!({ "version": "1", "left_out": 0, "scenarios": [] });
    assert!(check(&summary, &wrong).is_some_and(|why| why.contains("/version")), "a version is a number");
    assert!(check(&summary, &serde_json::json!({ "version": 1 })).is_some(), "scenarios are missing");
    let wrong = serde_json::json!({ "seq": 0, "at_ms": 0, "what": { "no-such-event": {} } });
    assert!(check(&history, &wrong).is_some(), "there is no such event");
}

/// Every scenario that is shipped, by its path.
fn scenarios(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => scenarios(path, found),
            path if path.extension().is_some_and(|extension| extension == "yaml") => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn editors_take_every_shipped_scenario() {
    assert!(jsonschema::meta::is_valid(&schema("scenario.schema.json")), "it is no schema");
    let checker = jsonschema::draft7::new(&schema("scenario.schema.json")).expect("a schema of draft-07");
    let mut files = Vec::new();
    scenarios(root().join("scenarios"), &mut files);
    assert!(files.len() > 100, "only {} scenarios", files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("a scenario");
        let value: Value = serde_saphyr::from_str(&text).expect("YAML");
        let wrong: Vec<String> =
            checker.iter_errors(&value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", file.display());
    }
}

/// A scenario that is right, and in which each of these is wrong.
const RIGHT: &str = "name: x
covers: [F1]
devices:
  maria: { link: 3g }
  jo:
steps:
  - sync: maria
  - lose: { device: maria, what: answer, nth: 2 }
expect:
  - took: { device: maria, at-most: 2s }
";

const WRONG: [(&str, &str); 24] = [
    ("name: x\n", ""),
    ("covers: [F1]", "covers: [F99]"),
    ("covers: [F1]", "covers: F1"),
    ("covers: [F1]", "covers: [F1]\nseeds: 3"),
    ("covers: [F1]", "covers: [F1]\nseed: three"),
    ("covers: [F1]", "covers: [F1]\nworld: { generate: -1 }"),
    ("covers: [F1]", "covers: [F1]\nworld: { generate: 3, tls: yes please }"),
    ("covers: [F1]", "covers: [F1]\nsettle-within: 30"),
    ("link: 3g", "link: 3h"),
    ("link: 3g", "link: { down: 5, up: 3kbps }"),
    ("link: 3g", "link: { down: 5kbps, upp: 3kbps }"),
    ("link: 3g", "role: boss"),
    ("link: 3g", "sync-every: sometimes"),
    ("link: 3g", "clock: 5"),
    ("  maria: { link: 3g }", "  Maria: {}"),
    ("- sync: maria", "- snyc: maria"),
    ("- sync: maria", "- sync"),
    ("- sync: maria", "- {}"),
    ("- sync: maria", "- sync: maria\n    wait: 3s"),
    ("- sync: maria", "- wait: 3 sec"),
    ("- sync: maria", "- edit: { device: maria, order: WO-000001 }"),
    ("- sync: maria", "- offline: { device: maria, how: tunnel }"),
    ("nth: 2", "nth: second"),
    ("at-most: 2s", "at-least: 2s"),
];

#[test]
fn editors_mark_what_is_wrong() {
    let checker = jsonschema::draft7::new(&schema("scenario.schema.json")).expect("a schema of draft-07");
    let value = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(checker.is_valid(&value(RIGHT)), "{:?}", checker.iter_errors(&value(RIGHT)).next());
    for (right, wrong) in WRONG {
        let text = RIGHT.replacen(right, wrong, 1);
        assert!(text != RIGHT && !checker.is_valid(&value(&text)), "the schema takes\n{text}");
    }
}

/// Every key of `schema` that people write, with what is said of it.
fn keys_without(rule: &str, schema: &Value, at: &str, found: &mut Vec<String>) {
    for (name, key) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let at = format!("{at}/{name}");
        if key.get(rule).is_none() {
            found.push(at.clone());
        }
        keys_without(rule, key, &at, found);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(inner) {
            keys_without(rule, inner, at, found);
        }
    }
    for choice in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        keys_without(rule, choice, at, found);
    }
}

#[test]
fn every_key_of_a_scenario_has_a_description_and_an_example_that_fits() {
    let schema = schema("scenario.schema.json");
    for rule in ["description", "examples"] {
        let mut missing = Vec::new();
        keys_without(rule, &schema, "", &mut missing);
        assert!(missing.is_empty(), "without {rule}: {missing:#?}");
    }
    let mut wrong = Vec::new();
    unfitting(&schema, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Examples that their own schema refuses.
fn unfitting(schema: &Value, at: &str, found: &mut Vec<String>) {
    let checker = jsonschema::draft7::new(schema).expect("a schema");
    for example in schema.get("examples").and_then(Value::as_array).into_iter().flatten() {
        found.extend(checker.iter_errors(example).map(|error| format!("{at}: {example}: {error}")));
    }
    for (name, key) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        unfitting(key, &format!("{at}/{name}"), found);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(inner).filter(|inner| inner.is_object()) {
            unfitting(inner, at, found);
        }
    }
}

#[test]
fn the_reference_page_is_that_of_today() {
    let published = fs::read(root().join("docs/SCENARIOS.md")).unwrap_or_default();
    let today = deadzone(&["schema", "scenarios-page"]);
    assert!(
        published == today,
        "docs/SCENARIOS.md is stale: `cargo run -- schema scenarios-page > docs/SCENARIOS.md` renews it"
    );
}

/// A document of a pipeline, and every command of ours that it runs.
fn pipeline(file: &str) -> (Value, Vec<Vec<String>>) {
    let text = fs::read_to_string(root().join("docs/ci").join(file)).expect("an example");
    let text = text.replace("${{ matrix.shard }}", "2");
    let document: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut commands = Vec::new();
    collect(&document, &mut commands);
    (document, commands)
}

fn collect(value: &Value, commands: &mut Vec<Vec<String>>) {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                match (key.as_str(), value) {
                    ("run", Value::String(text)) if text.contains("deadzone") => commands.push(words(text)),
                    ("command", Value::Array(parts)) => {
                        commands.push(parts.iter().filter_map(Value::as_str).map(str::to_owned).collect());
                    }
                    _ => collect(value, commands),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, commands)),
        _ => {}
    }
}

#[test]
fn the_examples_of_pipelines_run_commands_that_there_are() {
    let (github, steps) = pipeline("github-actions.yml");
    let (job, pods) = pipeline("kubernetes-indexed-job.yaml");
    assert_eq!(github["jobs"]["shard"]["strategy"]["matrix"]["shard"].as_array().map(Vec::len), Some(4));
    assert_eq!((&job["kind"], &job["spec"]["completionMode"]), (&"Job".into(), &"Indexed".into()));
    assert_eq!((&job["spec"]["completions"], &job["spec"]["parallelism"]), (&4.into(), &4.into()));
    assert_eq!((steps.len(), pods.len()), (2, 1));
    for command in steps.iter().chain(&pods) {
        let folder = tempfile::tempdir().expect("a folder");
        let said = command.iter().skip(1).cloned();
        fs::create_dir(folder.path().join("scenarios")).expect("a folder without scenarios");
        let output = Command::new(env!("CARGO_BIN_EXE_deadzone"))
            .args(said.map(|word| if word.starts_with("/reports") { "part".to_owned() } else { word }))
            .env("JOB_COMPLETION_INDEX", "1")
            .current_dir(folder.path())
            .output()
            .expect("the program starts");
        // Where there are no scenarios and no parts, the commands find nothing; but they are understood.
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!told.contains("Usage:") && !told.contains("--help"), "{command:?}: {told}");
    }
}

#[test]
fn each_part_of_the_examples_is_run_and_merged() {
    let text = fs::read_to_string(root().join("docs/ci/github-actions.yml")).expect("an example");
    for part in 1..=4 {
        assert!(text.contains(&format!(" part-{part} ")), "part {part} is not merged");
    }
}
