//! Defects of order, backoff, status and the run itself.

use super::*;

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
    red(&backoff(1, 4_500, 5_000), "I20", &["does not sync before"]);
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
fn retry_no_jitter() {
    let waits = |jitter: bool| {
        let mut story = Story::default();
        let (device, user, link) = ("maria".to_owned(), "maria".to_owned(), "3g".to_owned());
        story.tell(What::DeviceAdded { device, user, link, jitter, sync_every_ms: None });
        for (failures, wait) in [(1, 5_000), (2, 10_000), (3, 30_000)] {
            story.sync("maria", Trigger::Retry);
            story.fails("maria", failures, wait, wait);
            story.wait(wait);
        }
        story.tell(What::RunEnded);
        verdict(&story)
    };
    red(&waits(true), "I20", &["the waits of maria are drawn", "all 3 are the table's own"]);
    assert!(waits(false).findings.is_empty());
}

#[test]
fn a_crash_that_struck_and_never_came_is_vacuous() {
    let verdict = planted(|story| {
        let (device, fault) = ("maria".to_owned(), Fault::Crash);
        story.tell(What::FaultArmed { id: 77, device: device.clone(), fault, may_miss: false });
        story.tell(What::FaultFired { id: 77, device, exchange: None });
        story.tell(What::RunEnded);
    });
    assert!(finds(&verdict, "vacuity", &["armed for maria", "Crash"]), "{:#?}", verdict.findings);
}

#[test]
fn a_step_that_could_not_be_done_is_vacuous() {
    let verdict = planted(|story| {
        let outcome = StepOutcome::Impossible { detail: "no such order".into() };
        story.tell(What::StepEnded { index: 0, outcome });
        story.tell(What::RunEnded);
    });
    assert!(finds(&verdict, "vacuity", &["no such order"]), "{:#?}", verdict.findings);
}

#[test]
fn fault_that_never_struck_is_vacuous() {
    let arm = |story: &mut Story| {
        story.tell(What::FaultArmed { id: 1, device: "tom".into(), fault: Fault::LoseAnswer, may_miss: false })
    };
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
    red(&planted(|story| story.tell(What::Frozen { steps: 9 })), "I8 liveness", &["time stood still"]);
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
