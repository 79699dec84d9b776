//! I9, bounded work: requests, bytes, retries, wake-ups and queue rows stay within a budget that follows from what the
//! device's user and network did.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::history::{DeviceEvent, Event, Message, MessageKind, Phase, QueueStatus, Trigger, What};
use crate::protocol::{Operation, sealed_length};

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::verdict::Findings;

const CHECK: &str = "I9 bounded work";
/// Syncs that nobody asked for, within [`MINUTE_MS`].
const IDLE_WAKE_UPS: usize = 20;
const MINUTE_MS: u64 = 60_000;
/// What a push may weigh besides its operations, in bytes: a head with its token.
const HEAD_BYTES: u64 = 2_048;

pub(in super::super) fn within_budget(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        // A user without an engine has no budget: the story says each request.
        if device.timeline.iter().any(|event| device_event(event).is_some()) {
            requests(case, name, device, out);
            wake_ups(name, device, out);
            nothing_twice(case, name, device, out);
            queue_rows(case, name, device, out);
        }
    }
}

/// What a device asked for, and what gave it reason to.
#[derive(Default)]
struct Count {
    syncs: u64,
    /// Pages of which the server said that more follow.
    pages: u64,
    /// Operations in pushes, each as often as it went out.
    deliveries: u64,
    pushes: u64,
    pulls: u64,
    refreshes: u64,
}

fn requests(case: &Case<'_>, name: &str, device: &Device<'_>, out: &mut Findings) {
    let mut count = Count::default();
    let mut last = 0;
    for event in &device.timeline {
        match &event.what {
            What::Request(message) => {
                last = event.seq;
                match &message.kind {
                    MessageKind::Push { operations } => {
                        (count.pushes, count.deliveries) =
                            (count.pushes + 1, count.deliveries + operations.len() as u64);
                        lean(case, message, operations, event.seq, out);
                    }
                    MessageKind::Delta { .. } => count.pulls += 1,
                    MessageKind::Refresh => count.refreshes += 1,
                    _ => {}
                }
            }
            What::Answer(Message { kind: MessageKind::DeltaAnswer { has_more: true, .. }, .. }) => count.pages += 1,
            _ => {
                let started = matches!(device_event(event), Some(DeviceEvent::SyncStarted { .. }));
                count.syncs += u64::from(started);
            }
        }
    }
    // A 401 has a request made twice; a push or pull may fail once in each sync.
    let budgets = [
        ("pushes", count.pushes, 2 * count.syncs + count.deliveries),
        ("pulls", count.pulls, 2 * count.syncs + count.pages),
        ("token refreshes", count.refreshes, 2 * count.syncs),
    ];
    for (what, made, budget) in budgets {
        if made > budget {
            let expected = format!("{name} makes at most {budget} {what} in {} syncs", count.syncs);
            out.violated(CHECK, expected, format!("it made {made}"), &[last]);
        }
    }
}

/// A push carries its operations and little else.
fn lean(case: &Case<'_>, message: &Message, operations: &[Operation], seq: u64, out: &mut Findings) {
    if message.bytes <= HEAD_BYTES {
        return;
    }
    let budget = HEAD_BYTES + operations.iter().map(|operation| length(case, operation)).sum::<u64>();
    if message.bytes > budget {
        let expected = format!("a push of {} by {} takes at most {budget} bytes", operations.len(), message.device);
        out.violated(CHECK, expected, format!("it took {}", message.bytes), &[seq]);
    }
}

/// How long an operation is in a push, in bytes; at most, where it is sealed.
fn length(case: &Case<'_>, operation: &Operation) -> u64 {
    let open = serde_json::to_string(operation).map_or(0, |text| text.len());
    // Devices, the office and the auditor.
    let keys = case.facts.devices.len() + 2;
    let sealed = case.facts.sealed.iter().filter_map(|field| operation.payload.get(field));
    let sealed = sealed.map(|value| sealed_length(value.to_string().len(), operation.entity_id.len(), keys));
    (open + sealed.sum::<usize>()) as u64
}

/// Syncs that the user did not ask for keep to what happened: a change, the network, a wait that ended, a period.
fn wake_ups(name: &str, device: &Device<'_>, out: &mut Findings) {
    let mut started: VecDeque<&Event> = VecDeque::new();
    let mut reasons: VecDeque<u64> = VecDeque::new();
    let (mut waits, mut retries) = (1_u64, 0_u64);
    for event in &device.timeline {
        while started.front().is_some_and(|first| first.at_ms + MINUTE_MS <= event.at_ms) {
            started.pop_front();
        }
        while reasons.front().is_some_and(|at_ms| at_ms + MINUTE_MS <= event.at_ms) {
            reasons.pop_front();
        }
        match &event.what {
            What::Acknowledged { .. } | What::LinkChanged { .. } | What::Decided { .. } => {
                reasons.push_back(event.at_ms)
            }
            What::Answer(message) if message.kind == MessageKind::SignIn => waits += 1,
            _ => match device_event(event) {
                Some(DeviceEvent::Backoff { .. } | DeviceEvent::Opened { .. }) => waits += 1,
                Some(DeviceEvent::SyncStarted { trigger }) if *trigger != Trigger::Manual => {
                    started.push_back(event);
                    retries += u64::from(*trigger == Trigger::Retry);
                    let budget = IDLE_WAKE_UPS + reasons.len();
                    if started.len() > budget {
                        let expected = format!("{name} wakes up at most {budget} times in a minute like this");
                        let happened = format!("it does {} times", started.len());
                        out.violated(CHECK, expected, happened, &[started[0].seq, event.seq]);
                        return;
                    }
                    if retries > waits {
                        let expected = format!("{name} retries at most once after each wait");
                        let happened = format!("its retry {retries} follows {waits} reasons");
                        out.violated(CHECK, expected, happened, &[event.seq]);
                        return;
                    }
                }
                _ => {}
            },
        }
    }
}

/// What the device has heard to be done is not sent again. What comes late on a connection before was sent before.
fn nothing_twice(case: &Case<'_>, name: &str, device: &Device<'_>, out: &mut Findings) {
    let mut answered: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut settled: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for event in &device.timeline {
        match &event.what {
            What::Answer(message) if message.delivered => {
                let MessageKind::PushAnswer { results } = &message.kind else { continue };
                let done = results.iter().filter(|result| result.error.is_none());
                answered.extend(done.map(|result| (result.queue_id.as_str(), (event.seq, message.connection))));
            }
            What::Request(message) => {
                let MessageKind::Push { operations } = &message.kind else { continue };
                for operation in operations {
                    let heard = settled.get(operation.queue_id.as_str());
                    let Some((seq, _)) = heard.filter(|(_, on)| message.connection >= *on) else { continue };
                    let what = case.facts.ops.find(&operation.queue_id).map_or_else(String::new, |op| op.describe());
                    let expected = format!("{what} is not sent again once it is done");
                    out.violated(CHECK, expected, format!("{name} sends it again"), &[*seq, event.seq]);
                    return;
                }
            }
            _ => {
                if let Some(DeviceEvent::PhaseEnded { phase: Phase::Push, .. }) = device_event(event) {
                    settled.append(&mut answered);
                }
            }
        }
    }
}

fn queue_rows(case: &Case<'_>, name: &str, device: &Device<'_>, out: &mut Findings) {
    let Some((seq, state)) = device.state else { return };
    let mut seen = BTreeSet::new();
    for row in &state.queue {
        let known = case.facts.ops.find(&row.queue_id).is_some_and(|op| op.device == name);
        let happened = if !seen.insert(row.queue_id.as_str()) {
            "twice"
        } else if row.status == QueueStatus::Completed {
            "though it is completed"
        } else if !known {
            "though nobody made it"
        } else {
            continue;
        };
        let expected = format!("the queue of {name} holds what is still to be done, each once");
        out.violated(CHECK, expected, format!("it holds {} of {} {happened}", row.operation, row.entity_id), &[seq]);
    }
}
