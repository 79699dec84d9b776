//! One run: a scenario and a seed go in, a history and a verdict come out. This is the story of the program.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::LocalSet;

use crate::base::{Clock, CrashHow, GivenUp, STEP_BUDGET, Seed, Span, within_budget};
use crate::check::{self, Claim, Verdict};
use crate::history::{History, Recorder, What};
use crate::report;
use crate::scenario::{self, Action, CrashWhen, Loot, Scenario};
use crate::world::{ApiError, Media, StageError, Target, World};

/// Everything must have come to rest this long after the network healed, unless the scenario says otherwise: a period
/// (spec 5.1) and the longest wait of the backoff table (spec 7.2) fit in.
pub const SETTLE_WITHIN: Span = Span::from_millis(30 * 60 * 1000);

/// The same in real time, where every device is refreshed first.
pub const LIVE_SETTLE_WITHIN: Span = Span::from_millis(60 * 1000);

/// A story that waits longer than this is not told in real time.
pub const LIVE_LIMIT: Span = Span::from_millis(2 * 60 * 1000);

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Everything that happened.
    pub history: History,
    /// What it was worth.
    pub verdict: Verdict,
    /// Whether it was cut short by [`Interrupt::raise`].
    pub interrupted: bool,
}

/// Runs `scenario` with `seed` on `media` and judges what happened.
///
/// # Errors
/// When the stage cannot be set, the server cannot be audited, or the scenario cannot run on `media`.
pub fn run(scenario: &Scenario, seed: Seed, media: &Media, interrupt: &Interrupt) -> Result<Outcome, RunError> {
    if let Some(why) = not_here(scenario, media) {
        return Err(RunError::NotHere(why));
    }
    let live = matches!(media, Media::Live { .. });
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    // The simulated world has no I/O driver: a real socket in it would be found out at once.
    let runtime = if live { runtime.enable_all() } else { runtime.enable_time().start_paused(true) }.build()?;
    let _entered = runtime.enter();
    let clock = if live { Clock::system() } else { Clock::simulated() };
    let recorder = Recorder::new(clock);
    let tasks = LocalSet::new();
    let told = tasks.run_until(async {
        tokio::select! {
            biased;
            labels = tell(scenario, seed, media, &recorder, clock) => Ok(labels),
            () = interrupt.raised(), if live => Err(GivenUp::Stopped),
        }
    });
    let told = runtime.block_on(within_budget(told, clock, || interrupt.is_raised())).flatten();
    recorder.record(match told {
        Ok(_) => What::RunEnded,
        Err(GivenUp::Stopped) => What::Interrupted,
        Err(GivenUp::Frozen) => What::Frozen { steps: STEP_BUDGET },
    });
    let history = recorder.take();
    let interrupted = matches!(told, Err(GivenUp::Stopped));
    // A client that breaks the protocol is judged by what it did until then.
    let broke = history.0.iter().any(|event| matches!(event.what, What::Broke { .. }));
    let labels = match told {
        Ok(Err(error)) if !broke => return Err(error),
        told => told.unwrap_or_else(|_| Ok(BTreeMap::new())).unwrap_or_default(),
    };
    let mut verdict = check::check(&history, &scenario.claims(), &labels);
    check::covered(&history, &scenario.covers, &mut verdict);
    Ok(Outcome { history, verdict, interrupted })
}

/// Set the stage, play the story, heal the network, come to rest, read what is there, search it for secrets.
async fn tell(
    scenario: &Scenario,
    seed: Seed,
    media: &Media,
    recorder: &Recorder,
    clock: Clock,
) -> Result<BTreeMap<String, String>, RunError> {
    let world = if matches!(media, Media::Simulated) { "simulated" } else { "live" }.to_owned();
    let epoch = clock.wall().to_string();
    let (name, tls, sealed) = (scenario.name.clone(), scenario.world.tls, scenario.world.sealed.clone());
    recorder.record(What::RunStarted { scenario: name, seed: seed.0, world, epoch, tls, sealed });
    let world = World::set(scenario, seed, media, recorder.clone(), clock).await?;
    world.play(scenario).await;
    if world.given_up() {
        return Ok(world.labels());
    }
    world.heal().await;
    let within = if matches!(media, Media::Live { .. }) { LIVE_SETTLE_WITHIN } else { SETTLE_WITHIN };
    world.settle(scenario.settle_within.unwrap_or(within).duration()).await;
    world.audit().await?;
    world.search();
    Ok(world.labels())
}

/// Why a scenario would tell nothing on `media`; `None` when it does.
fn not_here(scenario: &Scenario, media: &Media) -> Option<String> {
    let Media::Live { client, server, .. } = media else { return None };
    let simulated = only_simulated(scenario).map(|why| format!("cannot be run live: {why}"));
    let own = || server.as_ref().and_then(|target| only_own_server(scenario).or_else(|| beyond(scenario, target)));
    simulated.or_else(own).or_else(|| scenario.beyond(&client.lacks))
}

/// Why a scenario can be run in the simulated world alone; `None` when it can be run on both.
#[must_use]
pub fn only_simulated(scenario: &Scenario) -> Option<String> {
    let waiting = scenario.waiting();
    if waiting > LIVE_LIMIT {
        let told = |span: Span| report::milliseconds(span.millis());
        let (waiting, most) = (told(waiting), told(LIVE_LIMIT));
        return Some(format!("its story waits {waiting}, and in real time so would you ({most} is the most)"));
    }
    if scenario.claims().iter().any(|claim| matches!(claim, Claim::Compressed(_))) {
        return Some("how a real device stores what it holds, only itself knows".to_owned());
    }
    scenario.steps.iter().find_map(|step| {
        let platform = matches!(
            step.action,
            Action::SearchDisk(_)
                | Action::Steal(scenario::Steal {
                    what: Loot::RefreshToken | Loot::Disk | Loot::LockedDevice | Loot::DiskAndOtherKeys,
                    ..
                })
                | Action::Lock(_)
                | Action::Unlock(_)
                | Action::Uninstall(_)
                | Action::Install(_)
        );
        if platform {
            return Some(format!("line {}: where a real device keeps what, only itself knows", step.line));
        }
        let Action::Crash(crash) = &step.action else { return None };
        let at_the_disk = matches!(crash.when, CrashWhen::AfterAnswer | CrashWhen::DiskOperation);
        let why = match crash.how {
            _ if at_the_disk => "a real disk cannot be cut at an operation",
            CrashHow::Power | CrashHow::Torn => "the power of a real machine is not cut",
            CrashHow::Kill => return None,
        };
        Some(format!("line {}: {why}", step.line))
    })
}

/// Why a scenario can be run against the reference server alone; `None` when any server will do.
fn only_own_server(scenario: &Scenario) -> Option<String> {
    scenario.steps.iter().find_map(|step| {
        let power = matches!(step.action, Action::CrashServer(_)).then_some("cuts the power of the server");
        let clock = matches!(step.action, Action::ServerClock(_)).then_some("sets the clock of the server");
        let what = power.or(clock)?;
        Some(format!("line {} {what}, which cannot be done to one that is reached over HTTP alone", step.line))
    })
}

/// Why a scenario asks for more than `target` offers; `None` when it does not.
fn beyond(scenario: &Scenario, target: &Target) -> Option<String> {
    let sealed = !scenario.world.sealed.is_empty() && !target.seals();
    sealed.then(|| "its world has sealed fields, which the server does not offer".to_owned())
}

/// Cuts runs short from another thread.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on every run ends as soon as it looks.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends when it is raised; real time passes meanwhile.
    async fn raised(&self) {
        while !self.is_raised() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Why a run gave no outcome.
#[derive(Debug)]
pub enum RunError {
    /// The scenario would tell nothing on these media: why.
    NotHere(String),
    /// The stage could not be set.
    Stage(StageError),
    /// The server could not be read at the end.
    Audit(ApiError),
    /// The runtime could not be started.
    Runtime(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHere(why) => f.write_str(why),
            Self::Stage(error) => write!(f, "the stage cannot be set: {error}"),
            Self::Audit(error) => write!(f, "the server cannot be audited: {error}"),
            Self::Runtime(error) => write!(f, "the runtime cannot be started: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<StageError> for RunError {
    fn from(error: StageError) -> Self {
        Self::Stage(error)
    }
}

impl From<ApiError> for RunError {
    fn from(error: ApiError) -> Self {
        Self::Audit(error)
    }
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        Self::Runtime(error)
    }
}
