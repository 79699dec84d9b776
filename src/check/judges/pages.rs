//! What the pages of a pull name: each record once within one pull (I12), since a page that goes back or overlaps with the
//! one before would name one twice; and among the removals nothing that the device never had (I13), since what came
//! and went between two pulls is none of its business.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{MessageKind, RecordRef, What};
use crate::protocol::Removal;

use super::super::case::Case;
use super::super::facts::Device;
use super::super::verdict::Findings;

pub(in super::super) fn name_what_they_should(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        Reader::new(name).read(device, out);
    }
}

/// Follows one device's pulls.
struct Reader<'a> {
    device: &'a str,
    /// What the server ever gave or heard of it, by id.
    had: BTreeSet<&'a str>,
    /// What the pages of the pull so far have named, with the page.
    named: BTreeMap<&'a str, u64>,
    /// Where the next page of that pull begins.
    next: Option<&'a str>,
}

impl<'a> Reader<'a> {
    fn new(device: &'a str) -> Self {
        Self { device, had: BTreeSet::new(), named: BTreeMap::new(), next: None }
    }

    fn read(mut self, device: &Device<'a>, out: &mut Findings) {
        for event in &device.timeline {
            match &event.what {
                What::Request(message) => match &message.kind {
                    MessageKind::Delta { cursor, .. } if cursor.as_deref() != self.next => self.named.clear(),
                    MessageKind::Push { operations } => {
                        self.had.extend(operations.iter().map(|operation| operation.entity_id.as_str()));
                    }
                    _ => {}
                },
                What::Answer(message) => match &message.kind {
                    MessageKind::DeltaAnswer { next_cursor, has_more, records, removed, .. } => {
                        self.page(records, removed, event.seq, message.delivered, out);
                        if message.delivered {
                            self.next = has_more.then_some(next_cursor);
                        }
                        if !has_more {
                            self.named.clear();
                        }
                    }
                    MessageKind::PushAnswer { results } => {
                        self.had.extend(results.iter().filter_map(|result| result.entity_id.as_deref()));
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn page(
        &mut self,
        records: &'a [RecordRef],
        removed: &'a [Removal],
        seq: u64,
        delivered: bool,
        out: &mut Findings,
    ) {
        for removal in removed.iter().filter(|removal| !self.had.contains(removal.id.as_str())) {
            let expected = format!("{} is not told of {}, which it never had", self.device, removal.id);
            out.violated("I13 isolation", expected, "a pull says that it left", &[seq]);
        }
        self.had.extend(records.iter().map(|record| record.id.as_str()));
        if !delivered {
            return;
        }
        let ids = records.iter().map(|record| &record.id).chain(removed.iter().map(|removal| &removal.id));
        for id in ids {
            if let Some(page) = self.named.insert(id, seq) {
                let expected = format!("a pull of {} names {id} once", self.device);
                out.violated("I12 cursor", expected, "two of its pages do", &[page, seq]);
            }
        }
    }
}
