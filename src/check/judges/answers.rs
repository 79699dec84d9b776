//! One result for each operation, in the operations' order (decision h).

use std::collections::BTreeMap;

use crate::history::{MessageKind, What};
use crate::protocol::Operation;

use super::super::case::Case;
use super::super::verdict::Findings;

const CHECK: &str = "push answers";

pub(in super::super) fn in_step(case: &Case<'_>, out: &mut Findings) {
    for device in case.facts.devices.values() {
        let mut asked: BTreeMap<u64, (u64, &[Operation])> = BTreeMap::new();
        for event in &device.timeline {
            if let What::Request(message) = &event.what
                && let MessageKind::Push { operations } = &message.kind
            {
                asked.insert(message.exchange, (event.seq, operations));
            }
            let What::Answer(message) = &event.what else { continue };
            let Some((seq, operations)) = asked.remove(&message.exchange) else { continue };
            let MessageKind::PushAnswer { results } = &message.kind else { continue };
            let matches = results.len() == operations.len()
                && results.iter().zip(operations).all(|(result, operation)| result.queue_id == operation.queue_id);
            if !matches {
                let expected = format!("{} results, each in its operation's place", operations.len());
                let happened = format!("{} results that do not match the operations", results.len());
                out.violated(CHECK, expected, happened, &[seq, event.seq]);
            }
        }
    }
}
