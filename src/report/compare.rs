//! Gates on exact counts: what a scenario cost against what it cost when somebody last accepted that.
//!
//! Under virtual time the counts are exact, so that one more round trip shows, and never by accident.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::summary::{Class, ScenarioSummary, Summary};
use crate::check::{self, Finding};

/// What one scenario costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The seed that it was counted with.
    pub seed: u64,
    /// Bytes from devices.
    pub bytes_up: u64,
    /// Bytes to devices.
    pub bytes_down: u64,
    /// Requests.
    pub requests: u64,
    /// Times that a device waited for the far end.
    pub round_trips: u64,
    /// Virtual milliseconds until everything was at rest.
    pub run_ms: u64,
    /// Waits of the backoff table.
    pub retries: u64,
    /// Syncs that no user asked for.
    pub wake_ups: u64,
    /// Operations that changed a disk.
    pub disk_writes: u64,
}

impl Counts {
    fn of(scenario: &ScenarioSummary) -> Self {
        let tally = &scenario.tally;
        Self {
            seed: scenario.seed,
            bytes_up: tally.bytes_up,
            bytes_down: tally.bytes_down,
            requests: tally.requests,
            round_trips: tally.round_trips,
            run_ms: tally.run_ms,
            retries: tally.retries,
            wake_ups: tally.wake_ups,
            disk_writes: tally.disk_writes,
        }
    }

    fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("bytes up", self.bytes_up),
            ("bytes down", self.bytes_down),
            ("requests", self.requests),
            ("round trips", self.round_trips),
            ("virtual ms", self.run_ms),
            ("retries", self.retries),
            ("wake-ups", self.wake_ups),
            ("disk writes", self.disk_writes),
        ]
    }
}

/// What was accepted: `reports/baseline.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of this document's shape.
    pub version: u32,
    /// The counts by scenario file.
    pub counts: BTreeMap<String, Counts>,
}

impl Baseline {
    /// The version of the shape written by this program.
    pub const VERSION: u32 = 1;

    /// Of the scenarios that ran and held; what a failure cost says nothing.
    #[must_use]
    pub fn of(summary: &Summary) -> Self {
        let held = summary.scenarios.iter().filter(|it| matches!(it.class, Class::Passed | Class::Missed));
        let counts = held.map(|scenario| (scenario.file.clone(), Counts::of(scenario))).collect();
        Self { version: Self::VERSION, counts }
    }

    /// Reads a baseline, or the summary of a run.
    ///
    /// # Errors
    /// When `text` is neither, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if value.get("scenarios").is_some() {
            let summary: Summary = serde_json::from_value(value).map_err(|error| error.to_string())?;
            return Ok(Self::of(&summary));
        }
        let baseline: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if baseline.version > Self::VERSION {
            return Err(format!("version {} is newer than this program", baseline.version));
        }
        Ok(baseline)
    }
}

/// By how much a count may grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    percent: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { percent: 0.5 }
    }
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        let percent = number.filter(|percent: &f64| percent.is_finite() && *percent >= 0.0);
        percent.map(|percent| Self { percent }).ok_or_else(|| format!("`{text}` is no tolerance: write `0.5%`"))
    }
}

impl Tolerance {
    /// Whether `new` is too much where `base` was accepted. Counts are far below where a float is inexact.
    fn is_over(self, base: u64, new: u64) -> bool {
        new > base && (new - base) as f64 * 100.0 > self.percent * base as f64
    }
}

/// A count that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The scenario's file.
    pub file: String,
    /// What is counted.
    pub what: &'static str,
    /// What was accepted.
    pub base: u64,
    /// What it is now.
    pub new: u64,
    /// Whether that is more than is tolerated.
    pub over: bool,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Scenarios that are in both, with the same seed.
    pub compared: usize,
    /// The counts that differ, by file.
    pub changes: Vec<Change>,
    /// Scenarios that nobody has accepted yet.
    pub fresh: Vec<String>,
    /// Scenarios that are not there any more, or did not hold.
    pub gone: Vec<String>,
    /// Scenarios that ran with another seed: they cannot be compared.
    pub other_seed: Vec<String>,
}

impl Comparison {
    /// Whether any count has grown too much.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.changes.iter().any(|change| change.over)
    }
}

/// Compares `new` with `base`.
#[must_use]
pub fn compare(base: &Baseline, new: &Baseline, tolerance: Tolerance) -> Comparison {
    let mut found = Comparison::default();
    for (file, counts) in &new.counts {
        match base.counts.get(file) {
            None => found.fresh.push(file.clone()),
            Some(accepted) if accepted.seed != counts.seed => found.other_seed.push(file.clone()),
            Some(accepted) => {
                found.compared += 1;
                found.changes.extend(changes(file, accepted, counts, tolerance));
            }
        }
    }
    found.gone = base.counts.keys().filter(|file| !new.counts.contains_key(*file)).cloned().collect();
    found
}

fn changes(file: &str, base: &Counts, new: &Counts, tolerance: Tolerance) -> Vec<Change> {
    let pairs = base.named().into_iter().zip(new.named());
    let changed = pairs.filter(|((_, base), (_, new))| base != new);
    changed
        .map(|((what, base), (_, new))| Change {
            file: file.to_owned(),
            what,
            base,
            new,
            over: tolerance.is_over(base, new),
        })
        .collect()
}

/// What of a scenario has grown too much, as findings of its run.
#[must_use]
pub fn grown(baseline: &Baseline, scenario: &ScenarioSummary, tolerance: Tolerance) -> Vec<Finding> {
    let new = Counts::of(scenario);
    let Some(base) = baseline.counts.get(&scenario.file).filter(|base| base.seed == new.seed) else {
        return Vec::new();
    };
    let over = changes(&scenario.file, base, &new, tolerance).into_iter().filter(|change| change.over);
    let finding = |change: Change| Finding {
        check: "baseline".into(),
        class: check::Class::Missed,
        expected: format!("{} {} or little more, as was accepted", change.base, change.what),
        happened: format!("{} ({})", change.new, percent(change.base, change.new)),
        events: Vec::new(),
        line: 0,
        claim: None,
    };
    over.map(finding).collect()
}

fn percent(base: u64, new: u64) -> String {
    if base == 0 {
        return "from none".to_owned();
    }
    format!("{:+.1} %", (new as f64 - base as f64) * 100.0 / base as f64)
}

/// The comparison as a table, what has grown too much first.
#[must_use]
pub fn table(found: &Comparison) -> String {
    let mut changes: Vec<&Change> = found.changes.iter().collect();
    changes.sort_by_key(|change| !change.over);
    let mut text = String::new();
    if !changes.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:>8}  {:<12} {:>12} {:>12} {:>9}  scenario", "", "count", "accepted", "now", "");
    }
    for change in changes {
        let Change { file, what, base, new, over } = change;
        let mark = match (over, new > base) {
            (true, _) => "TOO MUCH",
            (false, true) => "more",
            (false, false) => "less",
        };
        let _ = writeln!(text, "{mark:>8}  {what:<12} {base:>12} {new:>12} {:>9}  {file}", percent(*base, *new));
    }
    let lists = [("new", &found.fresh), ("gone", &found.gone), ("another seed", &found.other_seed)];
    for (word, files) in lists {
        if let Some(first) = files.first() {
            let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
            let _ = writeln!(text, "{word}: {first}{more}");
        }
    }
    let _ = write!(text, "{} scenarios compared, {} counts differ", found.compared, found.changes.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(bytes_up: u64, retries: u64) -> Counts {
        let rest = (0, 0, 0, 0, 0);
        let (bytes_down, requests, round_trips, run_ms, wake_ups) = rest;
        Counts { seed: 1, bytes_up, bytes_down, requests, round_trips, run_ms, retries, wake_ups, disk_writes: 0 }
    }

    fn baseline(counts: &[(&str, Counts)]) -> Baseline {
        let counts = counts.iter().map(|(file, counts)| ((*file).to_owned(), counts.clone())).collect();
        Baseline { version: 1, counts }
    }

    #[test]
    fn what_grows_within_tolerance_is_told_and_no_more() {
        let base = baseline(&[("a.yaml", counts(1_000, 0))]);
        let found = |bytes| compare(&base, &baseline(&[("a.yaml", counts(bytes, 0))]), Tolerance::default());
        assert_eq!(found(1_000).changes, []);
        assert!(!found(1_005).is_over() && found(1_005).changes.len() == 1);
        assert!(found(1_006).is_over());
        assert!(!found(10).is_over());
        assert!(table(&found(1_006)).contains("TOO MUCH  bytes up             1000         1006    +0.6 %  a.yaml"));
    }

    #[test]
    fn one_where_there_was_none_is_always_too_much() {
        let (base, new) = (baseline(&[("a.yaml", counts(1, 0))]), baseline(&[("a.yaml", counts(1, 1))]));
        assert!(compare(&base, &new, "90%".parse().expect("a tolerance")).is_over());
    }

    #[test]
    fn only_equals_are_compared() {
        let other = Counts { seed: 2, ..counts(9, 9) };
        let base = baseline(&[("gone.yaml", counts(1, 1)), ("seed.yaml", counts(1, 1))]);
        let found =
            compare(&base, &baseline(&[("new.yaml", counts(9, 9)), ("seed.yaml", other)]), Tolerance::default());
        assert_eq!((found.compared, found.is_over()), (0, false));
        let lists = [&found.fresh, &found.gone, &found.other_seed].map(|files| files.join(" "));
        assert_eq!(lists, ["new.yaml", "gone.yaml", "seed.yaml"]);
    }

    #[test]
    fn a_tolerance_is_a_percentage() {
        for wrong in ["", "-1%", "x", "NaN%", "inf%", "5"] {
            assert!(wrong.parse::<Tolerance>().is_err(), "{wrong}");
        }
        assert_eq!("0.5 %".parse(), Ok(Tolerance::default()));
    }
}
