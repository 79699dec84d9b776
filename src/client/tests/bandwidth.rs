//! What is not sent twice, and what is stored small (spec 6.3, 6.4).

use std::time::Duration;

use rusqlite::types::Type;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Device, Reply, order, page, record};
use crate::client::store::meta;
use crate::client::{EditRequest, PROFILE};
use crate::history::{DeviceEvent, Source, SyncOutcome};
use crate::protocol::path;

const NOTES: &str = "The seal of the gearbox was worn on its whole length; replaced it, torqued the cover to 45 Nm, and \
    the seal of the second gearbox, which was worn on its whole length, too; torqued its cover to 45 Nm.";

#[tokio::test(start_paused = true)]
async fn what_is_the_same_is_asked_for_by_its_tag_and_kept() {
    let device = Device::ready().await;
    let known = || device.wire.last().if_none_match;
    device.wire.next(path::DELTA, Reply::Tagged("W/\"1\"", "", page("c2", false, json!({}))));
    assert_eq!((device.sync().await, known()), (SyncOutcome::Done, None), "the page before had no tag");
    device.wire.next(path::DELTA, Reply::Same("W/\"1\""));
    assert_eq!((device.sync().await, known().as_deref()), (SyncOutcome::Done, Some("W/\"1\"")));
    assert_eq!(device.cursor().as_deref(), Some("c2"));
    let changes = json!({"workOrders": [{"workOrderId": "WO-1", "title": "Valve", "_version": 2, "updatedAt": "x"}]});
    device.wire.next(path::DELTA, Reply::Tagged("W/\"2\"", "", page("c3", false, changes)));
    assert_eq!((device.sync().await, device.shows("WO-1", "title")), (SyncOutcome::Done, json!("Valve")));
    // Of another view than the one that is known nothing can be the same.
    device.wire.next(path::DELTA, Reply::Same("W/\"1\""));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(known().as_deref(), Some("W/\"2\""));
    let device = device.restart();
    let kept = meta::get(device.engine.store.read(), meta::VIEW_TAG).unwrap();
    assert_eq!(kept.as_deref(), Some("W/\"2\""), "the tag is as durable as the cursor");
    // The clock of these stories begins anew with a restart: a sync in the future is no sync, and the view is compared.
    device.wire.next(path::DELTA, Reply::Tagged("W/\"2\"", "", page("c3", false, json!({}))));
    assert_eq!((device.sync().await, device.wire.last().if_none_match), (SyncOutcome::Done, None));
}

#[tokio::test(start_paused = true)]
async fn a_full_pull_knows_no_tag() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Tagged("W/\"1\"", "", page("c2", false, json!({}))));
    device.sync().await;
    device.engine.clear_cache().await.unwrap();
    let orders = json!({"workOrders": [order("WO-1", 1)]});
    device.wire.next(path::DELTA, Reply::Tagged("W/\"1\"", "", page("c3", false, orders)));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let sent = device.wire.sent.borrow();
    let pulls: Vec<_> = sent.iter().filter(|sent| sent.target.starts_with(path::DELTA)).skip(1).collect();
    assert!(!pulls.is_empty() && pulls.iter().all(|sent| sent.if_none_match.is_none()), "{pulls:?}");
}

/// The storage class of a column in each of its rows.
fn classes(device: &Device, sql: &str) -> Vec<Type> {
    let c = device.engine.store.read();
    let mut statement = c.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok(row.get_ref(0)?.data_type())).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn long_texts_and_payloads_are_stored_compressed_and_read_as_they_were() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"completionNotes": NOTES}));
    device.edit("WO-2", json!({"completionNotes": "Sealed"}));
    assert_eq!(classes(&device, "SELECT payload FROM sync_queue ORDER BY rowid"), [Type::Blob, Type::Text]);
    let notes = "SELECT completionNotes FROM work_orders WHERE workOrderId < 'WO-3' ORDER BY workOrderId";
    assert_eq!(classes(&device, notes), [Type::Blob, Type::Text]);
    let device = device.restart();
    assert_eq!(
        (device.shows("WO-1", "completionNotes"), device.shows("WO-2", "completionNotes")),
        (json!(NOTES), json!("Sealed"))
    );
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let sent: Vec<Value> =
        device.wire.pushes().concat().iter().map(|it| it["payload"]["completionNotes"].clone()).collect();
    assert_eq!(sent, [json!(NOTES), json!("Sealed")]);
}

/// A temporary id inside of a text that is stored compressed becomes the real one like any other.
#[tokio::test(start_paused = true)]
async fn what_is_stored_compressed_is_renamed_too() {
    let device = Device::ready().await;
    let made = device.engine.create(record(json!({"title": "Leak", "siteId": "S1"}))).unwrap();
    let temporary = made.entity_id.clone();
    let text = format!("{NOTES} See {temporary}.");
    let set =
        json!({"completionNotes": text, "rootCause": text, "description": text, "customFields": {"see": temporary}});
    // What names another record waits for its creation: it is behind it in the same push, and made again before that.
    device.engine.edit(EditRequest { id: "WO-1".into(), set: record(set) }).unwrap();
    device.wire.next(path::PUSH, Reply::Problem(413, "VALIDATION_ERROR"));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let real = format!("WO-9{}", &temporary[temporary.len() - 5..]);
    for field in ["completionNotes", "rootCause", "description"] {
        assert_eq!(device.shows("WO-1", field), json!(format!("{NOTES} See {real}.")), "{field}");
    }
    assert_eq!(device.shows("WO-1", "customFields"), json!({"see": real}));
}

fn profile(user: &str, name: &str) -> Value {
    json!({"userId": user, "email": "m@x", "firstName": name, "lastName": "S", "role": "technician", "skills": [],
        "siteIds": ["S1"]})
}

/// Whence the last thing looked up came, and the first name in it.
fn looked_up(device: &Device) -> (Source, String) {
    let events = device.events.borrow();
    let found = events.iter().rev().find_map(|event| {
        let DeviceEvent::LookedUp { record, from, .. } = event else { return None };
        Some((*from, record["firstName"].as_str().unwrap().to_owned()))
    });
    found.unwrap()
}

const HOUR: Duration = Duration::from_secs(3600);

/// Signed in and synced, with a profile that is fresh for an hour.
async fn with_profile(cache: &'static str) -> Device {
    let device = Device::fresh();
    device.engine.sign_in("maria", "secret", None).await.unwrap();
    device.wire.next(path::PROFILE, Reply::Tagged("W/\"p1\"", cache, profile("maria", "M")));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    device
}

#[tokio::test(start_paused = true)]
async fn what_is_fresh_is_not_asked_for_and_what_is_stale_by_its_tag() {
    let device = with_profile("private, max-age=3600").await;
    let look = async || device.engine.look_up(PROFILE).await.unwrap();
    look().await;
    assert_eq!((looked_up(&device), device.wire.count(path::PROFILE)), ((Source::Cache, "M".into()), 1));
    sleep(HOUR).await;
    device.wire.next(path::PROFILE, Reply::Same("W/\"p1\""));
    look().await;
    assert_eq!(device.wire.sent.borrow().last().unwrap().if_none_match.as_deref(), Some("W/\"p1\""));
    assert_eq!(looked_up(&device), (Source::Revalidated, "M".into()));
    device.wire.next(path::PROFILE, Reply::Tagged("W/\"p2\"", "max-age=3600", profile("maria", "Mia")));
    device.engine.store.read().execute_batch("UPDATE responses SET freshFor = 0").unwrap();
    look().await;
    assert_eq!(looked_up(&device), (Source::Network, "Mia".into()));
    sleep(2 * HOUR).await;
    device.wire.next(path::REFRESH, Reply::Lost);
    look().await;
    assert_eq!(looked_up(&device), (Source::Stale, "Mia".into()), "better than nothing, where there is no network");
}

#[tokio::test(start_paused = true)]
async fn a_pull_asks_for_the_profile_again_once_its_time_is_over() {
    let device = with_profile("max-age=3600").await;
    device.sync().await;
    assert_eq!(device.wire.count(path::PROFILE), 1);
    sleep(HOUR).await;
    device.wire.next(path::PROFILE, Reply::Tagged("W/\"p2\"", "max-age=3600", profile("maria", "Mia")));
    device.sync().await;
    assert_eq!(device.wire.count(path::PROFILE), 2);
    assert_eq!(device.engine.state().unwrap().profile.unwrap().first_name, "Mia");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_kept_is_not_and_what_was_kept_leaves_with_its_user() {
    let device = with_profile("no-store").await;
    let kept = |device: &Device| -> i64 {
        device.engine.store.read().query_row("SELECT count(*) FROM responses", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(kept(&device), 0);
    device.wire.next(path::PROFILE, Reply::Tagged("W/\"p1\"", "max-age=3600", profile("maria", "M")));
    device.engine.look_up(PROFILE).await.unwrap();
    assert_eq!(kept(&device), 1);
    device.engine.clear_cache().await.unwrap();
    assert_eq!(kept(&device), 0);
    device.wire.next(path::PROFILE, Reply::Tagged("W/\"p1\"", "max-age=3600", profile("maria", "M")));
    device.sync().await;
    assert_eq!(kept(&device), 1);
    device.engine.log_out(true).await.unwrap();
    assert_eq!(kept(&device), 0);
    device.engine.sign_in("jo", "secret", None).await.unwrap();
    device.wire.next(path::PROFILE, Reply::Tagged("W/\"j1\"", "max-age=3600", profile("jo", "Jo")));
    device.engine.look_up(PROFILE).await.unwrap();
    assert_eq!(looked_up(&device), (Source::Network, "Jo".into()));
}
