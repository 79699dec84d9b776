//! The commands for people who write scenarios: what they say, and that what they hand out works.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn deadzone(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    command.current_dir(root()).args(arguments).output().expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What `explain` says of a word that there is.
fn explained(word: &str) -> String {
    let output = deadzone(&["explain", word]);
    assert_eq!(output.status.code(), Some(0), "{word}: {}", told(&output));
    out(&output)
}

#[test]
fn a_step_is_explained_with_its_keys_and_an_example() {
    let text = explained("lose");
    for part in ["lose: a step", "[how]", "cut, reset, silence", "- lose: { device: maria", "answer"] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

#[test]
fn keys_checks_profiles_and_requirements_are_explained() {
    for (word, parts) in [
        ("keychain-stays", vec!["a key of `uninstall`"]),
        ("I2", vec!["I2 no duplicate: a check of every run", "whatever is sent twice"]),
        ("edge-lossy", vec!["a network profile", "Augmented Traffic Control", "1% of packets lost"]),
        ("F2", vec!["a requirement", "covers: [F2]"]),
        ("2.1/pwa", vec!["No scenario can prove it here"]),
        ("lose answer", vec!["a fault", "In the field"]),
        ("server", vec!["a step", "a claim"]),
    ] {
        let text = explained(word).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(text.contains(part), "`{part}` is missing in\n{text}");
        }
    }
}

#[test]
fn a_word_that_is_not_there_exits_with_2_and_a_guess() {
    let output = deadzone(&["explain", "snyc"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("did you mean `sync`?"), "{}", told(&output));
}

/// Every name that the oracle gives to a check of its own is in the list.
#[test]
fn every_check_of_the_oracle_is_explained() {
    let list = out(&deadzone(&["explain"]));
    let mut names = BTreeSet::new();
    let mut folders = vec![root().join("src/check/judges")];
    folders.push(root().join("src/check/ledger.rs"));
    for path in folders {
        collect(&path, &mut names);
    }
    assert!(names.len() > 25, "{names:?}");
    for name in names {
        assert!(list.contains(&name), "`{name}` is not in src/check/catalogue.rs");
    }
}

/// Names of checks in a source: what begins with an id, and constants that are given to findings.
fn collect(path: &Path, names: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            collect(&entry.path(), names);
        }
        return;
    }
    let text = fs::read_to_string(path).expect("a source");
    for line in text.lines() {
        let constant = line.strip_prefix("const ").and_then(|rest| rest.split_once(": &str = \""));
        let direct = ["out.violated(\"", "out.add(Class::Vacuous, \""].iter().find_map(|call| line.split_once(call));
        for (before, rest) in [constant, direct].into_iter().flatten() {
            if before != "PROFILE" {
                names.insert(rest.split('"').next().unwrap_or_default().to_owned());
            }
        }
    }
}

/// A folder that goes with the test, in which the program is started.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("a file for the test");
        path
    }

    fn deadzone(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
        command.current_dir(self.0.path()).args(arguments).output().expect("the program starts")
    }
}

#[test]
fn a_new_scenario_is_valid_and_passes_and_is_never_overwritten() {
    let folder = Folder::new();
    let output = folder.deadzone(&["new", "sub/mine.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = fs::read_to_string(folder.0.path().join("sub/mine.yaml")).expect("it is there");
    assert!(text.starts_with("# yaml-language-server: $schema=scenario.schema.json\n"), "{text}");
    assert!(folder.0.path().join("sub/scenario.schema.json").is_file(), "the schema that it names");
    for command in ["validate", "run"] {
        let output = folder.deadzone(&[command, "sub/mine.yaml"]);
        assert_eq!(output.status.code(), Some(0), "{command}: {}{}", out(&output), told(&output));
    }
    folder.file("sub/mine.yaml", "name: mine\n");
    let output = folder.deadzone(&["new", "sub/mine.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("there is such a file already"), "{}", told(&output));
    assert_eq!(fs::read_to_string(folder.0.path().join("sub/mine.yaml")).expect("still there"), "name: mine\n");
}

#[test]
fn a_new_scenario_of_a_project_names_the_projects_schema() {
    let folder = Folder::new();
    fs::create_dir(folder.0.path().join("schema")).expect("a folder");
    folder.file("schema/scenario.schema.json", "{}");
    assert_eq!(folder.deadzone(&["new"]).status.code(), Some(0));
    let text = fs::read_to_string(folder.0.path().join("scenarios/my-scenario.yaml")).expect("it is there");
    assert!(text.starts_with("# yaml-language-server: $schema=../schema/scenario.schema.json\n"), "{text}");
    assert!(!folder.0.path().join("scenarios/scenario.schema.json").exists());
}

const WRONG: &str = "name: x
covers: [F1]
devices: { maria: {} }
steps:
  - snyc: maria
  - wait: 3
  - sync: mariah
";

#[test]
fn problems_are_told_to_programs_too() {
    let folder = Folder::new();
    folder.file("wrong.yaml", WRONG);
    let output = folder.deadzone(&["validate", "wrong.yaml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let found: serde_json::Value = serde_json::from_str(&out(&output)).expect("one JSON document");
    assert_eq!(found["valid"], 0);
    let problems = found["problems"].as_array().expect("problems");
    let places: Vec<_> =
        problems.iter().map(|problem| (problem["line"].as_u64(), problem["column"].as_u64())).collect();
    assert_eq!(places, [(Some(5), Some(5)), (Some(6), Some(11)), (Some(7), Some(11))], "{found:#}");
    assert_eq!(problems[0]["message"], "there is no step `snyc`");
    assert_eq!(problems[0]["help"], "did you mean `sync`?");
    let output = folder.deadzone(&["validate", "wrong.yaml", "--format", "github"]);
    let lines = out(&output);
    let first =
        "::error file=wrong.yaml,line=5,col=5,title=deadzone validate::there is no step `snyc`%0Adid you mean `sync`?";
    assert_eq!(
        (output.status.code(), lines.lines().next(), lines.lines().count()),
        (Some(2), Some(first), 3),
        "{lines}"
    );
    // GitHub shows ten annotations of a step, and is silent about the others.
    folder.file("many.yaml", &WRONG.replace("  - wait: 3\n", &"  - wait: 3\n".repeat(20)));
    let lines = out(&folder.deadzone(&["validate", "many.yaml", "--format", "github"]));
    assert_eq!(
        (lines.lines().count(), lines.lines().last()),
        (10, Some("::error title=deadzone::and 13 more")),
        "{lines}"
    );
}

#[test]
fn tags_are_counted_and_texts_found() {
    let output = deadzone(&["list", "--tags"]);
    let text = out(&output);
    let smoke = text.lines().find(|line| line.ends_with("  smoke")).expect("a tag");
    let count: usize = smoke.split_whitespace().next().and_then(|count| count.parse().ok()).expect("a number");
    let output = deadzone(&["list", "--tag", "smoke"]);
    assert_eq!(out(&output).lines().count(), 2 * count, "{smoke}");
    let found = out(&deadzone(&["list", "--grep", "PHOTO"]));
    assert!(found.contains("photo-taken-offline.yaml") && !found.contains("no-uplink.yaml"), "{found}");
    assert_eq!(deadzone(&["run", "--grep", "no such words anywhere"]).status.code(), Some(4));
}

#[test]
fn a_dry_run_tells_the_story_and_runs_nothing() {
    let folder = Folder::new();
    folder.file(
        "story.yaml",
        "name: A story
covers: [F1]
devices: { maria: { link: 3g }, phone: { count: 3 } }
steps:
  - sync: maria
  - wait: 26h
  - lose: { device: maria, what: answer }
expect:
  - conflicts: { count: 0 }
",
    );
    let output = folder.deadzone(&["run", "story.yaml", "--dry-run", "--seed", "9"]);
    let text = out(&output);
    // The fault never strikes: a run would fail.
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "seed      9",
        "10 orders, generated, for each technician in turn; no TLS",
        "maria: technician, link 3g, syncs every 15min, waits between tries drawn",
        "phone-1 to phone-3: technician, link wifi",
        "      00:00:00  line 5    maria syncs",
        "   1d 02:00:00  line 7    maria will lose answer 1",
        "line 9    conflicts: { count: 0 }",
    ] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

/// Every scenario of the guide, with the title above it.
fn recipes() -> Vec<(String, String)> {
    let guide = fs::read_to_string(root().join("docs/WRITING_SCENARIOS.md")).expect("the guide");
    let mut title = String::new();
    let mut found = Vec::new();
    for part in guide.split("```") {
        if let Some(text) = part.strip_prefix("yaml\n") {
            found.push((title.clone(), text.to_owned()));
        }
        if let Some(line) = part.lines().rev().find(|line| line.starts_with('#')) {
            title = line.trim_start_matches(['#', ' ']).to_owned();
        }
    }
    found
}

#[test]
fn every_recipe_of_the_guide_is_valid_and_passes() {
    let folder = Folder::new();
    let recipes = recipes();
    assert!(recipes.len() > 10, "only {} recipes", recipes.len());
    for (number, (title, text)) in recipes.iter().enumerate() {
        let name = format!("{number}.yaml");
        folder.file(&name, text);
        for command in ["validate", "run"] {
            let output = folder.deadzone(&[command, &name]);
            assert_eq!(output.status.code(), Some(0), "{title}: {}{}", out(&output), told(&output));
        }
    }
}

#[test]
fn each_row_of_a_table_is_run_and_replayed_by_its_number() {
    let folder = Folder::new();
    folder.file(
        "table.yaml",
        "name: A sync takes its time
covers: [P4]
matrix:
  - { link: edge, bound: 10s }
  - { link: wifi, bound: 1ms }
devices: { maria: { link: \"${link}\" } }
steps: [{ include: sync.steps.yaml }]
expect: [{ took: { device: maria, at-most: \"${bound}\" } }]
",
    );
    folder.file("sync.steps.yaml", "- sync: maria\n");
    let output = folder.deadzone(&["run", ".", "--report", "report"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(3), "{text}{}", told(&output));
    for part in ["A sync takes its time (bound 10s, link edge)", "A sync takes its time (bound 1ms, link wifi)"] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
    let replay = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("replay: deadzone run "))
        .expect("a line that replays it");
    assert!(replay.starts_with("./table.yaml@2 "), "{replay}");
    let again: Vec<&str> = std::iter::once("run").chain(replay.split(' ')).collect();
    let output = folder.deadzone(&again);
    assert_eq!(output.status.code(), Some(3));
    assert!(out(&output).contains("link wifi") && !out(&output).contains("link edge"), "{}", out(&output));
    assert!(folder.0.path().join("report/table.yaml@2.history.jsonl").is_file());
    let junit = fs::read_to_string(folder.0.path().join("report/junit.xml")).expect("a report for Jenkins");
    assert!(junit.contains("file=\"./table.yaml\""), "{junit}");
    let output = folder.deadzone(&["run", "table.yaml@3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("its table has no such row"), "{}", told(&output));
}
