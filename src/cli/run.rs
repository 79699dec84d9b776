//! `deadzone run`: replays scenarios, tells what happened, writes the report.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use super::exit::Exit;
use super::interrupt::on_ctrl_c;
use super::jobs;
use super::outputs::{self, ScenarioFiles};
use super::replay::{Replay, Replayed, Unfit};
use super::select::{self, Selected};
use super::shard::ShardArgument;
use super::subject::{self, SubjectArguments};
use super::{failed, say, tell, validate, wrong};
use crate::report::{self, Baseline, Class, ScenarioSummary, Shard, Stopped, Subject, Summary, Tolerance};
use crate::world::{Media, NoTarget, Target};

#[derive(Debug, Default, Args)]
pub(super) struct RunArguments {
    /// Scenario files or folders of them [default: scenarios/, without those tagged `big`]
    paths: Vec<PathBuf>,
    /// Seed for every scenario, in place of its own
    #[arg(long)]
    seed: Option<u64>,
    /// Run in real time: devices as processes, sockets on loopback, real directories
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    subject: SubjectArguments,
    /// Only scenarios with this tag
    #[arg(long)]
    tag: Vec<String>,
    /// Only scenarios that speak of this: in their name, file, requirements or story
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Print the stories with all that is left out filled in, and when their steps come; run nothing
    #[arg(long)]
    dry_run: bool,
    /// So many scenarios at once; results do not depend on it [default: the number of cores, 1 with --live]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Only a part of the scenarios: `2/4`; `auto/4` takes the part's number from the pipeline, `auto` both
    #[arg(long, value_name = "K/N")]
    shard: Option<ShardArgument>,
    /// End with the first scenario that does not hold
    #[arg(long)]
    fail_fast: bool,
    /// Run what failed so often again: what goes another way is non-deterministic, and never forgiven
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Compare what each scenario costs with this file, which `deadzone baseline accept` wrote
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// By how much a count may grow over the baseline
    #[arg(long, value_name = "PERCENT", default_value = "0.5%", requires = "baseline")]
    tolerance: Tolerance,
    /// Write the report here: HTML, JSON, JUnit, CTRF, Markdown, and a history for each scenario
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Draw, over each story, what somebody saw
    #[arg(long, value_enum)]
    show: Option<Show>,
    /// Say only what did not hold, and the totals
    #[arg(long, short)]
    quiet: bool,
    /// What to print on standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Show {
    /// The technicians: status line, queue, notices and conflicts on their phones
    Tech,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a scenario, failures told
    #[default]
    Human,
    /// One JSON document: the summary
    Json,
}

impl RunArguments {
    /// Those of a check of `subject`.
    pub(super) fn of(subject: SubjectArguments, jobs: Option<u16>, report: Option<PathBuf>, quiet: bool) -> Self {
        Self { subject, jobs, report, quiet, ..Self::default() }
    }
}

pub(super) fn run(arguments: &RunArguments) -> Exit {
    let (mut selected, unfit) = select::load(&arguments.paths);
    if !unfit.is_empty() {
        validate::show(&unfit);
        return Exit::WrongInput;
    }
    selected.retain(|selected| select::has_tags(&selected.scenario, &arguments.tag));
    selected.retain(|selected| select::speaks_of(selected, arguments.grep.as_deref()));
    let all = selected.len();
    selected.retain(|selected| !select::is_left_out(&selected.scenario, &arguments.paths, &arguments.tag));
    if selected.len() < all {
        tell(&format!(
            "{} big scenarios left out: `deadzone run --tag {}` runs them",
            all - selected.len(),
            select::BIG
        ));
    }
    // Shards are put together again by the same order.
    selected.sort_by_key(|selected| super::replay::name_of(&selected.file));
    let whole = selected.len();
    if whole == 0 {
        tell("nothing to run: no scenario there, or none with that tag or text");
        return Exit::Inconclusive;
    }
    let shard = match arguments.shard.map(ShardArgument::resolve).transpose() {
        Ok(shard) => shard,
        Err(why) => return wrong(&format!("--shard: {why}")),
    };
    if let Some(shard) = shard {
        selected.retain(|selected| super::shard::holds(shard, &super::replay::name_of(&selected.file)));
    }
    if arguments.dry_run {
        let stories: Vec<String> = selected.iter().map(|one| super::dry_run::told(one, arguments.seed)).collect();
        super::print(&stories.join("\n"));
        return Exit::Held;
    }
    match conduct(arguments, &selected, whole, shard) {
        Ok((exit, _)) | Err(exit) => exit,
    }
}

/// Replays `selected`, a part of `whole`, and writes and says what came of it.
///
/// # Errors
/// The exit code, when it cannot be done; why has been told.
pub(super) fn conduct(
    arguments: &RunArguments,
    selected: &[Selected],
    whole: usize,
    shard: Option<Shard>,
) -> Result<(Exit, Summary), Exit> {
    if let Some(directory) = &arguments.report {
        outputs::probe(directory)
            .map_err(|error| wrong(&format!("--report {error}: name a folder that can be written")))?;
    }
    let accepted = accepted(arguments).map_err(|why| wrong(&format!("--baseline {why}")))?;
    let runner = Runner::new(arguments, accepted).map_err(|error| failed(&error.to_string()))?;
    Ok(runner.map_err(|why| wrong(&why))?.run_all(selected, whole, shard))
}

/// What scenarios may cost, if that is asked for.
fn accepted(arguments: &RunArguments) -> Result<Option<(Baseline, Tolerance)>, String> {
    let Some(file) = &arguments.baseline else { return Ok(None) };
    let text = fs::read_to_string(file).map_err(|error| error.to_string());
    let baseline = text.and_then(|text| Baseline::read(&text));
    baseline.map(|baseline| Some((baseline, arguments.tolerance))).map_err(|why| format!("{}: {why}", file.display()))
}

struct Runner<'a> {
    arguments: &'a RunArguments,
    replay: Replay,
    /// What of the team's is tested.
    subject: Option<Subject>,
    /// Where live devices keep their files; goes with the runner.
    _scratch: Option<TempDir>,
}

/// What a thread makes of a scenario; the main thread says and writes it.
struct Told {
    replayed: Replayed,
    text: String,
    /// Its part of the HTML, and its files; none when no report is asked for.
    report: Option<(String, io::Result<ScenarioFiles>)>,
}

impl<'a> Runner<'a> {
    /// The runner, or why what is under test is not there at all.
    fn new(arguments: &'a RunArguments, accepted: Option<(Baseline, Tolerance)>) -> io::Result<Result<Self, String>> {
        let interrupt = on_ctrl_c()?;
        let (seed, retries) = (arguments.seed, arguments.retries);
        let mut replay = Replay { seed, retries, media: Media::Simulated, interrupt, unfit: None, accepted };
        let tested = &arguments.subject;
        if !arguments.live && !tested.is_foreign() {
            return Ok(Ok(Self { arguments, replay, subject: None, _scratch: None }));
        }
        let scratch = tempfile::Builder::new().prefix("deadzone-").tempdir()?;
        let server = match tested.server.as_deref().map(Target::find).transpose() {
            Ok(server) => server,
            Err(NoTarget::Unreachable(why)) => return Ok(Err(format!("--server {why}"))),
            Err(NoTarget::NoStage(why)) => {
                replay.unfit = Some(Unfit::Skipped(why));
                None
            }
        };
        let mut client = tested.program()?;
        if tested.client.is_some() {
            match subject::meet(&mut client, scratch.path()) {
                Ok(unfit) => replay.unfit = replay.unfit.or(unfit),
                Err(why) => return Ok(Err(format!("--client: {why}"))),
            }
        }
        let subject = tested.named(&client);
        replay.media = Media::Live { client, server, directory: scratch.path().to_owned() };
        Ok(Ok(Self { arguments, replay, subject, _scratch: Some(scratch) }))
    }

    /// A summary of nothing yet.
    fn head(&self) -> Summary {
        let live = matches!(self.replay.media, Media::Live { .. });
        Summary { version: Summary::VERSION, live, subject: self.subject.clone(), ..Summary::default() }
    }

    fn run_all(&self, selected: &[Selected], whole: usize, shard: Option<Shard>) -> (Exit, Summary) {
        let mut summary = Summary { selected: whole as u64, shard, ..self.head() };
        let progress = progress(selected.len(), self.arguments);
        let (mut slowest, mut sections, mut written) = (Vec::new(), Vec::new(), Ok(()));
        let work = |number: usize, selected: &Selected| {
            (!self.replay.interrupt.is_raised()).then(|| self.tell(number, selected))
        };
        jobs::in_order(self.jobs(), selected, work, |told| {
            let Some(Told { replayed, text, report }) = told else { return false };
            let Replayed { summary: scenario, took_ms, .. } = replayed;
            if !text.is_empty() {
                progress.suspend(|| say(&fitted(&text)));
            }
            progress.set_message(scenario.name.clone());
            progress.inc(1);
            slowest.push((took_ms, scenario.name.clone()));
            if let (Some(directory), Some((section, files))) = (&self.arguments.report, report) {
                sections.push(section);
                // What did not hold is worth knowing without a report, too.
                if written.is_ok() {
                    written = files.and_then(|files| files.write(directory, &scenario.file));
                }
            }
            let stop = self.arguments.fail_fast && scenario.class.is_bad();
            summary.stopped = stop.then_some(Stopped::FailedFast);
            summary.scenarios.push(scenario);
            !stop
        });
        progress.finish_and_clear();
        summary.left_out = (selected.len() - summary.scenarios.len()) as u64;
        if summary.left_out == 0 {
            summary.stopped = None;
        } else if self.replay.interrupt.is_raised() {
            summary.stopped = Some(Stopped::Interrupted);
        }
        if let Some(directory) = &self.arguments.report {
            written = written.and_then(|()| outputs::write_run(directory, &summary, &sections));
        }
        self.conclude(&summary, slowest);
        if self.arguments.format == Format::Human {
            outputs::annotate(&summary);
        }
        let written =
            written.map_err(|error| format!("--report {error}: the report is incomplete; make room and run again"));
        let exit = match written.and(outputs::write_job_summary(&summary)) {
            Err(why) => failed(&why),
            Ok(()) => self.exit(&summary),
        };
        (exit, summary)
    }

    /// Live runs are alone unless asked otherwise: their times would suffer from company.
    fn jobs(&self) -> usize {
        match self.replay.media {
            // It holds one story's world at a time.
            Media::Live { server: Some(_), .. } => 1,
            Media::Live { .. } => self.arguments.jobs.map_or(1, usize::from),
            Media::Simulated => self.arguments.jobs.map_or_else(jobs::cores, usize::from),
        }
    }

    fn tell(&self, number: usize, selected: &Selected) -> Told {
        let mut replayed = self.replay.run(number, selected);
        let text = if self.arguments.format == Format::Human { self.text(&replayed) } else { String::new() };
        // The history of a run is large, and that of many runs too large to keep.
        let history = std::mem::take(&mut replayed.history);
        let report = self.arguments.report.is_some().then(|| {
            let section = report::section(&replayed.summary, &history, &self.replay_of(&replayed.summary));
            (section, ScenarioFiles::of(&history))
        });
        Told { replayed, text, report }
    }

    fn text(&self, replayed: &Replayed) -> String {
        let Replayed { summary: scenario, history, .. } = replayed;
        let mut parts = Vec::new();
        if !self.arguments.quiet || scenario.class.is_bad() {
            parts.push(report::line(scenario));
        }
        if !scenario.findings.is_empty() && scenario.class != Class::Interrupted {
            parts.push(report::failure(scenario, history, &self.replay_of(scenario)));
        }
        if self.arguments.show == Some(Show::Tech) {
            parts.push(report::tech(history));
        }
        parts.join("\n")
    }

    /// The command that replays `scenario`.
    fn replay_of(&self, scenario: &ScenarioSummary) -> String {
        self.head().replay(scenario)
    }

    /// Says what came of all.
    fn conclude(&self, summary: &Summary, slowest: Vec<(u64, String)>) {
        match self.arguments.format {
            Format::Human => {
                if let Some((baseline, tolerance)) = &self.replay.accepted {
                    let mut found = report::compare(baseline, &Baseline::of(summary), *tolerance);
                    // A part of the scenarios may be run against a baseline of all.
                    found.gone.clear();
                    say(&format!("\n{}", report::table(&found)));
                }
                say(&format!("\n{}", report::totals(summary)));
                if !self.arguments.quiet {
                    tell_slowest(slowest);
                }
            }
            // Text and numbers can always be written.
            Format::Json => say(&serde_json::to_string_pretty(summary).unwrap_or_default()),
        }
    }

    fn exit(&self, summary: &Summary) -> Exit {
        if summary.shard.is_some() && summary.selected > 0 && summary.scenarios.is_empty() && summary.left_out == 0 {
            tell("no scenario falls into this shard; the others have them");
            return Exit::Held;
        }
        if !summary.scenarios.is_empty() && summary.count(Class::Skipped) == summary.scenarios.len() {
            let why = summary.scenarios.first().map(|scenario| scenario.reason.as_str()).unwrap_or_default();
            tell(&format!("every scenario was skipped: nothing is proven ({why})"));
        }
        Exit::of(summary)
    }
}

/// Real time differs from run to run, and so is no result: it goes to standard error.
fn tell_slowest(mut slowest: Vec<(u64, String)>) {
    slowest.sort_by(|one, other| other.cmp(one));
    let told: Vec<String> = slowest
        .iter()
        .take(3)
        .filter(|(took_ms, _)| *took_ms >= 500)
        .map(|(took_ms, name)| format!("{} {name}", report::milliseconds(*took_ms)))
        .collect();
    if !told.is_empty() {
        tell(&fitted(&format!("the slowest: {}", told.join("; "))));
    }
}

/// `text` as wide as the terminal; as it is where no person reads it.
fn fitted(text: &str) -> String {
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((terminal_size::Width(width), _)) => report::fitted(text, usize::from(width).max(20)),
        None => text.to_owned(),
    }
}

/// A bar on a terminal; nothing where output is read by a program.
fn progress(count: usize, arguments: &RunArguments) -> ProgressBar {
    let hidden = arguments.quiet || arguments.format == Format::Json;
    if hidden || !io::stderr().is_terminal() || std::env::var_os("CI").is_some() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {wide_msg}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
