//! I18, honest status: "synced" and "0 waiting" are shown only when they are true.

use std::collections::BTreeMap;

use crate::history::{DeviceEvent, MessageKind, Status, What};
use crate::protocol::ResultStatus;

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::operation::refused_for_good;
use super::super::verdict::Findings;

const CHECK: &str = "I18 honest status";

pub(in super::super) fn honest_status(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        watch(case, name, device, out);
    }
}

fn watch(case: &Case<'_>, name: &str, device: &Device<'_>, out: &mut Findings) {
    let mut open: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &device.timeline {
        match &event.what {
            What::Acknowledged { operation, .. } => {
                let heard = case.facts.ops.find(&operation.queue_id).and_then(|op| op.settled());
                if heard.is_none_or(|answer| answer.seq > event.seq) {
                    open.insert(&operation.queue_id, event.seq);
                }
            }
            What::Answer(message) if message.delivered => {
                let MessageKind::PushAnswer { results } = &message.kind else { continue };
                for result in results.iter().filter(|r| r.status != ResultStatus::Error || refused_for_good(r)) {
                    open.remove(result.queue_id.as_str());
                }
            }
            _ => match device_event(event) {
                Some(DeviceEvent::Chosen(choice)) => drop(open.insert(&choice.operation.queue_id, event.seq)),
                Some(DeviceEvent::Undone { queue_id }) => drop(open.remove(queue_id.as_str())),
                Some(DeviceEvent::Noticed(notice)) => drop(open.remove(notice.queue_id.as_str())),
                Some(DeviceEvent::Rescued(rescued)) => drop(open.remove(rescued.queue_id.as_str())),
                Some(DeviceEvent::Shown { status, queued }) => {
                    let done = *status == Status::Synced || (*queued == 0 && *status != Status::Syncing);
                    let Some(oldest) = open.values().min().filter(|_| done) else { continue };
                    let expected = format!("{name} says that {} changes wait", open.len());
                    let happened = format!("it shows {status:?} with {queued} waiting");
                    out.violated(CHECK, expected, happened, &[*oldest, event.seq]);
                }
                _ => {}
            },
        }
    }
}

/// A device stops waiting for an operation only when it has heard what became of it.
pub(in super::super) fn nothing_forgotten(case: &Case<'_>, out: &mut Findings) {
    for op in &case.facts.ops.all {
        let (Some((acknowledged, _)), Some(held)) = (op.acknowledged, case.held.get(op.device)) else { continue };
        let known = held.queue.contains_key(op.queue_id)
            || held.rescued.contains(op.queue_id)
            || held.told.contains(op.queue_id)
            || held.undone.contains(op.queue_id)
            || op.settled().is_some();
        if !known {
            let expected = format!("{} waits in the queue until its answer reaches {}", op.describe(), op.device);
            let events: Vec<u64> =
                [acknowledged].into_iter().chain(op.answers.last().map(|answer| answer.seq)).collect();
            out.violated(
                CHECK,
                expected,
                "no answer reached the device, and it does not hold the operation any more",
                &events,
            );
        }
    }
}
