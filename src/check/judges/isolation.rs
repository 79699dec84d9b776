//! I13, isolation: nobody is handed a record that is not theirs to see (spec 2.3).

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{MessageKind, RecordRef, What};

use super::super::case::Case;
use super::super::facts::{ASSETS, INVENTORY, WORK_ORDERS};
use super::super::model::{Order, Sight, sight};
use super::super::verdict::Findings;

const CHECK: &str = "I13 isolation";

pub(in super::super) fn only_their_own(case: &Case<'_>, out: &mut Findings) {
    let mut circles: BTreeMap<&str, Circle<'_>> = BTreeMap::new();
    for (name, device) in &case.facts.devices {
        let mut told = BTreeSet::new();
        for event in &device.timeline {
            let What::Answer(message) = &event.what else { continue };
            let MessageKind::DeltaAnswer { records, .. } = &message.kind else { continue };
            let Some(user) = case.facts.user_at(name, event.seq) else { continue };
            let circle = circles.entry(user).or_insert_with(|| Circle::of(case, user));
            for record in records {
                if !circle.holds(case, record, event.at_ms) && told.insert((&record.kind, &record.id)) {
                    let expected = format!("{user} at {name} is never given {} of the {}", record.id, record.kind);
                    let happened = format!("a pull handed it out at version {}", record.version);
                    out.violated(CHECK, expected, happened, &[event.seq]);
                }
            }
        }
        let Some((seq, state)) = device.state else { continue };
        let Some(user) = case.facts.user_of(name) else { continue };
        let circle = circles.entry(user).or_insert_with(|| Circle::of(case, user));
        for id in state.work_orders.keys() {
            let order = case.model.orders.get(id.as_str());
            if order.is_some() && !circle.ever(id) {
                let expected = format!("{name} never holds {id}, which {user} never saw");
                out.violated(CHECK, expected, "it holds it at the end", &[seq]);
            }
        }
    }
}

/// What a user may see.
struct Circle<'a> {
    user: &'a str,
    everything: bool,
    sites: &'a [String],
    /// Orders that the user saw at any time, and their assets.
    orders: BTreeSet<&'a str>,
    assets: BTreeSet<&'a str>,
}

impl<'a> Circle<'a> {
    fn of(case: &Case<'a>, user: &'a str) -> Self {
        let profile = case.facts.users.get(user);
        let role = profile.map(|profile| profile.role.as_str()).unwrap_or_default();
        let sites = profile.map(|profile| profile.site_ids.as_slice()).unwrap_or_default();
        let everything = profile.is_none() || role == "auditor" || (role == "supervisor" && sites.is_empty());
        let mut circle = Self { user, everything, sites, orders: BTreeSet::new(), assets: BTreeSet::new() };
        for (id, order) in &case.model.orders {
            if !everything && ever_seen(case, order, user) {
                circle.orders.insert(id);
                circle.assets.extend(order.stages.iter().filter_map(|stage| stage.asset));
            }
        }
        circle
    }

    fn ever(&self, id: &str) -> bool {
        self.everything || self.orders.contains(id)
    }

    fn holds(&self, case: &Case<'_>, record: &RecordRef, now_ms: u64) -> bool {
        let id = record.id.as_str();
        match record.kind.as_str() {
            _ if self.everything => true,
            WORK_ORDERS => {
                let Some(order) = case.model.orders.get(id) else { return false };
                let version = (record.version > 0).then_some(record.version);
                self.orders.contains(id) && sight(&case.facts, order, self.user, version, now_ms) != Sight::No
            }
            ASSETS => self.assets.contains(id) || self.at_own_site(case, ASSETS, id),
            INVENTORY => self.at_own_site(case, INVENTORY, id),
            _ => true,
        }
    }

    /// Assets by site are a supervisor's; inventory by site is everybody's.
    fn at_own_site(&self, case: &Case<'_>, kind: &str, id: &str) -> bool {
        let by_site =
            kind == INVENTORY || case.facts.users.get(self.user).is_some_and(|user| user.role == "supervisor");
        let record = case.facts.seeds.get(kind).and_then(|all| all.get(id)).map(|seen| seen.record);
        let site = record.and_then(|record| record.get("siteId")).and_then(serde_json::Value::as_str);
        by_site && site.is_some_and(|site| self.sites.iter().any(|own| own == site))
    }
}

fn ever_seen(case: &Case<'_>, order: &Order<'_>, user: &str) -> bool {
    case.facts.ever_picked(user, order.id)
        || order
            .stages
            .iter()
            .any(|stage| sight(&case.facts, order, user, Some(stage.version), stage.at_ms) != Sight::No)
}
