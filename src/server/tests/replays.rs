//! Lost acknowledgements, and batches of which a part fails.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_is_replayed_and_the_effect_stands_once() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let operation = maria.operation("update", "WO-000001", 1, json!({ "partsUsed": [{ "lineId": "L1", "qty": 2 }] }));
    let first = maria.push_one(operation.clone()).await;
    assert_eq!((first.status, first.new_version, first.replayed), (ResultStatus::Success, Some(2), false));
    office.update("WO-000001", 2, json!({ "title": "later" })).await;
    let again = maria.push_one(operation).await;
    assert_eq!(again, OperationResult { replayed: true, ..first });
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!((&order["_version"], order["partsUsed"].as_array().unwrap().len()), (&json!(3), 1));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_replayed_as_the_same_conflict() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "title": "theirs" })).await;
    let operation = maria.operation("update", "WO-000001", 1, json!({ "title": "mine" }));
    let first = maria.push_one(operation.clone()).await;
    assert_eq!(first.status, ResultStatus::Conflict);
    office.update("WO-000001", 2, json!({ "title": "mine" })).await;
    assert_eq!(maria.push_one(operation).await, OperationResult { replayed: true, ..first });
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_another_body_is_refused_and_not_applied() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut operation = maria.operation("update", "WO-000001", 1, json!({ "title": "one" }));
    maria.push_one(operation.clone()).await;
    operation["payload"]["title"] = "two".into();
    assert_eq!(code(&maria.push_one(operation).await), ErrorCode::ValidationError);
    assert_eq!(maria.look("WO-000001").await.unwrap()["title"], "one");
}

#[tokio::test(start_paused = true)]
async fn queue_ids_of_two_devices_do_not_meet() {
    let world = World::new();
    let mut phone = world.sign_in("maria", "phone").await;
    let tablet = world.sign_in("maria", "tablet").await;
    let mut operation = phone.operation("update", "WO-000001", 1, json!({ "title": "one" }));
    phone.push_one(operation.clone()).await;
    operation["payload"]["_version"] = 2.into();
    operation["payload"]["title"] = "two".into();
    let result = tablet.push_one(operation).await;
    assert_eq!((result.status, result.replayed), (ResultStatus::Success, false));
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_judged_anew_when_it_comes_again() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let operation = maria.operation("update", "WO-000003", 1, json!({ "title": "x" }));
    assert_eq!(code(&maria.push_one(operation.clone()).await), ErrorCode::PermissionDenied);
    chief.update("WO-000003", 1, json!({ "assignedTo": "maria" })).await;
    assert_eq!(maria.push_one(operation).await.status, ResultStatus::Success);
}

#[tokio::test(start_paused = true)]
async fn one_bad_operation_spoils_no_other_and_results_keep_their_order() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let good = maria.operation("update", "WO-000001", 1, json!({ "title": "one" }));
    let also_good = maria.operation("update", "WO-000002", 1, json!({ "title": "two" }));
    let bad = |entity: &str, payload: Value| json!({ "queueId": "bad", "entityType": "work-order", "entityId": entity, "operation": "update", "payload": payload });
    let results = maria
        .push(json!([
            7,
            good,
            { "queueId": "q", "entityType": "planet", "entityId": "x", "operation": "update", "payload": {} },
            bad("WO-000001", json!({ "title": "no version" })),
            bad("WO-000001", json!({ "title": "x", "_version": 99 })),
            bad("WO-000001", json!({ "colour": "red", "_version": 1 })),
            bad("WO-000001", json!({ "status": 5, "_version": 1 })),
            bad("WO-000001", json!({ "tasks": [{ "status": "done" }], "_version": 1 })),
            bad("WO-999999", json!({ "title": "x", "_version": 1 })),
            also_good,
        ]))
        .await;
    let codes: Vec<_> = results.iter().map(|result| result.error.as_ref().map(|error| error.code)).collect();
    let invalid = Some(ErrorCode::ValidationError);
    let not_found = Some(ErrorCode::NotFound);
    assert_eq!(codes, [invalid, None, invalid, invalid, invalid, invalid, invalid, invalid, not_found, None]);
    assert_eq!(results[2].queue_id, "q");
    assert!(!results[8].error.as_ref().unwrap().tombstone, "there never was one");
    assert_eq!(maria.look("WO-000001").await.unwrap()["_version"], 2);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_fails_leaves_nothing_of_itself() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let before = maria.look("WO-000001").await;
    let cursor = maria.page(1000).await.next_cursor;
    maria.update("WO-000001", 1, json!({ "actualEnd": "2025-11-08T10:00:00Z", "title": null })).await;
    assert_eq!(maria.look("WO-000001").await, before);
    assert_eq!(maria.page(1000).await.next_cursor, cursor, "no commit");
}
