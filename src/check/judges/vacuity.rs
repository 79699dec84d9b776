//! A fault that never struck, and a step that could not be done, prove nothing.

use crate::history::What;

use super::super::case::Case;
use super::super::verdict::{Class, Findings};

pub(in super::super) fn faults_struck(case: &Case<'_>, out: &mut Findings) {
    for event in case.facts.armed.values().chain(case.facts.owed.values()) {
        if let What::FaultArmed { device, fault, may_miss: false, .. } = &event.what {
            let expected = format!("the fault armed for {device} strikes ({fault:?})");
            out.add(Class::Vacuous, "vacuity", expected, "it never did", &[event.seq]);
        }
    }
}

pub(in super::super) fn steps_were_possible(case: &Case<'_>, out: &mut Findings) {
    for (seq, detail) in &case.facts.impossible {
        out.add(Class::Vacuous, "vacuity", "every step can be done", format!("one could not: {detail}"), &[*seq]);
    }
}
