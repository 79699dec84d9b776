//! Claims on waits, requests and the order of pushes.

use std::collections::BTreeSet;

use crate::base::Span;
use crate::history::{DeviceEvent, Event, MessageKind, SyncOutcome, What};
use crate::protocol::ErrorCode;

use super::super::case::{Case, device_event};
use super::super::claim::{
    FetchedAgainClaim, OnDevice, PushedClaim, RequestKind, RequestsClaim, WaitsClaim, WarnedClaim,
};
use super::super::screen::{FailedClaim, SyncsClaim};
use super::super::verdict::{Class, Findings};
use super::{Names, word};

pub(super) fn waits(case: &Case<'_>, claim: &WaitsClaim, out: &mut Findings) {
    let mut events = Vec::new();
    let mut found = Vec::new();
    for event in timeline(case, &claim.device) {
        if let Some(DeviceEvent::Backoff { wait_ms, .. }) = device_event(event) {
            found.push(Span::from_millis(*wait_ms));
            events.push(event.seq);
        }
    }
    if found != claim.exactly {
        let first = found.iter().zip(&claim.exactly).take_while(|(is, should)| is == should).count();
        let shown = events.get(first..).unwrap_or_default();
        let expected = format!("{} waits {}", claim.device, spans(&claim.exactly));
        out.violated("waits", expected, format!("it waited {}", spans(&found)), shown);
    }
}

pub(super) fn pushed(names: Names<'_, '_>, claim: &PushedClaim, out: &mut Findings) {
    let mut seen = BTreeSet::new();
    let (mut found, mut events) = (Vec::new(), Vec::new());
    for event in timeline(names.case, &claim.device) {
        let What::Request(message) = &event.what else { continue };
        let MessageKind::Push { operations } = &message.kind else { continue };
        for operation in operations {
            let order = names.case.facts.ops.resolve(&operation.entity_id);
            if seen.insert(order) {
                found.push(order);
                events.push(event.seq);
            }
        }
    }
    let wanted: Vec<&str> = claim.orders.iter().map(|order| names.order(order)).collect();
    if found != wanted {
        let first = found.iter().zip(&wanted).take_while(|(is, should)| is == should).count();
        let expected = format!("{} pushes {}", claim.device, claim.orders.join(", "));
        let happened =
            if found.is_empty() { "it pushed nothing".to_owned() } else { format!("it pushed {}", found.join(", ")) };
        out.violated("pushed", expected, happened, events.get(first..).unwrap_or_default());
    }
}

pub(super) fn requests(case: &Case<'_>, claim: &RequestsClaim, out: &mut Findings) {
    let is_one = |event: &&&Event| {
        let What::Request(message) = &event.what else { return false };
        matches!(
            (&message.kind, claim.of),
            (MessageKind::Push { .. }, RequestKind::Push)
                | (MessageKind::Delta { .. }, RequestKind::Pull)
                | (MessageKind::Delta { digest: true, .. }, RequestKind::Comparison)
                | (MessageKind::SignIn, RequestKind::SignIn)
                | (MessageKind::Refresh, RequestKind::Refresh)
                | (MessageKind::Profile | MessageKind::Asset, RequestKind::Static)
        )
    };
    // What the harness asks for once everything is at rest is not the story's.
    let told = case.facts.ending.settled.unwrap_or(u64::MAX);
    let story = timeline(case, &claim.device).iter().take_while(|event| event.seq < told);
    let found: Vec<u64> = story.filter(is_one).map(|event| event.seq).collect();
    let count = found.len() as u64;
    let most = claim.at_most.into_iter().chain(claim.exactly).min().unwrap_or(u64::MAX);
    let least = claim.at_least.into_iter().chain(claim.exactly).max().unwrap_or(0);
    if (least..=most).contains(&count) {
        return;
    }
    let bound = match (least == most, count > most) {
        (true, _) => format!("{most}"),
        (false, true) => format!("at most {most}"),
        (false, false) => format!("at least {least}"),
    };
    let expected = format!("{} makes {bound} requests of the kind `{}`", claim.device, word(&claim.of));
    let beyond = usize::try_from(most).ok().and_then(|most| found.get(most..)).unwrap_or_default();
    out.add(Class::Violated, "requests", expected, format!("it made {count}"), beyond);
}

pub(super) fn escalated(case: &Case<'_>, claim: &OnDevice, out: &mut Findings) {
    let told = timeline(case, &claim.device)
        .iter()
        .any(|event| matches!(device_event(event), Some(DeviceEvent::Escalated { .. })));
    if !told {
        let expected = format!("{} tells its user that the server keeps failing", claim.device);
        out.violated("escalated", expected, "it never did", &[]);
    }
}

pub(super) fn syncs(case: &Case<'_>, claim: &SyncsClaim, out: &mut Findings) {
    let healed = case.facts.ending.healed.unwrap_or(u64::MAX);
    let found = timeline(case, &claim.device).iter().filter(|event| event.seq < healed).filter(|event| {
        let Some(DeviceEvent::SyncStarted { trigger }) = device_event(event) else { return false };
        claim.by.is_none_or(|by| by == *trigger)
    });
    let found: Vec<u64> = found.map(|event| event.seq).collect();
    if found.len() as u64 != claim.exactly {
        let by = claim.by.map_or_else(String::new, |by| format!(" by the trigger `{}`", word(&by)));
        let expected = format!("{} begins to sync {} times{by}", claim.device, claim.exactly);
        out.violated("syncs", expected, format!("{} times", found.len()), &found);
    }
}

pub(super) fn fetched_again(case: &Case<'_>, claim: &FetchedAgainClaim, out: &mut Findings) {
    let (mut seen, mut all, mut again, mut events) = (BTreeSet::new(), 0, 0, Vec::new());
    for event in timeline(case, &claim.device) {
        let What::Answer(message) = &event.what else { continue };
        let MessageKind::DeltaAnswer { records, .. } = &message.kind else { continue };
        if !message.delivered {
            continue;
        }
        all += records.len() as u64;
        let before = again;
        again += records.iter().filter(|r| !seen.insert((&r.kind, &r.id, r.version))).count() as u64;
        events.extend((again > before).then_some(event.seq));
    }
    let percent = claim.at_most_percent;
    let expected = format!("at most {percent} % of the records of {} come twice", claim.device);
    if all == 0 {
        out.add(Class::Vacuous, "fetched-again", expected, "it was given none", &[]);
    } else if again * 100 > percent * all {
        out.violated("fetched-again", expected, format!("{again} of {all} did"), &events);
    }
}

pub(super) fn warned(case: &Case<'_>, claim: &WarnedClaim, out: &mut Findings) {
    let warnings = timeline(case, &claim.device).iter().filter_map(|event| match &event.what {
        What::Warned { changes, .. } => Some((event.seq, *changes)),
        _ => None,
    });
    let warnings: Vec<(u64, u64)> = warnings.collect();
    if !warnings.iter().any(|(_, changes)| *changes == claim.changes) {
        let expected = format!("{} warns that {} changes would be lost", claim.device, claim.changes);
        let told: Vec<String> = warnings.iter().map(|(_, changes)| changes.to_string()).collect();
        let happened =
            if told.is_empty() { "it warns of nothing".to_owned() } else { format!("it says {}", told.join(", ")) };
        let events: Vec<u64> = warnings.iter().map(|(seq, _)| *seq).collect();
        out.violated("warned", expected, happened, &events);
    }
}

pub(super) fn timeline<'c, 'a>(case: &'c Case<'a>, device: &str) -> &'c [&'a Event] {
    case.facts.devices.get(device).map(|device| device.timeline.as_slice()).unwrap_or_default()
}

fn spans(spans: &[Span]) -> String {
    if spans.is_empty() {
        return "never".into();
    }
    spans.iter().map(Span::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn failed(case: &Case<'_>, claim: &FailedClaim, out: &mut Findings) {
    let timeline = case.facts.devices.get(claim.device.as_str()).map(|device| device.timeline.as_slice());
    let mut failures = timeline.unwrap_or_default().iter().filter_map(|event| match &event.what {
        What::Device { event: DeviceEvent::SyncEnded { outcome: SyncOutcome::Failed { code, detail } }, .. } => {
            Some((event.seq, *code, detail))
        }
        _ => None,
    });
    let fits = |(_, code, detail): &(u64, ErrorCode, &String)| *code == claim.code && detail.contains(&claim.says);
    if failures.clone().any(|failure| fits(&failure)) {
        return;
    }
    let expected = format!("a sync of {} fails with {} and says `{}`", claim.device, claim.code, claim.says);
    match failures.next_back() {
        Some((seq, code, detail)) => {
            out.violated("failed", expected, format!("the last one that failed did with {code}: {detail}"), &[seq]);
        }
        None => out.violated("failed", expected, "none failed", &[]),
    }
}
