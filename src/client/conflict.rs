//! What a conflict result means for the device (spec 4.2, 4.4). Pure; the server has decided, this side only follows.

use serde_json::{Map, Value};

use crate::history::ConflictRecord;
use crate::protocol::{ConflictOutcome, FieldConflict, OperationResult, Record, line_key};

/// The part of `payload` that the server took: without the fields and lines that met a change which won.
#[must_use]
pub(super) fn accepted(payload: &Record, conflicts: &[FieldConflict]) -> Record {
    let mut kept = payload.clone();
    for conflict in lost(conflicts) {
        match conflict.field.split_once('/') {
            None => {
                kept.remove(&conflict.field);
            }
            Some((field, id)) => {
                if let (Some(key), Some(Value::Array(lines))) = (line_key(field), kept.get_mut(field)) {
                    lines.retain(|line| line.get(key).and_then(Value::as_str) != Some(id));
                }
            }
        }
    }
    kept
}

/// The values that won over the operation's, as a change to lay over the record.
#[must_use]
pub(super) fn winners(conflicts: &[FieldConflict]) -> Record {
    let mut change = Record::new();
    for conflict in lost(conflicts) {
        match conflict.field.split_once('/') {
            None => {
                change.insert(conflict.field.clone(), conflict.theirs.clone());
            }
            Some((field, id)) => {
                let Some(key) = line_key(field) else { continue };
                let slot = change.entry(field.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(lines) = slot {
                    lines.push(winning_line(key, id, &conflict.theirs));
                }
            }
        }
    }
    change
}

fn lost(conflicts: &[FieldConflict]) -> impl Iterator<Item = &FieldConflict> {
    conflicts.iter().filter(|conflict| conflict.outcome == ConflictOutcome::ServerWins)
}

fn winning_line(key: &str, id: &str, theirs: &Value) -> Value {
    let mut line =
        theirs.as_object().cloned().unwrap_or_else(|| Map::from_iter([("_deleted".to_owned(), Value::Bool(true))]));
    line.insert(key.to_owned(), Value::String(id.to_owned()));
    Value::Object(line)
}

/// The conflict log's row for `result`.
#[must_use]
pub(super) fn record(result: &OperationResult, entity_id: &str, payload: &Record, noted: Noted) -> ConflictRecord {
    ConflictRecord {
        conflict_id: noted.conflict_id,
        queue_id: result.queue_id.clone(),
        entity_id: entity_id.to_owned(),
        detected_at: noted.at,
        user_id: noted.user_id,
        client_version: payload.get("_version").and_then(Value::as_i64).unwrap_or(0),
        server_version: result.new_version.unwrap_or(0),
        fields: result.conflicts.clone(),
    }
}

/// By whom and when a conflict was noted.
#[derive(Debug)]
pub(super) struct Noted {
    /// The record's id.
    pub(super) conflict_id: String,
    /// The device's wall time.
    pub(super) at: String,
    /// Who is signed in.
    pub(super) user_id: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conflict(field: &str, theirs: Value, outcome: ConflictOutcome) -> FieldConflict {
        let (by, at) = ("office".to_owned(), "2025-11-08T06:00:00.000Z".to_owned());
        FieldConflict { field: field.into(), mine: Value::Null, theirs, outcome, version: 4, by, at }
    }

    #[test]
    fn what_lost_is_left_out_and_what_won_is_laid_over() {
        let payload = json!({"status": "completed", "rootCause": "rust",
            "partsUsed": [{"lineId": "1", "qty": 2}, {"lineId": "2", "qty": 2}, {"lineId": "3", "qty": 2}]});
        let conflicts = [
            conflict("status", json!("on-hold"), ConflictOutcome::ServerWins),
            conflict("rootCause", json!("wear"), ConflictOutcome::ClientWins),
            conflict("partsUsed/1", json!({"qty": 7}), ConflictOutcome::ServerWins),
            conflict("partsUsed/2", Value::Null, ConflictOutcome::ServerWins),
        ];
        let kept = accepted(payload.as_object().unwrap(), &conflicts);
        assert_eq!(Value::Object(kept), json!({"rootCause": "rust", "partsUsed": [{"lineId": "3", "qty": 2}]}));
        let won = json!({"status": "on-hold",
            "partsUsed": [{"lineId": "1", "qty": 7}, {"lineId": "2", "_deleted": true}]});
        assert_eq!(Value::Object(winners(&conflicts)), won);
    }
}
