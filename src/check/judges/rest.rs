//! I8, liveness: after the network heals everything comes to rest; else who waits for what is named.

use std::collections::BTreeSet;

use crate::history::QueueStatus;

use super::super::case::Case;
use super::super::verdict::Findings;

const CHECK: &str = "I8 liveness";

pub(in super::super) fn comes_to_rest(case: &Case<'_>, out: &mut Findings) {
    if let Some((seq, waits)) = case.facts.ending.waits {
        for wait in waits {
            let expected = format!("{} comes to rest after the network heals", wait.device);
            out.violated(CHECK, expected, format!("it still waits: {}", wait.what), &[seq]);
        }
        if waits.is_empty() {
            out.violated(CHECK, "everything comes to rest", "it does not, and nobody says what they wait for", &[seq]);
        }
        return;
    }
    let Some(settled) = case.facts.ending.settled else { return };
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        // Behind a failed operation its lane waits for the user.
        let mut stopped: BTreeSet<&str> = BTreeSet::new();
        for row in &state.queue {
            let lane = case.facts.ops.resolve(&row.entity_id);
            match row.status {
                QueueStatus::Failed => drop(stopped.insert(lane)),
                // What names a record that cannot be made waits with it.
                QueueStatus::Pending | QueueStatus::InProgress if names_one(case, &row.queue_id, &stopped) => {
                    stopped.insert(lane);
                }
                QueueStatus::Completed => {}
                QueueStatus::Pending | QueueStatus::InProgress if stopped.contains(lane) => {}
                QueueStatus::Pending | QueueStatus::InProgress => {
                    let happened = format!("the {} of {} still waits ({:?})", row.operation, row.entity_id, row.status);
                    out.violated(CHECK, format!("at rest the queue of {name} is empty"), happened, &[settled, seq]);
                }
            }
        }
    }
}

fn names_one(case: &Case<'_>, queue_id: &str, lanes: &BTreeSet<&str>) -> bool {
    let named = case.facts.naming.by_op.get(queue_id);
    named.is_some_and(|named| named.iter().any(|id| lanes.contains(case.facts.ops.resolve(id))))
}
