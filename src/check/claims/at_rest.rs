//! Claims on how a device stores what it holds.

use crate::history::{Place, Secret, What};

use super::super::case::Case;
use super::super::claim::CompressedClaim;
use super::super::verdict::{Class, Findings};
use super::wire::timeline;

/// Spec 6.3: queue payloads and long texts are stored compressed.
pub(super) fn compressed(case: &Case<'_>, claim: &CompressedClaim, out: &mut Findings) {
    let text = format!("`{}`", claim.text);
    let met = timeline(case, &claim.device).iter().filter_map(|event| match &event.what {
        What::Sighted { sighting, .. } => {
            let it = sighting.place == Place::Database && sighting.secret == Secret::Text && sighting.what == text;
            it.then_some((event.seq, sighting.packed))
        }
        _ => None,
    });
    let met: Vec<(u64, bool)> = met.collect();
    let plain: Vec<u64> = met.iter().filter(|(_, packed)| !packed).map(|(seq, _)| *seq).collect();
    if !plain.is_empty() {
        let expected = format!("{} stores {text} compressed", claim.device);
        out.violated("compressed", expected, "it lies in its database as it was written", &plain);
    } else if met.is_empty() {
        let expected = format!("a search of the database of {} meets {text}", claim.device);
        out.add(Class::Vacuous, "compressed", expected, "none did", &[]);
    }
}
