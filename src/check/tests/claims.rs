//! Every kind of claim: met by the clean story, and red when it asks for something else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{Claim, Class, Verdict, check};
use super::clean::clean;

fn judged(claim: Value) -> Verdict {
    let claim: Claim = serde_json::from_value(claim).unwrap();
    let labels = BTreeMap::from([("new-job".to_owned(), "tmp-1".to_owned())]);
    check(&clean().history(), &[claim], &labels)
}

#[track_caller]
fn met(claim: Value) {
    let verdict = judged(claim.clone());
    assert!(verdict.findings.is_empty(), "{claim}: {:#?}", verdict.findings);
}

#[track_caller]
fn missed(class: Class, claim: Value) {
    let verdict = judged(claim.clone());
    let [finding] = verdict.findings.as_slice() else { panic!("{claim}: {:#?}", verdict.findings) };
    let kind = claim.as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!((finding.check.clone(), finding.class), (kind, class), "{finding:#?}");
}

#[test]
fn on_the_end_state() {
    met(json!({"server": {"order": "new-job", "has": {"title": "newer"}}}));
    met(json!({"server": {"order": "WO-1", "has": {"status": "on-hold", "tasks": [{"status": "done"}]}}}));
    missed(
        Class::Violated,
        json!({"server": {"order": "WO-1", "has": {"tasks": [{"taskId": "T2", "status": "done"}]}}}),
    );
    missed(Class::Violated, json!({"server": {"order": "WO-9", "has": {}}}));
    met(json!({"server-lacks": {"order": "WO-6"}}));
    missed(Class::Violated, json!({"server-lacks": {"order": "WO-1"}}));
    met(json!({"device": {"device": "maria", "order": "WO-2", "has": {"partsUsed": [{"lineId": "L1", "qty": 2}]}}}));
    missed(Class::Violated, json!({"device": {"device": "tom", "order": "WO-3", "has": {"title": "three!"}}}));
    met(json!({"device-lacks": {"device": "maria", "order": "WO-5"}}));
    missed(Class::Violated, json!({"device-lacks": {"device": "maria", "order": "new-job"}}));
}

#[test]
fn on_conflicts_removals_rescues_rejections() {
    let conflict = |order: &str, theirs: &str| json!({"conflict": {"device": "maria", "order": order, "field": "status", "mine": "completed", "theirs": theirs, "outcome": "server-wins"}});
    met(conflict("WO-1", "on-hold"));
    missed(Class::Violated, conflict("WO-1", "closed"));
    missed(Class::Vacuous, conflict("WO-2", "on-hold"));
    met(json!({"conflicts": {"count": 1}}));
    met(json!({"conflicts": {"device": "tom", "count": 0}}));
    missed(Class::Violated, json!({"conflicts": {"count": 2}}));
    met(json!({"removed": {"device": "maria", "order": "WO-5", "reason": "reassigned"}}));
    missed(Class::Violated, json!({"removed": {"device": "maria", "order": "WO-5", "reason": "revoked"}}));
    met(json!({"rescued": {"device": "maria", "order": "WO-5"}}));
    missed(Class::Violated, json!({"rescued": {"device": "maria", "order": "WO-1"}}));
    met(json!({"rejected": {"device": "maria", "order": "new-job", "code": "VALIDATION_ERROR"}}));
    missed(Class::Violated, json!({"rejected": {"device": "maria", "order": "new-job", "code": "NOT_FOUND"}}));
}

#[test]
fn on_time_and_bytes() {
    // Two pages, each a request and an answer of 10 ms and 100 bytes.
    met(json!({"took": {"device": "maria", "sync": 1, "at-most": "40ms"}}));
    missed(Class::Missed, json!({"took": {"device": "maria", "sync": 1, "phase": "pull", "at-most": "39ms"}}));
    met(json!({"bytes": {"device": "maria", "sync": 1, "up-at-most": "200B", "down-at-most": "200B"}}));
    missed(Class::Missed, json!({"bytes": {"device": "maria", "sync": 1, "down-at-most": "199B"}}));
    missed(Class::Vacuous, json!({"took": {"device": "maria", "sync": 9, "at-most": "1h"}}));
    missed(Class::Vacuous, json!({"took": {"device": "maria", "sync": 2, "phase": "pull", "at-most": "1h"}}));
    met(json!({"documents": {"device": "maria", "sync": 1, "exactly": 6}}));
    missed(Class::Violated, json!({"documents": {"device": "tom", "exactly": 2}}));
}

#[test]
fn on_waits_pushes_and_requests() {
    met(json!({"waits": {"device": "maria", "exactly": ["4s"]}}));
    missed(Class::Violated, json!({"waits": {"device": "maria", "exactly": ["5s"]}}));
    met(json!({"pushed": {"device": "maria", "orders": ["WO-1", "WO-2", "new-job", "WO-5"]}}));
    missed(Class::Violated, json!({"pushed": {"device": "maria", "orders": ["WO-2", "WO-1", "new-job", "WO-5"]}}));
    met(json!({"requests": {"device": "maria", "of": "push", "at-most": 3}}));
    missed(Class::Violated, json!({"requests": {"device": "maria", "of": "pull", "at-most": 3}}));
}

#[test]
fn on_counts_and_peaks() {
    let pushes = |bound: &str, count: u64| json!({"requests": {"device": "maria", "of": "push", bound: count}});
    met(pushes("exactly", 3));
    met(pushes("at-least", 3));
    missed(Class::Violated, pushes("exactly", 2));
    missed(Class::Violated, pushes("at-least", 4));
    missed(Class::Violated, pushes("at-most", 2));
    let peak = |of: &str, count: u64| json!({"peak": {"of": of, "within": "1h", "at-most": count}});
    met(peak("devices", 3));
    missed(Class::Missed, peak("devices", 2));
    missed(Class::Missed, peak("requests", 3));
    missed(Class::Violated, json!({"escalated": {"device": "maria"}}));
}

#[test]
fn on_why_a_sync_failed() {
    let failed = |code: &str, says: &str| json!({"failed": {"device": "maria", "code": code, "says": says}});
    met(failed("NETWORK_ERROR", ""));
    missed(Class::Violated, failed("NETWORK_ERROR", "clock"));
    missed(Class::Violated, failed("SERVER_ERROR", ""));
    missed(Class::Violated, json!({"failed": {"device": "tom", "code": "NETWORK_ERROR", "says": ""}}));
}
