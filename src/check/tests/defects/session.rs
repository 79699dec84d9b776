//! Defects of what a device shows to its user.

use std::collections::BTreeMap;

use crate::history::{ChangeLine, ChangeState, Icon, SyncOutcome};
use crate::protocol::{ErrorCode, OperationKind};

use super::super::super::{AckedClaim, ChangeWord, Claim, ShownClaim, StatusWord, Verdict, check};
use super::*;
use crate::base::Span;

fn line(queue_id: &str, order: &str, state: ChangeState) -> ChangeLine {
    ChangeLine { queue_id: queue_id.into(), entity_id: order.into(), what: "Updated details".into(), state }
}

fn marked(changes: &[(&str, &str, ChangeState)], icons: &[(&str, Icon)]) -> DeviceEvent {
    let changes = changes.iter().map(|(queue_id, order, state)| line(queue_id, order, *state)).collect();
    DeviceEvent::Marked { changes, icons: icons.iter().map(|(id, icon)| ((*id).to_owned(), *icon)).collect() }
}

/// Maria edits WO-1; her phone shows it with `mark` and `queued`.
fn edited(mark: Option<DeviceEvent>, queued: u64) -> Story {
    let mut story = Story::default();
    story.shows("maria", Status::Synced, 0);
    story.says("maria", marked(&[], &[]));
    mark.into_iter().for_each(|mark| story.says("maria", mark));
    if queued > 0 {
        story.shows("maria", Status::Queued, queued);
    }
    story.does("maria", "q1", OperationKind::Update, "WO-1", json!({"title": "new", "_version": 1}), 5);
    story
}

fn told(mut story: Story) -> Verdict {
    story.tell(What::Interrupted);
    verdict(&story)
}

fn honest(verdict: &Verdict) {
    let found = verdict.findings.iter().any(|finding| finding.check.starts_with("I18"));
    assert!(!found, "{:#?}", verdict.findings);
}

#[test]
fn synced_goes_on_being_shown_while_a_change_waits() {
    let waits = || Some(marked(&[("q1", "WO-1", ChangeState::Queued)], &[("WO-1", Icon::Queued)]));
    honest(&told(edited(waits(), 1)));
    red(&told(edited(waits(), 0)), "I18", &["maria says that 1 changes wait", "Synced with 0 waiting"]);
}

#[test]
fn a_screen_that_stays_empty() {
    let synced = |shows: bool| {
        let mut story = Story::default();
        story.says("maria", DeviceEvent::Opened { queued: 0, interrupted: 0 });
        story.sync("maria", Trigger::Launch);
        story.done("maria");
        if shows {
            story.shows("maria", Status::Synced, 0);
        }
        story.wait(2_000);
        story.sync("maria", Trigger::Manual);
        told(story)
    };
    honest(&synced(true));
    red(&synced(false), "I18", &["shows its user how things stand", "no status at all"]);
}

#[test]
fn the_next_user_is_told_of_a_sync_that_was_none_of_theirs() {
    let next = |synced_ago_ms: Option<u64>| {
        let mut story = Story::default();
        story.sync("maria", Trigger::Manual);
        story.done("maria");
        story.shows("maria", Status::Synced, 0);
        story.says("maria", DeviceEvent::LoggedOut);
        story.says("maria", DeviceEvent::Shown { status: Status::Offline, queued: 0, progress: None, synced_ago_ms });
        told(story)
    };
    honest(&next(None));
    red(&next(Some(5_000)), "I18", &["names no last sync before its user's first"]);
}

#[test]
fn an_icon_or_a_line_says_synced_too_early() {
    red(&told(edited(None, 1)), "I18", &["the queue view does not have it"]);
    let icon_alone = marked(&[("q1", "WO-1", ChangeState::Queued)], &[]);
    red(&told(edited(Some(icon_alone), 1)), "I18", &["its icon says synced"]);
    let mut story = edited(Some(marked(&[("q1", "WO-1", ChangeState::Queued)], &[("WO-1", Icon::Queued)])), 1);
    story.says("maria", marked(&[("q1", "WO-1", ChangeState::Synced)], &[]));
    red(&told(story), "I18", &["the queue view says Synced"]);
}

#[test]
fn synced_is_shown_after_a_sync_that_failed() {
    let mut story = Story::default();
    story.sync("maria", Trigger::Manual);
    let outcome = SyncOutcome::Failed { code: ErrorCode::NetworkError, detail: String::new() };
    story.says("maria", DeviceEvent::SyncEnded { outcome });
    story.shows("maria", Status::Synced, 0);
    red(&told(story), "I18", &["does not say that it synced when it could not"]);
}

fn reads(row: Option<serde_json::Value>, kind: OperationKind) -> Verdict {
    let mut story = edited(None, 1);
    if kind == OperationKind::Delete {
        story.does("maria", "q2", kind, "WO-1", json!({"_version": 1}), 5);
    }
    story.tell(What::Read { device: "maria".into(), entity_id: "WO-1".into(), row: row.map(record) });
    told(story)
}

fn session(verdict: &Verdict) -> bool {
    verdict.findings.iter().any(|finding| finding.check.starts_with("I6"))
}

#[test]
fn own_writes_are_not_read_at_once() {
    use OperationKind::{Delete, Update};
    assert!(!session(&reads(Some(json!({"title": "new"})), Update)));
    assert!(!session(&reads(None, Delete)));
    red(&reads(Some(json!({"title": "one"})), Update), "I6", &["title", "shows at once", "title is \"one\""]);
    red(&reads(None, Update), "I6", &["there is no such order"]);
    red(&reads(Some(json!({})), Delete), "I6", &["delete", "the order is still there"]);
}

fn state(orders: serde_json::Value, queue: serde_json::Value) -> Box<DeviceState> {
    let state = json!({"userId": "maria", "workOrders": orders, "assets": {}, "inventory": {}, "queue": queue,
        "conflicts": [], "notices": [], "rescued": [], "cursor": null, "status": "queued", "waitsFor": null,
        "changes": [{"queueId": "q1", "entityId": "WO-1", "what": "", "state": "queued"}],
        "icons": {"WO-1": "queued"}, "syncedAgoMs": 125_000});
    Box::new(serde_json::from_value(state).unwrap())
}

fn looks(story: &mut Story, step: usize, orders: serde_json::Value) {
    let queue = json!([{"queueId": "q1", "entityId": "WO-1", "operation": "update", "priority": 5, "status": "pending",
        "attempts": 0, "error": null}]);
    story.tell(What::Looked { device: "maria".into(), step, state: state(orders, queue) });
}

#[test]
fn what_was_read_goes_back() {
    let seen = |later: serde_json::Value| {
        let mut story = edited(None, 1);
        looks(&mut story, 0, json!({"WO-1": {"title": "new", "_version": 2}, "WO-2": {"_version": 1}}));
        looks(&mut story, 1, later);
        told(story)
    };
    assert!(!session(&seen(json!({"WO-1": {"title": "new", "_version": 2}, "WO-2": {"_version": 3}}))));
    let back = seen(json!({"WO-1": {"title": "new", "_version": 1}, "WO-2": {"_version": 1}}));
    red(&back, "I6", &["has seen WO-1 at version 2", "version 1"]);
    red(&seen(json!({"WO-1": {"title": "new", "_version": 2}})), "I6", &["has seen WO-2", "not there any more"]);
    red(&seen(json!({"WO-1": {"title": "old", "_version": 2}, "WO-2": {"_version": 1}})), "I6", &["title is \"old\""]);
}

#[test]
fn queued_and_not_shown_after_a_crash() {
    let mut story = Story::default();
    story.does("maria", "q1", OperationKind::Update, "WO-1", json!({"title": "new", "_version": 1}), 5);
    // Known from the wire alone: the crash came before the acknowledgement.
    story.events.pop();
    story.push("maria", &["q1"], vec![], false);
    looks(&mut story, 0, json!({"WO-1": {"title": "old", "_version": 1}}));
    red(&told(story), "I15", &["shows at once on maria", "title is \"old\""]);
}

#[test]
fn acknowledged_and_not_queued_after_a_restart() {
    let after = |queued: u64| {
        let mut story = edited(None, 1);
        story.tell(What::Crashed { device: "maria".into(), how: CrashHow::Power, disk_operations: 4 });
        story.says("maria", DeviceEvent::Opened { queued, interrupted: 0 });
        told(story)
    };
    assert!(!after(1).findings.iter().any(|finding| finding.check.starts_with("I14")));
    red(&after(0), "I14", &["starts with the 1 changes", "it finds 0"]);
}

#[test]
fn claims_on_a_screen() {
    let mut story = edited(None, 1);
    looks(&mut story, 3, json!({"WO-1": {"title": "new", "_version": 1}}));
    story.tell(What::RunEnded);
    let judged = |shown: ShownClaim| {
        let claims = [Claim::Look { step: 3, shown: ShownClaim { device: "maria".into(), ..shown } }];
        let found = check(&story.history(), &claims, &BTreeMap::new()).findings;
        found.into_iter().filter(|finding| finding.check == "look").map(|finding| finding.happened).collect::<Vec<_>>()
    };
    let order = || ShownClaim { order: Some("WO-1".into()), ..ShownClaim::default() };
    let holds = ShownClaim {
        status: Some(StatusWord::Queued),
        queued: Some(1),
        orders: Some(1),
        synced_ago: Some(Span::from_millis(120_000)),
        icon: Some(Icon::Queued),
        change: Some(ChangeWord::Queued),
        has: Some(record(json!({"title": "new"}))),
        lacks: Some("WO-9".into()),
        ..order()
    };
    assert_eq!(judged(holds), Vec::<String>::new());
    for wrong in [
        ShownClaim { status: Some(StatusWord::Synced), ..order() },
        ShownClaim { queued: Some(0), ..order() },
        ShownClaim { orders: Some(2), ..order() },
        ShownClaim { synced_ago: Some(Span::from_millis(180_000)), ..order() },
        ShownClaim { icon: Some(Icon::Synced), ..order() },
        ShownClaim { change: Some(ChangeWord::Syncing), ..order() },
        ShownClaim { has: Some(record(json!({"title": "old"}))), ..order() },
        ShownClaim { lacks: Some("WO-1".into()), ..order() },
        ShownClaim { done: Some(0), ..order() },
        ShownClaim { code: Some(ErrorCode::ServerError), ..order() },
    ] {
        assert_eq!(judged(wrong.clone()).len(), 1, "{wrong:?}");
    }
    let claims = [Claim::Look { step: 4, shown: order() }];
    assert!(finds(&check(&story.history(), &claims, &BTreeMap::new()), "look", &["step 5", "it showed nothing"]));
}

#[test]
fn an_acknowledgement_comes_late_or_never() {
    let acked = |after_ms: Option<u64>| {
        let mut story = edited(None, 1);
        if let Some(ms) = after_ms {
            story.wait(ms);
            story.says("maria", marked(&[("q1", "WO-1", ChangeState::Synced)], &[]));
        }
        story.tell(What::RunEnded);
        let claim = AckedClaim { device: "maria".into(), order: "WO-1".into(), at_most: Span::from_millis(1_000) };
        check(&story.history(), &[Claim::Acked(claim)], &BTreeMap::new())
    };
    assert!(!finds(&acked(Some(1_000)), "acked", &[]));
    assert!(finds(&acked(Some(1_001)), "acked", &["it took 1001ms"]));
    assert!(finds(&acked(None), "acked", &["it never did"]));
}
