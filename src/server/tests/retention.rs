//! What the server forgets, and what it must not (decision q).

use super::*;
use crate::protocol::DeadLetters;

async fn days(count: u32) {
    pass(count * DAY).await;
}

fn resync(reply: &Reply) -> bool {
    reply.status == StatusCode::GONE && reply.problem().kind == "/problems/resync-required"
}

impl Device {
    async fn ask(&self) -> Reply {
        let cursor = self.cursor.clone().unwrap();
        self.call(Method::GET, &format!("{}?cursor={cursor}", path::DELTA), None).await
    }
}

#[tokio::test(start_paused = true)]
async fn after_ninety_days_a_cursor_that_would_miss_removals_is_told_to_begin_anew() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut idle = world.sign_in("jonas", "phone").await;
    maria.pull().await;
    idle.pull().await;
    world.sign_in("office", "desk").await.delete("WO-000001", 1).await;
    let since = maria.page(1000).await.sync_timestamp;
    maria.cursor = idle.cursor.clone();
    days(89).await;
    let maria = Device { cursor: maria.cursor, ..world.sign_in("maria", "phone").await };
    assert_eq!(maria.ask().await.ok::<DeltaAnswer>().changes.deleted_ids.work_orders, ["WO-000001"], "still known");
    days(3).await;
    let mut maria = Device { cursor: maria.cursor, ..world.sign_in("maria", "phone").await };
    assert!(resync(&maria.ask().await));
    let old = maria.call(Method::GET, &format!("{}?since=2025-11-08T05:00:00Z", path::DELTA), None).await;
    assert!(resync(&old), "since alone likewise");
    let known = maria.call(Method::GET, &format!("{}?since={since}", path::DELTA), None).await;
    assert_eq!(known.status, StatusCode::OK, "who knew of the removal misses nothing, however long ago");
    maria.cursor = None;
    assert_eq!(ids(&maria.pull().await.work_orders), ["WO-000002"], "a snapshot is always to be had");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_left_in_the_middle_for_ninety_days_begins_anew() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    assert!(maria.page(1).await.has_more);
    world.sign_in("office", "desk").await.delete("WO-000001", 1).await;
    days(92).await;
    let maria = Device { cursor: maria.cursor, ..world.sign_in("maria", "phone").await };
    assert!(resync(&maria.ask().await));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_an_idle_server_never_grows_old() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    days(200).await;
    let maria = Device { cursor: maria.cursor, ..world.sign_in("maria", "phone").await };
    assert_eq!(maria.ask().await.ok::<DeltaAnswer>().changes, Changes::default());
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_sent_again_after_its_result_was_forgotten_makes_nothing_new() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let kept = maria.creation("local-1", json!({ "title": "Leak" }));
    let gone = maria.creation("local-2", json!({ "title": "Rust" }));
    let first = maria.push_one(kept.clone()).await;
    let lost = maria.push_one(gone.clone()).await;
    let mut office = world.sign_in("office", "desk").await;
    office.update(first.entity_id.as_ref().unwrap(), 1, json!({ "title": "Leak at the pump" })).await;
    office.delete(lost.entity_id.as_ref().unwrap(), 1).await;
    for (after, what) in [(31, "result forgotten"), (91, "tombstone forgotten")] {
        days(after).await;
        let maria = Device { cursor: None, ..world.sign_in("maria", "phone").await };
        maria.call(Method::GET, path::DELTA, None).await;
        let again = maria.push_one(kept.clone()).await;
        assert_eq!((again.status, again.replayed), (ResultStatus::Success, true), "{what}");
        assert_eq!((again.entity_id, again.new_version), (first.entity_id.clone(), Some(2)), "{what}");
        assert_eq!(again.server_state.unwrap()["title"], "Leak at the pump", "{what}");
        let again = maria.push_one(gone.clone()).await;
        assert_eq!((code(&again), again.error.unwrap().tombstone), (ErrorCode::NotFound, true), "{what}");
        let mut other = kept.clone();
        other["payload"]["title"] = "Another".into();
        other["queueId"] = "fresh".into();
        assert_eq!(code(&maria.push_one(other).await), ErrorCode::ValidationError, "{what}");
        let mut audit = world.sign_in("audit", "desk").await;
        assert_eq!(audit.pull().await.work_orders.len(), 4, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deleted_do_not_rise_when_their_tombstone_is_gone() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut office = world.sign_in("office", "desk").await;
    office.delete("WO-000001", 1).await;
    let late = maria.update("WO-000001", 1, json!({ "title": "x" })).await;
    assert_eq!((code(&late), late.error.unwrap().tombstone), (ErrorCode::NotFound, true));
    days(92).await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.pull().await;
    let late = maria.update("WO-000001", 1, json!({ "title": "x" })).await;
    assert_eq!((code(&late), late.error.unwrap().tombstone), (ErrorCode::NotFound, false));
    assert!(world.sign_in("audit", "desk").await.look("WO-000001").await.is_none());
    let made = maria.create("local-9", json!({})).await;
    assert_eq!(made.entity_id.unwrap(), "WO-000004", "its number is not given again");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_the_deleted_lies_among_the_dead_letters_once_for_those_who_look_after_the_site() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let mut jonas = world.sign_in("jonas", "phone").await;
    chief.delete("WO-000001", 1).await;
    chief.delete("WO-000003", 1).await;
    let late = maria.operation("update", "WO-000001", 1, json!({ "completionNotes": "done" }));
    for _ in 0..2 {
        assert_eq!(code(&maria.push_one(late.clone()).await), ErrorCode::NotFound);
    }
    jonas.update("WO-000003", 1, json!({ "title": "x" })).await;
    jonas.update("WO-000001", 1, json!({ "title": "never mine" })).await;
    let read = async |user: &str, query: &str| {
        let reader = world.sign_in(user, "reader").await;
        reader.call(Method::GET, &format!("{}{query}", path::DEAD_LETTERS), None).await
    };
    let all: DeadLetters = read("audit", "").await.ok();
    let told: Vec<_> = all.dead_letters.iter().map(|it| (it.user_id.as_str(), it.entity_id.as_str())).collect();
    assert_eq!(told, [("maria", "WO-000001"), ("jonas", "WO-000003")]);
    assert_eq!(all.dead_letters[0].payload["completionNotes"], "done");
    assert_eq!((all.dead_letters[0].device_id.as_str(), all.has_more), ("phone", false));
    let page: DeadLetters = read("audit", "?limit=1").await.ok();
    assert_eq!((page.dead_letters.len(), page.has_more), (1, true));
    let rest: DeadLetters = read("audit", &format!("?after={}", page.dead_letters[0].number)).await.ok();
    assert_eq!((rest.dead_letters[0].entity_id.as_str(), rest.has_more), ("WO-000003", false));
    assert_eq!(read("office", "").await.ok::<DeadLetters>().dead_letters.len(), 1, "of her site");
    let refused = read("maria", "").await;
    assert_eq!((refused.status, refused.problem().code), (StatusCode::FORBIDDEN, ErrorCode::PermissionDenied));
    days(92).await;
    world.sign_in("maria", "phone").await.pull().await;
    assert_eq!(read("audit", "").await.ok::<DeadLetters>().dead_letters, []);
}
