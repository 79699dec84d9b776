//! A fault that never struck proves nothing.

use crate::history::What;

use super::super::case::Case;
use super::super::verdict::{Class, Findings};

pub(in super::super) fn faults_struck(case: &Case<'_>, out: &mut Findings) {
    for event in case.facts.armed.values() {
        if let What::FaultArmed { device, fault, .. } = &event.what {
            let expected = format!("the fault armed for {device} strikes ({fault:?})");
            out.add(Class::Vacuous, "vacuity", expected, "it never did", &[event.seq]);
        }
    }
}
