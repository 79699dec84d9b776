//! What comes down, and where the cursor stands.

use serde_json::{Value, json};

use super::{Device, Reply, order, page, record};
use crate::history::SyncOutcome;
use crate::protocol::path;

#[tokio::test(start_paused = true)]
async fn cursor_before_apply() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Json(page("c2", true, json!({"workOrders": [order("WO-4", 1)]}))));
    device
        .wire
        .next(path::DELTA, Reply::Json(page("c3", false, json!({"workOrders": [order("WO-5", 1), {"title": "x"}]}))));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(device.cursor().as_deref(), Some("c2"), "a page that cannot be applied wholly is not applied");
    assert_eq!(device.shows("WO-5", "title"), Value::Null);
    // A page that breaks half way through takes its cursor back with it.
    device.engine.store.read().execute_batch("DROP TABLE inventory").unwrap();
    let changes = json!({"workOrders": [order("WO-5", 1)], "inventory": [{"partId": "P"}]});
    device.wire.next(path::DELTA, Reply::Json(page("c3", false, changes)));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(device.cursor().as_deref(), Some("c2"));
    let rows =
        device.engine.store.read().prepare("SELECT 1 FROM work_orders WHERE workOrderId = 'WO-5'").unwrap().exists([]);
    assert!(!rows.unwrap());
}

#[tokio::test(start_paused = true)]
async fn initial_sync_not_resumable() {
    let device = Device::fresh();
    device.engine.sign_in("maria", "secret", None).await.unwrap();
    device.wire.next(path::DELTA, Reply::Json(page("c1", true, json!({"workOrders": [order("WO-1", 1)]}))));
    device.wire.next(path::DELTA, Reply::Lost);
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    let device = device.restart();
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.wire.last().target, "/api/v1/sync/delta?cursor=c1");
    let targets: Vec<String> = device.wire.sent.borrow().iter().map(|sent| sent.target.clone()).collect();
    assert_eq!(targets[1..3], [path::PROFILE, "/api/v1/sync/delta"], "the profile comes first, and once");
    assert_eq!(device.wire.count(path::PROFILE), 1);
}

#[tokio::test(start_paused = true)]
async fn full_set_prune_kills_local_create() {
    let device = Device::ready().await;
    let create = |engine: &crate::client::Engine| {
        engine.create(record(json!({"title": "Leak"}))).unwrap();
    };
    let snapshot = json!({"workOrders": [order("WO-1", 1)]});
    device.wire.next(path::DELTA, device.during(create, Reply::Json(page("c9", false, snapshot))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let titles: Vec<Value> =
        device.engine.state().unwrap().work_orders.values().map(|row| row["title"].clone()).collect();
    assert_eq!(titles, ["Pump", "Pump", "Pump", "Leak"]);
}

#[tokio::test(start_paused = true)]
async fn changed_fields_and_lines_are_merged_and_caches_follow() {
    let device = Device::ready().await;
    let first = json!({"workOrders": [{"workOrderId": "WO-1", "_version": 2, "partsUsed": [{"lineId": "a", "qty": 1},
            {"lineId": "b", "qty": 1}], "customFields": {"x": [1]}}],
        "assets": [{"assetId": "A1", "siteId": "S1", "status": "failed", "location": {"row": 3}}],
        "inventory": [{"partId": "P1", "description": "Bolt", "quantityAvailable": 12, "unit": "pcs"}]});
    let second = json!({"workOrders": [{"workOrderId": "WO-1", "_version": 3, "status": "on-hold",
            "partsUsed": [{"lineId": "a", "_deleted": true}, {"lineId": "b", "qty": 4}]}],
        "assets": [{"assetId": "A1", "status": "operational"}],
        "inventory": [{"partId": "P1", "quantityAvailable": 9}]});
    device.wire.next(path::DELTA, Reply::Json(page("c2", true, first)));
    device.wire.next(path::DELTA, Reply::Json(page("c3", false, second)));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let state = device.engine.state().unwrap();
    let mut expected = order("WO-1", 3);
    expected.as_object_mut().unwrap().remove("updatedAt");
    expected["status"] = "on-hold".into();
    expected["partsUsed"] = json!([{"lineId": "b", "qty": 4}]);
    expected["customFields"] = json!({"x": [1]});
    assert_eq!(Value::Object(state.work_orders["WO-1"].clone()), expected);
    let asset = json!({"assetId": "A1", "siteId": "S1", "status": "operational", "location": {"row": 3}});
    assert_eq!(Value::Object(state.assets["A1"].clone()), asset);
    assert_eq!(state.inventory["P1"]["quantityAvailable"], 9);
    let gone = json!({"removed": {"assets": [{"id": "A1", "reason": "revoked"}]}, "deletedIds": {"inventory": ["P1"]}});
    device.wire.next(path::DELTA, Reply::Json(page("c4", false, gone)));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let state = device.engine.state().unwrap();
    assert!(state.assets.is_empty() && state.inventory.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_delta_writes_nothing() {
    let device = Device::ready().await;
    let changes = || device.engine.store.read().total_changes();
    let before = changes();
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(changes(), before);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_promises_more_for_ever_is_not_believed() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Json(page("c1", true, json!({}))));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_page_for_another_position_is_none() {
    let device = Device::ready().await;
    let before = device.cursor();
    let mut of_before = page("c0", false, json!({"workOrders": [order("WO-9", 1)]}));
    of_before["cursor"] = "".into();
    device.wire.next(path::DELTA, Reply::Json(of_before.clone()));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!((device.cursor(), device.shows("WO-9", "title")), (before.clone(), Value::Null));
    of_before["cursor"] = before.into();
    device.wire.next(path::DELTA, Reply::Json(of_before));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.cursor().as_deref(), Some("c0"));
}
