//! Exit codes: what a pipeline decides by. The worst one wins.

use std::process::ExitCode;

use crate::report::{Class, Stopped, Summary};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// All held.
    Held,
    /// A check failed: lost, doubled, leaked, diverged, vacuous, not deterministic.
    CheckFailed,
    /// The input is wrong: a scenario, an option.
    WrongInput,
    /// All correct, but a timing target or a threshold was missed.
    TargetMissed,
    /// Nothing can be concluded: nothing was selected.
    Inconclusive,
    /// The harness itself failed.
    Harness,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The exit code of a run of scenarios.
    pub(super) fn of(summary: &Summary) -> Self {
        let any = |class| summary.count(class) > 0;
        if any(Class::Interrupted) || summary.stopped == Some(Stopped::Interrupted) {
            Self::Interrupted
        } else if any(Class::Broken) {
            Self::Harness
        } else if any(Class::Failed) || any(Class::NonDeterministic) {
            Self::CheckFailed
        } else if any(Class::Missed) {
            Self::TargetMissed
        } else if any(Class::Passed) {
            Self::Held
        } else {
            Self::Inconclusive
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Held => 0,
            Exit::CheckFailed => 1,
            Exit::WrongInput => 2,
            Exit::TargetMissed => 3,
            Exit::Inconclusive => 4,
            Exit::Harness => 70,
            Exit::Interrupted => 130,
        })
    }
}
