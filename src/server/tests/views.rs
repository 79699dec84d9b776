//! Who sees what: isolation, entering, leaving, coming back.

use super::*;
use crate::protocol::RemovalReason;

fn removals(changes: &Changes) -> Vec<(&str, RemovalReason)> {
    changes.removed.work_orders.iter().map(|removal| (removal.id.as_str(), removal.reason)).collect()
}

#[tokio::test(start_paused = true)]
async fn everybody_gets_what_is_theirs_and_nothing_else() {
    let world = World::with(vec![
        order("WO-000001", json!({ "assignedTo": "maria" })),
        order("WO-000002", json!({ "assignedTo": "maria", "status": "completed" })),
        order("WO-000003", json!({ "assignedTo": "jonas", "siteId": "S2", "assetId": "A-2" })),
        order("WO-000004", json!({ "assignedTo": null, "assetId": null })),
        order("WO-000005", json!({ "assignedTo": null, "siteId": "S2", "createdBy": "maria", "assetId": null })),
        order("WO-000006", json!({ "createdBy": "maria", "createdAt": "2025-10-01T00:00:00.000Z" })),
    ]);
    let all = ["WO-000001", "WO-000002", "WO-000003", "WO-000004", "WO-000005", "WO-000006"];
    for (user, orders, assets, parts) in [
        ("maria", vec!["WO-000001", "WO-000005"], vec!["A-1"], vec!["P-1"]),
        ("jonas", vec!["WO-000003"], vec!["A-2"], vec!["P-1", "P-2"]),
        ("office", vec!["WO-000001", "WO-000002", "WO-000004", "WO-000006"], vec!["A-1"], vec!["P-1"]),
        ("chief", all.to_vec(), vec!["A-1", "A-2"], vec!["P-1", "P-2"]),
        ("audit", all.to_vec(), vec!["A-1", "A-2"], vec!["P-1", "P-2"]),
    ] {
        let mut device = world.sign_in(user, "device").await;
        let got = device.pull().await;
        assert_eq!(ids(&got.work_orders), orders, "{user}");
        assert_eq!(ids(&got.assets), assets, "{user}");
        assert_eq!(ids(&got.inventory), parts, "{user}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_inventory_quantities_alone_are_synced() {
    let mut maria = World::new().sign_in("maria", "phone").await;
    let part = maria.pull().await.inventory.remove(0);
    assert_eq!(Value::Object(part), json!({ "partId": "P-1", "quantityAvailable": 4, "unit": "pc" }));
}

#[tokio::test(start_paused = true)]
async fn everybody_gets_their_own_profile() {
    let maria = World::new().sign_in("maria", "phone").await;
    let profile: Profile = maria.call(Method::GET, path::PROFILE, None).await.ok();
    assert_eq!((profile.user_id.as_str(), profile.role.as_str()), ("maria", "technician"));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_another_user_shows_nothing_of_theirs() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.cursor = Some(chief.page(1).await.next_cursor);
    let got = maria.pull().await;
    assert!(!ids(&got.work_orders).contains(&"WO-000003"), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn a_newly_assigned_order_comes_whole_with_its_asset_however_old_it_is() {
    let world = World::new();
    let mut office = world.sign_in("chief", "desk").await;
    let mut jonas = world.sign_in("jonas", "phone").await;
    jonas.pull().await;
    pass(DAY).await;
    office.refresh().await;
    jonas.refresh().await;
    office.update("WO-000002", 1, json!({ "assignedTo": "jonas" })).await;
    let got = jonas.pull_by(1).await;
    assert_eq!(got.work_orders[0]["title"], "Check", "whole");
    assert_eq!(got.work_orders[0]["tasks"][0]["taskId"], "T1", "whole");
    assert_eq!(ids(&got.assets), ["A-2"], "never changed, newly referenced");
}

#[tokio::test(start_paused = true)]
async fn a_reassigned_order_leaves_with_its_asset_and_comes_back_whole() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    chief.update("WO-000002", 1, json!({ "assignedTo": "jonas" })).await;
    let away = maria.pull_by(1).await;
    assert_eq!(removals(&away), [("WO-000002", RemovalReason::Reassigned)]);
    assert_eq!(away.removed.assets[0].id, "A-2");
    assert!(away.deleted_ids.work_orders.is_empty() && away.work_orders.is_empty());
    chief.update("WO-000002", 2, json!({ "title": "Secret" })).await;
    assert_eq!(maria.pull().await, Changes::default(), "no longer hers");
    chief.update("WO-000002", 3, json!({ "assignedTo": "maria" })).await;
    let back = maria.pull().await;
    assert_eq!((&back.work_orders[0]["title"], &back.work_orders[0]["priority"]), (&json!("Secret"), &json!("low")));
    assert_eq!(ids(&back.assets), ["A-2"]);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_away_between_two_pulls_comes_whole_and_names_the_lines_that_went() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    chief.update("WO-000001", 1, json!({ "assignedTo": "jonas" })).await;
    chief.update("WO-000001", 2, json!({ "tasks": [{ "taskId": "T1", "_deleted": true }] })).await;
    chief.update("WO-000001", 3, json!({ "assignedTo": "maria" })).await;
    let got = maria.pull_by(1).await;
    assert_eq!(removals(&got), []);
    assert_eq!(ids(&got.work_orders), ["WO-000001"]);
    assert_eq!(got.work_orders[0]["title"], "Check");
    assert_eq!(got.work_orders[0]["tasks"], json!([{ "taskId": "T1", "_deleted": true }]));
}

#[tokio::test(start_paused = true)]
async fn a_shared_asset_stays_until_the_last_order_that_refers_to_it_goes() {
    let world = World::with(vec![
        order("WO-000001", json!({ "assignedTo": "maria" })),
        order("WO-000002", json!({ "assignedTo": "maria" })),
    ]);
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    chief.update("WO-000001", 1, json!({ "assignedTo": "jonas" })).await;
    assert!(maria.pull().await.removed.assets.is_empty());
    chief.update("WO-000002", 1, json!({ "assetId": "A-2" })).await;
    let got = maria.pull().await;
    assert_eq!((ids(&got.assets), got.removed.assets[0].id.as_str()), (vec!["A-2"], "A-1"));
}

#[tokio::test(start_paused = true)]
async fn ones_own_completion_is_no_removal_and_the_office_is_still_heard() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    maria.update("WO-000001", 1, json!({ "status": "completed" })).await;
    assert_eq!(maria.pull().await, Changes::default(), "neither removed nor told again");
    office.update("WO-000001", 2, json!({ "status": "closed" })).await;
    let news = maria.pull().await;
    assert_eq!((&news.work_orders[0]["status"], news.work_orders[0].len()), (&json!("closed"), 4));
    assert!(maria.look("WO-000001").await.is_none(), "a fresh snapshot leaves it out");
    office.update("WO-000001", 3, json!({ "assignedTo": "jonas" })).await;
    assert_eq!(removals(&maria.pull().await), [("WO-000001", RemovalReason::Reassigned)]);
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_snapshot_left_a_retained_order_out_hears_of_it_only_when_it_reopens_and_then_whole() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut phone = world.sign_in("maria", "phone").await;
    phone.pull().await;
    phone.update("WO-000001", 1, json!({ "status": "completed" })).await;
    let mut tablet = world.sign_in("maria", "tablet").await;
    let first = tablet.pull().await;
    assert_eq!((ids(&first.work_orders), ids(&first.assets)), (vec!["WO-000002"], vec!["A-2"]));
    office.update("WO-000001", 2, json!({ "description": "well done" })).await;
    assert_eq!(tablet.pull().await, Changes::default());
    office.update("WO-000001", 3, json!({ "status": "assigned" })).await;
    let got = tablet.pull().await;
    assert_eq!((&got.work_orders[0]["title"], ids(&got.assets)), (&json!("Check"), vec!["A-1"]));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_order_is_in_deleted_ids_and_in_removed() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    office.pull().await;
    office.delete("WO-000001", 1).await;
    let got = maria.pull().await;
    assert_eq!(got.deleted_ids.work_orders, ["WO-000001"]);
    assert_eq!(removals(&got), [("WO-000001", RemovalReason::Deleted)]);
    assert_eq!(office.pull().await, Changes::default(), "who deleted it knows");
    assert!(!ids(&office.page(1000).await.changes.work_orders).contains(&"WO-000001"));
}

#[tokio::test(start_paused = true)]
async fn created_and_deleted_between_two_pulls_folds_to_nothing_but_not_for_its_maker() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let mut tablet = world.sign_in("maria", "tablet").await;
    maria.pull().await;
    tablet.pull().await;
    let id = maria.create("local-1", json!({})).await.entity_id.unwrap();
    office.delete(&id, 1).await;
    assert_eq!(tablet.pull().await, Changes::default());
    assert_eq!(maria.pull().await.deleted_ids.work_orders, [id], "it holds what it made");
}

#[tokio::test(start_paused = true)]
async fn thirty_days_after_its_creation_an_order_of_others_leaves_its_creators_view() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    let id = maria.create("local-1", json!({ "assignedTo": "jonas" })).await.entity_id.unwrap();
    pass(29 * DAY).await;
    maria.refresh().await;
    assert!(maria.pull().await.removed.work_orders.is_empty());
    pass(DAY + MINUTE).await;
    maria.refresh().await;
    let result = maria.update(&id, 1, json!({ "title": "x" })).await;
    assert_eq!(code(&result), ErrorCode::PermissionDenied);
    let got = maria.pull().await;
    assert_eq!((removals(&got), got.work_orders.len()), (vec![(id.as_str(), RemovalReason::Reassigned)], 0));
    assert!(maria.look(&id).await.is_none());
}

/// A client gives up a row at `PERMISSION_DENIED` (spec 7.1), though it was only the operation that was denied.
#[tokio::test(start_paused = true)]
async fn what_the_caller_may_see_but_not_delete_is_given_to_them_again() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    assert_eq!(code(&maria.delete("WO-000001", 1).await), ErrorCode::PermissionDenied);
    let again = maria.pull().await;
    assert_eq!((ids(&again.work_orders), &again.work_orders[0]["title"]), (vec!["WO-000001"], &json!("Check")));
    assert_eq!(maria.pull().await, Changes::default());
}

#[tokio::test(start_paused = true)]
async fn nobody_writes_what_they_may_not() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut office = world.sign_in("office", "desk").await;
    let mut audit = world.sign_in("audit", "desk").await;
    let mut before = audit.pull().await.work_orders;
    let theirs = maria.update("WO-000003", 1, json!({ "title": "x" })).await;
    assert_eq!(code(&theirs), ErrorCode::PermissionDenied, "another technician's");
    assert_eq!(code(&maria.delete("WO-000001", 1).await), ErrorCode::PermissionDenied, "created by others");
    assert_eq!(code(&office.delete("WO-000003", 1).await), ErrorCode::PermissionDenied, "another site");
    assert_eq!(code(&office.create("l", json!({ "siteId": "S2" })).await), ErrorCode::PermissionDenied);
    assert_eq!(code(&audit.update("WO-000001", 1, json!({ "title": "x" })).await), ErrorCode::PermissionDenied);
    assert_eq!(code(&audit.create("l", json!({})).await), ErrorCode::PermissionDenied);
    audit.cursor = None;
    let mut after = audit.pull().await.work_orders;
    after.sort_by_key(|order| order["workOrderId"].to_string());
    before.sort_by_key(|order| order["workOrderId"].to_string());
    assert_eq!(after, before, "nothing changed");
}
