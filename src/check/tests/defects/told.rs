//! Defects of what is told: numbers on the screen, waits, times and ids in a pull's answer, tombstones.

use std::collections::BTreeMap;

use crate::history::{ChangeLine, ChangeState};
use crate::protocol::{ErrorCode, OperationKind};

use super::*;

fn alone(tell: impl FnOnce(&mut Story)) -> super::super::super::Verdict {
    let mut story = Story::default();
    tell(&mut story);
    story.tell(What::Interrupted);
    verdict(&story)
}

#[test]
fn a_number_of_changes_that_is_not_true() {
    let two = |shown: u64, listed: bool| {
        alone(|story| {
            story.shows("maria", Status::Synced, 0);
            for (number, id) in [(1, "q1"), (2, "q2")] {
                if listed {
                    let line = |id: &str| ChangeLine {
                        queue_id: id.into(),
                        entity_id: "WO-1".into(),
                        what: String::new(),
                        state: ChangeState::Queued,
                    };
                    let (changes, icons) = (vec![line(id)], BTreeMap::new());
                    story.says("maria", DeviceEvent::Marked { changes, icons });
                }
                story.shows("maria", Status::Queued, if number == 1 { 1 } else { shown });
                let set = json!({"title": id, "_version": 1});
                story.does("maria", id, OperationKind::Update, "WO-1", set, 5);
            }
        })
    };
    red(&two(1, false), "I18", &["maria says that 2 changes wait, or more", "it says 1"]);
    red(&two(3, true), "I18", &["maria says that 2 changes wait, as its queue view does", "it says 3"]);
    assert!(!finds(&two(2, true), "I18", &["changes wait"]));
    assert!(!finds(&two(2, false), "I18", &[]));
}

#[test]
fn a_wait_that_is_shown_and_not_waited() {
    let shown = |code: ErrorCode, drawn: Option<u64>, retry_in_ms: Option<u64>| {
        alone(|story| {
            let outcome = crate::history::SyncOutcome::Failed { code, detail: String::new() };
            if let Some(wait_ms) = drawn {
                story.says("maria", DeviceEvent::Backoff { failures: 1, wait_ms, table_ms: 5_000, code });
            }
            story.says("maria", DeviceEvent::SyncEnded { outcome });
            story.wait(1_000);
            story.shows("maria", Status::Failed { code, retry_in_ms }, 0);
        })
    };
    use ErrorCode::{AuthError, NetworkError};
    red(&shown(NetworkError, Some(4_000), Some(4_000)), "I18", &["again in 3000 ms", "in 4000 ms"]);
    red(&shown(NetworkError, Some(4_000), None), "I18", &["again in 3000 ms", "says nothing"]);
    red(&shown(AuthError, None, Some(4_000)), "I18", &["waits for a sign-in", "in 4000 ms"]);
    red(&shown(NetworkError, None, None), "I18", &["says when it tries again"]);
    assert!(!finds(&shown(NetworkError, Some(4_000), Some(3_000)), "I18", &[]));
    assert!(!finds(&shown(AuthError, None, None), "I18", &[]));
}

/// Changes the last page of Maria's that calls something deleted.
fn in_page(change: impl Fn(&mut String, &mut Vec<String>)) -> super::super::super::Verdict {
    planted(|story| {
        story.each(|what| {
            if let What::Answer(Message {
                device, kind: MessageKind::DeltaAnswer { sync_timestamp, deleted, .. }, ..
            }) = what
                && device == "maria"
                && !deleted.is_empty()
            {
                change(sync_timestamp, deleted);
            }
        });
    })
}

#[test]
fn a_page_that_is_out_of_shape() {
    let check = "3.1B shape of a pull";
    red(&in_page(|_, deleted| deleted.clear()), check, &["leaves WO-6 out"]);
    red(&in_page(|_, deleted| deleted.push("WO-5".into())), check, &["names WO-5"]);
    red(&in_page(|time, _| *time = "2025-11-07T06:00:00.000Z".into()), check, &["goes back to 2025-11-07T06:00:00Z"]);
    red(&in_page(|time, _| *time = "2025-11-09T06:00:00.000Z".into()), check, &["a time that has been"]);
    red(&in_page(|time, _| *time = "noon".into()), check, &["it is `noon`"]);
}

#[test]
fn a_part_comes_with_its_price() {
    let verdict = planted(|story| {
        story.each(|what| {
            if let What::Answer(Message { kind: MessageKind::DeltaAnswer { inventory_fields, .. }, .. }) = what {
                inventory_fields.extend(["partId", "unitCost"].map(str::to_owned));
            }
        });
    });
    red(&verdict, "I13", &["of inventory partId, description, quantityAvailable, unit alone", "unitCost"]);
}

#[test]
fn a_tombstone_of_what_lives() {
    let verdict = planted(|story| {
        answered(story, "q7", |result, _| {
            result.error.iter_mut().for_each(|error| error.tombstone = true);
        });
    });
    red(&verdict, "dead letters", &["maria's update of WO-5", "nobody had deleted it"]);
}

#[test]
fn a_conflict_that_tells_of_another_moment() {
    let verdict = planted(|story| {
        answered(story, "o1", |result, _| result.updated_at = Some("2025-11-08T06:00:00.010Z".into()));
    });
    red(&verdict, "I17", &["status: theirs was set at 2025-11-08T06:00:00.010Z", "it says 2025-11-08T06:00:00.000Z"]);
    let on_record = planted(|story| {
        on_device(story, "maria", |state| state.conflicts[0].fields[0].at = "2025-11-08T06:00:09.000Z".into())
    });
    red(&on_record, "I17", &["the conflict record of maria's update of WO-1", "06:00:09"]);
}
