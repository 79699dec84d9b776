//! Claims on files: that they are with the server, how soon, and at which price.

use crate::base::Span;
use crate::history::DeviceEvent;

use super::super::case::{Case, device_event};
use super::super::claim::UploadsClaim;
use super::super::facts::Device;
use super::super::files::{Exchanges, Passed, Taken, taken};
use super::super::verdict::{Class, Findings};

const CHECK: &str = "uploads";

pub(super) fn uploads(case: &Case<'_>, claim: &UploadsClaim, out: &mut Findings) {
    let Some(device) = case.facts.devices.get(claim.device.as_str()) else { return };
    let files: Vec<Taken<'_>> =
        taken(device).into_iter().filter(|file| case.facts.server_files.contains_key(file.id)).collect();
    let name = &claim.device;
    if files.len() as u64 != claim.count {
        let expected = format!("{} files of {name} are with the server", claim.count);
        let events: Vec<u64> = files.iter().map(|file| file.seq).collect();
        out.violated(CHECK, expected, format!("{} are", files.len()), &events);
        return;
    }
    let mut missed = |expected: String, happened: String| out.add(Class::Missed, CHECK, expected, happened, &[]);
    let total = |of: fn(&Taken<'_>) -> u64| files.iter().map(of).sum::<u64>();
    let (length, original) = (total(|file| file.bytes), total(|file| file.original));
    if let Some(percent) = claim.of_captured_at_most_percent
        && length * 100 > original * percent
    {
        missed(format!("the files of {name} have at most {percent} % of what was captured"), shares(length, original));
    }
    if let Some(percent) = claim.sent_at_most_percent {
        let sent = sent(device, &files);
        if sent * 100 > length * percent {
            missed(format!("{name} sends at most {percent} % of the bytes of its files"), shares(sent, length));
        }
    }
    if let Some(within) = claim.within {
        match took(device) {
            Some(took) if took <= within => {}
            Some(took) => missed(format!("the files of {name} are with the server within {within}"), took.to_string()),
            None => missed(format!("{name} sends files"), "it never did".to_owned()),
        }
    }
}

fn shares(part: u64, whole: u64) -> String {
    format!("{part} bytes of {whole}")
}

/// Bytes of parts that went up, whether or not they arrived.
fn sent(device: &Device<'_>, files: &[Taken<'_>]) -> u64 {
    let mut exchanges = Exchanges::default();
    let passed = device.timeline.iter().filter_map(|event| exchanges.note(&event.what));
    let parts = passed.filter_map(|passed| match passed {
        Passed::Asked(id, step) if files.iter().any(|file| file.id == id) => step.part().map(|(_, bytes, _)| bytes),
        Passed::Asked(..) | Passed::Told(..) => None,
    });
    parts.sum()
}

fn took(device: &Device<'_>) -> Option<Span> {
    let at = |event: &DeviceEvent| matches!(event, DeviceEvent::Uploading { .. });
    let first = device.timeline.iter().find(|event| device_event(event).is_some_and(at))?;
    let began = device.syncs.iter().rev().find(|sync| sync.whole.from_seq < first.seq)?.whole.from_ms;
    let done = |event: &DeviceEvent| matches!(event, DeviceEvent::Uploaded { .. });
    let last = device.timeline.iter().rev().find(|event| device_event(event).is_some_and(done))?;
    Some(Span::from_millis(last.at_ms - began))
}
