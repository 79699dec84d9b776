//! `deadzone baseline accept`: what scenarios cost now is what they may cost from now on.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::{failed, say, tell_error, whole, wrong};
use crate::report::Baseline;

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Write the counts of a run as the ones to compare with
    Accept(AcceptArguments),
}

#[derive(Debug, Args)]
pub(super) struct AcceptArguments {
    /// Scenario files or folders of them [default: scenarios/, without those tagged `big`]
    paths: Vec<PathBuf>,
    /// Take the counts from the summary.json of a run, or its report's folder, instead of running
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    from: Option<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "reports/baseline.json")]
    to: PathBuf,
}

pub(super) fn baseline(command: &BaselineCommand) -> Exit {
    let BaselineCommand::Accept(arguments) = command;
    match whole::summary(arguments.from.as_deref(), &arguments.paths) {
        Ok(summary) => accept(arguments, &summary),
        Err(exit) => exit,
    }
}

fn accept(arguments: &AcceptArguments, summary: &crate::report::Summary) -> Exit {
    let exit = Exit::of(summary);
    if exit != Exit::Held {
        let first = summary.bad().next().map(|scenario| scenario.file.as_str()).unwrap_or("nothing passed");
        tell_error(&format!("nothing is accepted of a run that did not hold: {first}"));
        return exit;
    }
    let baseline = Baseline::of(summary);
    let text = match serde_json::to_string_pretty(&baseline) {
        Ok(text) => text,
        Err(error) => return failed(&error.to_string()),
    };
    if let Err(error) = fs::write(&arguments.to, format!("{text}\n")) {
        return wrong(&format!("--to {}: {error}: name a file that can be written", arguments.to.display()));
    }
    say(&format!("{} scenarios accepted in {}", baseline.counts.len(), arguments.to.display()));
    Exit::Held
}
