//! Temporary ids become real ones.

use super::*;

#[tokio::test(start_paused = true)]
async fn dependents_travel_in_the_batch_of_their_create_and_never_conflict_with_it() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let create = maria.creation("local-1", json!({ "title": "Leak" }));
    let first = maria.operation("update", "tmp-local-1", 0, json!({ "title": "Big leak", "assignedTo": "jonas" }));
    let second = maria.operation("update", "tmp-local-1", 1, json!({ "status": "completed" }));
    let results = maria.push(json!([create, first, second])).await;
    let id = Some("WO-000004".to_owned());
    let seen: Vec<_> = results.iter().map(|it| (it.status, it.entity_id.clone(), it.new_version)).collect();
    let success = ResultStatus::Success;
    assert_eq!(seen, [(success, id.clone(), Some(1)), (success, id.clone(), Some(2)), (success, id, Some(3))]);
    let order = maria.look("WO-000004").await.unwrap();
    assert_eq!((&order["title"], &order["status"]), (&json!("Big leak"), &json!("completed")));
}

#[tokio::test(start_paused = true)]
async fn a_dependent_whose_create_never_came_is_not_found() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut jonas = world.sign_in("jonas", "phone").await;
    assert_eq!(code(&maria.update("tmp-local-1", 1, json!({ "title": "x" })).await), ErrorCode::NotFound);
    jonas.create("local-1", json!({})).await;
    let others = maria.update("tmp-local-1", 1, json!({ "title": "x" })).await;
    assert_eq!(code(&others), ErrorCode::NotFound, "local ids are each user's own");
}

#[tokio::test(start_paused = true)]
async fn a_create_under_a_new_queue_id_makes_no_second_record() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let first = maria.create("local-1", json!({ "title": "Leak" })).await;
    let again = maria.create("local-1", json!({ "title": "Leak" })).await;
    assert_eq!((again.entity_id, again.replayed), (first.entity_id, true));
    assert_eq!(code(&maria.create("local-1", json!({ "title": "Fire" })).await), ErrorCode::ValidationError);
    assert_eq!(maria.pull().await.work_orders.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_technicians_create_is_theirs_and_the_device_is_told_what_the_server_added() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut tablet = world.sign_in("maria", "tablet").await;
    maria.pull().await;
    tablet.pull().await;
    let result = maria.create("local-1", json!({})).await;
    assert_eq!(result.server_state, Some(record(json!({ "assignedTo": "maria" }))));
    let told = maria.pull().await.work_orders.remove(0);
    assert_eq!((&told["assignedTo"], told.len()), (&json!("maria"), 4), "no more than it lacks");
    let whole = tablet.pull().await.work_orders.remove(0);
    assert_eq!((&whole["title"], &whole["_version"]), (&json!("Leak"), &json!(1)));
    let other = maria.create("local-2", json!({ "assignedTo": "jonas" })).await;
    assert_eq!(other.server_state, None);
}

#[tokio::test(start_paused = true)]
async fn a_create_without_what_every_order_needs_is_refused() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut creation = maria.creation("local-1", json!({}));
    creation["payload"].as_object_mut().unwrap().remove("title");
    let result = maria.push_one(creation).await;
    assert_eq!(
        (code(&result), result.error.unwrap().detail.as_str()),
        (ErrorCode::ValidationError, "`title` is missing")
    );
    let mut creation = maria.creation("local-1", json!({}));
    creation["entityId"] = "tmp-local-2".into();
    assert_eq!(code(&maria.push_one(creation).await), ErrorCode::ValidationError);
    assert_eq!(maria.create("local-1", json!({})).await.entity_id.as_deref(), Some("WO-000004"), "no number was lost");
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_names_a_new_record_is_stored_with_its_real_id() {
    const LOCAL: &str = "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let note = json!({ "customFields": { "ledTo": format!("tmp-{LOCAL}") }, "title": format!("See tmp-{LOCAL}.") });
    let early = maria.update("WO-000001", 1, note.clone()).await;
    assert_eq!(code(&early), ErrorCode::ValidationError, "it names nothing");
    let create = maria.creation(LOCAL, json!({ "title": "Leak" }));
    let update = maria.operation("update", "WO-000001", 1, note);
    let results = maria.push(json!([create, update])).await;
    assert!(results.iter().all(|result| result.status == ResultStatus::Success), "{results:?}");
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!((&order["customFields"], &order["title"]), (&json!({ "ledTo": "WO-000004" }), &json!("See WO-000004.")));
}

#[tokio::test(start_paused = true)]
async fn what_names_a_record_that_could_not_be_made_is_not_judged() {
    const LOCAL: &str = "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut create = maria.creation(LOCAL, json!({ "title": "Leak" }));
    create["payload"]["siteId"] = Value::Null;
    let note = json!({ "customFields": { "ledTo": format!("tmp-{LOCAL}") } });
    let update = maria.operation("update", "WO-000001", 1, note);
    let results = maria.push(json!([create, update])).await;
    assert!(results[1].error.as_ref().is_some_and(|error| error.detail.starts_with("not judged")), "{results:?}");
    assert_eq!(maria.look("WO-000001").await.unwrap()["_version"], 1);
}
