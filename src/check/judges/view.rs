//! I3 on the server's side: each user's full pull is what the oracle says they should see, no more and no less.

use std::collections::BTreeSet;

use super::super::case::Case;
use super::super::facts::{ASSETS, INVENTORY, View};
use super::super::model::{Sight, sight};
use super::super::verdict::Findings;

const CONVERGES: &str = "I3 convergence";
const ISOLATED: &str = "I13 isolation";

pub(in super::super) fn as_the_oracle_sees_it(case: &Case<'_>, out: &mut Findings) {
    for (user, view) in &case.facts.views {
        let seen = work_orders(case, user, view, out);
        let (must, may) = assets(case, user, &seen);
        compare(user, ASSETS, view.assets, (&must, &may), view.seq, out);
        let stock = inventory(case, user);
        compare(user, INVENTORY, view.inventory, (&stock, &stock), view.seq, out);
    }
}

/// The orders that the user sees, each with whether that is certain.
fn work_orders<'a>(case: &Case<'a>, user: &str, view: &View<'_>, out: &mut Findings) -> Vec<(&'a str, bool)> {
    let (mut must, mut may) = (BTreeSet::new(), BTreeSet::new());
    for (id, order) in case.model.orders.iter().filter(|(_, order)| order.deleted.is_none()) {
        match sight(&case.facts, order, user, None, view.at_ms) {
            Sight::Yes => drop((must.insert(*id), may.insert(*id))),
            Sight::Maybe => drop(may.insert(*id)),
            Sight::Kept | Sight::No => {}
        }
    }
    compare(user, "work orders", view.work_orders, (&must, &may), view.seq, out);
    may.into_iter().map(|id| (id, must.contains(id))).collect()
}

fn assets<'a>(case: &Case<'a>, user: &str, orders: &[(&'a str, bool)]) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let all = case.facts.seeded(ASSETS).map(|(id, seen)| (id, seen.record));
    let Some(profile) = case.facts.users.get(user) else { return Default::default() };
    if matches!(profile.role.as_str(), "auditor" | "supervisor") {
        let everywhere = profile.role == "auditor" || profile.site_ids.is_empty();
        let at_site =
            |site: Option<&str>| everywhere || site.is_some_and(|site| profile.site_ids.iter().any(|own| own == site));
        let must: BTreeSet<&str> = all
            .filter(|(_, record)| at_site(record.get("siteId").and_then(serde_json::Value::as_str)))
            .map(|(id, _)| id)
            .collect();
        return (must.clone(), must);
    }
    let all: BTreeSet<&str> = all.map(|(id, _)| id).collect();
    let (mut must, mut may) = (BTreeSet::new(), BTreeSet::new());
    for (id, certain) in orders {
        let asset = case.model.orders.get(id).and_then(|order| order.stages.last()?.asset);
        let Some(asset) = asset.filter(|asset| all.contains(asset)) else { continue };
        may.insert(asset);
        if *certain {
            must.insert(asset);
        }
    }
    (must, may)
}

fn inventory<'a>(case: &Case<'a>, user: &str) -> BTreeSet<&'a str> {
    let Some(profile) = case.facts.users.get(user) else { return BTreeSet::new() };
    let everywhere = profile.role == "auditor" || (profile.role == "supervisor" && profile.site_ids.is_empty());
    let own = |site: &str| everywhere || profile.site_ids.iter().any(|own| own == site);
    let site = |record: &'a crate::protocol::Record| record.get("siteId").and_then(serde_json::Value::as_str);
    let rows = case.facts.seeded(INVENTORY);
    rows.filter(|(_, seen)| site(seen.record).map_or(everywhere, own)).map(|(id, _)| id).collect()
}

fn compare(
    user: &str,
    kind: &str,
    given: &[String],
    (must, may): (&BTreeSet<&str>, &BTreeSet<&str>),
    seq: u64,
    out: &mut Findings,
) {
    let given: BTreeSet<&str> = given.iter().map(String::as_str).collect();
    for id in must.difference(&given) {
        out.violated(CONVERGES, format!("{user} sees {id} among the {kind}"), "a full pull does not hold it", &[seq]);
    }
    for id in given.difference(may) {
        let expected = format!("{user} is not given {id} among the {kind}");
        out.violated(ISOLATED, expected, "a full pull holds it", &[seq]);
    }
}
