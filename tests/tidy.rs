//! House rules, kept by a test: who imports whom, how large files and functions are, which paths the documents name.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms and their floors. A room imports only from floors below its own. The living map is `docs/ARCHITECTURE.md`.
const FLOORS: &[(&str, u8)] = &[
    ("base", 1),
    ("protocol", 2),
    ("tls", 2),
    ("history", 3),
    ("disk", 3),
    ("client", 4),
    ("server", 4),
    ("net", 4),
    ("check", 4),
    ("proxy", 5),
    ("report", 5),
    ("scenario", 6),
    ("world", 7),
    ("run", 8),
    ("cli", 10),
];

/// Imports that the floors would allow and that must never be: the oracle must be able to disagree with the engine, and
/// client and server meet in `protocol` only.
const NEVER: &[(&str, &[&str])] = &[
    ("check", &["disk"]),
    ("report", &["client", "server", "net", "disk"]),
    ("scenario", &["client", "server", "disk", "proxy"]),
];

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    ["src", "tests", "benches"]
        .iter()
        .flat_map(|directory| files_below(&root().join(directory), "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file is readable");
            (path.strip_prefix(root()).expect("below the root").to_path_buf(), text)
        })
        .collect()
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// The room of a file below `src`: its folder, or its own name for `run.rs`.
fn room(path: &Path) -> Option<String> {
    let mut parts = path.strip_prefix("src").ok()?.components();
    let first = parts.next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    floor(&first).is_some().then_some(first)
}

/// Every room that `text` names behind `crate::`.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut rooms = Vec::new();
    for line in code {
        assert!(
            !line.trim_start().starts_with("use crate::{"),
            "`{line}`: name each room in a `use` of its own, so that this test sees it"
        );
        for rest in line.split("crate::").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            rooms.push(name);
        }
    }
    rooms
}

#[test]
fn rooms_import_only_from_floors_below() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let Some(room) = room(&path) else { continue };
        for import in imports(&text) {
            let Some(there) = floor(&import) else { continue };
            let never = NEVER.iter().any(|(from, to)| *from == room && to.contains(&import.as_str()));
            let here = floor(&room).expect("a known room");
            if import != room && (there >= here || never) {
                broken.push(format!("{}: {room} imports {import}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "imports against the floors:\n{}", broken.join("\n"));
}

#[test]
fn every_room_has_a_floor() {
    for entry in fs::read_dir(root().join("src")).expect("src is there").flatten() {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        let known = floor(&name).is_some() || ["lib", "main"].contains(&name.as_str());
        assert!(known, "src/{name} has no floor: give it one in FLOORS and in docs/ARCHITECTURE.md");
    }
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "files without a `//!` head: {silent:?}");
}

#[test]
fn files_are_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_FILE_LINES)
        .collect();
    assert!(long.is_empty(), "files over {MAX_FILE_LINES} lines: {long:?}");
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for (path, text) in sources() {
        for (name, lines) in functions(&text) {
            if lines > MAX_FUNCTION_LINES {
                long.push(format!("{}: {name} has {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "functions over {MAX_FUNCTION_LINES} lines:\n{}", long.join("\n"));
}

/// Names and lengths of the functions in rustfmt's layout: from `fn` to the closing brace at the same indent.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let mut words = line.split_whitespace().skip_while(|word| {
            ["pub", "pub(crate)", "pub(super)", "pub(in", "super::super)", "const", "async", "unsafe"].contains(word)
        });
        if words.next() != Some("fn") || line.trim_end().ends_with(';') {
            continue;
        }
        let name: String =
            words.next().unwrap_or("").chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let close = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|line| *line == close).map_or(1, |end| end + 1);
        found.push((name, length));
    }
    found
}

#[test]
fn documents_name_paths_that_exist() {
    let mut documents = files_below(&root().join("docs"), "md");
    documents.extend(["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let mut missing = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap_or_else(|error| panic!("{}: {error}", document.display()));
        for path in text.split('`').skip(1).step_by(2).filter(|quoted| names_a_path(quoted)) {
            if !root().join(path.trim_end_matches('/')).exists() {
                missing.push(format!("{}: `{path}`", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "documents name what is not there:\n{}", missing.join("\n"));
}

/// A quoted text that is meant as a path of this repository.
fn names_a_path(quoted: &str) -> bool {
    let starts = ["src/", "tests/", "benches/", "docs/", "scenarios/", "schema/", "reports/sample", ".ci/"];
    !quoted.contains([' ', '*', '<', '…']) && starts.iter().any(|start| quoted.starts_with(start))
}
