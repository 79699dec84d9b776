//! Pages, cursors and what a delta holds.

use rusqlite::StatementStatus;

use super::*;
use crate::protocol::{DeltaQuery, RemovalReason, SignInRequest};
use crate::server::{auth, delta, seed};

fn many(count: usize) -> World {
    World::with((1..=count).map(|n| order(&format!("WO-{n:06}"), json!({ "assignedTo": "maria" }))).collect())
}

#[tokio::test(start_paused = true)]
async fn rows_of_one_commit_are_cut_at_any_page_size_and_none_is_skipped_or_doubled() {
    for limit in [1, 2, 3, 7] {
        let world = many(5);
        let mut maria = world.sign_in("maria", "phone").await;
        let all = maria.pull_by(limit).await;
        let numbers = ["WO-000001", "WO-000002", "WO-000003", "WO-000004", "WO-000005"];
        assert_eq!(ids(&all.work_orders), numbers, "by {limit}");
        assert_eq!((ids(&all.assets), ids(&all.inventory)), (vec!["A-1"], vec!["P-1"]), "by {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_ends_exactly_with_the_last_row_promises_no_more() {
    let world = many(2);
    let mut maria = world.sign_in("maria", "phone").await;
    assert!(maria.page(3).await.has_more);
    assert!(!maria.page(1).await.has_more);
    let empty = maria.page(1).await;
    assert!(!empty.has_more && empty.changes == Changes::default());
}

#[tokio::test(start_paused = true)]
async fn a_row_that_changes_between_two_pages_is_told_by_the_next_pull_with_all_it_owes() {
    let world = many(3);
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    office.update("WO-000001", 1, json!({ "title": "first" })).await;
    office.update("WO-000002", 1, json!({ "title": "second" })).await;
    let first = maria.page(1).await;
    assert_eq!(ids(&first.changes.work_orders), ["WO-000001"]);
    office.update("WO-000002", 2, json!({ "description": "third" })).await;
    let second = maria.page(1).await;
    assert!(!second.has_more, "bounded by the first page: {second:?}");
    let next = maria.pull().await;
    assert_eq!(ids(&next.work_orders), ["WO-000002"]);
    assert_eq!(next.work_orders[0]["title"], "second", "it changed before the bound and was never told");
    assert_eq!(next.work_orders[0]["description"], "third");
    assert_eq!(maria.pull().await, Changes::default());
}

#[tokio::test(start_paused = true)]
async fn a_row_told_on_the_first_page_and_taken_away_before_the_last_is_removed() {
    let world = many(2);
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    assert_eq!(ids(&maria.page(1).await.changes.work_orders), ["WO-000001"]);
    office.update("WO-000001", 1, json!({ "assignedTo": "jonas" })).await;
    maria.pull_by(1).await;
    let next = maria.pull().await;
    assert_eq!(next.removed.work_orders[0].id, "WO-000001");
    assert_eq!(next.removed.work_orders[0].reason, RemovalReason::Reassigned);
}

#[tokio::test(start_paused = true)]
async fn a_delta_holds_changed_fields_and_changed_lines_alone() {
    let tasks = json!([{ "taskId": "T1", "status": "pending" }, { "taskId": "T2", "status": "pending" }]);
    let world = World::with(vec![order("WO-000001", json!({ "assignedTo": "maria", "tasks": tasks }))]);
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    let result = office
        .update(
            "WO-000001",
            1,
            json!({ "title": "New", "tasks": [{ "taskId": "T2", "status": "done" },
            { "taskId": "T1", "_deleted": true }] }),
        )
        .await;
    let news = maria.pull().await.work_orders.remove(0);
    let expected = json!({ "workOrderId": "WO-000001", "_version": 2, "updatedAt": result.updated_at, "title": "New",
        "tasks": [{ "taskId": "T1", "_deleted": true }, { "taskId": "T2", "status": "done" }] });
    assert_eq!(Value::Object(news), expected);
    assert_eq!(maria.look("WO-000001").await.unwrap()["tasks"], json!([{ "taskId": "T2", "status": "done" }]));
}

#[tokio::test(start_paused = true)]
async fn own_writes_are_left_out_and_foreign_changes_of_the_same_row_are_not() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let mut tablet = world.sign_in("maria", "tablet").await;
    maria.pull().await;
    tablet.pull().await;
    maria.update("WO-000001", 1, json!({ "completionNotes": "done" })).await;
    assert_eq!(maria.pull().await, Changes::default(), "its own");
    office.update("WO-000001", 2, json!({ "title": "New" })).await;
    let news = maria.pull().await.work_orders.remove(0);
    assert_eq!((&news["title"], &news["_version"]), (&json!("New"), &json!(3)));
    assert!(!news.contains_key("completionNotes"), "{news:?}");
    let news = tablet.pull().await.work_orders.remove(0);
    assert_eq!(news["completionNotes"], "done", "another device of hers did not write it");
}

#[tokio::test(start_paused = true)]
async fn since_alone_is_exclusive_and_gives_what_the_cursor_gives() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let start = maria.page(1000).await.sync_timestamp;
    assert_eq!(start, "2025-11-08T06:00:00.000Z");
    // Two commits within one millisecond of the clock still have times of their own.
    office.update("WO-000001", 1, json!({ "title": "a" })).await;
    office.update("WO-000002", 1, json!({ "title": "b" })).await;
    let since = |time: &str| format!("{}?since={time}", path::DELTA);
    let first: DeltaAnswer = maria.call(Method::GET, &since(&start), None).await.ok();
    assert_eq!(ids(&first.changes.work_orders), ["WO-000001", "WO-000002"]);
    assert_eq!(first.changes, maria.pull().await);
    assert_eq!(first.sync_timestamp, "2025-11-08T06:00:00.002Z");
    let rest: DeltaAnswer = maria.call(Method::GET, &since("2025-11-08T06:00:00.001Z"), None).await.ok();
    assert_eq!(ids(&rest.changes.work_orders), ["WO-000002"]);
    let none: DeltaAnswer = maria.call(Method::GET, &since(&first.sync_timestamp), None).await.ok();
    assert_eq!(none.changes, Changes::default());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_knows_since_alone_is_not_led_past_what_a_page_left_out() {
    let world = many(3);
    let mut office = world.sign_in("office", "desk").await;
    let maria = world.sign_in("maria", "phone").await;
    for n in 1..=3 {
        office.update(&format!("WO-{n:06}"), 1, json!({ "title": "x" })).await;
    }
    let target = format!("{}?since=2025-11-08T06:00:00.000Z&limit=2", path::DELTA);
    let page: DeltaAnswer = maria.call(Method::GET, &target, None).await.ok();
    assert!(page.has_more);
    assert_eq!(page.sync_timestamp, "2025-11-08T06:00:00.000Z", "there is more at that time");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_hides_no_commit() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    pass(MINUTE).await;
    office.update("WO-000001", 1, json!({ "title": "a" })).await;
    let before = maria.page(1000).await.sync_timestamp;
    world.clock.set_skew_ms(-30_000);
    office.update("WO-000001", 2, json!({ "title": "b" })).await;
    let after: DeltaAnswer = maria.call(Method::GET, &format!("{}?since={before}", path::DELTA), None).await.ok();
    assert_eq!(after.changes.work_orders[0]["title"], "b");
    assert!(after.sync_timestamp > before);
}

#[tokio::test(start_paused = true)]
async fn entities_choose_the_kinds_and_a_cursor_does_not_pass_over_kinds_it_never_saw() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let page: DeltaAnswer =
        maria.call(Method::GET, &format!("{}?entities=assets,inventory", path::DELTA), None).await.ok();
    assert!(page.changes.work_orders.is_empty());
    assert_eq!((page.changes.assets.len(), page.changes.inventory.len()), (2, 1));
    let wider = format!("{}?cursor={}", path::DELTA, page.next_cursor);
    let refused = maria.call(Method::GET, &wider, None).await;
    assert_eq!((refused.status, refused.problem().code), (StatusCode::BAD_REQUEST, ErrorCode::ValidationError));
}

#[tokio::test(start_paused = true)]
async fn an_empty_pull_walks_over_nothing_and_prepares_nothing_anew() {
    let users = vec![user("maria", "technician", &["S1"])];
    let work_orders = (1..=50).map(|n| order(&format!("WO-{n:06}"), json!({ "assignedTo": "maria" }))).collect();
    let seeded = Seeded { users, work_orders, ..Seeded::default() };
    let mut store = seed::store(0, Seed(1).stream("server"), seeded).unwrap();
    let request =
        SignInRequest { user_id: "maria".into(), password: "maria's".into(), device_id: "phone".into(), code: None };
    let tokens = auth::sign_in(&mut store, 1, &request, &[]).unwrap();
    let maria = auth::authenticate(&store, 1, &tokens.access_token).unwrap();
    let mut query = DeltaQuery { limit: Some(100), ..DeltaQuery::default() };
    query.cursor = Some(delta::pull(&mut store, 1, &maria, &query).unwrap().answer.next_cursor);
    let steps = |store: &super::super::store::Store| {
        let statement = store.connection.prepare_cached(delta::CHANGED).unwrap();
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        assert_eq!(statement.get_status(StatementStatus::FullscanStep), 0);
        statement.get_status(StatementStatus::VmStep)
    };
    let before = steps(&store);
    for _ in 0..10 {
        assert_eq!(delta::pull(&mut store, 1, &maria, &query).unwrap().answer.changes, Changes::default());
    }
    assert!(steps(&store) - before < 500, "{} steps of SQLite for ten empty pulls", steps(&store) - before);
}

#[tokio::test(start_paused = true)]
async fn the_digest_is_given_when_asked_for_and_only_where_it_is_what_the_device_holds() {
    let world = many(3);
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    assert_eq!(maria.page(1).await.view_digest, None, "not asked for");
    maria.cursor = None;
    let ask = async |maria: &mut Device, more: &str| {
        let from = maria.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let answer = maria.call(Method::GET, &format!("{}?digest=1{more}{from}", path::DELTA), None).await;
        let answer: DeltaAnswer = answer.ok();
        maria.cursor = Some(answer.next_cursor.clone());
        answer
    };
    assert_eq!(ask(&mut maria, "&limit=1").await.view_digest, None, "more pages follow");
    office.update("WO-000001", 1, json!({ "title": "x" })).await;
    assert_eq!(ask(&mut maria, "").await.view_digest, None, "the device has not heard of that yet");
    let of = |orders: &[(&str, i64)]| Some(ViewDigest::of(orders.iter().copied()));
    assert_eq!(ask(&mut maria, "").await.view_digest, of(&[("WO-000001", 2), ("WO-000002", 1), ("WO-000003", 1)]));
    maria.update("WO-000002", 1, json!({ "status": "completed" })).await;
    office.update("WO-000003", 1, json!({ "assignedTo": "jonas" })).await;
    assert_eq!(ask(&mut maria, "").await.view_digest, of(&[("WO-000001", 2)]), "finished, and away");
    maria.cursor = None;
    assert_eq!(ask(&mut maria, "&entities=assets").await.view_digest, None, "no work orders asked for");
    let refused = maria.call(Method::GET, &format!("{}?digest=2", path::DELTA), None).await;
    assert_eq!(refused.problem().code, ErrorCode::ValidationError);
}

#[tokio::test(start_paused = true)]
async fn every_page_names_the_cursor_that_it_answers() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let first = maria.page(1).await;
    assert_eq!(first.cursor.as_deref(), Some(""), "none was sent");
    assert_eq!(maria.page(1).await.cursor, Some(first.next_cursor));
}
