//! `deadzone coverage`: each statement of the specification, and which scenarios show it.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::{outputs, say, tell, whole};
use crate::report::{self, Proof, Row};

#[derive(Debug, Args)]
pub(super) struct CoverageArguments {
    /// Scenario files or folders of them [default: scenarios/, without those tagged `big`]
    paths: Vec<PathBuf>,
    /// Take the results of a run from its summary.json, or its report's folder, instead of running
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    from: Option<PathBuf>,
    /// Fail if a statement has no passing scenario, but for those that cannot be tested here
    #[arg(long)]
    require: bool,
}

pub(super) fn coverage(arguments: &CoverageArguments) -> Exit {
    let summary = match whole::summary(arguments.from.as_deref(), &arguments.paths) {
        Ok(summary) => summary,
        Err(exit) => return exit,
    };
    let matrix = outputs::matrix(&summary);
    for row in &matrix {
        say(&line(row));
    }
    let counts = report::counted(&matrix).map(|(proof, count)| format!("{count} {}", proof.word()));
    say(&format!("\n{} requirements: {}", matrix.len(), counts.join(", ")));
    let open: Vec<&str> = matrix.iter().filter(|row| is_open(row)).map(|row| row.statement.id).collect();
    if arguments.require && !open.is_empty() {
        tell(&format!("without a passing scenario: {}", open.join(", ")));
        return Exit::CheckFailed;
    }
    Exit::Held
}

/// Whether something is to be done about it.
fn is_open(row: &Row) -> bool {
    row.proof == Proof::Failed || (row.proof == Proof::NotProven && row.statement.beyond.is_none())
}

/// A row of the matrix in two lines.
pub(super) fn line(row: &Row) -> String {
    let by = match row.by.len() {
        0 => row.reason.clone(),
        1 => "1 scenario".to_owned(),
        many => format!("{many} scenarios"),
    };
    let by = if row.by.is_empty() || row.reason.is_empty() { by } else { format!("{by}; {}", row.reason) };
    format!("{:>10}  {:<24} {}\n{:>10}  {:<24} {by}", row.proof.word(), row.statement.id, row.statement.text, "", "")
}
