//! I12 within one pull: its pages together name each record once. A page that goes back, or that overlaps with the one
//! before, would name one twice.

use std::collections::BTreeMap;

use crate::history::{MessageKind, What};

use super::super::case::Case;
use super::super::verdict::Findings;

const CHECK: &str = "I12 cursor";

pub(in super::super) fn nothing_twice(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        // What the pages of the pull so far have named, with the page; and where the next page begins.
        let mut named: BTreeMap<&str, u64> = BTreeMap::new();
        let mut next: Option<&str> = None;
        for event in &device.timeline {
            match &event.what {
                What::Request(message) => {
                    let MessageKind::Delta { cursor, .. } = &message.kind else { continue };
                    if cursor.as_deref() != next {
                        named.clear();
                    }
                }
                What::Answer(message) if message.delivered => {
                    let MessageKind::DeltaAnswer { next_cursor, has_more, records, removed } = &message.kind else {
                        continue;
                    };
                    let ids = records.iter().map(|record| &record.id).chain(removed.iter().map(|removal| &removal.id));
                    for id in ids {
                        if let Some(page) = named.insert(id, event.seq) {
                            let expected = format!("a pull of {name} names {id} once");
                            out.violated(CHECK, expected, "two of its pages do", &[page, event.seq]);
                        }
                    }
                    next = has_more.then_some(next_cursor);
                    if !has_more {
                        named.clear();
                    }
                }
                _ => {}
            }
        }
    }
}
