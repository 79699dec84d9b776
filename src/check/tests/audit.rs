//! The audit of conflicts in a story: what a faithful server and a faithful device would have written, and what is found
//! out when they did not.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::defects::on_device;
use super::story::{Story, record};
use super::{planted, red};
use crate::base::hex;
use crate::history::{Event, MessageKind, What};
use crate::protocol::{ConflictRecord, ResultStatus};

/// The server's audit: one record for each first answer that tells of a conflict.
pub(super) fn of_server(events: &[Event]) -> Vec<ConflictRecord> {
    let (mut sent, mut records) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        match &event.what {
            What::Request(message) => {
                let MessageKind::Push { operations } = &message.kind else { continue };
                sent.extend(operations.iter().map(|operation| (operation.queue_id.clone(), (message, operation))));
            }
            What::Answer(message) => {
                let MessageKind::PushAnswer { results } = &message.kind else { continue };
                for result in
                    results.iter().filter(|result| result.status != ResultStatus::Error && !result.conflicts.is_empty())
                {
                    let Some((request, operation)) = sent.get(&result.queue_id) else { continue };
                    let names: Vec<&str> = result.conflicts.iter().map(|field| field.field.as_str()).collect();
                    let outcomes = result.conflicts.iter().map(|field| (field.field.clone(), json!(field.outcome)));
                    let record = json!({
                        "conflictId": result.conflict_id.clone().unwrap_or_default(), "queueId": result.queue_id,
                        "entityType": "work-order", "entityId": operation.entity_id, "detectedAt": "06:00",
                        "userId": request.device, "clientVersion": operation.payload.get("_version"),
                        "serverVersion": result.new_version, "conflictingFields": names,
                        "resolutionStrategy": result.conflicts.first().map(|field| field.outcome),
                        "resolvedAt": "06:00", "resolution": outcomes.collect::<BTreeMap<_, _>>(),
                        "fields": result.conflicts,
                    });
                    records.entry(&result.queue_id).or_insert_with(|| serde_json::from_value(record).unwrap());
                }
            }
            _ => {}
        }
    }
    records.into_values().collect()
}

/// A device's audit log of `entries`.
pub(super) fn chain(entries: &[Value]) -> Value {
    let mut previous = "0".repeat(64);
    let mut log = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let entry = entry.to_string();
        let hash = hex(&Sha256::digest(format!("{previous}{entry}")));
        log.push(json!({"sequence": place + 1, "entry": entry, "previous": previous, "hash": hash}));
        previous = hash;
    }
    log.into()
}

fn spoilt(spoil: fn(&mut Vec<ConflictRecord>)) -> super::Verdict {
    planted(|story: &mut Story| story.spoil_audit = Some(spoil))
}

#[test]
fn the_servers_audit_record_is_missing_doubled_or_invented() {
    red(&spoilt(Vec::clear), "I17", &["1 audit records of maria's update of WO-1", "there are 0"]);
    red(&spoilt(|records| records.push(records[0].clone())), "I17", &["there are 2"]);
    let invented = spoilt(|records| records.push(ConflictRecord { queue_id: "q9".into(), ..records[0].clone() }));
    red(&invented, "I17", &["names the operation q9, which met none"]);
}

#[test]
fn an_audit_record_lacks_or_misstates_a_field_of_the_specs_example() {
    type Spoil = fn(&mut Vec<ConflictRecord>);
    let spoils: [(&str, Spoil); 9] = [
        ("entityId", |records| records[0].entity_id = "WO-2".into()),
        ("userId", |records| records[0].user_id = "tom".into()),
        ("detectedAt", |records| records[0].detected_at.clear()),
        ("clientVersion", |records| records[0].client_version = 9),
        ("serverVersion", |records| records[0].server_version = 9),
        ("conflictingFields", |records| records[0].conflicting_fields.clear()),
        ("resolutionStrategy", |records| {
            records[0].resolution_strategy = crate::protocol::ResolutionStrategy::Manual;
        }),
        ("resolvedAt", |records| records[0].resolved_at = None),
        ("resolution", |records| records[0].resolution.clear()),
    ];
    for (field, spoil) in spoils {
        red(&spoilt(spoil), "I17", &["the server's audit record", field]);
    }
    let undecided = planted(|story| on_device(story, "maria", |state| state.conflicts[0].resolution.clear()));
    red(&undecided, "I17", &["the conflict record of maria's update of WO-1", "resolution is status: the server's"]);
}

#[test]
fn the_audit_log_was_tampered_with() {
    let changed = planted(|story| {
        on_device(story, "maria", |state| {
            let entry = &mut state.audit[0].entry;
            *entry = entry.replace("on-hold", "assigned");
        })
    });
    red(&changed, "I14", &["entry 1 of the audit log on maria", "not what was hashed"]);
    let dropped = planted(|story| on_device(story, "maria", |state| drop(state.audit.remove(0))));
    red(&dropped, "I14", &["entry 1 of the audit log", "it is number 2"]);
    red(&dropped, "I17", &["tells once that c1 came up", "0 times"]);
    let cut = planted(|story| on_device(story, "maria", |state| drop(state.audit.pop())));
    red(&cut, "I17", &["keeps the payload of the rescued operation q7"]);
    let renumbered = planted(|story| {
        on_device(story, "maria", |state| {
            state.audit.remove(0);
            state.audit[0].sequence = 1;
        })
    });
    red(&renumbered, "I14", &["not bound to the one before it"]);
}

#[test]
fn a_choice_that_nobody_made() {
    let verdict = planted(|story| {
        let resolves = json!([{"conflictId": "c1", "resolution": {"status": "client-wins"}}]);
        story.each(|what| {
            let (What::Acknowledged { operation, .. }, resolves) = (what, resolves.clone()) else { return };
            if operation.queue_id == "q2" {
                operation.payload.extend(record(json!({"_resolves": resolves})));
            }
        });
    });
    red(&verdict, "I4", &["keeps a side of status that its user chose", "nobody chose mine"]);
}
