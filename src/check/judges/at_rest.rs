//! Nothing lies on a device's disk in the clear (spec 2.1): no record, no token, no key.

use crate::history::What;

use super::super::case::Case;
use super::super::verdict::Findings;

const CHECK: &str = "2.1 encryption at rest";

pub(in super::super) fn nothing_in_the_clear(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        for event in &device.timeline {
            let What::DiskSearched { bytes, found, .. } = &event.what else { continue };
            if *bytes == 0 {
                out.violated(CHECK, format!("the disk of {name} holds something"), "it is empty", &[event.seq]);
            }
            for it in found {
                let happened = format!("{} lies at byte {} of {}", it.what, it.offset, it.file);
                out.violated(CHECK, format!("nothing on the disk of {name} can be read"), happened, &[event.seq]);
            }
        }
    }
}
