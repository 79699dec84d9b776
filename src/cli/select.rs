//! Which scenario files a command is about: files as they are, folders with all that lies in them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::net;
use crate::scenario::{self, Options, Problem, STEPS_FILE, Scenario};

/// Where scenarios are looked for when no path is given.
const DEFAULT: &str = "scenarios";

/// A scenario and the file that it was read from.
pub(super) struct Selected {
    pub(super) file: PathBuf,
    pub(super) scenario: Scenario,
}

/// Reads all scenarios below `paths`, and all that is wrong with the files that are none. A path that does not exist is
/// a wrong file, too, and so is a folder that cannot be read: what it holds would be left out unseen.
pub(super) fn load(paths: &[PathBuf]) -> (Vec<Selected>, Vec<Vec<Problem>>) {
    let links: Vec<&str> = net::PROFILES.iter().map(|profile| profile.name).collect();
    let options = Options { known_links: &links };
    let mut selected = Vec::new();
    let (files, mut wrong) = files(paths);
    for file in files {
        let (path, wanted) = of_row(&file);
        let runs = match scenario::load(&path, &options) {
            Ok(runs) => runs,
            Err(problems) => {
                wrong.push(problems);
                continue;
            }
        };
        let before = selected.len();
        let fits = |run: &scenario::Run| wanted.is_none() || run.row == wanted;
        selected.extend(runs.into_iter().filter(fits).map(|run| Selected {
            file: run.row.map_or_else(|| path.clone(), |row| PathBuf::from(format!("{}@{row}", path.display()))),
            scenario: run.scenario,
        }));
        if selected.len() == before {
            wrong.push(vec![Problem::of_file(&file.display().to_string(), "its table has no such row")]);
        }
    }
    (selected, wrong)
}

/// The file that is meant, and the row of its table if only that is: `FILE@2`.
fn of_row(file: &Path) -> (PathBuf, Option<u32>) {
    let text = file.display().to_string();
    let row = text.rsplit_once('@').and_then(|(path, row)| Some((PathBuf::from(path), row.parse().ok()?)));
    match row {
        Some((path, row)) if !file.exists() => (path, Some(row)),
        Some(_) | None => (file.to_owned(), None),
    }
}

/// Each file once, however often it is named, and what cannot be read.
fn files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Vec<Problem>>) {
    let default = [PathBuf::from(DEFAULT)];
    let paths = if paths.is_empty() { &default } else { paths };
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            collect(path, &mut files, &mut wrong);
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    (files, wrong)
}

/// The scenario files below `folder`, by name, and what cannot be read. Links to folders are not followed: they may lead
/// in a circle.
fn collect(folder: &Path, files: &mut Vec<PathBuf>, wrong: &mut Vec<Vec<Problem>>) {
    let mut entries = match entries(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let why = format!("this folder cannot be read: {error}; let it be read, or name the files that are meant");
            wrong.push(vec![Problem::of_file(&folder.display().to_string(), &why)]);
            return;
        }
    };
    entries.sort();
    for (path, is_folder) in entries {
        if is_folder {
            collect(&path, files, wrong);
        } else if path.to_string_lossy().ends_with(STEPS_FILE) {
            // Scenarios include it.
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
}

/// What lies in `folder`, and whether it is a folder itself.
fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let entries = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        Ok((entry.path(), entry.file_type()?.is_dir()))
    });
    entries.collect()
}

/// Scenarios with this tag take seconds: they are run by name or by tag, and not with all the others.
pub(super) const BIG: &str = "big";

/// Whether `scenario` is big, and neither `paths` nor `tags` ask for such.
pub(super) fn is_left_out(scenario: &Scenario, paths: &[PathBuf], tags: &[String]) -> bool {
    paths.is_empty() && tags.is_empty() && scenario.tags.iter().any(|tag| tag == BIG)
}

/// Whether `text` is in the name, the file, the requirements or the story of a scenario, in small letters or capitals.
pub(super) fn speaks_of(selected: &Selected, text: Option<&str>) -> bool {
    let Some(text) = text.map(str::to_lowercase) else { return true };
    let Selected { file, scenario } = selected;
    let story = scenario.steps.iter().map(|step| step.text());
    let mut places =
        [scenario.name.clone(), file.display().to_string(), scenario.covers.join(" ")].into_iter().chain(story);
    places.any(|place| place.to_lowercase().contains(&text))
}

/// Whether `scenario` carries one of `tags`; every scenario does when none is asked for.
pub(super) fn has_tags(scenario: &Scenario, tags: &[String]) -> bool {
    tags.is_empty() || scenario.tags.iter().any(|tag| tags.contains(tag))
}
