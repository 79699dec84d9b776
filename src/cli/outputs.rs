//! What a run leaves for people and programs: the files of `--report DIR`, the pipeline's job summary, annotations.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::say;
use crate::history::History;
use crate::report::{self, Row, Statement, Summary};
use crate::scenario::REQUIREMENTS;

/// What a scenario's history is called after its own name.
pub(super) const HISTORY: &str = "history.jsonl";

/// Bytes that are written to see whether a folder takes any.
const PROBE: usize = 4096;

/// The requirement matrix of a run.
pub(super) fn matrix(summary: &Summary) -> Vec<Row> {
    let statements: Vec<Statement> = REQUIREMENTS
        .iter()
        .map(|requirement| Statement { id: requirement.id, text: requirement.text, beyond: requirement.beyond })
        .collect();
    report::matrix(&statements, summary)
}

/// What is written about one scenario: made on its own thread, written in turn.
pub(super) struct ScenarioFiles {
    /// What each file is called after the scenario's own name, and what is in it.
    files: Vec<(String, Vec<u8>)>,
}

impl ScenarioFiles {
    /// Of a scenario that has a history; none of another.
    pub(super) fn of(history: &History) -> io::Result<Self> {
        if history.0.is_empty() {
            return Ok(Self { files: Vec::new() });
        }
        let mut lines = Vec::new();
        history.write_jsonl(&mut lines)?;
        let mut files =
            vec![(HISTORY.to_owned(), lines), ("trace.json".to_owned(), report::trace(history).into_bytes())];
        let hars = report::har(history).into_iter();
        files.extend(hars.map(|(device, har)| (format!("{device}.har"), har.into_bytes())));
        Ok(Self { files })
    }

    /// Writes them below `directory`, where the scenario's `file` says.
    ///
    /// # Errors
    /// When the folder cannot be written: which file, and why.
    pub(super) fn write(&self, directory: &Path, file: &str) -> io::Result<()> {
        for (what, bytes) in &self.files {
            let path = beside(directory, file, what);
            if let Some(folder) = path.parent() {
                make(folder)?;
            }
            write(&path, bytes)?;
        }
        Ok(())
    }
}

/// Tries whether a report can be written to `directory`, before anybody waits for it.
///
/// # Errors
/// When it cannot: which file or folder, and why.
pub(super) fn probe(directory: &Path) -> io::Result<()> {
    make(directory)?;
    let file = directory.join(".deadzone-probe");
    let tried = fs::write(&file, [0; PROBE]).map_err(|error| at(directory, error));
    // Another shard's run may have been quicker.
    let _ = fs::remove_file(&file);
    tried
}

/// Writes what is about the whole run; `sections` are its scenarios' parts of the HTML.
///
/// # Errors
/// When the folder cannot be written: which file, and why.
pub(super) fn write_run(directory: &Path, summary: &Summary, sections: &[String]) -> io::Result<()> {
    make(directory)?;
    let matrix = matrix(summary);
    let put = |name: &str, text: String| write(&directory.join(name), text.as_bytes());
    put("summary.json", format!("{}\n", serde_json::to_string_pretty(summary)?))?;
    put("report.html", report::html(summary, &matrix, sections))?;
    put("junit.xml", report::junit(summary))?;
    put("ctrf.json", report::ctrf(summary))?;
    put("summary.md", report::markdown(summary, &matrix))
}

fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder).map_err(|error| at(folder, error))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes).map_err(|error| at(path, error))
}

/// `error` with the path that it is about.
pub(super) fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Tells GitHub, where it listens, by annotations on standard output.
pub(super) fn annotate(summary: &Summary) {
    if env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        report::annotations(summary).iter().for_each(|line| say(line));
    }
}

/// Appends the run to the summary of a GitHub job, where there is one.
///
/// # Errors
/// When the file cannot be written: which, and why.
pub(super) fn write_job_summary(summary: &Summary) -> Result<(), String> {
    let Some(file) = env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return Ok(()) };
    let out = OpenOptions::new().create(true).append(true).open(&file);
    out.and_then(|mut out| out.write_all(report::markdown(summary, &matrix(summary)).as_bytes()))
        .map_err(|error| format!("GITHUB_STEP_SUMMARY {}", at(Path::new(&file), error)))
}

/// What stands for `..` in a report.
const UP: &str = "up";
/// What stands for the beginning of an absolute path.
const ROOT: &str = "root";

/// `scenarios/crash/x.yaml` has its history at `DIR/scenarios/crash/x.yaml.history.jsonl`, `../x.yaml` in a folder `up`,
/// and `/x.yaml` in a folder `root`. Folders of these names get a `_` more, so that no two scenarios share a file.
pub(super) fn beside(directory: &Path, file: &str, what: &str) -> PathBuf {
    let mut path = directory.to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::Normal(name) if is_taken(name) => {
                path.push(name);
                path.as_mut_os_string().push("_");
            }
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.push(UP),
            Component::RootDir => path.push(ROOT),
            Component::Prefix(_) | Component::CurDir => {}
        }
    }
    path.as_mut_os_string().push(format!(".{what}"));
    path
}

/// Whether a folder's own name would be taken for what stands for something else, or for one that got a `_` more.
fn is_taken(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| [UP, ROOT].contains(&name.trim_end_matches('_')))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_scenarios_share_a_file() {
        let files = [
            "x.yaml",
            "up/x.yaml",
            "up_/x.yaml",
            "up__/x.yaml",
            "../x.yaml",
            "../../x.yaml",
            "../up/x.yaml",
            "up/../x.yaml",
            "/x.yaml",
            "root/x.yaml",
            "root_/x.yaml",
            "/root/x.yaml",
            "/up/x.yaml",
            "a/up/x.yaml",
            "a/../x.yaml",
            "x.yaml@2",
        ];
        let places: BTreeSet<PathBuf> = files.iter().map(|file| beside(Path::new("DIR"), file, HISTORY)).collect();
        assert_eq!(places.len(), files.len(), "{places:?}");
        assert!(places.iter().all(|place| place.starts_with("DIR")), "{places:?}");
        assert!(places.contains(Path::new("DIR/up/x.yaml.history.jsonl")), "{places:?}");
    }
}
