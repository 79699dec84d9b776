//! Defects that sync engines shipped, each planted in the clean story and caught.

use serde_json::json;

use crate::base::CrashHow;
use crate::history::{DeviceEvent, DeviceState, Fault, Message, MessageKind, RecordRef, Status, Trigger, Wait, What};
use crate::protocol::{OperationResult, Record, ResultStatus};

use super::super::{Class, Finding};
use super::story::{Story, order, record, result};
use super::{clean, planted, red, verdict};

fn on_server(story: &mut Story, id: &str, change: impl Fn(&mut Record)) {
    story.each(|what| {
        if let What::ServerRecord { record, .. } = what
            && record.get("workOrderId").is_some_and(|held| held == id)
        {
            change(record);
        }
    });
}

fn on_device(story: &mut Story, name: &str, change: impl Fn(&mut DeviceState)) {
    story.each(|what| {
        if let What::DeviceState { device, state } = what
            && device == name
        {
            change(state);
        }
    });
}

fn in_both(story: &mut Story, id: &str, change: impl Fn(&mut Record)) {
    on_server(story, id, &change);
    for device in ["maria", "tom"] {
        on_device(story, device, |state| state.work_orders.get_mut(id).into_iter().for_each(&change));
    }
}

/// Changes every result of an operation; the second argument counts them from 0.
fn answered(story: &mut Story, queue_id: &str, mut change: impl FnMut(&mut OperationResult, usize)) {
    let mut count = 0;
    story.each(|what| {
        let What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) = what else { return };
        for result in results.iter_mut().filter(|result| result.queue_id == queue_id) {
            change(result, count);
            count += 1;
        }
    });
}

fn set(field: &'static str, value: serde_json::Value) -> impl Fn(&mut Record) {
    move |record| drop(record.insert(field.into(), value.clone()))
}

// Push and acknowledgement.

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

// Pull and cursor.

#[test]
fn cursor_before_apply() {
    // The second page is lost for ever: neither order of it is on the device.
    let verdict = planted(|story| on_device(story, "tom", |state| drop(state.work_orders.remove("WO-5"))));
    red(&verdict, "I3", &["tom holds WO-5", "it lacks it"]);
}

#[test]
fn rows_skipped_at_a_page_edge_stay_old() {
    let verdict = planted(|story| {
        on_device(story, "tom", |state| {
            drop(state.work_orders.insert("WO-3".into(), record(order("WO-3", "A3", "tom", "assigned", "three!", 2))));
        })
    });
    red(&verdict, "I3", &["WO-3 on tom", "title: device \"three!\", server \"3\"", "_version: device 2, server 3"]);
}

#[test]
fn server_view_lacks_what_the_oracle_sees() {
    let verdict = planted(|story| {
        on_device(story, "tom", |state| drop(state.work_orders.remove("WO-5")));
        story.each(|what| {
            if let What::UserView { user_id, work_orders, .. } = what
                && user_id == "tom"
            {
                work_orders.retain(|id| id != "WO-5");
            }
        });
    });
    red(&verdict, "I3", &["tom sees WO-5", "a full pull does not hold it"]);
}

#[test]
fn cursor_goes_back_or_is_invented_or_begins_anew() {
    let ask = |cursor: Option<&'static str>| {
        planted(move |story| {
            story.each(|what| {
                if let What::Request(Message { kind: MessageKind::Delta { cursor: asked, .. }, .. }) = what
                    && asked.as_deref() == Some("m3")
                {
                    *asked = cursor.map(str::to_owned);
                }
            });
        })
    };
    red(&ask(Some("m1")), "I12", &["went back"]);
    red(&ask(Some("2025-11-08")), "I12", &["never given that position"]);
    red(&ask(None), "I12", &["began anew"]);
}

#[test]
fn cache_or_set_out_of_date() {
    let verdict = planted(|story| {
        on_device(story, "tom", |state| {
            drop(state.assets.get_mut("A3").map(|asset| asset.insert("status".into(), json!("failed"))));
            drop(state.inventory.remove("P1"));
            drop(state.work_orders.insert("WO-1".into(), record(order("WO-1", "A1", "maria", "on-hold", "one", 4))));
        })
    });
    red(&verdict, "I3", &["A3 on tom", "failed"]);
    red(&verdict, "I3", &["tom holds P1", "it lacks it"]);
    red(&verdict, "I3", &["tom does not hold WO-1", "it holds it"]);
    red(&verdict, "I13", &["tom never holds WO-1"]);
}

#[test]
fn own_finished_work_vanishes() {
    let verdict = planted(|story| on_device(story, "maria", |state| drop(state.work_orders.remove("WO-2"))));
    red(&verdict, "I3", &["maria keeps WO-2", "it lacks it"]);
}

#[test]
fn somebody_elses_order_is_handed_out() {
    let verdict = planted(|story| {
        story.each(|what| {
            if let What::Answer(Message { device, kind: MessageKind::DeltaAnswer { records, .. }, .. }) = what
                && device == "tom"
            {
                records.push(RecordRef { kind: "work-orders".into(), id: "WO-1".into(), version: 1 });
                records.push(RecordRef { kind: "assets".into(), id: "A2".into(), version: 0 });
                // His only since version 2.
                records.push(RecordRef { kind: "work-orders".into(), id: "WO-5".into(), version: 1 });
            }
        });
    });
    for id in ["WO-1", "A2", "WO-5"] {
        red(&verdict, "I13", &["tom at tom is never given", id]);
    }
}

// Conflict and delete.

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

// Order, backoff, status, run.

#[test]
fn pushed_out_of_order() {
    let swap = |a: usize, b: usize| {
        planted(move |story| {
            story.each(|what| match what {
                What::Request(Message { kind: MessageKind::Push { operations }, .. }) if operations.len() == 7 => {
                    operations.swap(a, b)
                }
                What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) if results.len() == 7 => {
                    results.swap(a, b)
                }
                _ => {}
            });
        })
    };
    red(&swap(3, 4), "I7", &["maria's update of tmp-1 (title) goes out after maria's create of tmp-1"]);
    red(
        &swap(0, 3),
        "I7",
        &["maria's update of WO-1", "(priority 3) goes out before maria's create of tmp-1", "(priority 5)"],
    );
    red(&swap(3, 6), "I7", &["maria's create of tmp-1", "goes out before maria's update of WO-5"]);
}

#[test]
fn priority_misjudged() {
    let verdict = planted(|story| {
        story.each(|what| {
            if let What::Acknowledged { operation, .. } = what
                && operation.queue_id == "q8"
            {
                operation.priority = 5;
            }
        })
    });
    red(&verdict, "I7", &["WO-2 (status) has priority 3", "gives it 5"]);
}

#[test]
fn waits_off_the_table() {
    let backoff = |failures: u32, wait_ms: u64, table_ms: u64| {
        planted(move |story| {
            story.each(|what| {
                if let What::Device {
                    event: DeviceEvent::Backoff { failures: f, wait_ms: w, table_ms: t, .. }, ..
                } = what
                {
                    (*f, *w, *t) = (failures, wait_ms, table_ms);
                }
            })
        })
    };
    red(&backoff(1, 2_000, 5_000), "I20", &["from 2500 to 5000 ms", "waits 2000 ms"]);
    red(&backoff(1, 5_001, 5_000), "I20", &["waits 5001 ms"]);
    red(&backoff(1, 4_000, 8_000), "I20", &["the table says 5000 ms", "8000"]);
    red(&backoff(2, 8_000, 10_000), "I20", &["counts 1 failures", "counts 2"]);
    red(&backoff(1, 4_500, 5_000), "I20", &["does not retry before"]);
}

#[test]
fn backoff_starts_anew_only_after_a_success() {
    let mut story = Story::default();
    for (failures, wait, table) in [
        (1, 5_000, 5_000),
        (2, 9_000, 10_000),
        (3, 20_000, 30_000),
        (4, 60_000, 60_000),
        (5, 300_000, 300_000),
        (6, 150_000, 300_000),
    ] {
        story.sync("maria", Trigger::Retry);
        story.fails("maria", failures, wait, table);
        story.wait(wait);
    }
    story.tell(What::RunEnded);
    assert!(verdict(&story).findings.is_empty(), "{:#?}", verdict(&story).findings);
    story.events.pop();
    story.sync("maria", Trigger::Retry);
    story.done("maria");
    story.sync("maria", Trigger::Periodic);
    story.fails("maria", 7, 150_000, 300_000);
    story.tell(What::RunEnded);
    red(&verdict(&story), "I20", &["counts 1 failures", "counts 7"]);
}

#[test]
fn fault_that_never_struck_is_vacuous() {
    let arm =
        |story: &mut Story| story.tell(What::FaultArmed { id: 1, device: "tom".into(), fault: Fault::LoseAnswer });
    let verdict = planted(arm);
    red(&verdict, "vacuity", &["armed for tom"]);
    assert_eq!(verdict.worst(), Some(Class::Vacuous));
    let struck = planted(|story| {
        arm(story);
        story.tell(What::FaultFired { id: 1, device: "tom".into(), exchange: None });
    });
    assert_eq!(struck.findings, Vec::<Finding>::new());
}

#[test]
fn unfinished_run_is_no_success() {
    let verdict = planted(|story| drop(story.events.pop()));
    red(&verdict, "unfinished", &["the run reaches its end", "breaks off"]);
    red(&planted(|story| story.tell(What::Interrupted)), "unfinished", &["interrupted"]);
}

#[test]
fn an_attempt_that_a_crash_cut_off_may_survive_or_not() {
    let attempt = |story: &mut Story, survives: bool| {
        let at = story.events.iter().position(|(_, what)| *what == What::Healed).unwrap();
        let mut tail = story.events.split_off(at);
        story.does(
            "tom",
            "t9",
            crate::protocol::OperationKind::Update,
            "WO-3",
            json!({"title": "late", "_version": 3}),
            5,
        );
        story.events.pop();
        story.tell(What::Crashed { device: "tom".into(), how: CrashHow::Kill, disk_operations: 9 });
        if survives {
            story.push(
                "tom",
                &["t9"],
                vec![result(json!({"queueId": "t9", "status": "success", "newVersion": 4}))],
                true,
            );
        }
        story.events.append(&mut tail);
        if survives {
            in_both(story, "WO-3", set("title", json!("late")));
            in_both(story, "WO-3", set("_version", json!(4)));
        }
    };
    for survives in [false, true] {
        let mut story = clean();
        attempt(&mut story, survives);
        let verdict = verdict(&story);
        assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
        assert_eq!(verdict.ledger.made, 15);
    }
}
