//! Tokens: refreshed once, kept where they belong.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::{Device, Reply};
use crate::client::{EngineError, Keychain};
use crate::history::{QueueStatus, SyncOutcome};
use crate::protocol::{ErrorCode, path};

fn bearers(device: &Device) -> Vec<Option<String>> {
    device.wire.sent.borrow().iter().map(|sent| sent.bearer.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_time_is_over_is_not_tried() {
    let device = Device::ready().await;
    sleep(Duration::from_secs(901)).await;
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let sent: Vec<String> = device.wire.sent.borrow().iter().map(|sent| sent.target.clone()).collect();
    assert_eq!(sent, [path::REFRESH, "/api/v1/sync/delta?cursor=c1"]);
    assert_eq!(bearers(&device), [None, Some("access-2".into())]);
    assert_eq!(device.keychain.get("refresh-token").unwrap().as_deref(), Some("refresh-2"));
}

#[tokio::test(start_paused = true)]
async fn a_401_leads_to_one_refresh_and_one_more_try() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"title": "new"}));
    device.wire.next(path::PUSH, Reply::Problem(401, "AUTH_ERROR"));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.wire.count(path::REFRESH), 1);
    let pushes = device.wire.pushes();
    assert_eq!(pushes[0], pushes[1]);
}

#[tokio::test(start_paused = true)]
async fn a_second_401_pauses_and_nothing_fails() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"title": "new"})).queue_id;
    device.wire.next(path::PUSH, Reply::Problem(401, "AUTH_ERROR"));
    device.wire.next(path::PUSH, Reply::Problem(401, "AUTH_ERROR"));
    let outcome = device.sync().await;
    assert!(matches!(outcome, SyncOutcome::Failed { code: ErrorCode::AuthError, .. }));
    assert_eq!(device.queue(), [(edit, QueueStatus::Pending)]);
    device.live(Duration::from_secs(6)).await;
    assert_eq!(device.queue(), []);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_family_waits_for_a_sign_in() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"status": "on-hold"}));
    sleep(Duration::from_secs(901)).await;
    device.wire.next(path::REFRESH, Reply::Problem(401, "AUTH_ERROR"));
    device.live(Duration::from_secs(600)).await;
    assert_eq!(device.wire.count(path::REFRESH), 1, "no hammering");
    assert!(device.engine.state().unwrap().waits_for.unwrap().contains("a sign-in"));
    device.engine.sign_in("maria", "secret", None).await.unwrap();
    device.live(Duration::from_secs(1)).await;
    assert_eq!(device.queue(), []);
}

#[tokio::test(start_paused = true)]
async fn refresh_race_logout() {
    // Somebody else's page on the way to the refresh must not cost the tokens.
    let device = Device::ready().await;
    sleep(Duration::from_secs(901)).await;
    device.wire.next(path::REFRESH, Reply::Page(401, "text/html"));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { code: ErrorCode::NetworkError, .. }));
    assert_eq!(device.keychain.get("refresh-token").unwrap().as_deref(), Some("refresh-1"));
    device.live(Duration::from_secs(6)).await;
    assert_eq!(device.keychain.get("refresh-token").unwrap().as_deref(), Some("refresh-2"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_refresh_is_no_verdict_on_the_push() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"title": "new"})).queue_id;
    sleep(Duration::from_secs(901)).await;
    device.wire.next(path::REFRESH, Reply::Problem(400, "VALIDATION_ERROR"));
    assert!(matches!(device.sync().await, SyncOutcome::Failed { .. }));
    assert_eq!(device.queue(), [(edit, QueueStatus::Pending)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_only_the_refresh_token_is_there() {
    let device = Device::ready().await.restart();
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(bearers(&device), [None, Some("access-2".into())]);
    assert_eq!(device.wire.sent.borrow()[0].json["refreshToken"], "refresh-1");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_cannot_sign_in_over_anothers_data() {
    let device = Device::ready().await;
    let error = device.engine.sign_in("joe", "secret", None).await.unwrap_err();
    assert_eq!(error, EngineError::OtherUser("maria".into()));
    assert_eq!(device.wire.sent.borrow().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_signed_in_means_no_request() {
    let device = Device::fresh();
    assert!(matches!(device.sync().await, SyncOutcome::Failed { code: ErrorCode::AuthError, .. }));
    device.live(Duration::from_secs(3600)).await;
    assert_eq!(device.wire.sent.borrow().len(), 0);
}
