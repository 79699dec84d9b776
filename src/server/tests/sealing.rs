//! Sealed fields: envelopes alone are taken, keys are given to whoever may see the record, conflicts wait for their user.

use super::*;
use crate::protocol::{ConflictOutcome, OpeningKey, RecipientsAnswer, SealingKey, Slot, seal};

const SEALED: &[&str] = &["completionNotes", "customFields"];

fn world() -> World {
    World::sealing(
        vec![
            order("WO-000001", json!({ "assignedTo": "maria" })),
            order("WO-000003", json!({ "assignedTo": "jonas", "siteId": "S2" })),
        ],
        SEALED,
    )
}

fn key(name: &str) -> SealingKey {
    OpeningKey::draw(&mut Seed(1).stream(name)).public()
}

fn envelope(text: &str, draws: &str) -> Value {
    let slot = Slot { id: "WO-000001", field: "completionNotes" };
    json!(seal(&json!(text), slot, &[key("maria")], &mut Seed(1).stream(draws)).unwrap())
}

impl Device {
    async fn register(&self, key: &SealingKey) {
        let body = json!({ "publicKey": key.text() });
        let kept: Value = self.call(Method::POST, path::SEALING_KEY, Some(&body)).await.ok();
        assert_eq!(kept, body);
    }

    async fn recipients(&self, query: &str) -> Reply {
        self.call(Method::GET, &format!("{}?{query}", path::RECIPIENTS), None).await
    }

    async fn recipients_of(&self, query: &str) -> Vec<String> {
        let answer: RecipientsAnswer = self.recipients(query).await.ok();
        answer.recipients.iter().map(|it| format!("{}/{}", it.user_id, it.device_id)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_says_which_fields_are_sealed_and_nothing_where_none_are() {
    let mut maria = world().sign_in("maria", "phone").await;
    assert_eq!(maria.tokens.sealed, SEALED);
    maria.refresh().await;
    assert_eq!(maria.tokens.sealed, SEALED);
    let open = World::new().sign_in("maria", "phone").await;
    assert!(!serde_json::to_string(&open.tokens).unwrap().contains("sealed"));
}

#[tokio::test(start_paused = true)]
async fn text_that_the_server_could_read_is_refused_and_the_rest_of_the_batch_is_not() {
    let world = world();
    let mut maria = world.sign_in("maria", "phone").await;
    for open in [json!("leaks"), json!(""), json!(4), json!("sealed-1.AA.AA.AA")] {
        let refused = maria.update("WO-000001", 1, json!({ "completionNotes": open })).await;
        assert_eq!(code(&refused), ErrorCode::ValidationError, "{open}");
    }
    let refused = maria.update("WO-000001", 1, json!({ "customFields": { "x": "leaks" } })).await;
    assert_eq!(code(&refused), ErrorCode::ValidationError);
    assert_eq!(code(&maria.create("local-1", json!({ "completionNotes": "leaks" })).await), ErrorCode::ValidationError);
    let fine = json!({ "completionNotes": envelope("leaks", "1"), "rootCause": "worn" });
    assert_eq!(maria.update("WO-000001", 1, fine.clone()).await.status, ResultStatus::Success);
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!((&order["completionNotes"], &order["rootCause"]), (&fine["completionNotes"], &fine["rootCause"]));
    let emptied = maria.update("WO-000001", 2, json!({ "completionNotes": null })).await;
    assert_eq!(emptied.status, ResultStatus::Success);
}

#[tokio::test(start_paused = true)]
async fn keys_are_those_of_whoever_sees_the_record_and_holds_a_session() {
    let world = world();
    let maria = world.sign_in("maria", "phone").await;
    let tablet = world.sign_in("maria", "tablet").await;
    let jonas = world.sign_in("jonas", "phone").await;
    let chief = world.sign_in("chief", "desk").await;
    let audit = world.sign_in("audit", "desk").await;
    for (device, name) in [(&maria, "m"), (&tablet, "t"), (&jonas, "j"), (&chief, "c"), (&audit, "a")] {
        device.register(&key(name)).await;
    }
    let all = ["audit/desk", "chief/desk", "maria/phone", "maria/tablet"];
    assert_eq!(maria.recipients_of("order=WO-000001").await, all);
    assert_eq!(maria.recipients_of("").await, all[2..]);
    assert_eq!(
        maria.recipients_of("siteId=S2&assignedTo=jonas").await,
        [&all[..2], &["jonas/phone"], &all[2..]].concat()
    );
    assert_eq!(maria.recipients("order=WO-000003").await.status, StatusCode::FORBIDDEN);
    let revoked = json!({ "userId": "maria" });
    chief.call(Method::POST, path::REVOKE, Some(&revoked)).await;
    assert_eq!(chief.recipients_of("order=WO-000001").await, all[..2]);
}

#[tokio::test(start_paused = true)]
async fn a_later_key_takes_the_place_of_an_earlier_one_and_anything_else_is_refused() {
    let world = world();
    let maria = world.sign_in("maria", "phone").await;
    for name in ["old", "new"] {
        maria.register(&key(name)).await;
    }
    let answer: RecipientsAnswer = maria.recipients("").await.ok();
    assert_eq!(answer.recipients.len(), 1);
    assert_eq!(answer.recipients[0].public_key, key("new").text());
    for wrong in ["", "AAAA", "?"] {
        let body = json!({ "publicKey": wrong });
        let refused = maria.call(Method::POST, path::SEALING_KEY, Some(&body)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// By the rules for what the server can read, custom fields are the server's.
#[tokio::test(start_paused = true)]
async fn a_conflict_on_a_sealed_field_waits_for_its_user() {
    let world = world();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut chief = world.sign_in("chief", "desk").await;
    let (theirs, mine) = (envelope("theirs", "1"), envelope("mine", "2"));
    chief.update("WO-000001", 1, json!({ "customFields": theirs })).await;
    let met = maria.update("WO-000001", 1, json!({ "customFields": mine, "rootCause": "worn" })).await;
    let [conflict] = &met.conflicts[..] else { panic!("{met:?}") };
    assert_eq!((conflict.outcome, &conflict.theirs, &conflict.mine), (ConflictOutcome::Manual, &theirs, &mine));
    let order = maria.look("WO-000001").await.unwrap();
    assert_eq!((&order["customFields"], &order["rootCause"]), (&theirs, &json!("worn")));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_holds_can_be_looked_through() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    maria.update("WO-000001", 1, json!({ "completionNotes": "the gearbox leaks" })).await;
    let contents = world.server.contents().unwrap();
    assert!(contents.windows(17).any(|part| part == b"the gearbox leaks"));
}
