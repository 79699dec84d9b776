//! `deadzone report`: shards put together, two runs compared.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::outputs::{self, ScenarioFiles};
use super::{failed, say, whole, wrong};
use crate::history::History;
use crate::report::{self, Baseline, ScenarioSummary, Summary, Tolerance};

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Put the reports of shards together, as if one run had written them
    Merge(MergeArguments),
    /// Compare the counts of two runs; more than is tolerated exits with 3
    Compare(CompareArguments),
}

#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// The folders that `deadzone run --shard … --report DIR` wrote
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Where to write the whole report
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// What was accepted: a baseline, or the summary.json of a run
    base: PathBuf,
    /// What is to be judged: likewise
    new: PathBuf,
    /// By how much a count may grow
    #[arg(long, value_name = "PERCENT", default_value = "0.5%")]
    tolerance: Tolerance,
}

pub(super) fn report(command: &ReportCommand) -> Exit {
    match command {
        ReportCommand::Merge(arguments) => merge(arguments),
        ReportCommand::Compare(arguments) => compare(arguments),
    }
}

fn compare(arguments: &CompareArguments) -> Exit {
    let read = |file: &Path| {
        let file = if file.is_dir() { file.join("summary.json") } else { file.to_owned() };
        let text = fs::read_to_string(&file).map_err(|error| error.to_string());
        text.and_then(|text| Baseline::read(&text)).map_err(|why| format!("{}: {why}", file.display()))
    };
    let (base, new) = match (read(&arguments.base), read(&arguments.new)) {
        (Ok(base), Ok(new)) => (base, new),
        (Err(why), _) | (_, Err(why)) => return wrong(&why),
    };
    let found = report::compare(&base, &new, arguments.tolerance);
    say(&report::table(&found));
    if found.is_over() {
        Exit::TargetMissed
    } else if found.compared == 0 {
        Exit::Inconclusive
    } else {
        Exit::Held
    }
}

fn merge(arguments: &MergeArguments) -> Exit {
    let mut parts = Vec::new();
    for folder in &arguments.shards {
        match whole::read(folder) {
            Ok(summary) => parts.push((folder.as_path(), summary)),
            Err(exit) => return exit,
        }
    }
    match merged(parts) {
        Err(why) => wrong(&why),
        Ok((summary, folders)) => conclude(arguments, &summary, &folders),
    }
}

/// The shards as one run, and the folder of each of its scenarios.
fn merged(parts: Vec<(&Path, Summary)>) -> Result<(Summary, Vec<&Path>), String> {
    let mut whole = Summary { version: Summary::VERSION, ..Summary::default() };
    let mut scenarios: Vec<(ScenarioSummary, &Path)> = Vec::new();
    let kind = |part: &Summary| (part.selected, part.live, part.subject.clone(), part.shard.map(|shard| shard.of));
    let first = parts.first().map(|(_, first)| kind(first));
    for (folder, part) in parts {
        if first != Some(kind(&part)) {
            return Err(format!("{}: this is not a part of the same run as the first one", folder.display()));
        }
        (whole.selected, whole.live, whole.subject) = (part.selected, part.live, part.subject);
        whole.left_out += part.left_out;
        whole.stopped = whole.stopped.max(part.stopped);
        scenarios.extend(part.scenarios.into_iter().map(|scenario| (scenario, folder)));
    }
    scenarios.sort_by(|(one, _), (other, _)| one.file.cmp(&other.file));
    if let Some(pair) = scenarios.windows(2).find(|pair| pair[0].0.file == pair[1].0.file) {
        return Err(format!("{} is in {} and in {}", pair[0].0.file, pair[0].1.display(), pair[1].1.display()));
    }
    let there = scenarios.len() as u64 + whole.left_out;
    if there != whole.selected {
        return Err(format!(
            "of {} scenarios these parts have {there}: name the folder of every shard",
            whole.selected
        ));
    }
    let (scenarios, folders) = scenarios.into_iter().unzip();
    whole.scenarios = scenarios;
    Ok((whole, folders))
}

fn write(arguments: &MergeArguments, summary: &Summary, folders: &[&Path]) -> io::Result<()> {
    let mut sections = Vec::new();
    for (scenario, folder) in summary.scenarios.iter().zip(folders) {
        let file = outputs::beside(folder, &scenario.file, outputs::HISTORY);
        let history = match File::open(&file) {
            Ok(open) => History::read_jsonl(BufReader::new(open)).map_err(|error| outputs::at(&file, error))?,
            // What could not be run has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => History::default(),
            Err(error) => return Err(outputs::at(&file, error)),
        };
        sections.push(report::section(scenario, &history, &summary.replay(scenario)));
        ScenarioFiles::of(&history)?.write(&arguments.to, &scenario.file)?;
    }
    outputs::write_run(&arguments.to, summary, &sections)
}

fn conclude(arguments: &MergeArguments, summary: &Summary, folders: &[&Path]) -> Exit {
    if let Err(error) = outputs::probe(&arguments.to) {
        return wrong(&format!("--to {error}: name a folder that can be written"));
    }
    let written =
        write(arguments, summary, folders).map_err(|error| format!("{error}: the whole report is incomplete"));
    for scenario in summary.bad() {
        say(&report::line(scenario));
    }
    say(&format!("\n{}", report::totals(summary)));
    outputs::annotate(summary);
    match written.and(outputs::write_job_summary(summary)) {
        Err(why) => failed(&why),
        Ok(()) => Exit::of(summary),
    }
}
