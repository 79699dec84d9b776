//! Sealed fields that somebody could read who should not, or could not who should.

use serde_json::{Value, json};

use super::super::{finds, planted, red};
use super::{Story, on_device, on_server};
use crate::base::Seed;
use crate::check::Verdict;
use crate::history::{
    DeviceEvent, DeviceState, ENVELOPES, Form, Message, MessageKind, Part, Place, Secret, Sighting, UNREADABLE, What,
};
use crate::protocol::{OpeningKey, Slot, path, seal};

const CHECK: &str = "8.3 sealed";

fn key(name: &str) -> OpeningKey {
    OpeningKey::draw(&mut Seed(1).stream(name))
}

/// The clean story, in which the description that the office gives WO-2 is sealed to `to`.
fn sealed(to: &str, plant: impl FnOnce(&mut Story)) -> Verdict {
    let slot = Slot { id: "WO-2", field: "description" };
    let envelope = seal(&json!("new"), slot, &[key(to).public()], &mut Seed(1).stream("draws")).unwrap();
    planted(|story| {
        story.each(|what| {
            if let What::RunStarted { sealed, .. } = what {
                sealed.push("description".into());
            }
        });
        on_server(story, "WO-2", |record| drop(record.insert(ENVELOPES.into(), json!({ "description": envelope }))));
        plant(story);
    })
}

fn shows(story: &mut Story, field: &'static str, value: &Value) {
    on_device(story, "maria", |state| {
        state.sealing_key = Some(key("maria").public().id());
        let row = state.work_orders.get_mut("WO-2").unwrap();
        row.insert(field.into(), value.clone());
    });
}

/// Maria's phone registers its key before the office writes.
fn registers(story: &mut Story) {
    let at = story.events.iter().position(|(_, what)| matches!(what, What::Attempted { .. })).unwrap();
    let (request, answer) = (format!("POST {}", path::SEALING_KEY), "application/json".to_owned());
    let message = |status, summary| Message {
        device: "maria".into(),
        connection: 1,
        exchange: 900,
        bytes: 100,
        status,
        delivered: true,
        retry_after: None,
        kind: MessageKind::Other { summary },
    };
    let now_ms = story.events[at].0;
    story.events.insert(at, (now_ms, What::Answer(message(200, answer))));
    story.events.insert(at, (now_ms, What::Request(message(0, request))));
}

#[test]
fn what_is_sealed_and_read_is_green_and_so_is_what_came_too_late() {
    assert_eq!(sealed("maria", |_| ()).findings, Vec::new());
    assert_eq!(sealed("maria", registers).findings, Vec::new());
    assert_eq!(sealed("tablet", |story| shows(story, "description", &json!(UNREADABLE))).findings, Vec::new());
}

#[test]
fn a_text_that_the_server_can_read_is_caught() {
    let open = sealed("maria", |story| on_server(story, "WO-2", |record| drop(record.remove(ENVELOPES))));
    red(&open, CHECK, &["description of WO-2", "it can be read there"]);
    let searched = |bytes| sealed("maria", |story| story.tell(What::ServerSearched { bytes }));
    assert_eq!(searched(9).findings, Vec::new());
    red(&searched(0), CHECK, &["it is empty"]);
}

#[test]
fn a_sealed_text_that_is_seen_is_caught_wherever_it_is() {
    let wire = Place::Wire { exchange: 1, path: path::PUSH.into(), answer: false, part: Part::Body };
    for (place, words) in [(Place::Server, "the server's database"), (wire, "between tom and the server")] {
        let (secret, what, form) = (Secret::Sealed, "`new`".to_owned(), Form::Plain);
        let sighting = Sighting { secret, what, form, packed: false, place, offset: 3 };
        let verdict = sealed("maria", |story| story.tell(What::Sighted { device: "tom".into(), sighting }));
        red(&verdict, CHECK, &[words, "`new` at byte 3"]);
    }
}

#[test]
fn a_device_that_does_not_read_what_is_for_it_is_caught() {
    let blind = |story: &mut Story| shows(story, "description", &json!(UNREADABLE));
    red(&sealed("maria", blind), CHECK, &["maria reads description", "it was sealed to its key"]);
    let forgotten = sealed("tablet", |story| {
        blind(story);
        registers(story);
    });
    red(&forgotten, CHECK, &["maria reads description", "left out"]);
    let open = sealed("maria", |story| shows(story, "title", &json!(UNREADABLE)));
    red(&open, CHECK, &["maria reads title", "that is not sealed"]);
    let lost = sealed("tablet", |story| shows(story, "description", &Value::Null));
    red(&lost, "I3", &["WO-2 on maria", "description"]);
}

#[test]
fn a_key_that_stays_when_its_user_leaves_is_caught() {
    let left = |before: &str| {
        sealed("maria", |story| {
            on_device(story, "maria", |state| state.sealing_key = Some(key("maria").public().id()));
            let at = story.events.iter().position(|(_, what)| *what == What::Healed).unwrap();
            let tail = story.events.split_off(at);
            let sealing_key = Some(key(before).public().id());
            let state = Box::new(DeviceState { sealing_key, ..DeviceState::default() });
            story.tell(What::Looked { device: "maria".into(), step: 0, state });
            story.says("maria", DeviceEvent::LoggedOut);
            story.events.extend(tail);
        })
    };
    red(&left("maria"), CHECK, &["maria forgets its key", "it holds"]);
    assert!(!finds(&left("tom"), CHECK, &["forgets its key"]));
}
