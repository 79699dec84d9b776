//! Defects of retry, of failed changes, of tokens, and of devices that do too much.

use serde_json::json;

use crate::history::{DeviceEvent, Message, MessageKind, Notice, RescuedOperation, SyncOutcome, Trigger, What};
use crate::protocol::{ErrorCode, OperationKind, Record};

use super::super::super::Verdict;
use super::super::story::{Story, result};
use super::{finds, on_device, planted, red, verdict};

/// Histories of one device, before anything has come to rest.
fn alone(tell: impl FnOnce(&mut Story)) -> Verdict {
    let mut story = Story::default();
    story.user("maria", "technician", &[]);
    tell(&mut story);
    verdict(&story)
}

fn problem(story: &mut Story, status: u16, code: ErrorCode, retry_after: Option<u64>) {
    let kind = MessageKind::Problem { code, detail: String::new() };
    let device = "maria".to_owned();
    let message = Message { device, connection: 1, exchange: 0, bytes: 9, status, delivered: true, retry_after, kind };
    story.tell(What::Answer(message));
}

fn ask(story: &mut Story, kind: MessageKind) {
    let (device, retry_after) = ("maria".to_owned(), None);
    let message =
        Message { device, connection: 1, exchange: 0, bytes: 100, status: 0, delivered: true, retry_after, kind };
    story.tell(What::Request(message));
}

fn edit(story: &mut Story) {
    story.does("maria", "q", OperationKind::Update, "WO-1", json!({"title": "t", "_version": 1}), 5);
}

fn refused(code: &str) -> Vec<crate::protocol::OperationResult> {
    vec![result(json!({"queueId": "q", "status": "error", "error": {"code": code, "detail": ""}}))]
}

fn notice(story: &mut Story, code: ErrorCode) {
    let (queue_id, entity_id) = ("q".into(), "WO-1".into());
    story.says("maria", DeviceEvent::Noticed(Notice { queue_id, entity_id, code, detail: String::new() }));
}

#[test]
fn retry_after_ignored() {
    let early = |wait_ms: u64, then: u64, trigger: Trigger| {
        alone(|story| {
            story.sync("maria", Trigger::Manual);
            problem(story, 503, ErrorCode::ServerError, Some(60));
            story.fails("maria", 1, wait_ms, 5_000);
            story.wait(then);
            story.sync("maria", trigger);
            ask(story, MessageKind::Delta { cursor: None, since: None, digest: false });
        })
    };
    red(&early(4_000, 4_000, Trigger::Retry), "I20", &["from 60000 to 60000 ms", "waits 4000 ms"]);
    red(&early(60_000, 30_000, Trigger::Reconnect), "I20", &["leaves the server alone until 60000 ms"]);
    assert!(!finds(&early(60_000, 60_000, Trigger::Retry), "I20", &[]));
    assert!(!finds(&early(60_000, 30_000, Trigger::Manual), "I20", &["alone"]), "the user's own will");
}

#[test]
fn the_server_fails_for_ever_and_nobody_is_told() {
    let failing = |times: u32, told_at: &[u32]| {
        alone(|story| {
            for failures in 1..=times {
                if told_at.contains(&failures) {
                    story.says("maria", DeviceEvent::Escalated { failures, detail: String::new() });
                }
                let table = [5_000, 10_000, 30_000, 60_000, 300_000];
                let table_ms = table[(failures as usize - 1).min(4)];
                let code = ErrorCode::ServerError;
                story.says("maria", DeviceEvent::Backoff { failures, wait_ms: table_ms, table_ms, code });
            }
        })
    };
    red(&failing(10, &[]), "I20", &["tells its user", "says nothing after 10"]);
    red(&failing(3, &[2]), "I20", &["escalates after 10", "after 2"]);
    red(&failing(12, &[10, 11]), "I20", &["escalates once", "again"]);
    assert!(!finds(&failing(12, &[10]), "I20", &[]));
}

#[test]
fn given_up_too_early_or_never() {
    let tried = |times: usize, code: &str, notice_code: Option<ErrorCode>, again: usize| {
        alone(|story| {
            edit(story);
            (0..times).for_each(|_| story.push("maria", &["q"], refused(code), true));
            notice_code.into_iter().for_each(|code| notice(story, code));
            (0..again).for_each(|_| story.push("maria", &["q"], refused(code), true));
        })
    };
    let check = "7.2 failed changes";
    red(&tried(9, "SERVER_ERROR", Some(ErrorCode::ServerError), 0), check, &["after 10 answers", "after 9"]);
    red(&tried(20, "SERVER_ERROR", Some(ErrorCode::NetworkError), 0), check, &["NETWORK_ERROR"]);
    red(&tried(13, "SERVER_ERROR", None, 0), check, &["again and again"]);
    red(&tried(3, "VALIDATION_ERROR", None, 0), check, &["though it is invalid"]);
    red(&tried(1, "VALIDATION_ERROR", Some(ErrorCode::ValidationError), 1), check, &["nobody had asked"]);
    assert!(!finds(&tried(10, "SERVER_ERROR", Some(ErrorCode::ServerError), 0), check, &[]));
}

#[test]
fn a_failed_change_dropped_by_the_device_itself() {
    let verdict = planted(|story| {
        let at = story.events.iter().position(|(_, what)| *what == What::Healed).unwrap();
        let tail = story.events.split_off(at);
        story.says(
            "maria",
            DeviceEvent::Rescued(RescuedOperation {
                queue_id: "q9".into(),
                entity_id: "WO-7".into(),
                operation: OperationKind::Update,
                payload: Record::new(),
                reason: String::new(),
            }),
        );
        story.events.extend(tail);
    });
    red(&verdict, "7.2 failed changes", &["until its user gives it up", "by itself"]);
}

#[test]
fn a_correction_that_forgets_what_was_refused() {
    let corrected = |payload: serde_json::Value| {
        alone(|story| {
            let both = json!({"title": "", "rootCause": "wear", "_version": 1});
            story.does("maria", "q", OperationKind::Update, "WO-1", both, 5);
            story.push("maria", &["q"], refused("VALIDATION_ERROR"), true);
            notice(story, ErrorCode::ValidationError);
            let (queue_id, by) = ("q".to_owned(), "q2".to_owned());
            story.does("maria", "q2", OperationKind::Update, "WO-1", json!({"title": "Pump"}), 5);
            story.says("maria", DeviceEvent::Corrected { queue_id, by });
            story.each(|what| {
                if let What::Acknowledged { operation, .. } = what
                    && operation.queue_id == "q2"
                {
                    operation.payload = payload.as_object().unwrap().clone();
                }
            });
        })
    };
    red(&corrected(json!({"title": "Pump", "_version": 1})), "I4", &["the user did no such thing"]);
    let whole = corrected(json!({"title": "Pump", "rootCause": "wear", "_version": 1}));
    assert!(!finds(&whole, "I4", &[]), "{whole:#?}");
}

#[test]
fn paused_for_a_sign_in_that_nobody_asked_for() {
    let ended = |story: &mut Story| {
        let outcome = SyncOutcome::Failed { code: ErrorCode::AuthError, detail: String::new() };
        story.says("maria", DeviceEvent::SyncEnded { outcome });
    };
    red(&alone(|story| ended(story)), "I8", &["when the server rejects its tokens"]);
    let hammered = alone(|story| {
        problem(story, 401, ErrorCode::AuthError, None);
        ended(story);
        ask(story, MessageKind::Refresh);
    });
    red(&hammered, "I8", &["asks for nothing while only a sign-in helps"]);
    let stuck = alone(|story| {
        problem(story, 401, ErrorCode::AuthError, None);
        ended(story);
        problem(story, 200, ErrorCode::AuthError, None);
        story.each(|what| {
            if let What::Answer(message) = what
                && message.status == 200
            {
                message.kind = MessageKind::SignIn;
            }
        });
        story.wait(61_000);
        edit(story);
    });
    red(&stuck, "I8", &["goes on once its user has signed in"]);
}

#[test]
fn more_work_than_there_is_reason_for() {
    let check = "I9";
    let idle = alone(|story| (0..21).for_each(|_| story.sync("maria", Trigger::Periodic)));
    red(&idle, check, &["wakes up at most 20 times"]);
    let retries = alone(|story| (0..3).for_each(|_| story.sync("maria", Trigger::Retry)));
    red(&retries, check, &["retries at most once after each wait"]);
    let pulls = alone(|story| {
        story.sync("maria", Trigger::Manual);
        (0..3).for_each(|_| ask(story, MessageKind::Delta { cursor: None, since: None, digest: false }));
    });
    red(&pulls, check, &["at most 2 pulls in 1 syncs", "made 3"]);
    let twice = alone(|story| {
        edit(story);
        for _ in 0..2 {
            story.sync("maria", Trigger::Manual);
            let done = json!({"queueId": "q", "status": "success", "newVersion": 2});
            story.push("maria", &["q"], vec![result(done)], true);
            story.pull("maria");
        }
    });
    red(&twice, check, &["is not sent again once it is done"]);
    let bloated = alone(|story| {
        edit(story);
        story.sync("maria", Trigger::Manual);
        story.push("maria", &["q"], refused("SERVER_ERROR"), true);
        story.each(|what| {
            if let What::Request(message) = what {
                message.bytes = 10_000;
            }
        });
    });
    red(&bloated, check, &["a push of 1 by maria takes at most"]);
}

#[test]
fn a_failed_change_without_its_notice_and_a_notice_without_its_change() {
    let verdict = planted(|story| on_device(story, "maria", |state| state.notices.clear()));
    red(&verdict, "7.2 failed changes", &["a notice for each change that failed", "q9 has failed, and none stands"]);
    let verdict = planted(|story| on_device(story, "maria", |state| state.queue.clear()));
    red(&verdict, "7.2 failed changes", &["one stands for q9, which has not"]);
}
