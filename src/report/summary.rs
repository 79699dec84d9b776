//! The summary of a run of scenarios: `summary.json`, and what everything else is drawn from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::check::{self, Finding, Ledger, Unchecked, Verdict};
use crate::history::{Capability, History};

/// How a scenario ended; the worst one decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// All held.
    Passed,
    /// Correct, but a target was missed.
    Missed,
    /// It was not run, and the reason is said.
    Skipped,
    /// A check failed.
    Failed,
    /// A check failed, and run again with the same seed the scenario went another way.
    NonDeterministic,
    /// The harness could not run it.
    Broken,
    /// It was cut short.
    Interrupted,
}

impl Class {
    /// Whether it tells against what was tested: it did not pass, and was not skipped.
    #[must_use]
    pub fn is_bad(self) -> bool {
        !matches!(self, Self::Passed | Self::Skipped)
    }

    /// It in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Missed => "missed a target",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::NonDeterministic => "non-deterministic",
            Self::Broken => "broken",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What was found out about one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSummary {
    /// Its file, as given.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its seed in this run.
    pub seed: u64,
    /// The requirements that it covers.
    pub covers: Vec<String>,
    /// How it ended.
    pub class: Class,
    /// Why it was skipped, or could not be run; empty else.
    pub reason: String,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// Where every acknowledged operation ended.
    pub ledger: Ledger,
    /// What was counted.
    pub tally: Tally,
    /// Checks that were not made, since a client of the team's does not tell what they take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
}

/// A verdict with the history that it is about.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The history.
    pub history: &'a History,
    /// Whether it was cut short.
    pub interrupted: bool,
}

impl ScenarioSummary {
    /// The file that it was read from: [`ScenarioSummary::file`] without the row of a table.
    #[must_use]
    pub fn source(&self) -> &str {
        let row = self.file.rsplit_once('@').filter(|(_, row)| row.parse::<u32>().is_ok());
        row.map_or(self.file.as_str(), |(file, _)| file)
    }

    /// Of a scenario that ran.
    #[must_use]
    pub fn judged(file: &str, name: &str, seed: u64, covers: &[String], judged: Judged<'_>) -> Self {
        let worst = judged.verdict.findings.iter().map(|finding| finding.class).max();
        let class = match worst {
            _ if judged.interrupted => Class::Interrupted,
            None => Class::Passed,
            Some(check::Class::Missed) => Class::Missed,
            Some(check::Class::Vacuous | check::Class::Violated) => Class::Failed,
        };
        Self {
            findings: judged.verdict.findings.clone(),
            ledger: judged.verdict.ledger,
            tally: Tally::of(judged.history),
            unchecked: judged.verdict.unchecked.clone(),
            ..Self::not_run(file, name, seed, covers, class, String::new())
        }
    }

    /// Of a scenario that did not run.
    #[must_use]
    pub fn not_run(file: &str, name: &str, seed: u64, covers: &[String], class: Class, reason: String) -> Self {
        Self {
            file: file.to_owned(),
            name: name.to_owned(),
            seed,
            covers: covers.to_vec(),
            class,
            reason,
            findings: Vec::new(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            unchecked: Vec::new(),
        }
    }

    /// The line of the file that its first finding is about; 1 when none is.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.findings.iter().map(|finding| finding.line).find(|line| *line > 0).unwrap_or(1)
    }

    /// Verdict and reason in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        match (self.findings.first(), self.findings.len()) {
            (Some(first), 1) => format!("{}: {}", first.check, first.happened),
            (Some(first), more) => format!("{}: {} (and {} more)", first.check, first.happened, more - 1),
            (None, _) if self.reason.is_empty() => self.class.word().to_owned(),
            (None, _) => self.reason.clone(),
        }
    }
}

/// Why scenarios were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// One failed, and the run was to end with the first that does.
    FailedFast,
    /// The run was interrupted.
    Interrupted,
}

/// One part of a selection that several machines share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which part, from 1.
    pub number: u32,
    /// How many parts there are.
    pub of: u32,
}

/// What of the team's was tested in place of the reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The command that plays the devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Where the server is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether the scenarios were those that are built into the program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub built_in: bool,
    /// What that client does not offer: scenarios that need it are skipped, and so are checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Capability>,
}

impl Subject {
    /// The command that replays `scenario` with it.
    fn replay(&self, scenario: &ScenarioSummary) -> String {
        let file = quoted(&scenario.file);
        match (&self.client, &self.server) {
            (Some(client), None) if self.built_in => format!("deadzone check-client {} --only {file}", quoted(client)),
            (None, Some(server)) if self.built_in => format!("deadzone check-server {} --only {file}", quoted(server)),
            (client, server) => {
                let option = |name: &str, value: &Option<String>| {
                    value.as_ref().map(|value| format!(" --{name} {}", quoted(value))).unwrap_or_default()
                };
                let how = option("client", client) + &option("server", server);
                format!("deadzone run {file} --seed {}{how}", scenario.seed)
            }
        }
    }
}

/// A whole run: `summary.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Version of this document's shape.
    pub version: u32,
    /// Whether it was run in real time.
    #[serde(default)]
    pub live: bool,
    /// What of the team's was tested; absent when all was the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Scenarios that were selected, in all shards together.
    #[serde(default)]
    pub selected: u64,
    /// The part that this is; absent when it is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Scenarios that were to be run here but were not.
    pub left_out: u64,
    /// Why they were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Those that were, in the order of their files.
    pub scenarios: Vec<ScenarioSummary>,
}

impl Summary {
    /// The version of the shape written by this program.
    pub const VERSION: u32 = 1;

    /// How many ended as `class`.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.scenarios.iter().filter(|scenario| scenario.class == class).count()
    }

    /// Those that tell against what was tested, in their order.
    pub fn bad(&self) -> impl Iterator<Item = &ScenarioSummary> {
        self.scenarios.iter().filter(|scenario| scenario.class.is_bad())
    }

    /// The command that replays `scenario` as it was run here.
    #[must_use]
    pub fn replay(&self, scenario: &ScenarioSummary) -> String {
        if let Some(subject) = &self.subject {
            return subject.replay(scenario);
        }
        let live = if self.live { " --live" } else { "" };
        format!("deadzone run {} --seed {}{live}", quoted(&scenario.file), scenario.seed)
    }

    /// The checks that were not made in some scenario, each with its reason and in how many.
    #[must_use]
    pub fn unchecked(&self) -> Vec<(&Unchecked, usize)> {
        let mut found: Vec<(&Unchecked, usize)> = Vec::new();
        for unchecked in self.scenarios.iter().flat_map(|scenario| &scenario.unchecked) {
            match found.iter_mut().find(|(known, _)| *known == unchecked) {
                Some((_, count)) => *count += 1,
                None => found.push((unchecked, 1)),
            }
        }
        found
    }
}

/// `text` as a shell reads it as one word.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "'\"$&;()<>|*?`\\".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
