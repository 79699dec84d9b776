//! The requirement matrix: which statement of the specification is proven by which scenario, and which by none, and why.

use std::collections::BTreeMap;

use super::summary::{Class, Summary};

/// A statement of the specification.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Its id.
    pub id: &'static str,
    /// What it says.
    pub text: &'static str,
    /// Why no scenario can prove it here, if none can.
    pub beyond: Option<&'static str>,
}

/// What is known of a statement after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A scenario that covers it passed, and none failed.
    Passed,
    /// A scenario that covers it did not pass.
    Failed,
    /// None shows it.
    NotProven,
}

impl Proof {
    /// It in a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotProven => "not proven",
        }
    }
}

/// A row of the matrix.
#[derive(Clone, Debug)]
pub struct Row {
    /// The statement.
    pub statement: Statement,
    /// What is known.
    pub proof: Proof,
    /// The scenarios that cover it, by their place in the summary; those that did not pass come first.
    pub by: Vec<usize>,
    /// Why it is not proven; empty else.
    pub reason: String,
}

/// A row for each of `statements`.
#[must_use]
pub fn matrix(statements: &[Statement], summary: &Summary) -> Vec<Row> {
    let mut by: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, scenario) in summary.scenarios.iter().enumerate() {
        for id in &scenario.covers {
            by.entry(id).or_default().push(place);
        }
    }
    statements.iter().map(|statement| row(*statement, by.remove(statement.id).unwrap_or_default(), summary)).collect()
}

fn row(statement: Statement, mut by: Vec<usize>, summary: &Summary) -> Row {
    let class = |place: &usize| summary.scenarios.get(*place).map_or(Class::Skipped, |scenario| scenario.class);
    by.sort_by_key(|place| (!class(place).is_bad(), *place));
    let any = |wanted: fn(Class) -> bool| by.iter().any(|place| wanted(class(place)));
    let (proof, reason) = if any(Class::is_bad) {
        (Proof::Failed, String::new())
    } else if let Some(beyond) = statement.beyond {
        (Proof::NotProven, beyond.to_owned())
    } else if any(|class| class == Class::Passed) {
        (Proof::Passed, String::new())
    } else if by.is_empty() {
        (Proof::NotProven, "no scenario of this run covers it".to_owned())
    } else {
        let reasons = by.iter().filter_map(|place| summary.scenarios.get(*place)).map(|scenario| &scenario.reason);
        let first = reasons.into_iter().find(|reason| !reason.is_empty());
        let why = first.map(|reason| format!(": {reason}")).unwrap_or_default();
        (Proof::NotProven, format!("the scenarios that cover it were skipped{why}"))
    };
    Row { statement, proof, by, reason }
}

/// How many rows are passed, failed and not proven.
#[must_use]
pub fn counted(rows: &[Row]) -> [(Proof, usize); 3] {
    [Proof::Passed, Proof::Failed, Proof::NotProven]
        .map(|proof| (proof, rows.iter().filter(|row| row.proof == proof).count()))
}
