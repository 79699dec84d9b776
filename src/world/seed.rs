//! What the server holds before the story begins: records from a file or the generator, and who owns them.

use serde_json::{Value, json};

use crate::base::{Seed, Stream};
use crate::protocol::Record;

/// The records of a world, each kind in the order of its ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) work_orders: Vec<Record>,
    pub(super) assets: Vec<Record>,
    pub(super) inventory: Vec<Record>,
}

const SITES: u64 = 3;
const PARTS_PER_SITE: u64 = 4;
const EQUIPMENT: &[&str] =
    &["inverter", "gearbox", "yaw drive", "transformer", "tracker motor", "battery string", "SCADA gateway"];
const MAKERS: &[&str] = &["Northwind", "Helios", "Ostwerk", "Calder", "Brisa"];
const JOBS: &[(&str, &str)] = &[("inspection", "Inspect"), ("preventive", "Service"), ("corrective", "Repair")];
const CHECKS: &[&str] = &[
    "Isolate and apply the lock, confirm zero energy",
    "Torque the connections and mark them with paint",
    "Measure the insulation resistance to ground",
    "Photograph the result from two sides",
    "Take a thermal picture under load",
];

/// `count` work orders with their assets and an inventory for each site, drawn from `seed`.
pub(super) fn generate(count: u64, seed: Seed) -> Records {
    let mut draw = seed.stream("world/records");
    let work_orders: Vec<Record> = (1..=count).map(|number| work_order(number, &mut draw)).collect();
    let assets = (1..=count).map(|number| asset(number, &mut draw)).collect();
    let inventory = (1..=SITES).flat_map(|site| (1..=PARTS_PER_SITE).map(move |part| (site, part)));
    let inventory = inventory.map(|(site, part)| stock(site, part, &mut draw)).collect();
    Records { work_orders, assets, inventory }
}

fn record(value: Value) -> Record {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Record::new(),
    }
}

fn site(number: u64) -> String {
    format!("SITE-{}", number % SITES + 1)
}

fn asset_id(number: u64) -> String {
    format!("AST-{number:04}")
}

fn work_order(number: u64, draw: &mut Stream) -> Record {
    let (kind, verb) = *draw.pick(JOBS);
    let title = format!("{verb} the {} of row {}", draw.pick(EQUIPMENT), draw.below(60) + 1);
    let tasks: Vec<Value> = (1..=3).map(|sequence| task(number, sequence, draw)).collect();
    let hour = draw.below(9) + 7;
    let day = draw.below(20) + 9;
    record(json!({
        "workOrderId": format!("WO-{number:06}"),
        "siteId": site(number),
        "assetId": asset_id(number),
        "type": kind,
        "title": title,
        "description": format!("{}. {}.", draw.pick(CHECKS), draw.pick(CHECKS)),
        "priority": *draw.pick(&["low", "medium", "high"]),
        "status": *draw.pick(&["assigned", "in-progress"]),
        "scheduledStart": format!("2025-11-{day:02}T{hour:02}:00:00.000Z"),
        "scheduledEnd": format!("2025-11-{day:02}T{:02}:00:00.000Z", hour + 2),
        "tasks": tasks,
        "partsRequired": [{"partId": format!("P-{}{:02}", number % SITES + 1, 1), "qty": draw.below(4) + 1}],
        "partsUsed": [],
        "laborRecords": [],
        "attachments": [],
        "_version": 1,
        "updatedAt": "2025-11-07T12:00:00.000Z",
    }))
}

fn task(order: u64, sequence: u64, draw: &mut Stream) -> Value {
    json!({
        "taskId": format!("T-{order}-{sequence}"),
        "sequence": sequence,
        "title": *draw.pick(CHECKS),
        "required": true,
        "status": "pending",
    })
}

fn asset(number: u64, draw: &mut Stream) -> Record {
    record(json!({
        "assetId": asset_id(number),
        "siteId": site(number),
        "type": "equipment",
        "category": *draw.pick(EQUIPMENT),
        "manufacturer": *draw.pick(MAKERS),
        "model": format!("M{}", draw.below(900) + 100),
        "status": "operational",
        "location": {"row": draw.below(60) + 1, "bay": draw.below(12) + 1},
    }))
}

fn stock(site: u64, part: u64, draw: &mut Stream) -> Record {
    record(json!({
        "partId": format!("P-{site}{part:02}"),
        "siteId": format!("SITE-{site}"),
        "description": format!("Spare for a {}", draw.pick(EQUIPMENT)),
        "quantityAvailable": draw.below(40) + 1,
        "unit": "pcs",
        // What a part costs is not for devices (spec 2.2).
        "unitCost": 40 + 5 * part,
    }))
}

/// Gives the orders to `owners` in turn; leaves them as they are when there is none.
pub(super) fn assign_in_turn(orders: &mut [Record], owners: &[String]) {
    if owners.is_empty() {
        return;
    }
    for (order, owner) in orders.iter_mut().zip(owners.iter().cycle()) {
        order.insert("assignedTo".into(), Value::String(owner.clone()));
    }
}

/// The sites that `user`'s orders lie at, sorted.
pub(super) fn sites_of(user: &str, orders: &[Record]) -> Vec<String> {
    let own = orders.iter().filter(|order| order.get("assignedTo").and_then(Value::as_str) == Some(user));
    let mut sites: Vec<String> =
        own.filter_map(|order| order.get("siteId").and_then(Value::as_str)).map(str::to_owned).collect();
    sites.sort();
    sites.dedup();
    sites
}
