//! Where two edits meet: the oracle's reading of the merge rules, rule by rule, and its tolerance where they are open.

use serde_json::{Value, json};

use crate::history::What;
use crate::protocol::OperationKind;

use super::super::Verdict;
use super::story::{Story, asset, order, part, result, with};
use super::{clean, red, verdict};

const ORDERS: &str = "work-orders";

/// One user's edit of WO-1 and what the server answers.
struct Turn<'a> {
    who: &'a str,
    payload: Value,
    answer: Value,
}

fn turn(who: &str, payload: Value, answer: Value) -> Turn<'_> {
    Turn { who, payload, answer }
}

/// The edits of WO-1 in turn (all accepted), then the server's record at the end. Nobody has an engine.
fn story(turns: &[Turn<'_>], end: Option<Value>) -> Story {
    let mut story = Story::default();
    for (user, role) in [("ann", "technician"), ("bob", "technician"), ("office", "supervisor")] {
        story.user(user, role, if role == "technician" { &["S1"] } else { &[] });
    }
    story.seed(ORDERS, order("WO-1", "A1", "ann", "assigned", "one", 1));
    story.seed("assets", asset("A1"));
    story.seed("inventory", part());
    for (number, turn) in turns.iter().enumerate() {
        let queue_id = format!("q{number}");
        let deletes = turn.payload.as_object().unwrap().len() == 1;
        let kind = if deletes { OperationKind::Delete } else { OperationKind::Update };
        story.does(turn.who, &queue_id, kind, "WO-1", turn.payload.clone(), 5);
        let answer = with(json!({"queueId": queue_id, "status": "success"}), turn.answer.clone());
        story.push(turn.who, &[&queue_id], vec![result(answer)], true);
    }
    story.tell(What::Settled);
    story.server(ORDERS, &end.into_iter().collect::<Vec<_>>());
    story.server("assets", &[asset("A1")]);
    story.server("inventory", &[part()]);
    story.tell(What::RunEnded);
    story
}

fn judged(turns: &[Turn<'_>], end: Value) -> Verdict {
    verdict(&story(turns, Some(with(order("WO-1", "A1", "ann", "assigned", "one", 1), end))))
}

#[track_caller]
fn green(verdict: &Verdict) {
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
}

fn clash(field: &str, mine: Value, theirs: Value, outcome: &str, version: i64, by: &str) -> Value {
    json!({"field": field, "mine": mine, "theirs": theirs, "outcome": outcome, "version": version, "by": by, "at": ""})
}

fn conflicts(version: i64, all: Value) -> Value {
    json!({"newVersion": version, "status": "conflict", "conflicts": all})
}

#[test]
fn execution_fields_are_the_technicians() {
    let office = || turn("office", json!({"actualEnd": "one", "_version": 1}), json!({"newVersion": 2}));
    let met = conflicts(3, json!([clash("actualEnd", json!("two"), json!("one"), "client-wins", 2, "office")]));
    let ann = |answer| turn("ann", json!({"actualEnd": "two", "_version": 1}), answer);
    green(&judged(&[office(), ann(met)], json!({"actualEnd": "two", "_version": 3})));
    let lost = conflicts(2, json!([clash("actualEnd", json!("two"), json!("one"), "server-wins", 2, "office")]));
    red(
        &judged(&[office(), ann(lost)], json!({"actualEnd": "one", "_version": 2})),
        "I17",
        &["actualEnd: client wins"],
    );
}

#[test]
fn status_is_the_servers_only_after_a_supervisor_or_an_end() {
    let by =
        |who: &'static str, theirs: &str| turn(who, json!({"status": theirs, "_version": 1}), json!({"newVersion": 2}));
    let ann = |theirs: &str, by: &str, outcome: &str, version| {
        let met = clash("status", json!("on-hold"), json!(theirs), outcome, 2, by);
        turn("ann", json!({"status": "on-hold", "_version": 1}), conflicts(version, json!([met])))
    };
    let client = json!({"status": "on-hold", "_version": 3});
    green(&judged(&[by("bob", "in-progress"), ann("in-progress", "bob", "client-wins", 3)], client.clone()));
    for (who, theirs) in [("office", "in-progress"), ("bob", "completed")] {
        let server = json!({"status": theirs, "_version": 2});
        green(&judged(&[by(who, theirs), ann(theirs, who, "server-wins", 2)], server));
        let wrong = judged(&[by(who, theirs), ann(theirs, who, "client-wins", 3)], client.clone());
        red(&wrong, "I17", &["status: server wins"]);
    }
}

#[test]
fn a_devices_own_chain_never_conflicts() {
    let turns = |second: Value| {
        [
            turn("ann", json!({"title": "a", "_version": 1}), json!({"newVersion": 2})),
            turn("ann", json!({"title": "b", "_version": 1}), second),
        ]
    };
    let end = json!({"title": "b", "_version": 3});
    green(&judged(&turns(json!({"newVersion": 3})), end));
    let own = conflicts(2, json!([clash("title", json!("b"), json!("a"), "server-wins", 2, "ann")]));
    red(&judged(&turns(own), json!({"title": "a", "_version": 2})), "I17", &["does not conflict on title"]);
}

#[test]
fn lines_merge_by_key_and_by_part() {
    let task = |id: &str, rest: Value| json!([with(json!({"taskId": id}), rest)]);
    let bob = turn("bob", json!({"tasks": task("T1", json!({"note": "b"})), "_version": 1}), json!({"newVersion": 2}));
    let ann =
        turn("ann", json!({"tasks": task("T1", json!({"status": "done"})), "_version": 1}), json!({"newVersion": 3}));
    let new =
        turn("bob", json!({"tasks": task("T2", json!({"status": "done"})), "_version": 2}), json!({"newVersion": 4}));
    let turns = [bob, ann, new];
    let one = json!({"taskId": "T1", "status": "done", "note": "b"});
    let two = json!({"taskId": "T2", "status": "done"});
    green(&judged(&turns, json!({"tasks": [one.clone(), two.clone()], "_version": 4})));
    let lost = judged(&turns, json!({"tasks": [{"taskId": "T1", "status": "done"}, two], "_version": 4}));
    red(&lost, "I1", &["bob's update of WO-1 (tasks/T1)"]);
    red(&judged(&turns, json!({"tasks": [one], "_version": 4})), "I1", &["tasks/T2 = nothing"]);
}

#[test]
fn whole_line_servers_may_report_an_overlap_of_a_line() {
    let line = |rest: Value| json!([with(json!({"taskId": "T1"}), rest)]);
    let bob = turn("bob", json!({"tasks": line(json!({"note": "b"})), "_version": 1}), json!({"newVersion": 2}));
    let theirs = json!({"taskId": "T1", "status": "pending", "note": "b"});
    let met = clash("tasks/T1", json!({"taskId": "T1", "status": "done"}), theirs, "client-wins", 2, "bob");
    let ann = turn("ann", json!({"tasks": line(json!({"status": "done"})), "_version": 1}), conflicts(3, json!([met])));
    green(&judged(&[bob, ann], json!({"tasks": [{"taskId": "T1", "status": "done", "note": "b"}], "_version": 3})));
}

#[test]
fn equal_values_change_nothing_and_whether_they_count_is_open() {
    let bob = || turn("bob", json!({"title": "same", "_version": 1}), json!({"newVersion": 2}));
    for version in [2, 3] {
        let ann = turn("ann", json!({"title": "same", "_version": 1}), json!({"newVersion": version}));
        green(&judged(&[bob(), ann], json!({"title": "same", "_version": version})));
    }
    let ann = turn("ann", json!({"title": "same", "_version": 1}), json!({"newVersion": 4}));
    red(&judged(&[bob(), ann], json!({"title": "same", "_version": 4})), "I2", &["changes nothing"]);
}

#[test]
fn a_version_is_made_by_each_effect_and_by_nothing_else() {
    let bob = || turn("bob", json!({"title": "b", "_version": 1}), json!({"newVersion": 2}));
    let ann = |version: i64| turn("ann", json!({"rootCause": "rust", "_version": 1}), json!({"newVersion": version}));
    let end = |version: i64| json!({"title": "b", "rootCause": "rust", "_version": version});
    green(&judged(&[bob(), ann(3)], end(3)));
    red(&judged(&[bob(), ann(2)], end(2)), "I2", &["from version 2 to 3"]);
    red(&judged(&[bob(), ann(4)], end(4)), "I2", &["from version 2 to 3", "version 4"]);
}

#[test]
fn a_delete_that_meets_a_foreign_change_is_kept_out() {
    let office = || turn("office", json!({"title": "new", "_version": 1}), json!({"newVersion": 2}));
    let met = conflicts(2, json!([clash("_deleted", json!(true), json!(false), "server-wins", 2, "office")]));
    green(&judged(&[office(), turn("ann", json!({"_version": 1}), met)], json!({"title": "new", "_version": 2})));
    let gone = verdict(&story(&[office(), turn("ann", json!({"_version": 1}), json!({}))], None));
    red(&gone, "I17", &["conflicts on _deleted", "no such conflict"]);
    red(&gone, "I1", &["office's update of WO-1 (title)", "no operation deleted it"]);
}

#[test]
fn answers_that_nobody_saw_may_stand_for_an_effect() {
    let unseen = |last: i64| {
        let turns = [
            turn("ann", json!({"title": "a", "_version": 1}), json!({"newVersion": 2})),
            turn("bob", json!({"rootCause": "b", "_version": 1}), json!({"newVersion": 3})),
        ];
        let end = json!({"title": "a", "rootCause": "b", "_version": last});
        let mut story = story(&turns, Some(with(order("WO-1", "A1", "ann", "assigned", "one", 1), end)));
        let answer = story.events.iter().rposition(|(_, what)| matches!(what, What::Answer(_))).unwrap();
        story.events.remove(answer);
        verdict(&story)
    };
    green(&unseen(3));
    red(&unseen(4), "I2", &["ends at version 3"]);
}

#[test]
fn removing_a_line_that_was_never_there_changes_nothing() {
    let gone = json!({"tasks": [{"taskId": "T9", "_deleted": true}], "_version": 1});
    green(&judged(&[turn("ann", gone, json!({"newVersion": 1}))], json!({"_version": 1})));
}

#[test]
fn what_comes_late_over_a_dead_connection_is_no_step_back() {
    let late = |connection: u64| {
        let mut story = clean();
        let at = story.events.iter().position(|(_, what)| *what == What::Healed).unwrap();
        let mut tail = story.events.split_off(at);
        story.page("maria", Some("m1"), "m2", &[], &[]);
        story.events.append(&mut tail);
        story.each(|what| {
            let (What::Request(message) | What::Answer(message)) = what else { return };
            message.connection = 2;
        });
        let (_, What::Request(message)) = &mut story.events[at] else { panic!("not the request") };
        message.connection = connection;
        verdict(&story)
    };
    green(&late(1));
    red(&late(2), "I12", &["went back"]);
}
