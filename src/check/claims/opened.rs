//! Claims on files that users open: that they are shown, how soon, and at which price.

use std::collections::{BTreeMap, VecDeque};

use crate::base::Span;
use crate::history::{DeviceEvent, FileEvent, MessageKind, What};

use super::super::case::{Case, device_event};
use super::super::screen::OpenedClaim;
use super::super::verdict::{Class, Findings};

const CHECK: &str = "opened";

/// What came of the wishes of one device's user.
#[derive(Default)]
struct Tally {
    shown: Vec<u64>,
    bytes: u64,
    withheld: u64,
    /// The longest wait from a wish to the picture.
    longest_ms: u64,
    /// Bytes of whole files that set out.
    fetched: u64,
}

pub(super) fn opened(case: &Case<'_>, claim: &OpenedClaim, out: &mut Findings) {
    let name = &claim.device;
    let tally = tally(case, name);
    if tally.shown.len() as u64 != claim.count {
        let expected = format!("{} files that were opened on {name} are shown", claim.count);
        out.violated(CHECK, expected, format!("{} are", tally.shown.len()), &tally.shown);
    }
    if let Some(wanted) = claim.withheld.filter(|wanted| *wanted != tally.withheld) {
        let expected = format!("{name} says {wanted} times that a file does not come now");
        out.violated(CHECK, expected, format!("it says so {} times", tally.withheld), &[]);
    }
    let mut missed =
        |expected: String, happened: String| out.add(Class::Missed, CHECK, expected, happened, &tally.shown);
    if let Some(within) = claim.within.filter(|within| within.millis() < tally.longest_ms) {
        let took = Span::from_millis(tally.longest_ms);
        missed(format!("what is opened on {name} is shown within {within}"), format!("it takes {took}"));
    }
    if let Some(percent) = claim.fetched_at_most_percent
        && tally.fetched * 100 > tally.bytes * percent
    {
        let expected = format!("{name} gets at most {percent} % of the bytes of what it shows");
        missed(expected, format!("{} bytes set out for {}", tally.fetched, tally.bytes));
    }
}

fn tally(case: &Case<'_>, name: &str) -> Tally {
    let mut tally = Tally::default();
    // The step that opens a file asks the device for nothing else before it answers.
    let mut wishes = VecDeque::new();
    let mut whole = BTreeMap::new();
    let timeline = case.facts.devices.get(name).map(|device| device.timeline.as_slice()).unwrap_or_default();
    for event in timeline {
        match &event.what {
            What::Opening { .. } => wishes.push_back(event.at_ms),
            What::Refused { .. } => {
                tally.withheld += u64::from(wishes.pop_back().is_some());
            }
            What::Request(message) => {
                if let MessageKind::File { thumbnail, .. } = &message.kind {
                    whole.insert(message.exchange, !thumbnail);
                }
            }
            What::Answer(message) => {
                if let MessageKind::FileAnswer { bytes, .. } = &message.kind
                    && whole.get(&message.exchange) == Some(&true)
                {
                    tally.fetched += bytes;
                }
            }
            _ => match device_event(event) {
                Some(DeviceEvent::File(FileEvent::Shown(held))) => {
                    tally.shown.push(event.seq);
                    tally.bytes += held.bytes;
                    let since = wishes.pop_front().unwrap_or(event.at_ms);
                    tally.longest_ms = tally.longest_ms.max(event.at_ms - since);
                }
                Some(DeviceEvent::File(FileEvent::Withheld { .. })) => tally.withheld += 1,
                _ => {}
            },
        }
    }
    tally
}
