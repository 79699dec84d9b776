//! I12 for what goes: a pull that comes to its end has named each deleted order that its device had at the position that it
//! asked from. A server that has forgotten the removal must refuse the position instead (decision q).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::history::{MessageKind, What};

use super::super::case::Case;
use super::super::facts::{Device, WORK_ORDERS};
use super::super::verdict::Findings;

/// Orders by id.
type Ids<'a> = Rc<BTreeSet<&'a str>>;

pub(in super::super) fn all_are_named(case: &Case<'_>, out: &mut Findings) {
    let deleted: Vec<(&str, &str, u64)> = case
        .model
        .orders
        .iter()
        .filter_map(|(id, order)| {
            let op = &case.facts.ops.all[order.deleted?];
            Some((*id, op.device, op.accepted()?.seq))
        })
        .collect();
    if !deleted.is_empty() {
        case.facts.devices.iter().for_each(|(name, device)| follow(name, device, &deleted, out));
    }
}

fn follow(name: &str, device: &Device<'_>, deleted: &[(&str, &str, u64)], out: &mut Findings) {
    // What the device has at each position that it was given.
    let mut at: BTreeMap<&str, Ids<'_>> = BTreeMap::new();
    let mut has: Ids<'_> = Rc::default();
    // Where the pages of the pull under way go on, and the event that began it.
    let (mut next, mut begun): (Option<&str>, u64) = (None, 0);
    for event in &device.timeline {
        match &event.what {
            What::Request(message) => {
                let MessageKind::Delta { cursor, .. } = &message.kind else { continue };
                if cursor.is_none() || cursor.as_deref() != next {
                    begun = event.seq;
                }
                has = cursor.as_deref().and_then(|cursor| at.get(cursor).cloned()).unwrap_or_default();
            }
            What::Answer(message) => {
                let MessageKind::DeltaAnswer { next_cursor, has_more, records, removed, .. } = &message.kind else {
                    continue;
                };
                let orders = records.iter().filter(|record| record.kind == WORK_ORDERS);
                if !removed.is_empty() || records.iter().any(|record| record.kind == WORK_ORDERS) {
                    let held = Rc::make_mut(&mut has);
                    held.extend(orders.map(|record| record.id.as_str()));
                    for removal in removed {
                        held.remove(removal.id.as_str());
                    }
                }
                at.insert(next_cursor, has.clone());
                next = has_more.then_some(next_cursor);
                if *has_more {
                    continue;
                }
                for (id, by, seq) in
                    deleted.iter().filter(|(id, by, seq)| *by != name && *seq < begun && has.contains(id))
                {
                    let expected = format!("a pull of {name} names {id}, which {by} deleted, or is refused");
                    out.violated("I12 cursor", expected, "it ends without", &[*seq, begun, event.seq]);
                }
            }
            _ => {}
        }
    }
}
