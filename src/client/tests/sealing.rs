//! Sealed fields: what goes out, what comes in, and what stays closed.

use serde_json::{Value, json};

use super::{Device, Reply, page};
use crate::base::{Seed, unhex};
use crate::client::store::{meta, rows};
use crate::client::{Keychain, MemoryKeychain};
use crate::history::{SyncOutcome, UNREADABLE};
use crate::protocol::{Envelope, OpeningKey, Slot, path, seal};

fn tokens(number: u32) -> Reply {
    let (access, refresh) = (format!("access-s{number}"), format!("refresh-s{number}"));
    Reply::Json(json!({ "accessToken": access, "refreshToken": refresh, "expiresIn": 900,
        "sealed": ["completionNotes", "customFields"] }))
}

fn registered() -> Reply {
    Reply::Json(json!({ "publicKey": "A" }))
}

/// A device that is ready, at a server that takes notes sealed alone.
async fn ready() -> Device {
    let device = Device::fresh();
    device.wire.next(path::SIGN_IN, tokens(1));
    device.wire.next(path::SEALING_KEY, registered());
    device.signed_in().await
}

fn own_key(keychain: &MemoryKeychain) -> OpeningKey {
    OpeningKey::from_bytes(&unhex(&keychain.get("sealing-key").unwrap().unwrap()).unwrap()).unwrap()
}

fn other_key() -> OpeningKey {
    OpeningKey::draw(&mut Seed(9).stream("other"))
}

/// The server gives the key of another device.
fn recipients(device: &Device) {
    let recipient = json!({ "userId": "boss", "deviceId": "b", "publicKey": other_key().public().text() });
    device.wire.next(path::RECIPIENTS, Reply::Json(json!({ "recipients": [recipient] })));
}

fn sealed(device: &Device, id: &str, text: &str) -> String {
    let slot = Slot { id, field: "completionNotes" };
    seal(&json!(text), slot, &[own_key(&device.keychain).public()], &mut Seed(3).stream("theirs")).unwrap()
}

/// The next pull brings these notes of WO-1.
fn pulls(device: &Device, cursor: &str, version: i64, notes: &str) {
    let changes = json!({ "workOrders": [{ "workOrderId": "WO-1", "completionNotes": notes, "_version": version }] });
    device.wire.next(path::DELTA, Reply::Json(page(cursor, false, changes)));
}

fn stored(device: &Device, field: &str) -> Value {
    rows::visible(device.engine.store.read(), "WO-1").unwrap().unwrap()[field].clone()
}

#[tokio::test(start_paused = true)]
async fn a_note_goes_out_sealed_and_what_is_sent_again_is_the_same() {
    let device = ready().await;
    device.edit("WO-1", json!({ "completionNotes": "the seal leaks", "rootCause": "worn" }));
    recipients(&device);
    device.wire.next(path::PUSH, Reply::Lost);
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(device.wire.sent.borrow()[0].target, format!("{}?order=WO-1", path::RECIPIENTS));
    let device = device.restart();
    device.wire.next(path::REFRESH, tokens(2));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let pushes = device.wire.pushes();
    assert_eq!((pushes.len(), &pushes[0]), (2, &pushes[1]));
    let payload = &pushes[0][0]["payload"];
    assert_eq!((&payload["rootCause"], payload.get("_sealed")), (&json!("worn"), None));
    let envelope = Envelope::of(&payload["completionNotes"]).unwrap();
    for key in [own_key(&device.keychain), other_key()] {
        assert_eq!(envelope.open("completionNotes", &key), Some(json!("the seal leaks")));
    }
    assert_eq!(device.shows("WO-1", "completionNotes"), "the seal leaks");
}

#[tokio::test(start_paused = true)]
async fn an_order_made_here_is_sealed_under_its_name_of_the_moment() {
    let device = ready().await;
    let made = device.engine.create(super::record(json!({ "title": "Leak", "siteId": "S 1", "completionNotes": "a" })));
    let temporary = made.unwrap().entity_id;
    device.edit(&temporary, json!({ "completionNotes": "b" }));
    device.edit("WO-1", json!({ "completionNotes": format!("see {temporary}") }));
    recipients(&device);
    recipients(&device);
    recipients(&device);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let targets: Vec<String> = device.wire.sent.borrow().iter().map(|sent| sent.target.clone()).collect();
    assert_eq!(targets[0], format!("{}?siteId=S%201&assignedTo=maria", path::RECIPIENTS));
    let pushes = device.wire.pushes();
    assert_eq!(pushes.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2], "what hangs on the real id waits for it");
    let real = pushes[1][0]["entityId"].as_str().unwrap().to_owned();
    let about = |operation: &Value| Envelope::of(&operation["payload"]["completionNotes"]).unwrap().about().to_owned();
    assert_eq!((about(&pushes[0][0]), about(&pushes[1][0])), (temporary, real.clone()));
    let named = Envelope::of(&pushes[1][1]["payload"]["completionNotes"]).unwrap();
    assert_eq!(named.open("completionNotes", &other_key()), Some(json!(format!("see {real}"))));
}

#[tokio::test(start_paused = true)]
async fn an_envelope_from_elsewhere_stays_closed_and_nothing_is_lost() {
    let device = ready().await;
    pulls(&device, "c2", 2, &sealed(&device, "WO-1", "the seal leaks"));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.shows("WO-1", "completionNotes"), "the seal leaks");
    let good = sealed(&device, "WO-1", "the seal leaks");
    let mut spoilt = good.clone();
    spoilt
        .replace_range(good.len() - 9..good.len() - 8, if good.as_bytes()[good.len() - 9] == b'A' { "B" } else { "A" });
    for (version, closed) in (3..).zip([sealed(&device, "WO-2", "of another order"), spoilt]) {
        pulls(&device, &format!("c{version}"), version, &closed);
        assert_eq!(device.sync().await, SyncOutcome::Done);
        assert_eq!(device.shows("WO-1", "completionNotes"), UNREADABLE);
        assert_eq!(device.engine.row("WO-1").unwrap().unwrap()["completionNotes"], UNREADABLE);
        device.edit("WO-1", json!({ "rootCause": "worn" }));
        assert_eq!(device.sync().await, SyncOutcome::Done);
        let push = device.wire.pushes().pop().unwrap();
        assert_eq!(push[0]["payload"].get("completionNotes"), None, "it is not overwritten with nothing");
        assert_eq!(stored(&device, "completionNotes"), closed);
    }
    pulls(&device, "c9", 9, &good);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.shows("WO-1", "completionNotes"), "the seal leaks");
}

#[tokio::test(start_paused = true)]
async fn an_order_of_another_device_is_believed_to_be_what_the_server_first_says() {
    let device = ready().await;
    let temporary = "tmp-0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
    let notes = sealed(&device, temporary, "behind the door");
    pulls(&device, "c2", 2, &notes);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.shows("WO-1", "completionNotes"), "behind the door");
    let moved = json!({ "workOrders": [{ "workOrderId": "WO-2", "completionNotes": notes, "_version": 2 }] });
    device.wire.next(path::DELTA, Reply::Json(page("c3", false, moved)));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.shows("WO-2", "completionNotes"), UNREADABLE);
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_a_conflict_are_opened_and_the_choice_goes_out_sealed() {
    let device = ready().await;
    let queue_id = device.edit("WO-1", json!({ "completionNotes": "mine" })).queue_id;
    recipients(&device);
    let (mine, theirs) = (sealed(&device, "WO-1", "mine"), sealed(&device, "WO-1", "theirs"));
    let met = json!({ "field": "completionNotes", "mine": mine, "theirs": theirs, "outcome": "manual", "version": 2,
        "by": "office", "at": "2025-11-08T06:00:00.000Z" });
    let result = json!({ "queueId": queue_id, "status": "conflict", "newVersion": 2, "conflicts": [met],
        "conflictId": "k-1", "serverState": { "completionNotes": theirs } });
    device.wire.next(path::PUSH, Reply::Json(json!({ "results": [result] })));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let state = device.engine.state().unwrap();
    let field = &state.conflicts[0].fields[0];
    assert_eq!((&field.mine, &field.theirs), (&json!("mine"), &json!("theirs")));
    assert_eq!(device.shows("WO-1", "completionNotes"), "theirs");
    device.engine.prefer(None, "customFields", Some(crate::history::Side::Mine)).unwrap();
    device.engine.resolve("WO-1", None, crate::history::Side::Mine).unwrap();
    recipients(&device);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let push = device.wire.pushes().pop().unwrap();
    let envelope = Envelope::of(&push[0]["payload"]["completionNotes"]).unwrap();
    assert_eq!(envelope.open("completionNotes", &other_key()), Some(json!("mine")));
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_before_the_key_is_known_and_the_announcement_outlives_a_crash() {
    let device = ready().await;
    // As after a crash between the sign-in and what it said.
    for name in [meta::USER_ID, meta::SEALED, meta::SEALING_KEY_OF] {
        device.engine.store.write(|tx| meta::remove(tx, name)).unwrap();
    }
    device.edit("WO-1", json!({ "completionNotes": "the seal leaks" }));
    let device = device.restart();
    device.wire.next(path::REFRESH, tokens(2));
    device.wire.next(path::SEALING_KEY, Reply::Problem(500, "SERVER_ERROR"));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(device.wire.count(path::PUSH), 0);
    device.wire.next(path::SEALING_KEY, registered());
    recipients(&device);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let push = device.wire.pushes().pop().unwrap();
    assert!(Envelope::of(&push[0]["payload"]["completionNotes"]).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_key_is_a_secret_of_the_keychain_and_goes_with_the_user() {
    let device = ready().await;
    let text = device.keychain.get("sealing-key").unwrap().unwrap();
    assert!(device.keychain.secrets_ever().contains(&("sealing-key".to_owned(), text.clone())));
    let contents = device.engine.contents().unwrap();
    assert!(!contents.windows(text.len()).any(|part| part == text.as_bytes()));
    let device = device.restart();
    assert_eq!(device.keychain.get("sealing-key").unwrap(), Some(text));
    device.engine.log_out(false).await.unwrap();
    assert_eq!(device.keychain.get("sealing-key").unwrap(), None);
    assert_eq!(device.engine.state().unwrap().sealing_key, None);
}
