//! In which order the server applied what it accepted: by the versions that it gave.

use std::collections::BTreeSet;

use crate::protocol::{ConflictOutcome, OperationKind};

use super::super::item::items;
use super::super::operation::{Op, Ops};

/// One operation at its place in a record's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Place {
    pub(in super::super) version: i64,
    /// An operation that lost everything made no version: at the same number it comes after the one that did.
    loses_all: bool,
    pub(in super::super) seq: u64,
    pub(in super::super) op: usize,
    pub(in super::super) at_ms: u64,
}

/// The accepted operations of `group` in the order of their versions. An operation whose answer nobody saw counts as
/// applied if it was made on a version before one that nothing else explains, up to `last`, the version at the end.
pub(super) fn placed(ops: &Ops<'_>, group: &[usize], origin: i64, last: Option<i64>) -> Vec<Place> {
    let mut places: Vec<Place> = group.iter().filter_map(|index| accepted(*index, &ops.all[*index])).collect();
    let mut taken: BTreeSet<i64> = places.iter().map(|place| place.version).collect();
    let known = taken.last().copied().filter(|version| *version < i64::MAX);
    let end = last.or(known).unwrap_or(origin);
    for op in group.iter().copied().filter(|index| ops.all[*index].answers.is_empty()) {
        let after = ops.all[op].base().unwrap_or(origin);
        let free = (after.saturating_add(1)..=end).find(|version| !taken.contains(version));
        if let Some(version) = free {
            taken.insert(version);
            let seq = ops.all[op].first_seq();
            places.push(Place { version, loses_all: false, seq, op, at_ms: 0 });
        }
    }
    places.sort_unstable();
    places
}

fn accepted(index: usize, op: &Op<'_>) -> Option<Place> {
    let answer = op.accepted()?;
    let version = answer.result.new_version.unwrap_or(i64::MAX);
    // A delete ends the record's life, whatever number it reports.
    let kept = answer.result.conflicts.iter().any(|conflict| conflict.field == "_deleted");
    let version = if op.kind == OperationKind::Delete && !kept { i64::MAX } else { version };
    let lost =
        answer.result.conflicts.iter().filter(|conflict| conflict.outcome != ConflictOutcome::ClientWins).count();
    let loses_all = lost > 0 && lost >= items(op.payload).count();
    Some(Place { version, loses_all, seq: answer.seq, op: index, at_ms: answer.at_ms })
}
