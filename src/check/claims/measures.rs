//! Claims on how long a sync took and how much it moved.

use crate::base::{Size, Span};
use crate::history::{MessageKind, What};

use super::super::case::Case;
use super::super::claim::{BytesClaim, DocumentsClaim, Part, TookClaim};
use super::super::facts::Device;
use super::super::sync::Stretch;
use super::super::verdict::{Class, Findings};

pub(super) fn took(case: &Case<'_>, claim: &TookClaim, out: &mut Findings) {
    let what = (claim.device.as_str(), claim.sync, claim.phase);
    let Some((_, stretch, (end, end_ms))) = measured(case, "took", what, out) else { return };
    let took = Span::from_millis(end_ms - stretch.from_ms);
    if took > claim.at_most {
        let expected = format!("{} takes at most {}", name(what), claim.at_most);
        out.add(Class::Missed, "took", expected, format!("it took {took}"), &[stretch.from_seq, end]);
    }
}

pub(super) fn bytes(case: &Case<'_>, claim: &BytesClaim, out: &mut Findings) {
    let what = (claim.device.as_str(), claim.sync, claim.phase);
    let Some((device, stretch, (end, _))) = measured(case, "bytes", what, out) else { return };
    let (mut up, mut down) = (0, 0);
    for event in device.within(&stretch) {
        if let What::Secured { up: hello, down: answer, .. } = &event.what {
            up += hello;
            down += answer;
        }
        if let What::Request(message) = &event.what {
            up += message.bytes;
        }
        if let What::Answer(message) = &event.what {
            down += message.bytes;
        }
    }
    for (way, moved, bound) in [("up", up, claim.up_at_most), ("down", down, claim.down_at_most)] {
        if let Some(bound) = bound.filter(|bound| moved > bound.bytes()) {
            let expected = format!("{} moves at most {bound} {way}", name(what));
            let happened = format!("it moved {} ({moved} bytes)", Size::new(moved));
            out.add(Class::Missed, "bytes", expected, happened, &[stretch.from_seq, end]);
        }
    }
}

pub(super) fn documents(case: &Case<'_>, claim: &DocumentsClaim, out: &mut Findings) {
    let what = (claim.device.as_str(), claim.sync, Part::Whole);
    let Some((device, stretch, (end, _))) = measured(case, "documents", what, out) else { return };
    let records = device.within(&stretch).iter().map(|event| match &event.what {
        What::Answer(message) if message.delivered => match &message.kind {
            MessageKind::DeltaAnswer { records, .. } => records.len() as u64,
            _ => 0,
        },
        _ => 0,
    });
    let count: u64 = records.sum();
    if count != claim.exactly {
        let expected = format!("{} brings {} records", name(what), claim.exactly);
        out.violated("documents", expected, format!("it brought {count}"), &[stretch.from_seq, end]);
    }
}

type Measured<'c, 'a> = (&'c Device<'a>, Stretch, (u64, u64));

/// The stretch that a claim measures, with its end. A claim on what never came about, or never ended, is vacuous.
fn measured<'c, 'a>(
    case: &'c Case<'a>,
    check: &str,
    what: (&str, Option<u32>, Part),
    out: &mut Findings,
) -> Option<Measured<'c, 'a>> {
    let (name_of, sync, part) = what;
    let device = case.facts.devices.get(name_of);
    let syncs = device.map(|device| device.syncs.as_slice()).unwrap_or_default();
    let found = match sync {
        Some(number) => usize::try_from(number).ok().and_then(|number| syncs.get(number.checked_sub(1)?)),
        // What the harness refreshes after the story is not the story's.
        None => {
            syncs.iter().rev().find(|sync| case.facts.ending.healed.is_none_or(|healed| sync.whole.from_seq < healed))
        }
    };
    let stretch = found.and_then(|sync| sync.part(part));
    if let (Some(device), Some(stretch)) = (device, stretch)
        && let Some(end) = stretch.end
    {
        return Some((device, stretch, end));
    }
    let happened = if stretch.is_some() { "it never ended".to_owned() } else { format!("of {} syncs", syncs.len()) };
    let events: Vec<u64> = stretch.map(|stretch| stretch.from_seq).into_iter().collect();
    let happened = if stretch.is_some() { happened } else { format!("it never came about {happened}") };
    out.add(Class::Vacuous, check, format!("{} takes place", name(what)), happened, &events);
    None
}

fn name((device, sync, part): (&str, Option<u32>, Part)) -> String {
    let sync = sync.map_or_else(|| "the last sync".to_owned(), |number| format!("sync {number}"));
    match part {
        Part::Whole => format!("{sync} of {device}"),
        Part::Push => format!("the push of {sync} of {device}"),
        Part::Pull => format!("the pull of {sync} of {device}"),
        Part::Files => format!("the files of {sync} of {device}"),
    }
}
