//! One scenario replayed: its run, the runs again of what failed, and everything that is said of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::select::Selected;
use crate::base::{Clock, Seed};
use crate::check::{self, Finding};
use crate::history::{History, What};
use crate::report::{self, Baseline, Class, Judged, ScenarioSummary, Tolerance};
use crate::run::{Interrupt, Outcome, RunError, run as run_scenario};
use crate::scenario::Scenario;
use crate::world::Media;

/// How scenarios are replayed.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    /// In place of the scenarios' own.
    pub(super) seed: Option<u64>,
    /// How often a scenario that failed is run again.
    pub(super) retries: u32,
    /// Live devices keep their files in a folder below this one, by the scenario's number.
    pub(super) media: Media,
    pub(super) interrupt: Interrupt,
    /// Why no scenario need be run, and how each ends.
    pub(super) unfit: Option<Unfit>,
    /// What each scenario may cost, and by how much it may grow.
    pub(super) accepted: Option<(Baseline, Tolerance)>,
}

/// Why no scenario need be run.
#[derive(Clone, Debug)]
pub(super) enum Unfit {
    /// What is under test fails all of them.
    Failed(String),
    /// Nothing can be said of it.
    Skipped(String),
}

/// A scenario that was replayed.
pub(super) struct Replayed {
    pub(super) summary: ScenarioSummary,
    pub(super) history: History,
    /// Real milliseconds that it took.
    pub(super) took_ms: u64,
}

impl Replay {
    /// Replays `selected`, the `number`-th of this run. A panic of the harness is told as what it is.
    pub(super) fn run(&self, number: usize, selected: &Selected) -> Replayed {
        tracing::info!(file = %selected.file.display(), "replaying");
        let watch = Clock::system();
        let (summary, history) = match catch_unwind(AssertUnwindSafe(|| self.judged(number, selected))) {
            Ok(told) => told,
            Err(panic) => {
                let why = panic.downcast_ref::<String>().map(String::as_str);
                let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it did not say why");
                (self.not_run(selected, Class::Broken, format!("the harness panicked: {why}")), History::default())
            }
        };
        Replayed { summary, history, took_ms: watch.now_ms() }
    }

    fn judged(&self, number: usize, selected: &Selected) -> (ScenarioSummary, History) {
        let scenario = &selected.scenario;
        match &self.unfit {
            None => {}
            Some(Unfit::Failed(why)) => return (self.fails(selected, "device protocol", why), History::default()),
            Some(Unfit::Skipped(why)) => {
                return (self.not_run(selected, Class::Skipped, why.clone()), History::default());
            }
        }
        let mut outcome = match self.once(&format!("{number}"), scenario) {
            Ok(outcome) => outcome,
            Err(error @ RunError::NotHere(_)) => {
                return (self.not_run(selected, Class::Skipped, error.to_string()), History::default());
            }
            Err(error) if matches!(self.media, Media::Live { server: Some(_), .. }) => {
                return (self.fails(selected, "server", &error.to_string()), History::default());
            }
            Err(error) => return (self.not_run(selected, Class::Broken, error.to_string()), History::default()),
        };
        let live = matches!(self.media, Media::Live { .. });
        let differs = differs(&outcome, self.retries, live, |retry| {
            self.once(&format!("{number}-{retry}"), scenario).map_err(|error| error.to_string())
        });
        let varied = differs.is_some();
        outcome.verdict.findings.splice(0..0, differs);
        place(scenario, &outcome.history, &mut outcome.verdict.findings);
        let (file, seed) = (name_of(&selected.file), self.seed_of(scenario));
        let judged = Judged { verdict: &outcome.verdict, history: &outcome.history, interrupted: outcome.interrupted };
        let mut summary = ScenarioSummary::judged(&file, &scenario.name, seed, &scenario.covers, judged);
        if varied {
            summary.class = Class::NonDeterministic;
        }
        if let Some((baseline, tolerance)) = &self.accepted
            && matches!(summary.class, Class::Passed | Class::Missed)
        {
            let grown = report::grown(baseline, &summary, *tolerance);
            summary.class = if grown.is_empty() { summary.class } else { Class::Missed };
            summary.findings.extend(grown);
        }
        (summary, outcome.history)
    }

    fn once(&self, folder: &str, scenario: &Scenario) -> Result<Outcome, RunError> {
        let media = match &self.media {
            Media::Simulated => Media::Simulated,
            Media::Live { client, server, directory } => {
                let (client, server) = (client.clone(), server.clone());
                Media::Live { client, server, directory: directory.join(folder) }
            }
        };
        run_scenario(scenario, Seed(self.seed_of(scenario)), &media, &self.interrupt)
    }

    fn seed_of(&self, scenario: &Scenario) -> u64 {
        self.seed.unwrap_or(scenario.seed)
    }

    /// Of a scenario that what is under test does not get as far as to play.
    fn fails(&self, selected: &Selected, check: &str, why: &str) -> ScenarioSummary {
        let finding = Finding {
            check: check.to_owned(),
            class: check::Class::Violated,
            expected: "what is under test can be asked at all".to_owned(),
            happened: why.to_owned(),
            events: Vec::new(),
            line: 0,
            claim: None,
        };
        ScenarioSummary { findings: vec![finding], ..self.not_run(selected, Class::Failed, String::new()) }
    }

    fn not_run(&self, selected: &Selected, class: Class, reason: String) -> ScenarioSummary {
        let Selected { file, scenario } = selected;
        let seed = self.seed_of(scenario);
        ScenarioSummary::not_run(&name_of(file), &scenario.name, seed, &scenario.covers, class, reason)
    }
}

/// The file as reports name it: with `/` between its parts on every machine.
pub(super) fn name_of(file: &Path) -> String {
    file.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

/// What another run of a failed scenario did otherwise. In the simulated world the same seed gives the same history; in
/// real time it should at least give the same verdict. A run that passes the second time is not forgiven.
fn differs(
    first: &Outcome,
    retries: u32,
    live: bool,
    mut again: impl FnMut(u32) -> Result<Outcome, String>,
) -> Option<Finding> {
    if first.verdict.findings.is_empty() || first.interrupted {
        return None;
    }
    for retry in 1..=retries {
        let run = retry + 1;
        let (happened, events) = match again(retry) {
            Ok(outcome) if outcome.interrupted => return None,
            Err(why) => (format!("run {run} could not be made: {why}"), Vec::new()),
            Ok(outcome) if outcome.verdict.findings.is_empty() => (format!("run {run} passed"), Vec::new()),
            Ok(_) if live => continue,
            Ok(outcome) if outcome.history == first.history => continue,
            Ok(outcome) => {
                let (here, there) = (&first.history.0, &outcome.history.0);
                let same = here.iter().zip(there).take_while(|(one, other)| one == other).count();
                (format!("run {run} goes another way at event {same}"), vec![same as u64])
            }
        };
        let expected = format!("the same seed gives the same {}", if live { "verdict" } else { "history" });
        let (check, class) = ("determinism".to_owned(), check::Class::Violated);
        return Some(Finding { check, class, expected, happened, events, line: 0, claim: None });
    }
    None
}

/// Gives each finding its line: the claim's, or that of the step under which the first event that shows it fell.
fn place(scenario: &Scenario, history: &History, findings: &mut [Finding]) {
    let claims = scenario.claim_lines();
    for finding in findings {
        let claimed = finding.claim.and_then(|claim| claims.get(claim)).copied();
        finding.line = claimed.or_else(|| step_of(history, *finding.events.first()?)).unwrap_or_default();
    }
}

fn step_of(history: &History, seq: u64) -> Option<u64> {
    let until = history.0.iter().take_while(|event| event.seq <= seq);
    let mut line = None;
    for event in until {
        if let What::StepStarted { line: begun, .. } = &event.what {
            line = Some(*begun);
        }
    }
    line.filter(|line| *line > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::history::Event;

    fn outcome(whats: &[What], findings: usize) -> Outcome {
        let event = |(seq, what): (usize, &What)| Event { seq: seq as u64, at_ms: 0, what: what.clone() };
        let finding = Finding {
            check: "I1".into(),
            class: check::Class::Violated,
            expected: String::new(),
            happened: String::new(),
            events: vec![0],
            line: 0,
            claim: None,
        };
        Outcome {
            history: History(whats.iter().enumerate().map(event).collect()),
            verdict: Verdict { findings: vec![finding; findings], ..Verdict::default() },
            interrupted: false,
        }
    }

    #[test]
    fn a_failure_that_repeats_is_a_plain_failure() {
        let first = outcome(&[What::Healed, What::RunEnded], 1);
        let mut runs = 0;
        let told = differs(&first, 3, false, |_| {
            runs += 1;
            Ok(first.clone())
        });
        assert_eq!((told, runs), (None, 3));
    }

    #[test]
    fn a_run_that_goes_another_way_is_told_with_its_place() {
        let first = outcome(&[What::Healed, What::Settled], 1);
        let told = differs(&first, 1, false, |_| Ok(outcome(&[What::Healed, What::RunEnded], 1))).expect("a finding");
        assert_eq!((told.check.as_str(), told.events.as_slice()), ("determinism", &[1_u64][..]));
        // In real time only the verdict counts.
        assert_eq!(differs(&first, 1, true, |_| Ok(outcome(&[What::Healed, What::RunEnded], 1))), None);
    }

    #[test]
    fn a_retry_that_passes_hides_nothing() {
        let first = outcome(&[What::Healed], 1);
        for live in [false, true] {
            let told = differs(&first, 2, live, |_| Ok(outcome(&[What::Healed], 0))).expect("a finding");
            assert_eq!(told.happened, "run 2 passed");
        }
    }

    #[test]
    fn what_passed_is_not_run_again() {
        let told = differs(&outcome(&[What::Healed], 0), 5, false, |_| panic!("no reason to run it again"));
        assert_eq!(told, None);
    }

    #[test]
    fn a_finding_stands_at_its_step() {
        let step = |line| What::StepStarted { index: 0, line, text: String::new() };
        let history = outcome(&[step(7), What::Healed, step(9), What::Settled], 0).history;
        assert_eq!([0, 1, 2, 3].map(|seq| step_of(&history, seq)), [Some(7), Some(7), Some(9), Some(9)]);
    }
}
