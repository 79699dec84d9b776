//! `deadzone list`: which scenarios there are.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::select;
use super::{say, tell, validate};

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Scenario files or folders of them [default: scenarios/]
    paths: Vec<PathBuf>,
    /// Only scenarios with this tag
    #[arg(long)]
    tag: Vec<String>,
}

pub(super) fn list(arguments: &ListArguments) -> Exit {
    let (mut selected, wrong) = select::load(&arguments.paths);
    validate::show(&wrong);
    selected.retain(|selected| select::has_tags(&selected.scenario, &arguments.tag));
    for selected in &selected {
        let scenario = &selected.scenario;
        say(&format!("{}\n    {}  [{}]", selected.file.display(), scenario.name, scenario.covers.join(", ")));
    }
    if !wrong.is_empty() {
        return Exit::WrongInput;
    }
    if selected.is_empty() {
        tell("no scenarios there");
        return Exit::Inconclusive;
    }
    Exit::Held
}
