//! Checks the claims: devices, orders and fields that exist, bounds that bound something.

use std::collections::BTreeMap;

use super::story::{is_order_id, labels, order_help};
use super::{Cast, at_least_one, screen, values};
use crate::check::{
    Claim, ConflictsClaim, FailedClaim, OpenedClaim, RequestsClaim, StockClaim, TamperedClaim, UploadsClaim,
};
use crate::protocol::{Record, WORK_ORDER_FIELDS, field_kind};
use crate::scenario::action::Action;
use crate::scenario::outline::{Node, Place};
use crate::scenario::problem::{Problems, one_of};
use crate::scenario::reference::labels_in;

/// Fields of a record that nobody sets but that can be claimed.
const READ_ONLY: [&str; 5] = ["workOrderId", "createdBy", "createdAt", "updatedAt", "_version"];

/// Checks all claims; `outline` is their list.
pub(super) fn check(claims: &[Claim], steps: &[Action], outline: &Node, cast: &Cast<'_>, problems: &mut Problems<'_>) {
    let labels = labels(steps, outline);
    let mut checker = Claims { cast, problems, labels };
    for (index, claim) in claims.iter().enumerate() {
        if checker.problems.is_full() {
            return;
        }
        checker.claim(claim, outline.item(index).body());
    }
}

struct Claims<'a, 'p, 't> {
    cast: &'a Cast<'a>,
    problems: &'p mut Problems<'t>,
    labels: BTreeMap<&'a str, u64>,
}

impl Claims<'_, '_, '_> {
    fn claim(&mut self, claim: &Claim, at: &Node) {
        match claim {
            Claim::Server(claim) => {
                self.order(&claim.order, at.at("order").place);
                self.fields(&claim.has, at.at("has"));
            }
            Claim::ServerLacks(claim) => self.order(&claim.order, at.at("order").place),
            Claim::Device(claim) => {
                self.on(&claim.device, &claim.order, at);
                self.fields(&claim.has, at.at("has"));
            }
            Claim::DeviceLacks(claim) | Claim::Rescued(claim) => self.on(&claim.device, &claim.order, at),
            Claim::Conflict(claim) => self.met(&claim.device, &claim.order, &claim.field, at),
            Claim::Undecided(claim) => self.met(&claim.device, &claim.order, &claim.field, at),
            Claim::Decided(claim) => self.met(&claim.device, &claim.order, &claim.field, at),
            Claim::Conflicts(ConflictsClaim { device: Some(device), .. })
            | Claim::Stock(StockClaim { device: Some(device), .. }) => self.device(device, at),
            Claim::Conflicts(_) | Claim::Stock(_) => {}
            Claim::Removed(claim) => self.on(&claim.device, &claim.order, at),
            Claim::Rejected(claim) => self.on(&claim.device, &claim.order, at),
            Claim::Took(claim) => self.sync(&claim.device, claim.sync, at),
            Claim::Bytes(claim) => {
                self.sync(&claim.device, claim.sync, at);
                if claim.up_at_most.is_none() && claim.down_at_most.is_none() {
                    let message = "`bytes` needs `up-at-most`, `down-at-most` or both";
                    self.problems.add(at.place, message, None);
                }
            }
            Claim::Documents(claim) => self.sync(&claim.device, claim.sync, at),
            Claim::Waits(claim) => self.device(&claim.device, at),
            Claim::Pushed(claim) => {
                self.device(&claim.device, at);
                for (index, order) in claim.orders.iter().enumerate() {
                    self.order(order, at.at("orders").item(index).place);
                }
            }
            Claim::Requests(claim) => self.requests(claim, at),
            Claim::Escalated(claim) => self.device(&claim.device, at),
            Claim::Compressed(claim) => self.device(&claim.device, at),
            Claim::Peak(claim) => {
                at_least_one(claim.within.millis(), "within", at.at("within").place, self.problems);
            }
            Claim::FetchedAgain(claim) => self.device(&claim.device, at),
            Claim::Warned(claim) => self.device(&claim.device, at),
            Claim::Shown(claim) | Claim::Look { shown: claim, .. } => {
                self.device(&claim.device, at);
                for (key, order) in [("order", &claim.order), ("lacks", &claim.lacks)] {
                    if let Some(order) = order {
                        self.order(order, at.at(key).place);
                    }
                }
                screen::check(claim, at, self.problems);
            }
            Claim::Acked(claim) => self.on(&claim.device, &claim.order, at),
            Claim::Syncs(claim) => self.device(&claim.device, at),
            Claim::DeadLetter(claim) => {
                self.on(&claim.device, &claim.order, at);
                self.fields(&claim.has, at.at("has"));
            }
            Claim::Uploads(UploadsClaim { device, .. })
            | Claim::Opened(OpenedClaim { device, .. })
            | Claim::Tampered(TamperedClaim { device, .. })
            | Claim::Failed(FailedClaim { device, .. }) => self.device(device, at),
        }
    }

    fn requests(&mut self, claim: &RequestsClaim, at: &Node) {
        self.device(&claim.device, at);
        if claim.at_most.or(claim.at_least).or(claim.exactly).is_none() {
            let message = "`requests` needs `at-most`, `at-least` or `exactly`";
            self.problems.add(at.place, message, None);
        }
    }

    fn device(&mut self, name: &str, at: &Node) {
        self.cast.single(name, at.at("device").place, self.problems);
    }

    fn on(&mut self, device: &str, order: &str, at: &Node) {
        self.device(device, at);
        self.order(order, at.at("order").place);
    }

    /// A conflict on a field, or on a line of it after a slash.
    fn met(&mut self, device: &str, order: &str, field: &str, at: &Node) {
        self.on(device, order, at);
        self.field(field.split('/').next().unwrap_or_default(), at.at("field").place);
    }

    fn sync(&mut self, device: &str, sync: Option<u32>, at: &Node) {
        self.device(device, at);
        if let Some(sync) = sync {
            at_least_one(sync, "sync", at.at("sync").place, self.problems);
        }
    }

    fn order(&mut self, order: &str, place: Place) {
        if !self.problems.is_full() && !self.labels.contains_key(order) && !is_order_id(order) {
            let help = order_help(order, self.labels.keys().copied());
            self.problems.add(place, format!("there is no order `{order}`"), Some(help));
        }
    }

    fn fields(&mut self, has: &Record, at: &Node) {
        for (field, value) in has {
            for label in labels_in(value) {
                self.order(label, at.at(field).place);
            }
        }
        fields(has, at, self.problems);
        values::check(has, at, self.cast, self.problems);
    }

    fn field(&mut self, name: &str, place: Place) {
        field(name, place, self.problems);
    }
}

/// Checks the fields of a record that is claimed.
pub(super) fn fields(has: &Record, at: &Node, problems: &mut Problems<'_>) {
    if has.is_empty() {
        problems.add(at.place, "`has` claims nothing", None);
    }
    for name in has.keys() {
        field(name, at.key_place(name), problems);
    }
}

fn field(field: &str, place: Place, problems: &mut Problems<'_>) {
    let known = field_kind(field).is_some() || READ_ONLY.contains(&field) || field == "_deleted";
    if !problems.is_full() && !known {
        let names: Vec<&str> = WORK_ORDER_FIELDS.iter().map(|(name, _)| *name).chain(READ_ONLY).collect();
        problems.add(place, format!("a work order has no field `{field}`"), Some(one_of(field, &names)));
    }
}
