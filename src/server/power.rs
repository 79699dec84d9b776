//! The server's power. It can fail right after a commit, as a machine's does: what is committed stands, nothing later is
//! stored, and no answer leaves. What belongs in one transaction shows it by surviving that together (decision c).

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// No failure is due.
const NEVER: u64 = u64::MAX;

/// See the module. All clones of a server share one.
#[derive(Debug)]
pub(super) struct Power {
    commits_left: AtomicU64,
    failed: AtomicBool,
}

impl Default for Power {
    fn default() -> Self {
        Self { commits_left: AtomicU64::new(NEVER), failed: AtomicBool::new(false) }
    }
}

impl Power {
    /// Has it fail right after the so-manieth commit from now on, counted from 1.
    pub(super) fn fail_after(&self, commits: u64) {
        self.commits_left.store(commits, Ordering::Relaxed);
    }

    /// Whether it has failed and is not back.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// It is back, and no failure is due any more.
    pub(super) fn restore(&self) {
        self.commits_left.store(NEVER, Ordering::Relaxed);
        self.failed.store(false, Ordering::Relaxed);
    }

    /// The database is about to commit: whether it must not, since there is no power to do it with.
    pub(super) fn forbids_commit(&self) -> bool {
        if self.has_failed() {
            return true;
        }
        let left = self.commits_left.load(Ordering::Relaxed);
        if left != NEVER {
            self.commits_left.store(left - 1, Ordering::Relaxed);
            self.failed.store(left <= 1, Ordering::Relaxed);
        }
        false
    }
}

/// What a connection ends with when the power fails: nothing was answered.
#[derive(Debug)]
pub(super) struct PowerCut;

impl fmt::Display for PowerCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's power failed")
    }
}

impl std::error::Error for PowerCut {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fails_right_after_the_commit_that_was_named() {
        let power = Power::default();
        assert!(!power.forbids_commit());
        power.fail_after(2);
        assert_eq!([power.forbids_commit(), power.has_failed()], [false, false]);
        assert_eq!([power.forbids_commit(), power.has_failed()], [false, true]);
        assert!(power.forbids_commit());
        power.restore();
        assert_eq!([power.forbids_commit(), power.has_failed()], [false, false]);
    }
}
