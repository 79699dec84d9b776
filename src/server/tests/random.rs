//! Random histories: whatever the pages and the order, every device ends with what is its user's, and no more.

use std::collections::BTreeMap;

use super::*;
use crate::base::Stream;
use crate::protocol::ConflictOutcome::ServerWins;
use crate::protocol::line_key;

/// A device that keeps what it pulls, by the rules of the protocol alone.
struct Replica {
    device: Device,
    rows: BTreeMap<String, Record>,
    /// Pushed, but the acknowledgement was lost.
    unknown: Option<Value>,
}

impl Replica {
    /// One page; says whether more follow.
    async fn pull(&mut self, limit: usize) -> bool {
        self.push_unknown().await;
        let page = self.device.page(limit).await;
        let changes = page.changes;
        for record in changes.work_orders.into_iter().chain(changes.assets).chain(changes.inventory) {
            let id = ids(std::slice::from_ref(&record))[0].to_owned();
            merge(self.rows.entry(id).or_default(), record);
        }
        for removal in changes.removed.work_orders.into_iter().chain(changes.removed.assets) {
            self.rows.remove(&removal.id);
        }
        page.has_more
    }

    async fn push(&mut self, operation: Value, acknowledged: bool) {
        self.push_unknown().await;
        if acknowledged {
            let result = self.device.push_one(operation.clone()).await;
            self.settle(&operation, &result);
        } else {
            self.device.push_one(operation.clone()).await;
            self.unknown = Some(operation);
        }
    }

    async fn push_unknown(&mut self) {
        if let Some(operation) = self.unknown.take() {
            let result = self.device.push_one(operation.clone()).await;
            self.settle(&operation, &result);
        }
    }

    /// Does with a result what a client does with it.
    fn settle(&mut self, operation: &Value, result: &OperationResult) {
        let id = result.entity_id.clone().unwrap_or_else(|| operation["entityId"].as_str().unwrap().to_owned());
        if result.status == ResultStatus::Error {
            assert!(matches!(code(result), ErrorCode::NotFound | ErrorCode::PermissionDenied), "{result:?}");
            self.rows.remove(&id);
            return;
        }
        let deleted = operation["operation"] == "delete" && result.status == ResultStatus::Success;
        let made = operation["operation"] == "create";
        if deleted || !(made || self.rows.contains_key(&id)) {
            self.rows.remove(&id);
            return;
        }
        let lost = |field: &str| result.conflicts.iter().any(|it| it.field == field && it.outcome == ServerWins);
        let mut mine = record(operation["payload"].clone());
        mine.retain(|field, _| !field.starts_with('_') && !lost(field));
        let row = self.rows.entry(id.clone()).or_default();
        merge(row, mine);
        merge(row, result.server_state.clone().unwrap_or_default());
        let named = json!({ "workOrderId": id, "_version": result.new_version, "updatedAt": result.updated_at });
        row.extend(record(named));
    }
}

fn merge(row: &mut Record, news: Record) {
    for (field, value) in news {
        let Some(key) = line_key(&field) else {
            row.insert(field, value);
            continue;
        };
        let lines = row.entry(field).or_insert_with(|| json!([])).as_array_mut().unwrap();
        for line in value.as_array().unwrap() {
            let place = lines.iter().position(|there| there[key] == line[key]);
            match (place, line.get("_deleted").is_some()) {
                (Some(place), true) => drop(lines.remove(place)),
                (Some(place), false) => lines[place].as_object_mut().unwrap().extend(record(line.clone())),
                (None, true) => {}
                (None, false) => lines.push(line.clone()),
            }
        }
    }
}

/// Lines sorted by key, and none where there are none: devices that met them in another order hold the same.
fn sorted(mut row: Record) -> Record {
    for (field, value) in &mut row {
        if let (Some(key), Some(lines)) = (line_key(field), value.as_array_mut()) {
            lines.sort_by_key(|line| line[key].to_string());
        }
    }
    row.retain(|_, value| value.as_array().is_none_or(|lines| !lines.is_empty()));
    row
}

fn random_fields(random: &mut Stream) -> Value {
    let line = format!("L{}", random.below(3));
    let number = random.below(1000);
    match random.below(7) {
        0 => json!({ "title": format!("t{number}") }),
        1 => json!({ "assignedTo": *random.pick(&["maria", "jonas"]) }),
        2 => json!({ "status": *random.pick(&["assigned", "in-progress", "completed", "draft"]) }),
        3 => json!({ "partsUsed": [{ "lineId": line, "partId": *random.pick(&["P-1", "P-2"]), "qty": number }] }),
        4 => json!({ "partsUsed": [{ "lineId": line, "_deleted": true }] }),
        5 => json!({ "assetId": *random.pick(&["A-1", "A-2"]) }),
        _ => {
            json!({ "tasks": [{ "taskId": "T1", "status": format!("s{number}") }], "description": format!("{number}") })
        }
    }
}

async fn step(replica: &mut Replica, random: &mut Stream, local_id: &str) {
    let limit = usize::try_from(random.below(3) + 1).unwrap();
    let acknowledged = random.below(3) > 0;
    let orders: Vec<&String> = replica.rows.keys().filter(|id| id.starts_with("WO")).collect();
    let what = random.below(10);
    if what < 4 || orders.is_empty() {
        replica.pull(limit).await;
    } else if what == 4 {
        let operation = replica.device.creation(local_id, json!({ "title": "made" }));
        replica.push(operation, acknowledged).await;
    } else {
        let id = (*random.pick(&orders)).clone();
        let version = replica.rows[&id]["_version"].as_i64().unwrap();
        let operation = match what {
            5 => replica.device.operation("delete", &id, version, json!({})),
            _ => replica.device.operation("update", &id, version, random_fields(random)),
        };
        replica.push(operation, acknowledged).await;
    }
}

async fn everything(world: &World, user: &str) -> BTreeMap<String, Record> {
    let mut fresh = Replica { device: world.sign_in(user, "fresh").await, rows: BTreeMap::new(), unknown: None };
    while fresh.pull(1000).await {}
    fresh.rows
}

/// What the server says that `replica` should hold is what it holds.
async fn compare_digest(replica: &mut Replica, seed: u64) {
    let from = replica.device.cursor.clone().unwrap();
    let target = format!("{}?digest=1&cursor={from}", path::DELTA);
    let page: DeltaAnswer = replica.device.call(Method::GET, &target, None).await.ok();
    let unfinished = |row: &&Record| {
        row.contains_key("workOrderId") && !["completed", "closed", "cancelled"].iter().any(|it| row["status"] == *it)
    };
    let held = replica.rows.values().filter(unfinished);
    let held = held.map(|row| (row["workOrderId"].as_str().unwrap(), row["_version"].as_i64().unwrap()));
    assert_eq!(page.view_digest, Some(ViewDigest::of(held)), "{}, seed {seed}", replica.device.user);
}

async fn compare(world: &World, replica: &Replica, seed: u64) {
    let user = &replica.device.user;
    let truth = everything(world, "audit").await;
    for (id, row) in &replica.rows {
        assert_eq!(sorted(row.clone()), sorted(truth[id].clone()), "{id} of {user}, seed {seed}");
    }
    let view = everything(world, user).await;
    for id in view.keys() {
        assert!(replica.rows.contains_key(id), "{user} lacks {id}, seed {seed}");
    }
    for (id, row) in replica.rows.iter().filter(|(id, _)| !view.contains_key(*id)) {
        let retained = |row: &Record| row["status"] == "completed" && row["assignedTo"] == *user;
        let referred =
            || replica.rows.values().any(|row| row.get("assetId") == Some(&json!(id)) && row.contains_key("title"));
        assert!(if id.starts_with("WO") { retained(row) } else { referred() }, "{user} keeps {id}, seed {seed}");
    }
}

async fn history(seed: u64) {
    let mut random = Seed(seed).stream("history");
    let world = World::new();
    let mut replicas = Vec::new();
    for (user, device) in
        [("maria", "phone"), ("maria", "tablet"), ("jonas", "mobile"), ("office", "desk"), ("chief", "home")]
    {
        let device = world.sign_in(user, device).await;
        replicas.push(Replica { device, rows: BTreeMap::new(), unknown: None });
    }
    for turn in 0..80 {
        let who = usize::try_from(random.below(5)).unwrap();
        step(&mut replicas[who], &mut random, &format!("{seed}-{turn}")).await;
    }
    for replica in &mut replicas {
        replica.push_unknown().await;
    }
    for replica in &mut replicas {
        while replica.pull(2).await {}
        replica.pull(2).await;
        while replica.pull(2).await {}
        compare(&world, replica, seed).await;
        compare_digest(replica, seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_device_ends_with_what_its_user_may_see_and_with_what_the_server_holds() {
    for seed in 0..200 {
        history(seed).await;
    }
}
