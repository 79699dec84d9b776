//! The audit of conflicts (spec 4.4): one record for each operation that met foreign changes, closed when its user has
//! chosen.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::apply::Scene;
use super::rejection::Rejection;
use super::role::Role;
use super::store::time_text;
use crate::protocol::{
    ConflictOutcome, ConflictRecord, FieldConflict, Operation, OperationResult, Profile, RESOLVES, Resolution,
    ResolutionStrategy, Resolves,
};

/// Notes that `operation` met what `result` reports.
pub(super) fn note(
    scene: Scene<'_>,
    operation: &Operation,
    entity_id: &str,
    conflict_id: &str,
    result: &OperationResult,
) -> Result<(), Rejection> {
    let at = time_text(scene.now_ms);
    let conflicts = &result.conflicts;
    let decided = |field: &FieldConflict| {
        let resolution = match field.outcome {
            ConflictOutcome::ServerWins => Resolution::ServerWins,
            ConflictOutcome::ClientWins => Resolution::ClientWins,
            ConflictOutcome::Manual => return None,
        };
        Some((field.field.clone(), resolution))
    };
    let strategy = strategy(conflicts);
    let record = ConflictRecord {
        conflict_id: conflict_id.to_owned(),
        queue_id: operation.queue_id.clone(),
        entity_type: operation.entity_type,
        entity_id: entity_id.to_owned(),
        resolved_at: (strategy != ResolutionStrategy::Manual).then(|| at.clone()),
        detected_at: at,
        user_id: scene.writer.user.to_owned(),
        client_version: operation.payload.get("_version").and_then(Value::as_i64).unwrap_or(0),
        server_version: result.new_version.unwrap_or(0),
        conflicting_fields: conflicts.iter().map(|field| field.field.clone()).collect(),
        resolution_strategy: strategy,
        resolution: conflicts.iter().filter_map(decided).collect(),
        fields: conflicts.clone(),
    };
    scene
        .db
        .prepare_cached("INSERT INTO conflicts (conflict_id, user, work_order, record) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![conflict_id, record.user_id, entity_id, text(&record)?])?;
    Ok(())
}

fn strategy(fields: &[FieldConflict]) -> ResolutionStrategy {
    let all = |outcome| fields.iter().all(|field| field.outcome == outcome);
    if fields.iter().any(|field| field.outcome == ConflictOutcome::Manual) {
        ResolutionStrategy::Manual
    } else if all(ConflictOutcome::ServerWins) {
        ResolutionStrategy::ServerWins
    } else if all(ConflictOutcome::ClientWins) {
        ResolutionStrategy::ClientWins
    } else {
        ResolutionStrategy::Merge
    }
}

/// The choices that `operation` carries.
pub(super) fn choices(operation: &Operation) -> Result<Vec<Resolves>, Rejection> {
    let Some(choices) = operation.payload.get(RESOLVES) else { return Ok(Vec::new()) };
    serde_json::from_value(choices.clone())
        .map_err(|error| Rejection::invalid(format!("`{RESOLVES}` is not as expected: {error}")))
}

/// Closes what the user has chosen on `order`. A choice on a conflict that is not theirs, or on a field that did not
/// meet anything, is no choice.
pub(super) fn close(scene: Scene<'_>, order: &str, choices: &[Resolves]) -> Result<(), Rejection> {
    for choice in choices {
        let id = &choice.conflict_id;
        let found: Option<String> = scene
            .db
            .prepare_cached("SELECT record FROM conflicts WHERE conflict_id = ?1 AND user = ?2 AND work_order = ?3")?
            .query_row(params![id, scene.writer.user, order], |row| row.get(0))
            .optional()?;
        let Some(found) = found else {
            return Err(Rejection::invalid(format!("you have no conflict {id} on {order}")));
        };
        let mut record = parsed(&found)?;
        if let Some(field) = choice.resolution.keys().find(|field| !record.conflicting_fields.contains(field)) {
            return Err(Rejection::invalid(format!("the conflict {id} is not about `{field}`")));
        }
        record.resolution.extend(choice.resolution.clone());
        if record.undecided().next().is_none() {
            record.resolved_at = Some(time_text(scene.now_ms));
        }
        put(scene.db, &record)?;
    }
    Ok(())
}

/// The order is gone: nothing is left to choose.
pub(super) fn close_gone(scene: Scene<'_>, order: &str) -> Result<(), Rejection> {
    for mut record in select(scene.db, "work_order = ?1", order)? {
        let open: Vec<String> = record.undecided().map(|field| field.field.clone()).collect();
        if open.is_empty() {
            continue;
        }
        record.resolution.extend(open.into_iter().map(|field| (field, Resolution::Gone)));
        record.resolved_at = Some(time_text(scene.now_ms));
        put(scene.db, &record)?;
    }
    Ok(())
}

/// What the owner of `profile` may read: an auditor everything, everybody else their own.
pub(super) fn list(db: &Connection, profile: &Profile) -> Result<Vec<ConflictRecord>, Rejection> {
    match Role::of(profile) {
        Role::Auditor => select(db, "?1 = ?1", ""),
        Role::Technician | Role::Supervisor => select(db, "user = ?1", &profile.user_id),
    }
}

fn select(db: &Connection, condition: &str, value: &str) -> Result<Vec<ConflictRecord>, Rejection> {
    let sql = format!("SELECT record FROM conflicts WHERE {condition} ORDER BY rowid");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([value])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(parsed(row.get_ref(0)?.as_str().unwrap_or_default())?);
    }
    Ok(records)
}

fn put(db: &Connection, record: &ConflictRecord) -> Result<(), Rejection> {
    db.prepare_cached("UPDATE conflicts SET record = ?2 WHERE conflict_id = ?1")?
        .execute(params![record.conflict_id, text(record)?])?;
    Ok(())
}

fn text(record: &ConflictRecord) -> Result<String, Rejection> {
    serde_json::to_string(record).map_err(|error| Rejection::damaged(&error))
}

fn parsed(text: &str) -> Result<ConflictRecord, Rejection> {
    serde_json::from_str(text).map_err(|error| Rejection::damaged(&error))
}
