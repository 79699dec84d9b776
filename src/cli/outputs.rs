//! What a run leaves for people and programs: the files of `--report DIR`, the pipeline's job summary, annotations.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use super::say;
use crate::history::History;
use crate::report::{self, Row, Statement, Summary};
use crate::scenario::REQUIREMENTS;

/// What a scenario's history is called after its own name.
pub(super) const HISTORY: &str = "history.jsonl";

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
    /// When the folder cannot be written.
    pub(super) fn write(&self, directory: &Path, file: &str) -> io::Result<()> {
        for (what, bytes) in &self.files {
            let path = beside(directory, file, what);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, bytes)?;
        }
        Ok(())
    }
}

/// Writes what is about the whole run; `sections` are its scenarios' parts of the HTML.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write_run(directory: &Path, summary: &Summary, sections: &[String]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let matrix = matrix(summary);
    fs::write(directory.join("summary.json"), format!("{}\n", serde_json::to_string_pretty(summary)?))?;
    fs::write(directory.join("report.html"), report::html(summary, &matrix, sections))?;
    fs::write(directory.join("junit.xml"), report::junit(summary))?;
    fs::write(directory.join("ctrf.json"), report::ctrf(summary))?;
    fs::write(directory.join("summary.md"), report::markdown(summary, &matrix))
}

/// Tells GitHub, where it listens: annotations on standard output, and the job's summary in the file that
/// `GITHUB_STEP_SUMMARY` names.
///
/// # Errors
/// When that file cannot be written.
pub(super) fn announce(summary: &Summary) -> io::Result<()> {
    if env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        report::annotations(summary).iter().for_each(|line| say(line));
    }
    write_job_summary(summary)
}

/// Appends the run to the summary of a GitHub job, where there is one.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_job_summary(summary: &Summary) -> io::Result<()> {
    let Some(file) = env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else { return Ok(()) };
    let mut out = OpenOptions::new().create(true).append(true).open(file)?;
    out.write_all(report::markdown(summary, &matrix(summary)).as_bytes())
}

/// `scenarios/crash/x.yaml` has its history at `DIR/scenarios/crash/x.yaml.history.jsonl`, and `../x.yaml` in a folder
/// `up`.
pub(super) fn beside(directory: &Path, file: &str, what: &str) -> PathBuf {
    let mut path = directory.to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.push("up"),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    path.as_mut_os_string().push(format!(".{what}"));
    path
}
