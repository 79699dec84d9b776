//! What goes up, and what an answer may do to the queue.

use serde_json::{Value, json};

use super::{Device, Reply, record};
use crate::history::{DeviceEvent, QueueStatus, Status, SyncOutcome};
use crate::protocol::{ErrorCode, path};

fn failed(outcome: &SyncOutcome) -> Option<ErrorCode> {
    match outcome {
        SyncOutcome::Failed { code, .. } => Some(*code),
        SyncOutcome::Done | SyncOutcome::Offline => None,
    }
}

fn ids(batch: &[Value]) -> Vec<&str> {
    batch.iter().map(|operation| operation["queueId"].as_str().unwrap()).collect()
}

fn error(queue_id: &str, code: &str) -> Value {
    json!({"queueId": queue_id, "status": "error", "error": {"code": code, "detail": "as scripted"}})
}

#[tokio::test(start_paused = true)]
async fn an_edit_travels_as_its_changed_fields_alone() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"status": "completed"}));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let expected = json!({"queueId": edit.queue_id, "entityType": "work-order", "entityId": "WO-1",
        "operation": "update", "payload": {"status": "completed", "_version": 1}});
    assert_eq!(device.wire.pushes(), [[expected]]);
    assert_eq!(device.shows("WO-1", "_version"), 2);
    assert_eq!(device.queue(), []);
}

#[tokio::test(start_paused = true)]
async fn ack_by_row_not_op() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"title": "first"}));
    let again = |engine: &crate::client::Engine| {
        let set = record(json!({"title": "second"}));
        engine.edit(crate::client::EditRequest { id: "WO-1".into(), set }).unwrap();
    };
    device.wire.next(path::PUSH, device.during(again, Reply::Agree));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let titles: Vec<Value> = device.wire.pushes().concat().iter().map(|it| it["payload"]["title"].clone()).collect();
    assert_eq!(titles, ["first", "second"]);
    assert_eq!(device.shows("WO-1", "title"), "second");
    let early = device.events.borrow().iter().any(
        |event| matches!(event, DeviceEvent::Shown { status, queued, .. } if *status == Status::Synced && *queued > 0),
    );
    assert!(!early, "synced was shown while a change was waiting");
}

#[tokio::test(start_paused = true)]
async fn partial_batch_all_acked() {
    let device = Device::ready().await;
    let edits = ["WO-1", "WO-2", "WO-3"].map(|id| device.edit(id, json!({"title": "new"})).queue_id);
    let results = [
        json!({"queueId": edits[0], "status": "success", "newVersion": 2}),
        error(&edits[1], "VALIDATION_ERROR"),
        json!({"queueId": edits[2], "status": "success", "newVersion": 2}),
    ];
    device.wire.next(path::PUSH, Reply::Json(json!({"results": results})));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.queue(), [(edits[1].clone(), QueueStatus::Failed)]);
    assert_eq!(device.engine.state().unwrap().notices[0].code, ErrorCode::ValidationError);
    assert_eq!(device.shows("WO-2", "title"), "new", "saved locally, for the user to correct");
    // The lane waits for the user; nothing is sent blindly.
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.wire.pushes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_corrected_change_goes_first_and_says_what_the_refused_one_said() {
    let device = Device::ready().await;
    let refused = device.edit("WO-2", json!({"title": "", "rootCause": "wear"})).queue_id;
    let behind = device.edit("WO-2", json!({"description": "later"})).queue_id;
    let results = [error(&refused, "VALIDATION_ERROR"), error(&behind, "VALIDATION_ERROR")];
    device.wire.next(path::PUSH, Reply::Json(json!({"results": results})));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let corrected = device.edit("WO-2", json!({"title": "Pump"}));
    assert_eq!(corrected.payload, record(json!({"title": "Pump", "rootCause": "wear", "_version": 1})));
    assert_eq!((device.shows("WO-2", "title"), device.shows("WO-2", "description")), ("Pump".into(), "later".into()));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(ids(&device.wire.pushes()[1]), [&corrected.queue_id, &behind]);
    assert!(device.engine.state().unwrap().notices.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_given_up_uncovers_what_the_server_holds() {
    let device = Device::ready().await;
    let refused = device.edit("WO-2", json!({"title": "", "rootCause": "wear"})).queue_id;
    device.edit("WO-2", json!({"description": "later"}));
    device.wire.next(
        path::PUSH,
        Reply::Json(json!({"results": [error(&refused, "VALIDATION_ERROR"),
        error(&device.queue()[1].0, "VALIDATION_ERROR")]})),
    );
    assert_eq!(device.sync().await, SyncOutcome::Done);
    device.engine.discard("WO-2").unwrap();
    assert_eq!((device.shows("WO-2", "title"), device.shows("WO-2", "description")), ("Pump".into(), "later".into()));
    assert_eq!(device.engine.state().unwrap().rescued[0].queue_id, refused);
    device.live(std::time::Duration::from_secs(1)).await;
    assert_eq!(device.queue(), []);
    assert!(device.engine.retry("WO-2").is_err() && device.engine.discard("WO-2").is_err());
}

#[tokio::test(start_paused = true)]
async fn partial_batch_all_retried() {
    let device = Device::ready().await;
    let edits = ["WO-1", "WO-2"].map(|id| device.edit(id, json!({"title": "new"})).queue_id);
    let results =
        [json!({"queueId": edits[0], "status": "success", "newVersion": 2}), error(&edits[1], "SERVER_ERROR")];
    device.wire.next(path::PUSH, Reply::Json(json!({"results": results})));
    assert_eq!(failed(&device.sync().await), Some(ErrorCode::ServerError));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(ids(&device.wire.pushes()[1]), [&edits[1]]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_behind_a_failed_head_was_not_judged() {
    let device = Device::ready().await;
    let created = device.engine.create(record(json!({"title": "Leak"}))).unwrap();
    let edit = device.edit(&created.entity_id, json!({"title": "Big leak"}));
    let results = [error(&created.queue_id, "SERVER_ERROR"), error(&edit.queue_id, "NOT_FOUND")];
    device.wire.next(path::PUSH, Reply::Json(json!({"results": results})));
    assert_eq!(failed(&device.sync().await), Some(ErrorCode::ServerError));
    assert_eq!(device.shows(&created.entity_id, "title"), "Big leak");
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(ids(&device.wire.pushes()[1]), [&created.queue_id, &edit.queue_id]);
}

#[tokio::test(start_paused = true)]
async fn poison_head_of_line() {
    let device = Device::ready().await;
    let edits = ["WO-1", "WO-2", "WO-3"].map(|id| device.edit(id, json!({"title": "new"})).queue_id);
    // The server refuses whatever batch holds the first operation: three, two, one.
    for _ in 0..3 {
        device.wire.next(path::PUSH, Reply::Problem(400, "VALIDATION_ERROR"));
    }
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.queue(), [(edits[0].clone(), QueueStatus::Failed)]);
    let sizes: Vec<usize> = device.wire.pushes().iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 2, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_breaks_the_server_blocks_nobody_for_ever() {
    let device = Device::ready().await;
    let edits = ["WO-1", "WO-2"].map(|id| device.edit(id, json!({"title": "new"})).queue_id);
    device.wire.next(path::PUSH, Reply::Problem(500, "SERVER_ERROR"));
    assert_eq!(failed(&device.sync().await), Some(ErrorCode::ServerError));
    for _ in 0..10 {
        device.wire.next(path::PUSH, Reply::Problem(500, "SERVER_ERROR"));
        device.sync().await;
    }
    assert_eq!(device.queue(), [(edits[0].clone(), QueueStatus::Failed)], "the other went through");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_uses_up_no_attempts() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"title": "new"})).queue_id;
    for reply in
        [Reply::Problem(503, "SERVER_ERROR"), Reply::Problem(429, "SERVER_ERROR"), Reply::Page(502, "text/html")]
    {
        device.wire.next(path::PUSH, reply);
        assert!(failed(&device.sync().await).is_some());
    }
    let row = device.engine.state().unwrap().queue[0].clone();
    assert_eq!((row.queue_id, row.attempts, row.status), (edit, 0, QueueStatus::Pending));
}

#[tokio::test(start_paused = true)]
async fn only_a_whole_matching_answer_acknowledges() {
    let device = Device::ready().await;
    let edits = ["WO-1", "WO-2"].map(|id| device.edit(id, json!({"title": "new"})).queue_id);
    let done = |id: &str| json!({"queueId": id, "status": "success", "newVersion": 2});
    let replies = [
        Reply::Page(200, "text/html"),
        Reply::Page(403, "text/html"),
        Reply::Page(404, "text/html"),
        Reply::Json(json!({"results": [done(&edits[0])]})),
        Reply::Json(json!({"results": [done(&edits[1]), done(&edits[0])]})),
        Reply::Json(json!({"results": [done(&edits[0]), {"queueId": edits[1], "status": "success"}]})),
        Reply::Lost,
    ];
    let count = replies.len();
    for reply in replies {
        device.wire.next(path::PUSH, reply);
        assert_eq!(failed(&device.sync().await), Some(ErrorCode::NetworkError));
        assert_eq!(device.queue().len(), 2);
    }
    assert_eq!(device.wire.count(path::DELTA), 0, "nothing is pulled while an outcome is unknown");
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let pushes = device.wire.pushes();
    assert_eq!(pushes.len(), count + 1);
    assert!(pushes.iter().all(|batch| *batch == pushes[0]), "the same ids and bodies again");
}

#[tokio::test(start_paused = true)]
async fn id_remap_misses_queue() {
    let device = Device::ready().await;
    let created = device.engine.create(record(json!({"title": "Leak"}))).unwrap();
    let temporary = created.entity_id.clone();
    let edit_it = move |engine: &crate::client::Engine| {
        let set = record(json!({"customFields": {"self": temporary.clone()}}));
        engine.edit(crate::client::EditRequest { id: temporary, set }).unwrap();
    };
    device.wire.next(path::PUSH, device.during(edit_it, Reply::Agree));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let real = format!("WO-9{}", &created.entity_id[created.entity_id.len() - 5..]);
    let later = &device.wire.pushes()[1][0];
    assert_eq!(later["entityId"], real.as_str());
    assert_eq!(later["payload"]["customFields"]["self"], real.as_str());
    assert_eq!(device.shows(&real, "customFields")["self"], real.as_str());
    assert_eq!(device.shows(&real, "assignedTo"), "maria");
    // The id that the user's screen still holds leads to the record.
    assert_eq!(device.edit(&created.entity_id, json!({"title": "x"})).entity_id, real);
}

#[tokio::test(start_paused = true)]
async fn what_went_out_once_keeps_its_temporary_id() {
    let device = Device::ready().await;
    let created = device.engine.create(record(json!({"title": "Leak"}))).unwrap();
    let edit = device.edit(&created.entity_id, json!({"description": "oil"}));
    device.wire.next(path::PUSH, Reply::Lost);
    device.sync().await;
    // Next time the server takes the create alone.
    device.engine.batch_limit.set(1);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let pushes = device.wire.pushes();
    assert_eq!(pushes[2][0], pushes[0][1], "byte for byte what the server may have seen");
    assert_eq!(pushes[2][0]["queueId"], edit.queue_id.as_str());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_halved() {
    let device = Device::ready().await;
    for id in ["WO-1", "WO-2", "WO-3"] {
        device.edit(id, json!({"title": "new"}));
    }
    device.wire.next(path::PUSH, Reply::Page(413, "text/html"));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let sizes: Vec<usize> = device.wire.pushes().iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 2, 1]);
    let big = "x".repeat(200_000);
    for id in ["WO-1", "WO-2"] {
        device.edit(id, json!({"description": big}));
    }
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.wire.pushes()[3].len(), 1, "256 KiB are not exceeded");
}

#[tokio::test(start_paused = true)]
async fn the_tenth_answer_of_failure_is_the_last() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"title": "new"})).queue_id;
    for _ in 0..10 {
        device.wire.next(path::PUSH, Reply::Json(json!({"results": [error(&edit, "SERVER_ERROR")]})));
        assert_eq!(failed(&device.sync().await), Some(ErrorCode::ServerError));
    }
    assert_eq!(device.queue(), [(edit, QueueStatus::Failed)]);
    assert_eq!(device.sync().await, SyncOutcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_edits_go_up_in_one_small_push() {
    let device = Device::ready().await;
    for number in 0..100 {
        device.edit(["WO-1", "WO-2", "WO-3"][number % 3], json!({"title": format!("Pump {number}")}));
    }
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let push = device.wire.sent.borrow().iter().find(|sent| sent.target == path::PUSH).unwrap().clone();
    assert_eq!(push.json["operations"].as_array().unwrap().len(), 100);
    assert!(push.wire_bytes < 10_500, "{} bytes", push.wire_bytes);
}
