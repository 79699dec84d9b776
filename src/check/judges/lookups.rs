//! I33, look-ups: what a user is shown of what seldom changes is their own, and as the server has it (spec 6.4).

use serde_json::Value;

use crate::history::DeviceEvent;

use super::super::case::{Case, device_event};
use super::super::facts::ASSETS;
use super::super::verdict::Findings;

const CHECK: &str = "I33 look-ups";
/// What one's own profile is called.
const PROFILE: &str = "profile";

pub(in super::super) fn are_ones_own(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        for event in &device.timeline {
            let Some(DeviceEvent::LookedUp { what, record, .. }) = device_event(event) else { continue };
            if what == PROFILE {
                let user = case.facts.user_at(name, event.seq).unwrap_or_default();
                let shown = record.get("userId").and_then(Value::as_str).unwrap_or_default();
                if shown != user {
                    let expected = format!("{user} looks up their own profile on {name}");
                    out.violated(CHECK, expected, format!("they were shown that of {shown}"), &[event.seq]);
                }
                continue;
            }
            // Assets never change in a run: what the server knew at the start is what there is to see.
            let seeded = case.facts.seeds.get(ASSETS).and_then(|assets| assets.get(what.as_str()));
            if seeded.is_none_or(|seeded| seeded.record != record) {
                let expected = format!("{name} shows {what} as the server has it");
                out.violated(CHECK, expected, "it showed something else", &[event.seq]);
            }
        }
    }
}
