//! Defects of push and acknowledgement.

use super::*;

#[test]
fn ack_lost_dup_create() {
    let verdict = planted(|story| {
        answered(story, "q4", |result, count| {
            if count == 1 {
                (result.replayed, result.entity_id) = (false, Some("WO-8".into()));
            }
        });
        story.server("work-orders", &[json!({"workOrderId": "WO-8", "siteId": "S1", "type": "corrective", "title": "new", "status": "assigned", "_version": 1})]);
    });
    red(&verdict, "I2", &["create of tmp-1", "applied again"]);
    red(&verdict, "I4", &["WO-8", "second record of maria's create"]);
}

#[test]
fn lost_ack_retry_applied_twice_in_silence() {
    // Marked as replayed, and yet the version counts two effects.
    red(
        &planted(|story| in_both(story, "WO-2", set("_version", json!(6)))),
        "I2",
        &["WO-2 ends at version 5", "version 6"],
    );
    let parts = json!([{"lineId": "L1", "qty": 2}, {"lineId": "L1", "qty": 2}]);
    red(
        &planted(|story| in_both(story, "WO-2", set("partsUsed", parts.clone()))),
        "I2",
        &["partsUsed/L1 once", "twice"],
    );
    let minted = json!([{"lineId": "L1", "qty": 2}, {"lineId": "L2", "qty": 2}]);
    red(
        &planted(|story| in_both(story, "WO-2", set("partsUsed", minted.clone()))),
        "I4",
        &["partsUsed/L2", "nobody set it"],
    );
    let verdict = planted(|story| {
        answered(story, "q2", |result, count| {
            if count == 1 {
                result.new_version = Some(5)
            }
        })
    });
    red(&verdict, "I2", &["its repeat made another version"]);
}

#[test]
fn new_operation_id_after_a_crash() {
    let verdict = planted(|story| {
        story.each(|what| {
            let What::Request(Message { kind: MessageKind::Push { operations }, .. }) = what else { return };
            if let Some(again) = operations.iter().find(|o| o.queue_id == "q4").cloned() {
                operations.push(crate::protocol::Operation { queue_id: "q4-again".into(), ..again });
            }
        });
    });
    red(&verdict, "I2", &["one create with the _localId", "two operations carry it"]);
    red(&verdict, "push answers", &["8 results", "7 results"]);
}

#[test]
fn ack_by_row_not_op() {
    // The second edit of the row is marked synced with the first: it never goes out.
    let verdict = planted(|story| {
        story.each(|what| match what {
            What::Request(Message { kind: MessageKind::Push { operations }, .. }) => {
                operations.retain(|o| o.queue_id != "q6")
            }
            What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) => {
                results.retain(|r| r.queue_id != "q6")
            }
            _ => {}
        });
        in_both(story, "WO-1", set("_version", json!(3)));
    });
    red(&verdict, "I1", &["tasks/T1", "never sent"]);
    red(&verdict, "I18", &["shows Synced with 0 waiting"]);
    red(&verdict, "I18", &["waits in the queue until", "does not hold the operation"]);
    assert_eq!(verdict.ledger.lost, 1);
}

#[test]
fn partial_batch_all_acked() {
    // One of the batch is refused; the device takes the batch for done.
    let verdict = planted(|story| {
        on_device(story, "maria", |state| {
            state.notices.clear();
            state.queue.clear();
        });
        story.events.retain(|(_, what)| !matches!(what, What::Device { event: DeviceEvent::Noticed(_), .. }));
    });
    red(&verdict, "I1", &["WO-7 (priority)", "refused it with VALIDATION_ERROR"]);
}

#[test]
fn dropped_after_a_html_200_or_a_bare_4xx() {
    // No answer of ours ever came, and the operation is gone from the device.
    let verdict = planted(|story| {
        story.each(|what| match what {
            What::Request(Message { kind: MessageKind::Push { operations }, delivered, .. })
                if operations[0].queue_id == "t1" =>
            {
                *delivered = false;
            }
            What::Answer(Message { kind, .. }) => {
                if matches!(kind, MessageKind::PushAnswer { results } if results[0].queue_id == "t1") {
                    *kind = MessageKind::Other { summary: "text/html".into() };
                }
            }
            _ => {}
        });
        story.shows("tom", Status::Synced, 0);
    });
    red(&verdict, "I1", &["tom's update of WO-3", "the server never took it"]);
    red(&verdict, "I18", &["tom says that 1 changes wait"]);
}

#[test]
fn dropped_when_the_answer_was_lost() {
    // The effect stands, but the device could not know.
    let verdict = planted(|story| {
        story.each(|what| {
            if let What::Answer(Message { kind: MessageKind::PushAnswer { results }, delivered, .. }) = what
                && results[0].queue_id == "t1"
            {
                *delivered = false;
            }
        });
    });
    red(&verdict, "I18", &["tom's update of WO-3", "no answer reached the device"]);
    assert_eq!(verdict.ledger.lost, 0);
}

#[test]
fn results_out_of_step() {
    let verdict = planted(|story| {
        story.each(|what| {
            if let What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) = what {
                results.reverse();
            }
        });
    });
    red(&verdict, "push answers", &["7 results"]);
}

#[test]
fn poison_or_a_missed_wakeup_leaves_work_behind() {
    let waiting = json!({"queueId": "t1", "entityId": "WO-3", "operation": "update", "priority": 5, "status": "pending", "attempts": 0, "error": null});
    let verdict = planted(|story| {
        on_device(story, "tom", |state| state.queue.push(serde_json::from_value(waiting.clone()).unwrap()));
    });
    red(&verdict, "I8", &["queue of tom", "update of WO-3 still waits"]);
    let verdict = planted(|story| {
        story.each(|what| {
            if *what == What::Settled {
                let wait = Wait { device: "tom".into(), what: "an answer to its push".into() };
                *what = What::NotSettled { waits: vec![wait] };
            }
        });
    });
    red(&verdict, "I8", &["tom comes to rest", "an answer to its push"]);
}

#[test]
fn payload_changed_after_it_was_acknowledged() {
    let resend = |field: &'static str, value: serde_json::Value| {
        planted(move |story| {
            story.each(|what| {
                let What::Request(Message { kind: MessageKind::Push { operations }, .. }) = what else { return };
                for operation in operations.iter_mut().filter(|operation| operation.queue_id == "q2") {
                    operation.payload.insert(field.into(), value.clone());
                }
            });
        })
    };
    red(&resend("title", json!("else")), "I4", &["sent as it was made", "its title was"]);
    // Rebased in silence, an edit would overwrite what it never saw.
    red(&resend("_version", json!(2)), "I4", &["its _version was 1 and went out as 2"]);
}

#[test]
fn operation_that_nobody_made() {
    let verdict = planted(|story| {
        story.events.retain(|(_, what)| {
        !matches!(what, What::Attempted { edit, .. } if edit.fields.get("title").is_some_and(|title| title == "two!"))
    })
    });
    red(&verdict, "I4", &["WO-2 (title)", "the user did no such thing"]);
}
