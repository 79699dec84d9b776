//! `deadzone validate`: checks scenario files without running them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::exit::Exit;
use super::select;
use super::{say, tell};
use crate::report;
use crate::scenario::{self, Problem};

#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// Scenario files or folders of them [default: scenarios/]
    paths: Vec<PathBuf>,
    /// How to say what is wrong
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Drawn, with the line that is meant
    Human,
    /// One JSON document
    Json,
    /// Annotations that GitHub shows at their lines
    Github,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Found<'a> {
    /// Scenarios without a problem.
    valid: usize,
    problems: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    file: &'a str,
    /// From 1; 0 when the file as a whole is meant.
    line: u64,
    column: u64,
    /// In characters.
    length: u64,
    message: &'a str,
    help: Option<&'a str>,
}

pub(super) fn validate(arguments: &ValidateArguments) -> Exit {
    let (selected, wrong) = select::load(&arguments.paths);
    match arguments.format {
        Format::Human => show(&wrong),
        Format::Json => say(&json(selected.len(), &wrong)),
        Format::Github => {
            let all = wrong.iter().flatten().map(annotation).collect();
            report::shown_annotations(all).iter().for_each(|line| say(line));
        }
    }
    if !wrong.is_empty() {
        return Exit::WrongInput;
    }
    if selected.is_empty() {
        tell("no scenario files there");
        return Exit::Inconclusive;
    }
    if arguments.format != Format::Json {
        say(&format!("{} scenario{} valid", selected.len(), if selected.len() == 1 { " is" } else { "s are" }));
    }
    Exit::Held
}

/// Draws everything that is wrong, and counts it.
pub(super) fn show(wrong: &[Vec<Problem>]) {
    for problems in wrong {
        for problem in problems {
            // Colours are stripped where they are not wanted.
            tell(&scenario::draw(problem, true));
        }
    }
    let problems: usize = wrong.iter().map(Vec::len).sum();
    if problems > 0 {
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        tell(&format!("{} in {}", plural(problems, "problem"), plural(wrong.len(), "file")));
    }
}

fn json(valid: usize, wrong: &[Vec<Problem>]) -> String {
    let found = Found { valid, problems: wrong.iter().flatten().map(told).collect() };
    serde_json::to_string_pretty(&found).unwrap_or_default()
}

fn told(problem: &Problem) -> Told<'_> {
    Told {
        file: &problem.file,
        line: problem.line,
        column: problem.column,
        length: problem.length,
        message: &problem.message,
        help: problem.help.as_deref(),
    }
}

fn annotation(problem: &Problem) -> String {
    let help = problem.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    let message = format!("{}{help}", problem.message);
    report::error_annotation(&problem.file, problem.line, problem.column, "deadzone validate", &message)
}
