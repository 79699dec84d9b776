//! The claim on how much comes at a time.

use std::collections::{BTreeMap, VecDeque};

use crate::history::{Event, LinkState, ServerState, What};

use super::super::case::Case;
use super::super::claim::{PeakClaim, PeakOf};
use super::super::verdict::{Class, Findings};

pub(super) fn peak(case: &Case<'_>, claim: &PeakClaim, out: &mut Findings) {
    let asked = asked(case);
    let mut window: VecDeque<&Asked<'_>> = VecDeque::new();
    let mut devices: BTreeMap<&str, u64> = BTreeMap::new();
    let mut highest = (0, 0, 0);
    for request in &asked {
        window.push_back(request);
        *devices.entry(request.device).or_default() += 1;
        let over = |oldest: &&Asked<'_>| oldest.at_ms + claim.within.millis() <= request.at_ms;
        while let Some(oldest) = window.front().copied().filter(over) {
            window.pop_front();
            let left = devices.entry(oldest.device).or_default();
            *left -= 1;
            if *left == 0 {
                devices.remove(oldest.device);
            }
        }
        let count = match claim.of {
            PeakOf::Devices => devices.len(),
            PeakOf::Requests => window.len(),
        } as u64;
        if count > highest.0 {
            highest = (count, request.at_ms, request.seq);
        }
    }
    let (count, at_ms, seq) = highest;
    let what = match claim.of {
        PeakOf::Devices => "devices ask",
        PeakOf::Requests => "requests come",
    };
    if count > claim.at_most {
        let expected = format!("at most {} {what} within {}", claim.at_most, claim.within);
        out.add(Class::Missed, "peak", expected, format!("{count} do, up to {at_ms} ms"), &[seq]);
    }
    if asked.is_empty() {
        out.add(Class::Vacuous, "peak", "something is asked of the server", "nothing is", &[]);
    }
}

struct Asked<'a> {
    at_ms: u64,
    seq: u64,
    device: &'a str,
}

/// The story's requests since its last outage ended, in order. What comes after the story is the harness's own.
fn asked<'a>(case: &Case<'a>) -> Vec<Asked<'a>> {
    let told = case.facts.ending.healed.unwrap_or(u64::MAX);
    let links = case.facts.devices.values().flat_map(|device| device.timeline.iter().copied());
    let from = links.chain(case.facts.server_changes.iter().copied()).filter(|event| came_back(event)).map(|it| it.seq);
    let from = from.filter(|seq| *seq < told).max().unwrap_or(0);
    let mut asked: Vec<Asked<'a>> = Vec::new();
    for (name, device) in &case.facts.devices {
        let requests = device.timeline.iter().filter(|event| matches!(event.what, What::Request(_)));
        let within = requests.filter(|event| (from..told).contains(&event.seq));
        asked.extend(within.map(|event| Asked { at_ms: event.at_ms, seq: event.seq, device: name }));
    }
    asked.sort_by_key(|request| request.seq);
    asked
}

fn came_back(event: &Event) -> bool {
    matches!(
        event.what,
        What::LinkChanged { state: LinkState::Up, .. } | What::ServerChanged { state: ServerState::Up }
    )
}
