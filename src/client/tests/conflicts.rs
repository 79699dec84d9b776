//! Foreign changes that meet the user's: conflicts, and records that leave.

use serde_json::{Value, json};

use super::{Device, Reply, order, page, record};
use crate::history::{DeviceEvent, SyncOutcome};
use crate::protocol::{ConflictOutcome, RemovalReason, path};

fn removals(device: &Device) -> Vec<RemovalReason> {
    let reason =
        |event: &DeviceEvent| if let DeviceEvent::Removed { reason, .. } = event { Some(*reason) } else { None };
    device.events.borrow().iter().filter_map(reason).collect()
}

#[tokio::test(start_paused = true)]
async fn pull_clobbers_pending() {
    let device = Device::ready().await;
    let edit_it = |engine: &crate::client::Engine| {
        let set = record(json!({"title": "mine"}));
        engine.edit(crate::client::EditRequest { id: "WO-1".into(), set }).unwrap();
    };
    let change = json!({"workOrders": [{"workOrderId": "WO-1", "title": "theirs", "priority": "low", "_version": 2}]});
    device.wire.next(path::DELTA, device.during(edit_it, Reply::Json(page("c2", false, change))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!((device.shows("WO-1", "title"), device.shows("WO-1", "priority")), (json!("mine"), json!("low")));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.wire.pushes()[0][0]["payload"]["_version"], 1, "so that the server sees the conflict");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_recorded_and_the_servers_value_shown() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"status": "completed", "completionNotes": "done"}));
    let field = json!({"field": "status", "mine": "completed", "theirs": "on-hold", "outcome": "server-wins",
        "version": 2, "by": "office", "at": "2025-11-08T06:00:00.000Z"});
    let result = json!({"queueId": edit.queue_id, "status": "conflict", "newVersion": 3, "conflicts": [field],
        "serverState": {"status": "on-hold", "priority": "low"}, "updatedAt": "2025-11-08T06:00:01.000Z"});
    device.wire.next(path::PUSH, Reply::Json(json!({"results": [result]})));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let shown = ["status", "completionNotes", "priority", "_version"].map(|field| device.shows("WO-1", field));
    assert_eq!(shown, [json!("on-hold"), json!("done"), json!("low"), json!(3)]);
    let conflict = &device.engine.state().unwrap().conflicts[0];
    assert_eq!((conflict.queue_id.as_str(), conflict.user_id.as_str()), (edit.queue_id.as_str(), "maria"));
    assert_eq!((conflict.client_version, conflict.server_version), (1, 3));
    assert_eq!(conflict.fields[0].outcome, ConflictOutcome::ServerWins);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_lost_brings_the_record_back() {
    let device = Device::ready().await;
    let delete = device.engine.delete("WO-1").unwrap();
    assert_eq!(device.shows("WO-1", "title"), Value::Null);
    let field = json!({"field": "_deleted", "mine": true, "theirs": false, "outcome": "server-wins",
        "version": 2, "by": "office", "at": "2025-11-08T06:00:00.000Z"});
    let result = json!({"queueId": delete.queue_id, "status": "conflict", "newVersion": 2, "conflicts": [field],
        "serverState": {"priority": "low"}});
    device.wire.next(path::PUSH, Reply::Json(json!({"results": [result]})));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let row = &device.engine.state().unwrap().work_orders["WO-1"];
    assert_eq!((&row["title"], &row["priority"], &row["_version"]), (&json!("Pump"), &json!("low"), &json!(2)));
    assert!(!row.contains_key("_deleted"));
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_was_taken_leaves_nothing() {
    let device = Device::ready().await;
    device.engine.delete("WO-1").unwrap();
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.engine.state().unwrap().work_orders.len(), 2);
    assert_eq!(removals(&device), [], "the user knows");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_record_that_left_is_rescued() {
    let device = Device::ready().await;
    let edit_it = |engine: &crate::client::Engine| {
        let set = record(json!({"title": "mine"}));
        engine.edit(crate::client::EditRequest { id: "WO-1".into(), set }).unwrap();
    };
    let gone = json!({"deletedIds": {"workOrders": ["WO-2"]},
        "removed": {"workOrders": [{"id": "WO-1", "reason": "reassigned"}, {"id": "WO-2", "reason": "deleted"}]}});
    device.wire.next(path::DELTA, device.during(edit_it, Reply::Json(page("c2", false, gone))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let state = device.engine.state().unwrap();
    assert_eq!(state.work_orders.keys().collect::<Vec<_>>(), ["WO-3"]);
    assert_eq!(state.rescued[0].payload["title"], "mine");
    assert_eq!(state.queue, []);
    assert_eq!(removals(&device), [RemovalReason::Reassigned, RemovalReason::Deleted]);
}

#[tokio::test(start_paused = true)]
async fn not_found_removes_the_record_and_rescues_its_lane() {
    let device = Device::ready().await;
    let edits = ["one", "two"].map(|title| device.edit("WO-1", json!({"title": title})).queue_id);
    let error = json!({"code": "NOT_FOUND", "detail": "gone", "tombstone": true});
    let results = edits.clone().map(|id| json!({"queueId": id, "status": "error", "error": error}));
    device.wire.next(path::PUSH, Reply::Json(json!({"results": results})));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let state = device.engine.state().unwrap();
    assert_eq!(state.rescued.iter().map(|it| it.queue_id.clone()).collect::<Vec<_>>(), edits);
    assert!(!state.work_orders.contains_key("WO-1") && state.queue.is_empty());
    assert_eq!(removals(&device), [RemovalReason::Deleted]);
    // It may come back, whole.
    device.wire.next(path::DELTA, Reply::Json(page("c3", false, json!({"workOrders": [order("WO-1", 7)]}))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!((device.shows("WO-1", "title"), device.shows("WO-1", "_version")), (json!("Pump"), json!(7)));
}
