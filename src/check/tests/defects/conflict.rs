//! Defects of conflict and delete.

use super::*;

#[test]
fn conflict_missing_or_without_ground() {
    let clear =
        |result: &mut OperationResult, _| (result.status, result.conflicts) = (ResultStatus::Success, Vec::new());
    let verdict = planted(|story| {
        answered(story, "q1", clear);
        on_device(story, "maria", |state| state.conflicts.clear());
    });
    red(&verdict, "I17", &["WO-1", "conflicts on status: office set it at version 2", "no such conflict"]);
    red(&verdict, "I1", &["its status lost to a foreign change", "no conflict record on maria"]);
    let invent = |found: &mut OperationResult, _| {
        let other = json!({"queueId": "q2", "status": "conflict", "newVersion": 3, "conflicts": [{"field": "title", "mine": "two!", "theirs": "two", "outcome": "server-wins", "version": 1, "by": "office", "at": ""}]});
        *found = result(other);
    };
    red(&planted(|story| answered(story, "q2", invent)), "I17", &["does not conflict on title"]);
}

#[test]
fn equal_values_are_no_conflict() {
    let verdict = planted(|story| {
        story.each(|what| match what {
            What::Attempted { device, edit } if device == "office" => {
                drop(edit.fields.insert("status".into(), json!("completed")))
            }
            What::Acknowledged { device, operation } if device == "office" && operation.queue_id == "o1" => {
                operation.payload.insert("status".into(), json!("completed"));
            }
            _ => {}
        });
    });
    red(&verdict, "I17", &["does not conflict on status"]);
}

#[test]
fn conflict_recorded_twice_or_wrongly() {
    let twice = planted(|story| {
        on_device(story, "maria", |state| {
            let again = state.conflicts[0].clone();
            state.conflicts.push(again);
        })
    });
    red(&twice, "I17", &["1 conflict records", "there are 2"]);
    let swapped =
        planted(|story| on_device(story, "maria", |state| state.conflicts[0].fields[0].mine = json!("assigned")));
    red(&swapped, "I17", &["says what the answer said"]);
    let stray = planted(|story| on_device(story, "maria", |state| state.conflicts[0].queue_id = "q7".into()));
    red(&stray, "I17", &["names the operation q7, which met none"]);
}

#[test]
fn wrong_side_wins() {
    let verdict = planted(|story| {
        answered(story, "q1", |result, _| result.conflicts[0].outcome = crate::protocol::ConflictOutcome::ClientWins);
        in_both(story, "WO-1", set("status", json!("completed")));
    });
    red(&verdict, "I17", &["status: server wins", "client wins"]);
    red(&verdict, "I1", &["office's update of WO-1", "the server holds status = \"completed\""]);
}

#[test]
fn conflict_values_do_not_match() {
    let verdict = planted(|story| {
        answered(story, "q1", |result, _| {
            result.conflicts[0].theirs = json!("assigned");
            (result.conflicts[0].version, result.conflicts[0].by) = (1, "maria".into());
        })
    });
    red(&verdict, "I17", &["theirs = \"on-hold\"", "it says \"assigned\""]);
    red(&verdict, "I17", &["set at version 2", "version 1"]);
    red(&verdict, "I17", &["set by office", "maria"]);
}

#[test]
fn hash_converges_to_wrong() {
    // Server and device agree, and the edit is gone: only the ledger sees it.
    let verdict = planted(|story| in_both(story, "WO-2", set("title", json!("two"))));
    red(
        &verdict,
        "I1",
        &["maria's update of WO-2 (title)", "the server holds title = \"two\"; no operation replaced \"two!\""],
    );
    assert_eq!(verdict.ledger.lost, 1);
    let verdict = planted(|story| in_both(story, "WO-1", set("priority", json!("low"))));
    red(&verdict, "I4", &["priority = \"high\", as seeded", "\"low\""]);
}

#[test]
fn delete_vs_update_resurrect() {
    let verdict = planted(|story| {
        story.server("work-orders", &[order("WO-6", "A2", "maria", "assigned", "six", 2)]);
        on_device(story, "maria", |state| {
            drop(state.work_orders.insert("WO-6".into(), record(order("WO-6", "A2", "maria", "assigned", "six", 2))));
        });
    });
    red(&verdict, "I5", &["WO-6 stays deleted by office's delete", "the server holds it"]);
    red(&verdict, "I5", &["WO-6", "maria holds it at the end"]);
    red(&verdict, "I1", &["office's delete of WO-6", "still on the server"]);
}

#[test]
fn rescue_log_lost() {
    let verdict = planted(|story| on_device(story, "maria", |state| state.rescued.clear()));
    red(&verdict, "I1", &["maria's update of WO-5", "PERMISSION_DENIED", "neither shows nor keeps it"]);
}

#[test]
fn record_vanishes_from_the_server() {
    let verdict = planted(|story| {
        story.events.retain(|(_, what)| {
        !matches!(what, What::ServerRecord { record, .. } if record.get("workOrderId").is_some_and(|id| id == "WO-3" || id == "WO-7"))
    })
    });
    red(&verdict, "I4", &["WO-3 is on the server: nobody deleted it", "gone"]);
    red(&verdict, "I1", &["maria's create of tmp-1", "not on the server"]);
}

#[test]
fn a_delete_that_makes_no_version() {
    let verdict = planted(|story| answered(story, "o4", |result, _| result.new_version = Some(1)));
    red(&verdict, "I2", &["office's delete of WO-6", "from version 1 to 2", "the answer says version 1"]);
}
