//! `deadzone validate`: checks scenario files without running them.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::select;
use super::{say, tell};
use crate::scenario::{self, Problem};

#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// Scenario files or folders of them [default: scenarios/]
    paths: Vec<PathBuf>,
}

pub(super) fn validate(arguments: &ValidateArguments) -> Exit {
    let (selected, wrong) = select::load(&arguments.paths);
    show(&wrong);
    if !wrong.is_empty() {
        return Exit::WrongInput;
    }
    if selected.is_empty() {
        tell("no scenario files there");
        return Exit::Inconclusive;
    }
    say(&format!("{} scenario{} valid", selected.len(), if selected.len() == 1 { " is" } else { "s are" }));
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
