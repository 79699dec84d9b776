//! Two edits meet.

use super::*;
use crate::protocol::ConflictOutcome::{ClientWins, Manual, ServerWins};
use crate::protocol::ConflictsAnswer;

#[tokio::test(start_paused = true)]
async fn fields_that_do_not_overlap_merge_and_the_answer_carries_what_others_changed() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "title": "New", "partsUsed": [{ "lineId": "A", "qty": 1 }] })).await;
    let result =
        maria.update("WO-000001", 1, json!({ "description": "d", "partsUsed": [{ "lineId": "B", "qty": 2 }] })).await;
    assert_eq!((result.status, result.new_version), (ResultStatus::Success, Some(3)));
    let theirs = json!({ "title": "New", "partsUsed": [{ "lineId": "A", "qty": 1 }] });
    assert_eq!(result.server_state.map(Value::Object), Some(theirs));
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!(order["partsUsed"], json!([{ "lineId": "A", "qty": 1 }, { "lineId": "B", "qty": 2 }]));
}

/// The example of spec 4.2, strategy 3: the field says completed, the server in-progress, parts on both sides.
#[tokio::test(start_paused = true)]
async fn a_completion_wins_over_progress_that_no_supervisor_made() {
    let world = World::new();
    let mut phone = world.sign_in("maria", "phone").await;
    let mut tablet = world.sign_in("maria", "tablet").await;
    let parts = |line: &str, part: &str, qty: u8| json!([{ "lineId": line, "partId": part, "qty": qty }]);
    tablet.update("WO-000001", 1, json!({ "status": "in-progress", "partsUsed": parts("L1", "A", 1) })).await;
    let result = phone.update("WO-000001", 1, json!({ "status": "completed", "partsUsed": parts("L2", "B", 2) })).await;
    assert_eq!(result.status, ResultStatus::Conflict);
    assert_eq!((result.conflicts.len(), result.conflicts[0].outcome), (1, ClientWins));
    let office = world.sign_in("office", "desk").await;
    let order = office.look("WO-000001").await.unwrap();
    assert_eq!((&order["status"], order["partsUsed"].as_array().unwrap().len()), (&json!("completed"), 2));
}

/// The example of spec 4.3: the field says completed, the office on-hold.
#[tokio::test(start_paused = true)]
async fn a_status_that_a_supervisor_set_stays_while_execution_fields_go_in() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "status": "on-hold" })).await;
    let fields = json!({ "status": "completed", "actualEnd": "2025-11-08T10:00:00Z" });
    let result = maria.update("WO-000001", 1, fields).await;
    assert_eq!((result.status, result.new_version), (ResultStatus::Conflict, Some(3)));
    let conflict = &result.conflicts[0];
    assert_eq!(
        (&conflict.mine, &conflict.theirs, conflict.outcome),
        (&json!("completed"), &json!("on-hold"), ServerWins)
    );
    assert_eq!(
        (conflict.version, conflict.by.as_str(), conflict.at.as_str()),
        (2, "office", "2025-11-08T06:00:00.001Z")
    );
    assert_eq!(result.server_state, Some(record(json!({ "status": "on-hold" }))));
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!((&order["status"], &order["actualEnd"]), (&json!("on-hold"), &json!("2025-11-08T10:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_fields_all_lose_makes_no_version() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let set = office.update("WO-000001", 1, json!({ "scheduledStart": "2025-11-09T08:00:00Z" })).await;
    let result = maria.update("WO-000001", 1, json!({ "scheduledStart": "2025-11-10T08:00:00Z" })).await;
    assert_eq!(
        (result.status, result.new_version, result.updated_at),
        (ResultStatus::Conflict, Some(2), set.updated_at)
    );
}

#[tokio::test(start_paused = true)]
async fn equal_values_are_no_conflict_and_no_change() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let same = json!({ "title": "Same", "tasks": [{ "taskId": "T1", "status": "done" }] });
    office.update("WO-000001", 1, same.clone()).await;
    let result = maria.update("WO-000001", 1, same).await;
    assert_eq!((result.status, result.new_version, result.conflicts.len()), (ResultStatus::Success, Some(2), 0));
}

#[tokio::test(start_paused = true)]
async fn one_devices_own_chain_never_conflicts_but_anothers_change_in_between_does() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    assert_eq!(maria.update("WO-000001", 1, json!({ "title": "a" })).await.status, ResultStatus::Success);
    assert_eq!(maria.update("WO-000001", 1, json!({ "title": "b" })).await.status, ResultStatus::Success);
    office.update("WO-000001", 3, json!({ "title": "c" })).await;
    let result = maria.update("WO-000001", 1, json!({ "title": "d" })).await;
    assert_eq!((result.status, result.conflicts[0].outcome), (ResultStatus::Conflict, ServerWins));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_saw_the_others_change_is_no_conflict() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "title": "a" })).await;
    let result = maria.update("WO-000001", 2, json!({ "title": "b" })).await;
    assert_eq!((result.status, result.server_state), (ResultStatus::Success, None));
}

#[tokio::test(start_paused = true)]
async fn two_edits_of_one_line_merge_key_by_key_and_the_device_is_told_the_line() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "tasks": [{ "taskId": "T1", "note": "mind the step" }] })).await;
    let mine = json!({ "taskId": "T1", "status": "done" });
    let result = maria.update("WO-000001", 1, json!({ "tasks": [mine] })).await;
    let conflict = &result.conflicts[0];
    assert_eq!((conflict.field.as_str(), conflict.outcome, &conflict.mine), ("tasks/T1", ClientWins, &mine));
    let line = json!([{ "taskId": "T1", "status": "done", "note": "mind the step" }]);
    assert_eq!(result.server_state.unwrap()["tasks"], line);
    assert_eq!(maria.look("WO-000001").await.unwrap()["tasks"], line);
}

#[tokio::test(start_paused = true)]
async fn a_removed_line_that_somebody_works_on_comes_back() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "tasks": [{ "taskId": "T1", "_deleted": true }] })).await;
    let result = maria.update("WO-000001", 1, json!({ "tasks": [{ "taskId": "T1", "status": "done" }] })).await;
    assert_eq!(result.conflicts[0].theirs, json!({ "taskId": "T1", "_deleted": true }));
    assert_eq!(maria.look("WO-000001").await.unwrap()["tasks"][0]["status"], "done");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_what_was_deleted_finds_a_tombstone_only_where_it_was_theirs() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    let mut jonas = world.sign_in("jonas", "phone").await;
    chief.delete("WO-000001", 1).await;
    let mine = maria.update("WO-000001", 1, json!({ "title": "x" })).await;
    assert_eq!((code(&mine), mine.error.unwrap().tombstone), (ErrorCode::NotFound, true));
    let others = jonas.update("WO-000001", 1, json!({ "title": "x" })).await;
    assert_eq!((code(&others), others.error.unwrap().tombstone), (ErrorCode::NotFound, false));
    assert!(maria.look("WO-000001").await.is_none(), "no resurrection");
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_meets_foreign_changes_loses() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    maria.update("WO-000001", 1, json!({ "laborRecords": [{ "laborId": "L", "minutes": 5 }] })).await;
    let result = chief.delete("WO-000001", 1).await;
    assert_eq!((result.status, result.new_version), (ResultStatus::Conflict, Some(2)));
    let conflict = &result.conflicts[0];
    assert_eq!((conflict.field.as_str(), conflict.outcome, conflict.by.as_str()), ("_deleted", ServerWins, "maria"));
    assert_eq!(result.server_state.unwrap()["laborRecords"][0]["minutes"], 5);
    assert!(maria.look("WO-000001").await.is_some());
    assert_eq!(chief.delete("WO-000001", 2).await.status, ResultStatus::Success, "knowing of them it may");
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_gone_succeeds_and_what_never_was_is_not_found() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    let mut office = world.sign_in("office", "desk").await;
    assert_eq!(chief.delete("WO-000001", 1).await.new_version, Some(2));
    let again = office.delete("WO-000001", 1).await;
    assert_eq!((again.status, again.new_version), (ResultStatus::Success, Some(2)));
    assert_eq!(code(&office.delete("WO-000003", 1).await), ErrorCode::PermissionDenied);
    assert_eq!(code(&office.delete("WO-999999", 1).await), ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn findings_wait_for_whoever_made_them_and_a_choice_closes_the_audit() {
    let world = World::new();
    let mut office = world.sign_in("office", "desk").await;
    let mut maria = world.sign_in("maria", "phone").await;
    office.update("WO-000001", 1, json!({ "rootCause": "bolt" })).await;
    let met = maria.update("WO-000001", 1, json!({ "rootCause": "brush", "description": "d" })).await;
    assert_eq!((met.status, met.conflicts[0].outcome), (ResultStatus::Conflict, Manual));
    let id = met.conflict_id.unwrap();
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!((&order["rootCause"], &order["description"]), (&json!("bolt"), &json!("d")));
    let choice = |id: &str, field: &str| json!({ "rootCause": "brush", "_resolves": [{ "conflictId": id, "resolution": { field: "client-wins" } }] });
    for wrong in [choice("c-404", "rootCause"), choice(&id, "title")] {
        assert_eq!(code(&maria.update("WO-000001", 3, wrong).await), ErrorCode::ValidationError);
    }
    let mut jonas = world.sign_in("jonas", "phone").await;
    assert!(jonas.update("WO-000003", 1, choice(&id, "rootCause")).await.error.is_some(), "it is not his");
    assert_eq!(maria.update("WO-000001", 3, choice(&id, "rootCause")).await.status, ResultStatus::Success);
    let auditor = world.sign_in("audit", "desk").await.tokens.access_token;
    let all: ConflictsAnswer = world.call(Method::GET, path::CONFLICTS, Some(&auditor), None).await.ok();
    let record = &all.conflicts[0];
    assert_eq!((all.conflicts.len(), &record.conflict_id, record.user_id.as_str()), (1, &id, "maria"));
    assert!(record.resolved_at.is_some() && record.resolution.len() == 1);
    let token = jonas.tokens.access_token.clone();
    let own: ConflictsAnswer = world.call(Method::GET, path::CONFLICTS, Some(&token), None).await.ok();
    assert_eq!(own.conflicts, [], "others' conflicts are not his to read");
}
