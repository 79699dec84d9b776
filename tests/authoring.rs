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
