//! What a conflict result means for the device (spec 4.2, 4.4). Pure; the server has decided, this side only follows.

use serde_json::{Map, Value};

use super::strategy;
use crate::protocol::{
    ConflictOutcome, ConflictRecord, EntityType, FieldConflict, OperationResult, Record, Resolution,
    ResolutionStrategy, line_key,
};

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

/// The values that the server holds instead of the operation's, as a change to lay over the record.
#[must_use]
pub(super) fn winners(conflicts: &[FieldConflict]) -> Record {
    let mut change = Record::new();
    for conflict in lost(conflicts) {
        set(&mut change, &conflict.field, &conflict.theirs);
    }
    change
}

/// Makes `change` set `field`, or a line of it, as conflicts name it, to `value`.
pub(super) fn set(change: &mut Record, field: &str, value: &Value) {
    match field.split_once('/') {
        None => {
            change.insert(field.to_owned(), value.clone());
        }
        Some((field, id)) => {
            let Some(key) = line_key(field) else { return };
            let slot = change.entry(field.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(lines) = slot {
                lines.push(winning_line(key, id, value));
            }
        }
    }
}

/// Those of `conflicts` in which something of the user's did not go in as it was.
pub(super) fn lost(conflicts: &[FieldConflict]) -> impl Iterator<Item = &FieldConflict> {
    conflicts.iter().filter(|conflict| conflict.outcome != ConflictOutcome::ClientWins)
}

fn winning_line(key: &str, id: &str, theirs: &Value) -> Value {
    let mut line =
        theirs.as_object().cloned().unwrap_or_else(|| Map::from_iter([("_deleted".to_owned(), Value::Bool(true))]));
    line.insert(key.to_owned(), Value::String(id.to_owned()));
    Value::Object(line)
}

/// The audit record of what `result` reports of `operation`, a change of what is now called `entity_id`.
#[must_use]
pub(super) fn record(result: &OperationResult, entity_id: &str, payload: &Record, noted: Noted) -> ConflictRecord {
    let fields = result.conflicts.clone();
    let strategy = strategy::of_all(&fields);
    ConflictRecord {
        conflict_id: noted.conflict_id,
        queue_id: result.queue_id.clone(),
        entity_type: EntityType::WorkOrder,
        entity_id: entity_id.to_owned(),
        resolved_at: (strategy != ResolutionStrategy::Manual).then(|| noted.at.clone()),
        detected_at: noted.at,
        user_id: noted.user_id,
        client_version: payload.get("_version").and_then(Value::as_i64).unwrap_or(0),
        server_version: result.new_version.unwrap_or(0),
        conflicting_fields: fields.iter().map(|field| field.field.clone()).collect(),
        resolution_strategy: strategy,
        resolution: fields.iter().filter_map(|field| Some((field.field.clone(), decided(field.outcome)?))).collect(),
        fields,
    }
}

/// What the rules decided by themselves.
pub(super) fn decided(outcome: ConflictOutcome) -> Option<Resolution> {
    match outcome {
        ConflictOutcome::ServerWins => Some(Resolution::ServerWins),
        ConflictOutcome::ClientWins => Some(Resolution::ClientWins),
        ConflictOutcome::Manual => None,
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
        let payload = json!({"status": "completed", "rootCause": "rust", "completionNotes": "open",
            "partsUsed": [{"lineId": "1", "qty": 2}, {"lineId": "2", "qty": 2}, {"lineId": "3", "qty": 2}]});
        let conflicts = [
            conflict("status", json!("on-hold"), ConflictOutcome::ServerWins),
            conflict("rootCause", json!("wear"), ConflictOutcome::ClientWins),
            conflict("completionNotes", json!("sealed"), ConflictOutcome::Manual),
            conflict("partsUsed/1", json!({"qty": 7}), ConflictOutcome::ServerWins),
            conflict("partsUsed/2", Value::Null, ConflictOutcome::ServerWins),
        ];
        let kept = accepted(payload.as_object().unwrap(), &conflicts);
        assert_eq!(Value::Object(kept), json!({"rootCause": "rust", "partsUsed": [{"lineId": "3", "qty": 2}]}));
        let won = json!({"status": "on-hold", "completionNotes": "sealed",
            "partsUsed": [{"lineId": "1", "qty": 7}, {"lineId": "2", "_deleted": true}]});
        assert_eq!(Value::Object(winners(&conflicts)), won);
    }
}
