//! `deadzone run`: replays scenarios, tells what happened, writes the report.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use super::exit::Exit;
use super::interrupt::on_ctrl_c;
use super::select::{self, Selected};
use super::{say, tell, validate};
use crate::base::Seed;
use crate::history::History;
use crate::report::{self, Class, Judged, ScenarioSummary, Summary};
use crate::run::{Interrupt, RunError, run as run_scenario};
use crate::world::Media;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenario files or folders of them [default: scenarios/, without those tagged `big`]
    paths: Vec<PathBuf>,
    /// Seed for every scenario, in place of its own
    #[arg(long)]
    seed: Option<u64>,
    /// Run in real time: devices as processes, sockets on loopback, real directories
    #[arg(long)]
    live: bool,
    /// Only scenarios with this tag
    #[arg(long)]
    tag: Vec<String>,
    /// Write summary.json and a history for each scenario here
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Draw, over each story, what somebody saw
    #[arg(long, value_enum)]
    show: Option<Show>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Show {
    /// The technicians: status line, queue, notices and conflicts on their phones
    Tech,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a scenario, failures told
    Human,
    /// One JSON document: the summary
    Json,
}

pub(super) fn run(arguments: &RunArguments) -> Exit {
    let (mut selected, wrong) = select::load(&arguments.paths);
    if !wrong.is_empty() {
        validate::show(&wrong);
        return Exit::WrongInput;
    }
    selected.retain(|selected| select::has_tags(&selected.scenario, &arguments.tag));
    let all = selected.len();
    selected.retain(|selected| !select::is_left_out(&selected.scenario, &arguments.paths, &arguments.tag));
    if selected.len() < all {
        tell(&format!(
            "{} big scenarios left out: `deadzone run --tag {}` runs them",
            all - selected.len(),
            select::BIG
        ));
    }
    if selected.is_empty() {
        tell("nothing to run: no scenario there, or none with that tag");
        return Exit::Inconclusive;
    }
    if let Some(directory) = &arguments.report
        && let Err(error) = fs::create_dir_all(directory)
    {
        tell(&format!("--report {}: {error}: name a folder that can be written", directory.display()));
        return Exit::WrongInput;
    }
    match Runner::new(arguments).and_then(|runner| runner.run_all(&selected)) {
        Ok(exit) => exit,
        Err(error) => {
            tell(&format!("deadzone: {error}"));
            Exit::Harness
        }
    }
}

struct Runner<'a> {
    arguments: &'a RunArguments,
    media: Media,
    interrupt: Interrupt,
    /// Where live devices keep their files; goes with the runner.
    _scratch: Option<TempDir>,
}

impl<'a> Runner<'a> {
    fn new(arguments: &'a RunArguments) -> io::Result<Self> {
        let interrupt = on_ctrl_c()?;
        if !arguments.live {
            return Ok(Self { arguments, media: Media::Simulated, interrupt, _scratch: None });
        }
        let scratch = tempfile::Builder::new().prefix("deadzone-").tempdir()?;
        let command = (std::env::current_exe()?, vec!["device".to_owned()]);
        let media = Media::Live { command, directory: scratch.path().to_owned() };
        Ok(Self { arguments, media, interrupt, _scratch: Some(scratch) })
    }

    fn run_all(&self, selected: &[Selected]) -> io::Result<Exit> {
        let progress = progress(selected.len(), self.arguments.format);
        let mut summary = Summary { version: Summary::VERSION, ..Summary::default() };
        for selected in selected {
            if self.interrupt.is_raised() {
                break;
            }
            progress.set_message(selected.scenario.name.clone());
            tracing::info!(file = %selected.file.display(), "replaying");
            let (scenario, history) = self.run_one(selected, summary.scenarios.len());
            if self.arguments.format == Format::Human {
                progress.suspend(|| self.show(&scenario, &history, &selected.file));
                if self.arguments.show == Some(Show::Tech) {
                    progress.suspend(|| say(&report::tech(&history)));
                }
            }
            if let Some(directory) = &self.arguments.report
                && !history.0.is_empty()
            {
                write_history(directory, &selected.file, &history)?;
            }
            summary.scenarios.push(scenario);
            progress.inc(1);
        }
        progress.finish_and_clear();
        summary.left_out = (selected.len() - summary.scenarios.len()) as u64;
        if let Some(directory) = &self.arguments.report {
            serde_json::to_writer_pretty(BufWriter::new(File::create(directory.join("summary.json"))?), &summary)?;
        }
        match self.arguments.format {
            Format::Human => say(&format!("\n{}", report::totals(&summary))),
            Format::Json => say(&serde_json::to_string_pretty(&summary)?),
        }
        Ok(Exit::of(&summary))
    }

    fn run_one(&self, selected: &Selected, number: usize) -> (ScenarioSummary, History) {
        let Selected { file, scenario } = selected;
        let (file, name, covers) = (file.display().to_string(), &scenario.name, &scenario.covers);
        let seed = self.arguments.seed.unwrap_or(scenario.seed);
        match run_scenario(scenario, Seed(seed), &self.media(number), &self.interrupt) {
            Ok(outcome) => {
                let judged =
                    Judged { verdict: &outcome.verdict, history: &outcome.history, interrupted: outcome.interrupted };
                (ScenarioSummary::judged(&file, name, seed, covers, judged), outcome.history)
            }
            Err(error) => {
                let class = if matches!(error, RunError::OnlySimulated(_)) { Class::Skipped } else { Class::Broken };
                let summary = ScenarioSummary::not_run(&file, name, seed, covers, class, error.to_string());
                (summary, History::default())
            }
        }
    }

    /// The media of one run; live devices find nothing of another run.
    fn media(&self, number: usize) -> Media {
        match &self.media {
            Media::Simulated => Media::Simulated,
            Media::Live { command, directory } => {
                Media::Live { command: command.clone(), directory: directory.join(number.to_string()) }
            }
        }
    }

    fn show(&self, scenario: &ScenarioSummary, history: &History, file: &Path) {
        say(&report::line(scenario));
        if !scenario.findings.is_empty() && scenario.class != Class::Interrupted {
            let live = if self.arguments.live { " --live" } else { "" };
            let replay = format!("deadzone run {} --seed {}{live}", file.display(), scenario.seed);
            say(&report::failure(scenario, history, &replay));
        }
    }
}

/// A bar on a terminal; nothing where output is read by a program.
fn progress(count: usize, format: Format) -> ProgressBar {
    if format == Format::Json || !io::stderr().is_terminal() || std::env::var_os("CI").is_some() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {wide_msg}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// `scenarios/crash/x.yaml` becomes `DIR/scenarios/crash/x.yaml.history.jsonl`, and `../x.yaml` lies in a folder `up`.
fn write_history(directory: &Path, file: &Path, history: &History) -> io::Result<()> {
    let mut path = directory.to_owned();
    for part in file.components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => path.push("up"),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    path.as_mut_os_string().push(".history.jsonl");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    history.write_jsonl(BufWriter::new(File::create(path)?))
}
