//! 8.3, sealed fields: the server holds envelopes alone, and each is for every device that was there to read it.

use serde_json::Value;

use crate::history::{DeviceEvent, ENVELOPES, Event, MessageKind, UNREADABLE, What};
use crate::protocol::{Envelope, OperationKind, path};

use super::super::case::{Case, device_event};
use super::super::facts::{Device, Seen, WORK_ORDERS};
use super::super::operation::Op;
use super::super::verdict::Findings;

const CHECK: &str = "8.3 sealed fields";

/// What anybody wrote into a sealed field in this run lies on the server in an envelope.
pub(in super::super) fn kept_in_envelopes(case: &Case<'_>, out: &mut Findings) {
    if let Some((seq, 0)) = case.facts.server_searched {
        out.violated(CHECK, "the server's database holds something", "it is empty", &[seq]);
    }
    let Some(orders) = case.facts.server.get(WORK_ORDERS) else { return };
    for (id, server) in orders {
        for field in case.facts.sealed {
            let value = server.record.get(field.as_str()).unwrap_or(&Value::Null);
            let Some(writer) = last_writer(case, id, field).filter(|_| !value.is_null()) else { continue };
            if envelope(*server, field).is_none() {
                let expected = format!("{field} of {id}, which is sealed, lies on the server in an envelope");
                out.violated(CHECK, expected, "it can be read there", &[writer.first_seq(), server.seq]);
            }
        }
    }
}

/// A device shows that it cannot read a value only where the value was sealed before the server had both told it of the
/// order and had its key, or by somebody who keeps to no rules: what they seal, nobody need be able to open.
pub(in super::super) fn read_by_whom_they_are_for(case: &Case<'_>, out: &mut Findings) {
    if !case.facts.ending.at_rest() {
        return;
    }
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        for (id, row) in &state.work_orders {
            let fields = row.iter().filter(|(_, value)| value.as_str() == Some(UNREADABLE));
            for (field, _) in fields {
                let Some(server) = case.facts.final_order(id) else { continue };
                let expected = format!("{name} reads {field} of {id}");
                let shown = [server.seq, seq];
                if !case.facts.sealed.contains(field) || envelope(server, field).is_none() {
                    out.violated(CHECK, expected, "it says that it cannot, though that is not sealed", &shown);
                } else if is_for(server, field, state.sealing_key.as_deref()) {
                    out.violated(CHECK, expected, "it says that it cannot, though it was sealed to its key", &shown);
                } else if let Some(writer) = last_writer(case, id, field).filter(|op| op.acknowledged.is_some())
                    && could_be_sealed_to(device, id, writer)
                {
                    out.violated(CHECK, expected, "it was left out when that was sealed", &[writer.first_seq(), seq]);
                }
            }
        }
    }
}

/// A device's key leaves with its user: what was sealed to one opens for nobody after them.
pub(in super::super) fn each_user_has_a_key(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let last = device.state.map(|(seq, state)| (seq, state.sealing_key.as_deref()));
        let looked = device.timeline.iter().filter_map(|event| match &event.what {
            What::Looked { state, .. } => Some((event.seq, state.sealing_key.as_deref())),
            _ => None,
        });
        let held = looked.chain(last).filter_map(|(seq, key)| Some((seq, key?)));
        let held: Vec<(u64, &str)> = held.collect();
        let leaves = |event: &&&Event| matches!(device_event(event), Some(DeviceEvent::LoggedOut));
        for event in device.timeline.iter().filter(leaves) {
            let (before, after) = held.split_at(held.partition_point(|(seq, _)| *seq < event.seq));
            if let Some((seq, key)) = after.iter().find(|(_, key)| before.iter().any(|(_, old)| old == key)) {
                let expected = format!("{name} forgets its key for sealed fields with the user who logs out");
                out.violated(CHECK, expected, format!("it holds {key} again"), &[event.seq, *seq]);
                break;
            }
        }
    }
}

fn envelope<'a>(server: Seen<'a>, field: &str) -> Option<&'a str> {
    server.record.get(ENVELOPES)?.get(field)?.as_str()
}

/// Whether the envelope in `field` names `key` among those that open it.
fn is_for(server: Seen<'_>, field: &str, key: Option<&str>) -> bool {
    let found = envelope(server, field).and_then(|text| Envelope::of(&text.into()));
    found.zip(key).is_some_and(|(found, key)| found.recipients().any(|recipient| recipient == key))
}

/// Who last set `field`, as far as one can tell: the accepted change with the highest version.
fn last_writer<'c, 'a>(case: &'c Case<'a>, id: &str, field: &str) -> Option<&'c Op<'a>> {
    let sets = |op: &&Op<'a>| {
        let won = op.accepted().is_some_and(|answer| answer.result.conflicts.iter().all(|met| met.field != field));
        op.kind != OperationKind::Delete
            && op.payload.contains_key(field)
            && case.facts.ops.resolve(op.entity) == id
            && won
    };
    case.facts.ops.all.iter().filter(sets).max_by_key(|op| op.accepted().and_then(|answer| answer.result.new_version))
}

/// Whether the server had `device`'s key and had given it the order by the time `writer` was made. Who signs in again later
/// may have had no session any more by then, and a device without one is none.
fn could_be_sealed_to(device: &Device<'_>, id: &str, writer: &Op<'_>) -> bool {
    let (mut asked, mut registered, mut given) = (None, false, false);
    let sent = writer.sent.first().map_or(u64::MAX, |sent| sent.seq);
    let by = writer.first_seq().min(sent);
    for event in device.timeline.iter().take_while(|event| event.seq < by) {
        match &event.what {
            _ if matches!(device_event(event), Some(DeviceEvent::LoggedOut)) => (registered, given) = (false, false),
            What::Request(message) => {
                if let MessageKind::Other { summary } = &message.kind
                    && summary.ends_with(path::SEALING_KEY)
                {
                    asked = Some(message.exchange);
                }
            }
            What::Answer(message) => match &message.kind {
                MessageKind::Other { .. } if asked == Some(message.exchange) => registered |= message.status == 200,
                MessageKind::DeltaAnswer { records, removed, .. } => {
                    given |= records.iter().any(|record| record.id == id);
                    given &= removed.iter().all(|removal| removal.id != id);
                }
                _ => {}
            },
            _ => {}
        }
    }
    let mut later = device.timeline.iter().skip_while(|event| event.seq <= by);
    let is_sign_in = |what: &What| matches!(what, What::Request(asked) if asked.kind == MessageKind::SignIn);
    registered && given && !later.any(|event| is_sign_in(&event.what))
}
