//! A device that warns of a loss names the whole of it (spec 8.4): no fewer changes, no more.

use crate::history::{DeviceEvent, What};

use super::super::case::{Case, device_event};
use super::super::verdict::Findings;

const CHECK: &str = "8.4 warning before a loss";

pub(in super::super) fn names_it_all(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut made: Vec<&str> = Vec::new();
        for event in &device.timeline {
            match &event.what {
                What::Acknowledged { operation, .. } => made.push(&operation.queue_id),
                What::Warned { changes, .. } => {
                    let taken = |id: &&&str| {
                        let op = case.facts.ops.find(id);
                        !op.is_some_and(|op| op.answers.iter().any(|a| a.delivered && a.accepts() && a.seq < event.seq))
                    };
                    let open = made.iter().filter(taken).count() as u64;
                    if open != *changes {
                        let expected = format!("{name} warns that {open} changes would be lost");
                        out.violated(CHECK, expected, format!("it says {changes}"), &[event.seq]);
                    }
                }
                _ => {
                    if let Some(DeviceEvent::LoggedOut) = device_event(event) {
                        made.clear();
                    }
                }
            }
        }
    }
}
