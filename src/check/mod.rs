//! The judge: ledger, invariants, claims, verdict. A pure function of a history.
//!
//! ```text
//! History -> Facts (what was seen) -> Model (what the rules make of it) -> judges, ledger, claims -> Verdict
//! ```
//!
//! The merge rules are stated here a second time, in the oracle's own words, so that it can disagree with engine and
//! server. Where the decisions leave two readings open, it allows both.
#![expect(clippy::wildcard_enum_match_arm, reason = "a judge looks for few of the many kinds of events")]

mod case;
mod catalogue;
mod claim;
mod claims;
mod covers;
mod facts;
mod files;
mod item;
mod judges;
mod ledger;
mod model;
mod naming;
mod operation;
mod screen;
mod sync;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeMap;

pub use catalogue::{CHECKS, Check};
pub use claim::{
    BytesClaim, Claim, CompressedClaim, ConflictClaim, ConflictsClaim, DeadLetterClaim, DecidedClaim, DeviceClaim,
    DeviceOrderClaim, DocumentsClaim, FetchedAgainClaim, OnDevice, OrderClaim, Part, PeakClaim, PeakOf, PushedClaim,
    RejectedClaim, RemovedClaim, RequestKind, RequestsClaim, ServerClaim, StockClaim, TamperedClaim, TookClaim,
    UndecidedClaim, UploadsClaim, WaitsClaim, WarnedClaim,
};
pub use model::{FieldRule, RULES, Rule, print_rules};
pub use screen::{AckedClaim, ChangeWord, FailedClaim, OpenedClaim, ShownClaim, StatusWord, SyncsClaim};
pub use verdict::{Class, Finding, Ledger, Unchecked, Verdict};

pub use covers::covered;

use crate::history::History;
use case::Case;
use facts::{Ending, Facts};
use verdict::Findings;

/// Judges a run by all invariants and by `claims`. `labels` gives for each label of the story the id that its create
/// was acknowledged with, temporary or real. A run that was cut short is judged only by what it shows.
#[must_use]
pub fn check(history: &History, claims: &[Claim], labels: &BTreeMap<String, String>) -> Verdict {
    let (history, naming) = naming::settled(history);
    let mut facts = Facts::of(&history);
    facts.naming = naming;
    let case = Case::of(facts);
    let mut found = Findings::default();
    let mut unchecked = Vec::new();
    let ending = &case.facts.ending;
    if let Some((seq, device, why)) = ending.broke {
        found.violated("device protocol", format!("{device} keeps to the device protocol"), why, &[seq]);
    }
    judges::sit(judges::ON_THE_WAY, &case, &mut found, &mut unchecked);
    if ending.broke.is_some() {
        return Verdict { findings: found.0, unchecked, ..Verdict::default() };
    }
    if !ending.ended || ending.interrupted.is_some() || ending.frozen.is_some() {
        unfinished(ending, &mut found);
        return Verdict { findings: found.0, unchecked, ..Verdict::default() };
    }
    let ledger = ledger::ledger(&case, &mut found);
    judges::sit(judges::AT_THE_END, &case, &mut found, &mut unchecked);
    for (index, claim) in claims.iter().enumerate() {
        let before = found.0.len();
        claims::judge(&case, std::slice::from_ref(claim), labels, &mut found);
        found.are_of_claim(before, index);
    }
    Verdict { findings: found.0, ledger, unchecked }
}

fn unfinished(ending: &Ending<'_>, out: &mut Findings) {
    if let Some(seq) = ending.frozen {
        let happened = "somebody runs in circles without ever waiting, and time stood still";
        return out.violated("I8 liveness", "whoever has nothing to do waits", happened, &[seq.saturating_sub(1), seq]);
    }
    let happened = if ending.interrupted.is_some() { "it was interrupted" } else { "its history breaks off" };
    out.violated("unfinished run", "the run reaches its end", happened, &[ending.last_seq]);
}
