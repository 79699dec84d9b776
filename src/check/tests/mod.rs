//! The judges on trial: a rich story in which everything holds is green, and each defect planted in it is red.

mod audit;
mod claims;
mod clean;
mod defects;
mod races;
mod references;
mod rules;
mod story;
mod tls;

use std::collections::BTreeMap;

use super::{Ledger, Verdict, check};
use clean::clean;
use story::Story;

fn verdict(story: &Story) -> Verdict {
    check(&story.history(), &[], &BTreeMap::new())
}

/// The findings of the clean story after `plant` has spoiled it.
fn planted(plant: impl FnOnce(&mut Story)) -> Verdict {
    let mut story = clean();
    plant(&mut story);
    verdict(&story)
}

/// Whether a finding of `check` says all of `words`.
fn finds(verdict: &Verdict, check: &str, words: &[&str]) -> bool {
    let says = |text: &str| words.iter().all(|word| text.contains(word));
    let all = verdict.findings.iter().filter(|finding| finding.check.starts_with(check));
    all.map(|finding| format!("{}; {}", finding.expected, finding.happened)).any(|text| says(&text))
}

#[track_caller]
fn red(verdict: &Verdict, check: &str, words: &[&str]) {
    assert!(finds(verdict, check, words), "{check} {words:?} not among {:#?}", verdict.findings);
    assert!(verdict.findings.iter().all(|finding| finding.events.len() <= 3));
}

#[test]
fn a_story_in_which_everything_holds_is_green() {
    let verdict = verdict(&clean());
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
    let ledger = Ledger {
        made: 15,
        visible: 11,
        superseded: 1,
        conflict: 1,
        rejected: 1,
        rescued: 1,
        undone: 0,
        discarded: 0,
        waiting: 0,
        lost: 0,
    };
    assert_eq!(verdict.ledger, ledger);
}
