//! The rich story in which everything holds: a lost acknowledgement, a conflict, a create with a dependent, a
//! rejection, a rescue, a delete, a superseded edit, finished work that stays.

use serde_json::{Value, json};

use crate::history::{DeviceEvent, LinkState, Notice, RescuedOperation, Status, Tls, Trigger, What};
use crate::protocol::{ErrorCode, OperationKind, RemovalReason};

use super::audit;
use super::story::{Story, asset, order, part, record, result, with};

const ORDERS: &str = "work-orders";

pub(super) fn clean() -> Story {
    let mut story = Story::default();
    before(&mut story);
    first_pull(&mut story);
    offline(&mut story);
    reconciled(&mut story);
    later(&mut story);
    ending(&mut story);
    story
}

fn before(story: &mut Story) {
    let (scenario, world, epoch) = ("clean".into(), "simulated".into(), "2025-11-08T06:00:00Z".into());
    story.tell(What::RunStarted { scenario, seed: 1, world, epoch, tls: Tls::None, sealed: Vec::new() });
    story.user("maria", "technician", &["S1"]);
    story.user("tom", "technician", &["S1"]);
    story.user("office", "supervisor", &[]);
    for (id, asset, user, title) in [
        ("WO-1", "A1", "maria", "one"),
        ("WO-2", "A2", "maria", "two"),
        ("WO-3", "A3", "tom", "three"),
        ("WO-5", "A1", "maria", "five"),
        ("WO-6", "A2", "maria", "six"),
    ] {
        story.seed(ORDERS, order(id, asset, user, "assigned", title, 1));
    }
    ["A1", "A2", "A3"].iter().for_each(|id| story.seed("assets", asset(id)));
    story.seed("inventory", part());
}

fn first_pull(story: &mut Story) {
    story.sync("maria", Trigger::Manual);
    story.pull("maria");
    story.page("maria", None, "m1", &[(ORDERS, "WO-1", 1), (ORDERS, "WO-2", 1)], &[]);
    story.page(
        "maria",
        Some("m1"),
        "m2",
        &[(ORDERS, "WO-5", 1), (ORDERS, "WO-6", 1), ("assets", "A1", 0), ("inventory", "P1", 0)],
        &[],
    );
    story.done("maria");
    story.shows("maria", Status::Synced, 0);
}

fn office(story: &mut Story, queue_id: &str, kind: OperationKind, order: &str, payload: Value, answer: Value) {
    story.does("office", queue_id, kind, order, payload, 1);
    let answer = result(with(answer, json!({"queueId": queue_id, "status": "success"})));
    story.push("office", &[queue_id], vec![answer], true);
}

/// Maria works in a dead zone while the office changes things under her.
fn offline(story: &mut Story) {
    story.tell(What::LinkChanged { device: "maria".into(), state: LinkState::DeadZone });
    let (create, update, delete) = (OperationKind::Create, OperationKind::Update, OperationKind::Delete);
    office(story, "o1", update, "WO-1", json!({"status": "on-hold", "_version": 1}), json!({"newVersion": 2}));
    office(story, "o2", update, "WO-2", json!({"description": "new", "_version": 1}), json!({"newVersion": 2}));
    office(story, "o3", update, "WO-5", json!({"assignedTo": "tom", "_version": 1}), json!({"newVersion": 2}));
    office(story, "o4", delete, "WO-6", json!({"_version": 1}), json!({}));
    let edit = [
        ("q1", update, "WO-1", json!({"status": "completed", "actualEnd": "noon", "_version": 1}), 3),
        ("q2", update, "WO-2", json!({"title": "two!", "_version": 1}), 5),
        ("q3", update, "WO-2", json!({"partsUsed": [{"lineId": "L1", "qty": 2}], "_version": 1}), 4),
        (
            "q4",
            create,
            "tmp-1",
            json!({"title": "new", "type": "corrective", "siteId": "S1", "status": "assigned", "_localId": "1"}),
            5,
        ),
        ("q5", update, "tmp-1", json!({"title": "newer"}), 5),
        ("q6", update, "WO-1", json!({"tasks": [{"taskId": "T1", "status": "done"}], "_version": 1}), 5),
        ("q7", update, "WO-5", json!({"title": "five!", "_version": 1}), 5),
    ];
    for (waiting, (queue_id, kind, order, payload, priority)) in (1..).zip(edit) {
        story.shows("maria", Status::Queued, waiting);
        story.does("maria", queue_id, kind, order, payload, priority);
    }
}

fn answers(replayed: bool) -> Vec<crate::protocol::OperationResult> {
    let conflict = conflict();
    let denied = json!({"code": "PERMISSION_DENIED", "detail": "not yours any more"});
    let answers = [
        json!({"queueId": "q1", "status": "conflict", "newVersion": 3, "conflicts": [conflict], "conflictId": "c1"}),
        json!({"queueId": "q2", "status": "success", "newVersion": 3}),
        json!({"queueId": "q3", "status": "success", "newVersion": 4}),
        json!({"queueId": "q4", "status": "success", "newVersion": 1, "entityId": "WO-7"}),
        json!({"queueId": "q5", "status": "success", "newVersion": 2, "entityId": "WO-7"}),
        json!({"queueId": "q6", "status": "success", "newVersion": 4}),
        json!({"queueId": "q7", "status": "error", "error": denied}),
    ];
    answers.into_iter().map(|answer| result(with(answer, json!({"replayed": replayed})))).collect()
}

pub(super) fn conflict() -> Value {
    json!({
        "field": "status", "mine": "completed", "theirs": "on-hold", "outcome": "server-wins", "version": 2,
        "by": "office", "at": "2025-11-08T06:00:00.000Z",
    })
}

/// The first answer is lost; the retry replays it.
fn reconciled(story: &mut Story) {
    // The lane of WO-1 is led by a completion, the lane of WO-2 by parts.
    let batch = ["q1", "q2", "q3", "q4", "q5", "q6", "q7"];
    story.wait(60_000);
    story.sync("maria", Trigger::Periodic);
    story.push("maria", &batch, answers(false), false);
    story.fails("maria", 1, 4_000, 5_000);
    story.wait(4_000);
    story.sync("maria", Trigger::Retry);
    story.push("maria", &batch, answers(true), true);
    let rescued = RescuedOperation {
        queue_id: "q7".into(),
        entity_id: "WO-5".into(),
        operation: OperationKind::Update,
        payload: record(json!({"title": "five!"})),
        reason: "not yours any more".into(),
    };
    story.says("maria", DeviceEvent::Rescued(rescued));
    story.says("maria", DeviceEvent::Removed { entity_id: "WO-5".into(), reason: RemovalReason::Reassigned });
    story.pull("maria");
    let gone = [("WO-5", RemovalReason::Reassigned), ("WO-6", RemovalReason::Deleted)];
    story.page("maria", Some("m2"), "m3", &[(ORDERS, "WO-1", 4)], &gone);
    story.done("maria");
    story.shows("maria", Status::Synced, 0);
}

fn later(story: &mut Story) {
    let update = OperationKind::Update;
    story.shows("maria", Status::Queued, 1);
    story.does("maria", "q8", update, "WO-2", json!({"status": "completed", "_version": 4}), 3);
    story.shows("maria", Status::Queued, 2);
    story.does("maria", "q9", update, "WO-7", json!({"priority": 7, "_version": 2}), 5);
    story.sync("maria", Trigger::Manual);
    let refused =
        json!({"queueId": "q9", "status": "error", "error": {"code": "VALIDATION_ERROR", "detail": "not a priority"}});
    let taken = json!({"queueId": "q8", "status": "success", "newVersion": 5});
    story.push("maria", &["q8", "q9"], vec![result(taken), result(refused)], true);
    let (queue_id, entity_id, code) = ("q9".into(), "WO-7".into(), ErrorCode::ValidationError);
    story.says("maria", DeviceEvent::Noticed(Notice { queue_id, entity_id, code, detail: "not a priority".into() }));
    story.pull("maria");
    story.page("maria", Some("m3"), "m4", &[], &[]);
    story.done("maria");
    story.sync("tom", Trigger::Manual);
    story.pull("tom");
    story.page("tom", None, "t1", &[(ORDERS, "WO-3", 1), (ORDERS, "WO-5", 2), ("assets", "A3", 0)], &[]);
    story.done("tom");
    story.does("tom", "t1", update, "WO-3", json!({"title": "three!", "_version": 1}), 5);
    story.sync("tom", Trigger::Manual);
    story.push("tom", &["t1"], vec![result(json!({"queueId": "t1", "status": "success", "newVersion": 2}))], true);
    office(story, "o5", update, "WO-3", json!({"title": "3", "_version": 2}), json!({"newVersion": 3}));
    story.pull("tom");
    story.page("tom", Some("t1"), "t2", &[(ORDERS, "WO-3", 3)], &[]);
    story.done("tom");
}

fn ending(story: &mut Story) {
    let one = with(
        order("WO-1", "A1", "maria", "on-hold", "one", 4),
        json!({"actualEnd": "noon", "tasks": [{"taskId": "T1", "status": "done"}]}),
    );
    let parts = json!({"description": "new", "partsUsed": [{"lineId": "L1", "qty": 2}]});
    let two = with(order("WO-2", "A2", "maria", "completed", "two!", 5), parts);
    let three = order("WO-3", "A3", "tom", "assigned", "3", 3);
    let five = order("WO-5", "A1", "tom", "assigned", "five", 2);
    let seven = json!({
        "workOrderId": "WO-7", "siteId": "S1", "type": "corrective", "title": "newer", "status": "assigned",
        "assignedTo": "maria", "_localId": "1", "_version": 2,
    });
    let pending = with(seven.clone(), json!({"priority": 7}));
    story.tell(What::Healed);
    story.tell(What::Settled);
    let record = json!({
        "conflictId": "c1", "queueId": "q1", "entityType": "work-order", "entityId": "WO-1", "detectedAt": "06:00",
        "userId": "maria", "clientVersion": 1, "serverVersion": 3, "conflictingFields": ["status"],
        "resolutionStrategy": "server-wins", "resolvedAt": "06:00", "resolution": {"status": "server-wins"},
        "fields": [conflict()],
    });
    let rescued = json!({"queueId": "q7", "entityId": "WO-5", "operation": "update", "payload": {"title": "five!"}, "reason": "not yours any more"});
    let log = [
        json!({"at": "", "what": "detected", "conflict": record}),
        json!({"at": "", "what": "rescued", "operation": rescued}),
    ];
    let rest = json!({
        "conflicts": [record], "audit": audit::chain(&log),
        "queue": [{"queueId": "q9", "entityId": "WO-7", "operation": "update", "priority": 5, "status": "failed", "attempts": 1, "error": "not a priority"}],
        "notices": [{"queueId": "q9", "entityId": "WO-7", "code": "VALIDATION_ERROR", "detail": "not a priority"}],
        "rescued": [rescued],
    });
    story.holds("maria", &[one.clone(), two.clone(), pending], &[asset("A1"), asset("A2")], rest);
    story.holds("tom", &[three.clone(), five.clone()], &[asset("A1"), asset("A3")], json!({}));
    story.sees("maria", &["WO-1", "WO-7"], &["A1"]);
    story.sees("tom", &["WO-3", "WO-5"], &["A1", "A3"]);
    story.server(ORDERS, &[one, two, three, five, seven]);
    story.server("assets", &[asset("A1"), asset("A2"), asset("A3")]);
    story.server("inventory", &[part()]);
    story.tell(What::RunEnded);
}
