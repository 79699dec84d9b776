//! I12, cursor: a device asks from a position that it was given, and never from an earlier one.

use std::collections::BTreeMap;

use crate::history::{DeviceEvent, Event, MessageKind, Phase, ResyncReason, What};

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::verdict::Findings;

const CHECK: &str = "I12 cursor";
/// The status of an answer that says: so far back I do not go (decision q).
const GONE: u16 = 410;

pub(in super::super) fn only_forward(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        follow(name, device, out);
    }
}

fn follow(name: &str, device: &Device<'_>, out: &mut Findings) {
    // Where each position was first handed out: the count of positions before it, and the event.
    let mut given: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    let mut asked: Option<(usize, u64)> = None;
    let mut pulled: Option<u64> = None;
    let mut newest = 0;
    for (index, event) in device.timeline.iter().enumerate() {
        match &event.what {
            What::Answer(message) if message.delivered => {
                if let MessageKind::DeltaAnswer { next_cursor, .. } = &message.kind {
                    let count = given.len();
                    given.entry(next_cursor).or_insert((count, event.seq));
                }
            }
            What::Request(message) => {
                // What comes over a connection that the device has given up was asked earlier.
                newest = newest.max(message.connection);
                let MessageKind::Delta { cursor, .. } = &message.kind else { continue };
                if message.connection < newest {
                    continue;
                }
                if cursor.is_none() && may_begin_anew(&device.timeline, index) {
                    (asked, pulled) = (None, None);
                    given.clear();
                    continue;
                }
                let position = cursor.as_deref().map(|cursor| given.get(cursor).copied());
                let happened = match (position, asked) {
                    (Some(None), _) => "it was never given that position".to_owned(),
                    (Some(Some((at, _))), Some((before, _))) if at < before => {
                        "it went back to an earlier position".to_owned()
                    }
                    (None, Some(_)) => "it began anew".to_owned(),
                    (None, None) if pulled.is_some() => "it began anew after a whole pull".to_owned(),
                    (Some(Some((at, _))), _) => {
                        asked = Some((at, event.seq));
                        continue;
                    }
                    (None, None) => continue,
                };
                let expected = format!("{name} pulls from the last position that it stored");
                let events: Vec<u64> = asked.map(|(_, seq)| seq).or(pulled).into_iter().chain([event.seq]).collect();
                out.violated(CHECK, expected, happened, &events);
            }
            _ => {
                if let Some(DeviceEvent::PhaseEnded { phase: Phase::Pull, .. }) = device_event(event) {
                    pulled = Some(event.seq);
                }
            }
        }
    }
}

/// Whether something since the pull before, or on the way to this one's answer, lets the device begin anew: the user
/// cleared it, the server goes back no further, or the whole view was found to differ. What a device says of itself may
/// be heard a little late.
fn may_begin_anew(timeline: &[&Event], index: usize) -> bool {
    let is_page = |event: &&&Event| matches!(&event.what, What::Answer(message) if matches!(message.kind, MessageKind::DeltaAnswer { .. }));
    let reason = |event: &&Event| match &event.what {
        What::Answer(message) => message.status == GONE,
        _ => matches!(
            device_event(event),
            Some(
                DeviceEvent::CacheCleared
                    | DeviceEvent::LoggedOut
                    | DeviceEvent::Resync { reason: ResyncReason::Differs }
            )
        ),
    };
    let before = timeline[..index].iter().rev().take_while(|event| !is_page(event));
    let after = timeline[index..].iter().take_while(|event| !is_page(event));
    before.chain(after).any(reason)
}
