//! `deadzone list`: which scenarios there are, or which tags they carry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::select::{self, Selected};
use super::{say, tell, validate};

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Scenario files or folders of them [default: scenarios/]
    paths: Vec<PathBuf>,
    /// Only scenarios with this tag
    #[arg(long)]
    tag: Vec<String>,
    /// Only scenarios that speak of this: in their name, file, requirements or story
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// The tags instead, and how many scenarios carry each
    #[arg(long)]
    tags: bool,
}

pub(super) fn list(arguments: &ListArguments) -> Exit {
    let (mut selected, wrong) = select::load(&arguments.paths);
    validate::show(&wrong);
    selected.retain(|selected| select::has_tags(&selected.scenario, &arguments.tag));
    selected.retain(|selected| select::speaks_of(selected, arguments.grep.as_deref()));
    if arguments.tags {
        tags(&selected);
    } else {
        for selected in &selected {
            let scenario = &selected.scenario;
            say(&format!("{}\n    {}  [{}]", selected.file.display(), scenario.name, scenario.covers.join(", ")));
        }
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

/// The commonest first.
fn tags(selected: &[Selected]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for tag in selected.iter().flat_map(|selected| &selected.scenario.tags) {
        *counts.entry(tag).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(tag, count)| (usize::MAX - count, *tag));
    for (tag, count) in counts {
        say(&format!("{count:>6}  {tag}"));
    }
}
