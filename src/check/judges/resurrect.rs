//! I5, no resurrection: what was deleted stays deleted, on the server and on every device.

use super::super::case::Case;
use super::super::verdict::Findings;

const CHECK: &str = "I5 no resurrection";

pub(in super::super) fn the_dead_stay_dead(case: &Case<'_>, out: &mut Findings) {
    for (id, order) in &case.model.orders {
        let Some(delete) = order.deleted.map(|index| &case.facts.ops.all[index]) else { continue };
        let expected = || format!("{id} stays deleted by {}", delete.describe());
        let accepted = delete.accepted().map_or(delete.first_seq(), |answer| answer.seq);
        if let Some(seen) = order.server {
            out.violated(CHECK, expected(), "the server holds it at the end", &[accepted, seen.seq]);
        }
        for index in &order.after_death {
            let op = &case.facts.ops.all[*index];
            let later: Vec<u64> = op.accepted().map(|answer| answer.seq).into_iter().collect();
            // In one moment the answers of two devices may cross: only what is clearly later is a finding.
            if later.iter().all(|seq| *seq > accepted) && op.first_sent_after(accepted) {
                out.violated(
                    CHECK,
                    expected(),
                    format!("{} was accepted after it", op.describe()),
                    &[accepted, op.first_seq()],
                );
            }
        }
        if !case.facts.ending.at_rest() {
            continue;
        }
        for (name, device) in &case.facts.devices {
            if let Some((seq, state)) = device.state
                && state.work_orders.contains_key(*id)
            {
                out.violated(CHECK, expected(), format!("{name} holds it at the end"), &[accepted, seq]);
            }
        }
    }
}
