//! Defects of the server's own: stock, dead letters, what pages name.

use crate::protocol::{DeadLetter, Removal, RemovalReason};

use super::*;

#[test]
fn a_part_is_taken_twice() {
    let verdict = planted(|story| {
        story.each(|what| match what {
            What::ServerRecord { record, .. } if record.get("partId").is_some() => {
                drop(record.insert("quantityAvailable".into(), json!(1)));
            }
            What::DeviceState { state, .. } => {
                let part = state.inventory.get_mut("P1").unwrap();
                drop(part.insert("quantityAvailable".into(), json!(1)));
            }
            _ => {}
        })
    });
    red(&verdict, "I2", &["of P1 there are 3", "the server has 1"]);
}

/// What the auditor reads, told before the run ends.
fn letters(story: &mut Story, letters: Vec<DeadLetter>) {
    let end = story.events.pop().unwrap();
    story.tell(What::DeadLetters { letters });
    story.events.push(end);
}

fn letter(queue_id: &str) -> DeadLetter {
    DeadLetter {
        number: 1,
        at: String::new(),
        user_id: "maria".into(),
        device_id: "maria".into(),
        queue_id: queue_id.into(),
        entity_id: "WO-9".into(),
        payload: record(json!({ "title": "late" })),
    }
}

#[test]
fn a_dead_letter_that_nobody_wrote() {
    let verdict = planted(|story| letters(story, vec![letter("nobody's")]));
    red(&verdict, "dead letters", &["WO-9", "no such update"]);
}

#[test]
fn a_late_update_that_nobody_kept() {
    let late = |story: &mut Story| {
        story.does("maria", "late", crate::protocol::OperationKind::Update, "WO-9", json!({ "title": "late" }), 5);
        let gone = json!({ "queueId": "late", "status": "error",
            "error": { "code": "NOT_FOUND", "detail": "gone", "tombstone": true } });
        story.push("maria", &["late"], vec![result(gone)], true);
    };
    let lost = planted(|story| {
        let end = story.events.pop().unwrap();
        late(story);
        letters(story, Vec::new());
        story.events.push(end);
    });
    red(&lost, "dead letters", &["maria's update of WO-9", "there is none"]);
    let twice = planted(|story| {
        let end = story.events.pop().unwrap();
        late(story);
        letters(story, vec![letter("late"), letter("late")]);
        story.events.push(end);
    });
    red(&twice, "dead letters", &["one dead letter for late", "there are two"]);
}

#[test]
fn pages_that_overlap_and_removals_of_what_was_never_there() {
    let in_toms_first_page = |change: fn(&mut Vec<RecordRef>, &mut Vec<Removal>)| {
        planted(move |story| {
            let mut done = false;
            story.each(|what| {
                if let What::Answer(Message { device, kind: MessageKind::DeltaAnswer { records, removed, .. }, .. }) =
                    what
                    && device == "tom"
                    && !std::mem::replace(&mut done, true)
                {
                    change(records, removed);
                }
            });
        })
    };
    let verdict = in_toms_first_page(|records, _| records.extend(records.first().cloned()));
    red(&verdict, "I12", &["a pull of tom names", "two of its pages do"]);
    let verdict =
        in_toms_first_page(|_, removed| removed.push(Removal { id: "WO-77".into(), reason: RemovalReason::Deleted }));
    red(&verdict, "I13", &["tom is not told of WO-77", "a pull says that it left"]);
}
