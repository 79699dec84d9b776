//! I3, convergence: at rest each device holds what the server gives its user, by set, by value and by version.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{DeviceEvent, DeviceState, MessageKind, UNREADABLE, What};
use crate::protocol::{Record, field_kind};

use super::super::case::{Case, device_event};
use super::super::facts::{ASSETS, Device, INVENTORY, Seen, View, WORK_ORDERS};
use super::super::item::{Item, is_removal, items, same, short};
use super::super::model::{Order, Sight, sight};
use super::super::verdict::Findings;

const CHECK: &str = "I3 convergence";
/// Finished work may be cleared from a device after this long (spec 8.4).
const NINETY_DAYS_MS: u64 = 90 * 24 * 3600 * 1000;
/// Columns of the read-only caches that a device must hold as the server does (spec 2.2).
const ASSET_COLUMNS: &[&str] = &["siteId", "type", "category", "manufacturer", "model", "status", "location"];
const INVENTORY_COLUMNS: &[&str] = &["description", "quantityAvailable", "unit"];

pub(in super::super) fn devices_agree(case: &Case<'_>, out: &mut Findings) {
    if !case.facts.ending.at_rest() {
        return;
    }
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        let Some(user) = state.user_id.as_deref() else { continue };
        let Some(view) = case.facts.views.get(user) else { continue };
        let one = One { case, name, device, state, user, view, seq };
        one.set(out);
        one.values(out);
        one.caches(out);
    }
}

/// One device against its user's view.
struct One<'c, 'a> {
    case: &'c Case<'a>,
    name: &'c str,
    device: &'c Device<'a>,
    state: &'a DeviceState,
    user: &'a str,
    view: &'c View<'a>,
    seq: u64,
}

impl One<'_, '_> {
    fn set(&self, out: &mut Findings) {
        let view: BTreeSet<&str> = self.view.work_orders.iter().map(String::as_str).collect();
        let lanes = self.lanes();
        let lacking = view.iter().filter(|id| !self.state.work_orders.contains_key(**id));
        for id in lacking.filter(|id| !self.may_be_cleaned(id)) {
            self.say(format!("{} holds {id}, as {}'s full pull does", self.name, self.user), "it lacks it", out);
        }
        let kept = self.kept();
        for id in self.state.work_orders.keys().map(String::as_str) {
            if !view.contains(id) && !kept.contains(id) && !lanes.contains_key(id) {
                let expected = format!("{} does not hold {id}: {} does not see it any more", self.name, self.user);
                self.say(expected, "it holds it", out);
            }
        }
        let had = self.received();
        for id in kept.iter().filter(|id| had.contains(*id) && !self.state.work_orders.contains_key(**id)) {
            self.say(format!("{} keeps {id}, its user's own finished work", self.name), "it lacks it", out);
        }
    }

    /// Closed or cancelled 90 days ago: a device deletes it at its next start (spec 8.4).
    fn may_be_cleaned(&self, id: &str) -> bool {
        let last = self.case.model.orders.get(id).and_then(|order| order.stages.last());
        last.is_some_and(|stage| {
            matches!(stage.status, Some("closed" | "cancelled"))
                && self.view.at_ms.saturating_sub(stage.at_ms) >= NINETY_DAYS_MS
        })
    }

    fn values(&self, out: &mut Findings) {
        let lanes = self.lanes();
        for (id, row) in &self.state.work_orders {
            let Some(server) = self.case.facts.final_order(id) else { continue };
            let pending = lanes.get(id.as_str());
            let differing = differing(row, server.record, pending, self.case.facts.sealed);
            if !differing.is_empty() {
                let expected = format!("{id} on {} equals the server's", self.name);
                out.violated(CHECK, expected, differing.join("; "), &[server.seq, self.seq]);
            }
        }
    }

    fn caches(&self, out: &mut Findings) {
        let referenced: BTreeSet<&str> =
            self.state.work_orders.values().filter_map(|row| row.get("assetId").and_then(Value::as_str)).collect();
        let kinds = [
            (ASSETS, ASSET_COLUMNS, &self.state.assets, self.view.assets, &referenced),
            (INVENTORY, INVENTORY_COLUMNS, &self.state.inventory, self.view.inventory, &BTreeSet::new()),
        ];
        for (kind, columns, rows, view, extra) in kinds {
            for id in view.iter().filter(|id| !rows.contains_key(*id)) {
                self.say(format!("{} holds {id} among its {kind}", self.name), "it lacks it", out);
            }
            let view: BTreeSet<&str> = view.iter().map(String::as_str).collect();
            for (id, row) in rows {
                if !view.contains(id.as_str()) && !extra.contains(id.as_str()) {
                    self.say(format!("{} does not hold {id} among its {kind}", self.name), "it holds it", out);
                }
                let server = self.case.facts.server.get(kind).and_then(|all| all.get(id.as_str())).copied();
                self.cached(id, row, server, columns, out);
            }
        }
    }

    fn cached(&self, id: &str, row: &Record, server: Option<Seen<'_>>, columns: &[&str], out: &mut Findings) {
        let Some(server) = server else { return };
        let null = &Value::Null;
        for column in columns {
            let (here, there) = (row.get(*column).unwrap_or(null), server.record.get(*column).unwrap_or(null));
            if !same(here, there) {
                let expected = format!("{id} on {}: {column} = {}", self.name, short(there));
                out.violated(CHECK, expected, format!("it holds {}", short(here)), &[server.seq, self.seq]);
            }
        }
    }

    fn say(&self, expected: String, happened: &str, out: &mut Findings) {
        out.violated(CHECK, expected, happened, &[self.view.seq, self.seq]);
    }

    /// Items that operations in the queue still set, by order.
    fn lanes(&self) -> BTreeMap<&str, BTreeSet<Item<'_>>> {
        let mut lanes: BTreeMap<&str, BTreeSet<Item<'_>>> = BTreeMap::new();
        for row in &self.state.queue {
            let id = self.case.facts.ops.resolve(&row.entity_id);
            for name in [id, row.entity_id.as_str()] {
                let lane = lanes.entry(name).or_default();
                if let Some(op) = self.case.facts.ops.find(&row.queue_id) {
                    lane.extend(items(op.payload).map(|(item, _)| item));
                }
            }
        }
        lanes
    }

    /// Orders that the device may go on holding though a full pull lacks them.
    fn kept(&self) -> BTreeSet<&str> {
        let orders = self.case.model.orders.iter().filter(|(_, order)| order.deleted.is_none());
        let kept = orders.filter(|(_, order)| {
            let sight = sight(&self.case.facts, order, self.user, None, self.view.at_ms);
            matches!(sight, Sight::Kept | Sight::Maybe)
        });
        kept.map(|(id, _)| *id).collect()
    }

    /// Finished orders that the server gave the device and never rightly took back: it must still hold them.
    fn received(&self) -> BTreeSet<&str> {
        let mut had = BTreeSet::new();
        if self.view.at_ms > NINETY_DAYS_MS {
            return had;
        }
        for event in &self.device.timeline {
            if let Some(DeviceEvent::CacheCleared | DeviceEvent::LoggedOut) = device_event(event) {
                had.clear();
            }
            let What::Answer(message) = &event.what else { continue };
            let MessageKind::DeltaAnswer { records, removed, .. } = &message.kind else { continue };
            if !message.delivered {
                continue;
            }
            had.extend(records.iter().filter(|record| record.kind == WORK_ORDERS).map(|record| record.id.as_str()));
            for removal in removed {
                let order = self.case.model.orders.get(removal.id.as_str());
                if order.is_none_or(|order| !stays(self.case, order, self.user, self.view.at_ms)) {
                    had.remove(removal.id.as_str());
                }
            }
        }
        let certain = |id: &&str| {
            let order = self.case.model.orders.get(*id);
            order.is_some_and(|order| sight(&self.case.facts, order, self.user, None, self.view.at_ms) == Sight::Kept)
        };
        had.retain(|id| certain(id));
        had
    }
}

/// Whether the user has seen the order ever since they first did, so that no pull may take it from them.
fn stays(case: &Case<'_>, order: &Order<'_>, user: &str, now_ms: u64) -> bool {
    let mut sights = order.stages.iter().enumerate().map(|(place, stage)| {
        let until_ms = order.stages.get(place + 1).map_or(now_ms, |next| next.at_ms);
        sight(&case.facts, order, user, Some(stage.version), until_ms)
    });
    sights.find(|sight| *sight != Sight::No).is_some_and(certain) && sights.all(certain)
}

fn certain(sight: Sight) -> bool {
    matches!(sight, Sight::Kept | Sight::Yes)
}

/// The first few fields in which a device's row differs from the server's record; pending items are the device's own.
fn differing(row: &Record, server: &Record, pending: Option<&BTreeSet<Item<'_>>>, sealed: &[String]) -> Vec<String> {
    let known = |record| {
        let all = items(record)
            .filter(|(item, value)| field_kind(item.field).is_some() && !(item.line.is_some() && is_removal(value)));
        all.collect::<BTreeMap<Item<'_>, &Value>>()
    };
    let (here, there) = (known(row), known(server));
    let null = &Value::Null;
    let names: BTreeSet<&Item<'_>> = here.keys().chain(there.keys()).collect();
    let mut found: Vec<String> = Vec::new();
    for item in names.into_iter().filter(|item| pending.is_none_or(|pending| !pending.contains(item))) {
        let (mine, theirs) = (here.get(item).copied().unwrap_or(null), there.get(item).copied().unwrap_or(null));
        // Whether it may say so, another judge asks.
        let unreadable = mine.as_str() == Some(UNREADABLE) && sealed.iter().any(|field| field == item.field);
        if !same(mine, theirs) && !unreadable {
            found.push(format!("{item}: device {}, server {}", short(mine), short(theirs)));
        }
    }
    let version = |record: &Record| record.get("_version").cloned().unwrap_or(Value::Null);
    if pending.is_none() && !same(&version(row), &version(server)) {
        found.push(format!("_version: device {}, server {}", version(row), version(server)));
    }
    found.truncate(3);
    found
}
