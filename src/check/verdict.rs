//! What the judge says: findings a person can act on, and the ledger's sums.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of a check: empty findings mean that everything held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What did not hold, in the order of the judges; claims come last.
    pub findings: Vec<Finding>,
    /// Where the acknowledged operations ended.
    pub ledger: Ledger,
    /// What was not judged, since a client of the team's does not tell what it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
}

/// A check that was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unchecked {
    /// The check, as its findings would name it.
    pub check: String,
    /// Why it was not made.
    pub reason: String,
}

impl Verdict {
    /// The gravest class among the findings; `None` when all held.
    #[must_use]
    pub fn worst(&self) -> Option<Class> {
        self.findings.iter().map(|finding| finding.class).max()
    }
}

/// One thing that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The check: an invariant with its id (`I1 no lost update`) or the kind of a claim (`took`).
    pub check: String,
    /// How grave it is.
    pub class: Class,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub happened: String,
    /// Positions in the history that show it, at most three.
    pub events: Vec<u64>,
    /// The line of the scenario file that it is about, a claim's or a step's; 0 when none is.
    #[serde(default)]
    pub line: u64,
    /// The claim that did not hold, by its place among those judged; `None` of an invariant.
    #[serde(skip)]
    pub claim: Option<usize>,
}

/// How grave a finding is; the later, the graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// All correct, but a bound on time or bytes was missed.
    Missed,
    /// The run never showed what it set out to show.
    Vacuous,
    /// A promise was broken.
    Violated,
}

/// Acknowledged operations by where they ended; `made` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// Acknowledged to a user.
    pub made: u64,
    /// In force on the server, at least in part.
    pub visible: u64,
    /// Wholly replaced by later operations.
    pub superseded: u64,
    /// Lost at least one field to a foreign change, and a conflict record says so.
    pub conflict: u64,
    /// Refused by the server, and the user was told.
    pub rejected: u64,
    /// In the rescue log.
    pub rescued: u64,
    /// A choice on a conflict that its user took back before it went out.
    #[serde(default)]
    pub undone: u64,
    /// Given up by a user who logged out in spite of a warning.
    #[serde(default)]
    pub discarded: u64,
    /// Still in the device's queue.
    pub waiting: u64,
    /// In none of these ways.
    pub lost: u64,
}

/// Collects findings while the judges run.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn violated(
        &mut self,
        check: &str,
        expected: impl Into<String>,
        happened: impl Into<String>,
        events: &[u64],
    ) {
        self.add(Class::Violated, check, expected, happened, events);
    }

    pub(super) fn add(
        &mut self,
        class: Class,
        check: &str,
        expected: impl Into<String>,
        happened: impl Into<String>,
        events: &[u64],
    ) {
        let events = events.iter().copied().take(3).collect();
        self.0.push(Finding {
            check: check.to_owned(),
            class,
            expected: expected.into(),
            happened: happened.into(),
            events,
            line: 0,
            claim: None,
        });
    }

    /// What was found since there were `before` findings is about this claim.
    pub(super) fn are_of_claim(&mut self, before: usize, claim: usize) {
        self.0.iter_mut().skip(before).for_each(|finding| finding.claim = Some(claim));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_is_worse_than_a_missed_bound() {
        let mut found = Findings::default();
        assert_eq!(Verdict::default().worst(), None);
        for class in [Class::Missed, Class::Violated, Class::Vacuous] {
            found.add(class, "took", "a", "b", &[1, 2, 3, 4]);
        }
        let verdict = Verdict { findings: found.0, ..Verdict::default() };
        assert_eq!(verdict.worst(), Some(Class::Violated));
        assert_eq!(verdict.findings[0].events, [1, 2, 3]);
    }
}
