//! The order of a full pull (spec 3.1A): sign-in, profile, work orders, assets, inventory, files.

use crate::history::{DeviceEvent, Event, MessageKind, What};

use super::super::case::{Case, device_event};
use super::super::facts::{ASSETS, Device, WORK_ORDERS};
use super::super::verdict::Findings;

const CHECK: &str = "3.1A order of a full pull";

pub(in super::super) fn in_order(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        // A user without an engine asks for what they need.
        if device.is_a_client() {
            follow(name, device, out);
        }
    }
}

/// Where in the order a kind comes.
fn rank(kind: &str) -> (usize, &'static str) {
    match kind {
        WORK_ORDERS => (0, "work orders"),
        ASSETS => (1, "assets"),
        _ => (2, "inventory"),
    }
}

fn follow(name: &str, device: &Device<'_>, out: &mut Findings) {
    let signs = |kind: &MessageKind| matches!(kind, MessageKind::SignIn | MessageKind::Refresh);
    let seen = |event: &&Event| matches!(&event.what, What::Answer(message) if signs(&message.kind));
    // A history that begins later shows no sign-in.
    let unseen = !device.timeline.iter().any(seen);
    let (mut signed_in, mut profile) = (unseen, unseen);
    // Of the full pull under way: what came last, and in which event.
    let mut full: Option<((usize, &str), u64)> = None;
    for event in &device.timeline {
        match &event.what {
            What::Answer(message) if message.delivered && message.status < 400 => match &message.kind {
                MessageKind::SignIn | MessageKind::Refresh => signed_in = true,
                MessageKind::Profile => profile = true,
                MessageKind::DeltaAnswer { has_more, records, .. } => {
                    let Some((last, seen)) = &mut full else { continue };
                    for next in records.iter().map(|record| rank(&record.kind)) {
                        if next.0 < last.0 {
                            let expected = format!("a full pull brings {name} the {} before the {}", next.1, last.1);
                            out.violated(CHECK, expected, "it brings them after", &[*seen, event.seq]);
                            return;
                        }
                        (*last, *seen) = (next, event.seq);
                    }
                    if !has_more {
                        full = None;
                    }
                }
                _ => {}
            },
            What::Request(message) if matches!(message.kind, MessageKind::Delta { cursor: None, since: None, .. }) => {
                for (had, what) in [(signed_in, "signs in"), (profile, "fetches the profile")] {
                    if !had {
                        let expected = format!("{name} {what} before it pulls everything");
                        out.violated(CHECK, expected, "it does not", &[event.seq]);
                    }
                }
                full = Some(((0, "work orders"), event.seq));
            }
            What::Request(message) if message.delivered && matches!(message.kind, MessageKind::File { .. }) => {
                if let Some((_, seen)) = &full {
                    let expected = format!("a full pull brings {name} records before files");
                    out.violated(CHECK, expected, "it asks for a file first", &[*seen, event.seq]);
                    return;
                }
            }
            _ => {
                if let Some(DeviceEvent::LoggedOut) = device_event(event) {
                    (signed_in, profile) = (false, false);
                }
            }
        }
    }
}
