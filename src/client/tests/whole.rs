//! A pull of everything over what is there, an empty cache, and a device that changes hands.

use serde_json::{Value, json};

use super::{Device, Reply, Sent, order, page, record};
use crate::base::{CrashHow, Seed};
use crate::client::store::meta;
use crate::client::{EditRequest, EngineError, Keychain, LogOut, MemoryKeychain, Vault};
use crate::disk::SimDisk;
use crate::history::{DeviceEvent, ResyncReason, SyncOutcome, Trigger};
use crate::protocol::{RemovalReason, ViewDigest, path};

fn asked(device: &Device) -> Vec<String> {
    let pulls = |sent: &Sent| sent.target.strip_prefix(path::DELTA).map(str::to_owned);
    device.wire.sent.borrow().iter().filter_map(pulls).collect()
}

fn held(device: &Device) -> Vec<String> {
    device.engine.state().unwrap().work_orders.into_keys().collect()
}

fn orders(ids: &[&str], version: i64) -> Value {
    json!({"workOrders": ids.iter().map(|id| order(id, version)).collect::<Vec<_>>()})
}

#[tokio::test(start_paused = true)]
async fn full_set_prune_kills_local_create() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Problem(410, "VALIDATION_ERROR"));
    let first = Reply::Json(page("s1", true, orders(&["WO-1", "WO-2"], 5)));
    let work = |engine: &crate::client::Engine| {
        engine.create(record(json!({"title": "Leak"}))).unwrap();
        engine.edit(EditRequest { id: "WO-2".into(), set: record(json!({"title": "mine"})) }).unwrap();
        engine.edit(EditRequest { id: "WO-3".into(), set: record(json!({"title": "too late"})) }).unwrap();
    };
    device.wire.next(path::DELTA, device.during(work, first));
    let look = |engine: &crate::client::Engine| {
        assert_eq!(engine.state().unwrap().work_orders.len(), 4, "nothing leaves before the pull has ended");
    };
    device.wire.next(path::DELTA, device.during(look, Reply::Json(page("s2", false, orders(&["WO-4"], 1)))));
    device.wire.next(path::DELTA, Reply::Json(page("s3", false, json!({}))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let targets = asked(&device);
    assert!(targets[1].contains("retained=1") && !targets[1].contains("cursor"), "{targets:?}");
    assert!(targets[2].ends_with("cursor=s1") && targets[3].ends_with("cursor=s2"), "{targets:?}");
    let kept = held(&device);
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert!(kept.iter().any(|id| id.starts_with("tmp-")) && !kept.contains(&"WO-3".to_owned()), "{kept:?}");
    assert_eq!((device.shows("WO-2", "title"), device.shows("WO-2", "_version")), (json!("mine"), json!(5)));
    assert_eq!(device.queue().len(), 2, "the queue is kept, but for what has no record any more");
    let events = device.events.borrow();
    assert!(events.contains(&DeviceEvent::Resync { reason: ResyncReason::Expired }));
    assert!(events.contains(&DeviceEvent::Removed { entity_id: "WO-3".into(), reason: RemovalReason::Revoked }));
    assert!(events.iter().any(|event| matches!(event, DeviceEvent::Rescued(rescued) if rescued.entity_id == "WO-3")));
}

#[tokio::test(start_paused = true)]
async fn a_full_pull_replaces_lines_that_went_long_ago() {
    let device = Device::ready().await;
    let lines = |ids: &[&str]| {
        let mut order = order("WO-1", 2);
        order["tasks"] = ids.iter().map(|id| json!({"taskId": id})).collect();
        json!({"workOrders": [order]})
    };
    device.wire.next(path::DELTA, Reply::Json(page("c2", false, lines(&["T1", "T2"]))));
    device.sync().await;
    device.wire.next(path::DELTA, Reply::Problem(410, "VALIDATION_ERROR"));
    device.wire.next(path::DELTA, Reply::Json(page("s1", false, lines(&["T2"]))));
    device.wire.next(
        path::DELTA,
        Reply::Json(page(
            "s2",
            false,
            json!({"workOrders": [{"workOrderId": "WO-1",
        "_version": 3, "tasks": [{"taskId": "T3"}]}]}),
        )),
    );
    device.sync().await;
    assert_eq!(device.shows("WO-1", "tasks"), json!([{"taskId": "T2"}, {"taskId": "T3"}]));
}

#[tokio::test(start_paused = true)]
async fn checkpoint_mismatch_restart_zero() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Problem(410, "VALIDATION_ERROR"));
    device.wire.next(path::DELTA, Reply::Json(page("s1", true, orders(&["WO-1"], 5))));
    device.wire.next(path::DELTA, Reply::Lost);
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    let device = device.restart();
    assert_eq!(held(&device), ["WO-1", "WO-2", "WO-3"]);
    let made = device.engine.create(record(json!({"title": "Leak"}))).unwrap().entity_id;
    device.wire.next(path::DELTA, Reply::Json(page("s2", false, orders(&["WO-2"], 5))));
    device.wire.next(path::DELTA, Reply::Json(page("s3", false, json!({}))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let targets = asked(&device);
    assert!(targets[3].ends_with("cursor=s1"), "it goes on where it stopped: {targets:?}");
    // Acknowledged while the full pull ran, whose pages end before that.
    let real = format!("WO-9{}", &made[made.len() - 5..]);
    assert_eq!(held(&device), ["WO-1".to_owned(), "WO-2".into(), real]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_goes_back_far_enough_is_asked_once_a_sync() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Problem(410, "VALIDATION_ERROR"));
    device.wire.next(path::DELTA, Reply::Problem(410, "VALIDATION_ERROR"));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(held(&device).len(), 3);
}

/// A device that starts again, its last sync being `hours` ago.
async fn started_after(hours: i64, digest: Option<ViewDigest>) -> Device {
    let device = Device::ready().await;
    let at = device.engine.clock.now() - jiff::SignedDuration::from_hours(hours);
    let at = crate::base::WallClock::text(at);
    device.engine.store.write(|tx| meta::set(tx, meta::SYNCED_AT, &at)).unwrap();
    let device = device.restart();
    let mut answer = page("c1", false, json!({}));
    answer["viewDigest"] = json!(digest);
    device.wire.next(path::DELTA, Reply::Json(answer));
    device
}

#[tokio::test(start_paused = true)]
async fn a_start_within_the_hour_is_a_plain_delta() {
    let device = started_after(1, None).await;
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(asked(&device), ["?cursor=c1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_start_compares_the_view_and_pulls_nothing_that_it_has() {
    for hours in [2, -2] {
        let same = ViewDigest::of([("WO-3", 1), ("WO-1", 1), ("WO-2", 1)]);
        let device = started_after(hours, Some(same)).await;
        device.edit("WO-1", json!({"completionNotes": "during"}));
        device.wire.next(path::PUSH, Reply::Busy(503, "SERVER_ERROR", 1));
        device.sync().await;
        assert_eq!(asked(&device), Vec::<String>::new(), "no pull while the push is not through");
        device.wire.next(
            path::PUSH,
            Reply::Json(json!({"results": [{"queueId": device.queue()[0].0,
            "status": "success", "newVersion": 1}]})),
        );
        assert_eq!(device.sync().await, SyncOutcome::Done);
        assert_eq!(device.sync().await, SyncOutcome::Done);
        assert_eq!(asked(&device), ["?digest=1&cursor=c1", "?cursor=c1"], "{hours} h");
    }
}

#[tokio::test(start_paused = true)]
async fn suppressed_replay_batch() {
    let device = started_after(3, Some(ViewDigest::of([("WO-1", 1), ("WO-2", 2)]))).await;
    // The server says the same cursor again, and yet the rows are news.
    device.wire.next(path::DELTA, Reply::Json(page("c1", false, orders(&["WO-1", "WO-2"], 2))));
    device.wire.next(path::DELTA, Reply::Json(page("c1", false, json!({}))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(held(&device), ["WO-1", "WO-2"]);
    assert_eq!(device.shows("WO-2", "_version"), json!(2));
    assert!(device.events.borrow().contains(&DeviceEvent::Resync { reason: ResyncReason::Differs }));
}

#[tokio::test(start_paused = true)]
async fn a_cleared_cache_keeps_the_queue_and_is_filled_again_by_itself() {
    let device = Device::ready().await;
    let made = device.engine.create(record(json!({"title": "Leak"}))).unwrap().entity_id;
    device.edit("WO-2", json!({"title": "mine"}));
    device.engine.clear_cache().await.unwrap();
    assert_eq!(held(&device), ["WO-2", made.as_str()]);
    assert_eq!((device.cursor(), device.queue().len()), (None, 2));
    assert_eq!(device.shows("WO-2", "title"), "mine");
    device.wire.next(path::DELTA, Reply::Json(page("s1", false, orders(&["WO-1", "WO-2", "WO-3"], 2))));
    device.live(std::time::Duration::from_secs(2)).await;
    assert!(device.events.borrow().contains(&DeviceEvent::SyncStarted { trigger: Trigger::Asked }));
    assert_eq!(device.wire.count(path::PROFILE), 1, "the profile comes anew");
    assert_eq!(held(&device).len(), 4);
    assert_eq!(device.queue(), []);
}

#[tokio::test(start_paused = true)]
async fn logout_wipes_outbox() {
    let (disk, keychain) = (SimDisk::new(), MemoryKeychain::default());
    let device = Device::on(&disk, &keychain).unwrap().signed_in().await;
    device.edit("WO-1", json!({"title": "unsent"}));
    device.edit("WO-2", json!({"title": "unsent"}));
    let (old_key, old_id) = (Vault::open(&keychain).unwrap(), keychain.get("device-id").unwrap());
    assert_eq!(device.engine.log_out(false).await.unwrap(), LogOut::Unsynced(2));
    assert_eq!((device.queue().len(), held(&device).len()), (2, 3), "a refusal changes nothing");
    assert_eq!(device.engine.log_out(true).await.unwrap(), LogOut::Done);
    let state = device.engine.state().unwrap();
    assert_eq!(
        (state.work_orders.len(), state.queue.len(), state.user_id, state.cursor, state.profile),
        (0, 0, None, None, None)
    );
    assert_ne!(Vault::open(&keychain).unwrap(), old_key);
    assert_ne!(keychain.get("device-id").unwrap(), old_id);
    assert_eq!(keychain.get("refresh-token").unwrap(), None);
    assert_eq!(keychain.get("leaving").unwrap(), None);
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    // Somebody else's turn: nothing is there, and all is pulled.
    device.engine.sign_in("jo", "secret", None).await.unwrap();
    device.wire.sent.borrow_mut().clear();
    device.wire.next(path::DELTA, Reply::Json(page("j1", false, orders(&["WO-7"], 1))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!((asked(&device), held(&device)), (vec![String::new()], vec!["WO-7".to_owned()]));
    // The new key opens what the new user stored.
    drop(device);
    let device = Device::on(&disk, &keychain).unwrap();
    assert_eq!(held(&device), ["WO-7"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_signs_in_over_another_users_data() {
    let device = Device::ready().await;
    assert_eq!(device.engine.sign_in("jo", "secret", None).await, Err(EngineError::OtherUser("maria".into())));
    assert_eq!(held(&device).len(), 3);
    assert_eq!(device.engine.log_out(false).await, Ok(LogOut::Done));
    assert_eq!(device.engine.sign_in("jo", "secret", None).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_a_logout_leaves_nothing_to_see() {
    for how in [CrashHow::Kill, CrashHow::Power, CrashHow::Torn] {
        for operation in 1.. {
            let (disk, keychain) = (SimDisk::new(), MemoryKeychain::default());
            let device = Device::on(&disk, &keychain).unwrap().signed_in().await;
            device.edit("WO-1", json!({"title": "unsent"}));
            disk.arm(operation, how, Seed(operation).stream("cut"));
            let left = device.engine.log_out(true).await;
            let through = left.is_ok() && !disk.is_cut();
            drop(device);
            disk.disarm();
            disk.power_up();
            let device = Device::on(&disk, &keychain).unwrap();
            let state = device.engine.state().unwrap();
            assert_eq!(
                (state.work_orders.len(), state.queue.len(), state.user_id),
                (0, 0, None),
                "{how:?} {operation}"
            );
            assert_eq!(through, !device.events.borrow().contains(&DeviceEvent::LoggedOut), "{how:?} {operation}");
            if through {
                assert!(operation > 10, "a logout writes");
                break;
            }
        }
    }
}
