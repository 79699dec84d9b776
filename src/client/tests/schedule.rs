//! When the engine syncs by itself.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Device, Reply};
use crate::history::{DeviceEvent, Status, SyncOutcome, Trigger};
use crate::protocol::path;

const MINUTE: Duration = Duration::from_secs(60);

fn triggers(device: &Device) -> Vec<Trigger> {
    let trigger =
        |event: &DeviceEvent| if let DeviceEvent::SyncStarted { trigger } = event { Some(*trigger) } else { None };
    device.events.borrow().iter().filter_map(trigger).collect()
}

fn last_shown(device: &Device) -> Option<(Status, u64)> {
    let shown = |event: &DeviceEvent| {
        if let DeviceEvent::Shown { status, queued, .. } = event { Some((status.clone(), *queued)) } else { None }
    };
    device.events.borrow().iter().rev().find_map(shown)
}

#[tokio::test(start_paused = true)]
async fn upload_not_retried() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"status": "completed"}));
    device.wire.next(path::PUSH, Reply::Problem(503, "SERVER_ERROR"));
    device.live(Duration::from_secs(6)).await;
    assert_eq!(device.queue(), []);
    assert_eq!(triggers(&device), [Trigger::Critical, Trigger::Retry]);
    assert_eq!(last_shown(&device), Some((Status::Synced, 0)));
    assert_eq!(device.engine.state().unwrap().waits_for, None);
}

#[tokio::test(start_paused = true)]
async fn waits_escalate_by_the_table_and_start_anew_after_success() {
    let device = Device::ready().await;
    for _ in 0..7 {
        device.wire.next(path::DELTA, Reply::Lost);
    }
    device.live(60 * MINUTE).await;
    assert_eq!(device.waits(), [5_000, 10_000, 30_000, 60_000, 300_000, 300_000, 300_000]);
    device.wire.next(path::DELTA, Reply::Lost);
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(device.waits().last(), Some(&5_000));
}

#[tokio::test(start_paused = true)]
async fn retry_after_ignored() {
    let device = Device::ready().await;
    device.wire.next(path::DELTA, Reply::Busy(429, "SERVER_ERROR", 40));
    device.sync().await;
    assert_eq!(device.waits(), [40_000]);
    device.live(Duration::from_secs(39)).await;
    assert_eq!(device.wire.count(path::DELTA), 1);
    device.live(Duration::from_secs(2)).await;
    assert_eq!(device.wire.count(path::DELTA), 2);
}

#[tokio::test(start_paused = true)]
async fn missed_wakeup() {
    // An empty sync takes one round trip: the edit comes at every millisecond of it and around it.
    for at_ms in 0..=110 {
        let device = Device::ready().await;
        let story = async {
            sleep(Duration::from_millis(5)).await;
            let (_, ()) = tokio::join!(device.sync(), async {
                sleep(Duration::from_millis(at_ms)).await;
                device.edit("WO-1", json!({"status": "on-hold"}));
            });
            sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            biased;
            () = std::rc::Rc::clone(&device.engine).run() => {}
            () = story => {}
        }
        assert_eq!(device.queue(), [], "edit at {at_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn double_uploader() {
    // The wire fails the test when two requests are out at once.
    let device = Device::ready().await;
    device.edit("WO-1", json!({"title": "new"}));
    let story = async {
        for _ in 0..2 {
            device.engine.connectivity(false);
            device.engine.connectivity(true);
            sleep(Duration::from_millis(30)).await;
        }
        let _ = tokio::join!(device.sync(), device.sync(), device.engine.sync(Trigger::Critical));
        sleep(Duration::from_secs(1)).await;
    };
    tokio::select! {
        biased;
        () = std::rc::Rc::clone(&device.engine).run() => {}
        () = story => {}
    }
    assert_eq!(device.wire.pushes().len(), 1);
    // The reconnects that came while the first ran are met by one more; so are the three requests after them.
    assert_eq!(device.wire.count(path::DELTA), 2);
}

#[tokio::test(start_paused = true)]
async fn no_upload_on_reconnect() {
    let device = Device::ready().await;
    device.engine.connectivity(false);
    device.edit("WO-1", json!({"status": "completed"}));
    assert_eq!(device.sync().await, SyncOutcome::Offline);
    device.live(7 * 24 * 60 * MINUTE).await;
    assert_eq!(device.wire.sent.borrow().len(), 0, "known to be offline");
    assert_eq!(last_shown(&device), Some((Status::Offline, 1)));
    assert!(device.engine.state().unwrap().waits_for.is_some());
    device.engine.connectivity(true);
    device.live(Duration::from_secs(1)).await;
    assert_eq!(triggers(&device), [Trigger::Manual, Trigger::Reconnect]);
    assert_eq!(device.queue(), []);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_taken_away_counts_as_no_failure() {
    let device = Device::ready().await;
    let airplane = |engine: &crate::client::Engine| engine.connectivity(false);
    device.wire.next(path::DELTA, device.during(airplane, Reply::Lost));
    assert_eq!(device.sync().await, SyncOutcome::Offline);
    assert!(device.waits().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_period_is_fifteen_minutes() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"title": "new"}));
    device.live(14 * MINUTE).await;
    assert_eq!(triggers(&device), []);
    device.live(32 * MINUTE).await;
    assert_eq!(triggers(&device), [Trigger::Periodic; 3]);
    assert_eq!(device.wire.pushes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sync_whose_future_is_dropped_is_made_up_for() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"status": "completed"}));
    let start = Instant::now();
    tokio::select! {
        biased;
        _ = device.sync() => {}
        () = sleep(Duration::from_millis(50)) => {}
    }
    assert_eq!(start.elapsed(), Duration::from_millis(50));
    device.wire.forget_what_is_out();
    device.live(Duration::from_secs(1)).await;
    assert_eq!(device.queue(), []);
    let pushes = device.wire.pushes();
    assert_eq!(pushes[0], pushes[1], "the same ids again");
}
