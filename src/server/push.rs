//! The push: each operation is a transaction and has a result of its own, in order (decision h).
//!
//! The result is stored in the transaction of the effect, so that a repeat whose acknowledgement was lost is answered
//! and not done again (decision c). What had no effect is not stored: it is judged anew.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::apply::{self, Applied, Scene};
use super::attachment;
use super::audit;
use super::auth::Caller;
use super::create;
use super::dead_letter;
use super::payload;
use super::purge;
use super::record::{self, Order};
use super::reference;
use super::rejection::Rejection;
use super::role::Role;
use super::store::Store;
use super::view;
use super::wire::of_object;
use crate::base::Stream;
use crate::protocol::{
    ErrorCode, Operation, OperationError, OperationKind, OperationResult, Profile, RESOLVES, ResultStatus,
    TEMPORARY_ID_PREFIX,
};

/// Applies `operations`, as they arrived, one by one. One that fails stops the rest of its record's lane: what was made
/// after it must not overtake it (decision h).
pub(super) fn push(store: &mut Store, now_ms: i64, caller: &Caller, operations: Vec<Value>) -> Vec<OperationResult> {
    if let Err(error) = purge::purge(store, now_ms) {
        tracing::warn!("nothing was forgotten: {error}");
    }
    let mut stopped: BTreeMap<String, OperationError> = BTreeMap::new();
    let mut results = Vec::with_capacity(operations.len());
    for operation in operations {
        let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let lane = text("entityId");
        let stops = stopped.get(&lane).map(behind).or_else(|| reference::stopped(&operation, &stopped));
        let result = match stops {
            Some(error) => OperationResult::refused(text("queueId"), error),
            None => push_one(store, now_ms, caller, operation),
        };
        // Each operation on a deleted record is answered for itself, so that each becomes a dead letter.
        if let Some(error) = result.error.as_ref().filter(|error| !lane.is_empty() && !error.tombstone) {
            stopped.insert(lane, error.clone());
        }
        results.push(result);
    }
    results
}

/// What is said of an operation whose lane has stopped.
fn behind(error: &OperationError) -> OperationError {
    let detail = "not judged: an earlier operation of this record failed".to_owned();
    OperationError { detail, ..error.clone() }
}

fn push_one(store: &mut Store, now_ms: i64, caller: &Caller, operation: Value) -> OperationResult {
    let queue_id = operation.get("queueId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let result = match serde_json::from_value(operation).and_then(of_object::<Operation>) {
        Ok(operation) => named(&operation).and_then(|()| once(store, now_ms, caller, &operation)),
        Err(error) => Err(Rejection::invalid(format!("the operation is not as expected: {error}"))),
    };
    result.unwrap_or_else(|Rejection(error)| OperationResult::refused(queue_id, error))
}

/// Whether the ids in `operation` can be ids.
fn named(operation: &Operation) -> Result<(), Rejection> {
    payload::check_id("queueId", &operation.queue_id)
        .and_then(|()| payload::check_id("entityId", &operation.entity_id))
        .map_err(Rejection::invalid)
}

/// Does `operation` unless it was done before: effect and result in one transaction.
fn once(store: &mut Store, now_ms: i64, caller: &Caller, operation: &Operation) -> Result<OperationResult, Rejection> {
    let Store { connection, users, random, sealed, .. } = store;
    let tx = connection.transaction()?;
    let hash = fingerprint(operation);
    if let Some(result) = done_before(&tx, caller.user(), &caller.device, &operation.queue_id, &hash)? {
        return Ok(result);
    }
    view::expire(&tx, users, caller.user(), now_ms)?;
    let scene = Scene { db: &tx, users, sealed, writer: caller.writer(), now_ms };
    let named = reference::resolved(scene, operation);
    let result = match named.and_then(|operation| perform(scene, &caller.profile, &operation, &hash)) {
        Err(rejection) if rejection.0.tombstone && operation.operation == OperationKind::Update => {
            dead_letter::keep(&tx, caller, operation, &resolve(scene, operation)?, now_ms)?;
            tx.commit()?;
            return Err(rejection);
        }
        Err(rejection) if rejection.0.code == ErrorCode::PermissionDenied => {
            if let Ok(id) = resolve(scene, operation) {
                view::show_again(&tx, caller.user(), &id, now_ms)?;
                tx.commit()?;
            }
            return Err(rejection);
        }
        result => result?,
    };
    let result = audited(scene, operation, result, random)?;
    let stored =
        serde_json::to_string(&result).map_err(|error| Rejection::new(ErrorCode::ServerError, error.to_string()))?;
    tx.prepare_cached(
        "INSERT INTO results (user, device, queue_id, hash, result, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![caller.user(), caller.device, operation.queue_id, hash, stored, now_ms])?;
    tx.commit()?;
    Ok(result)
}

/// Gives the conflicts of `result` their audit record. A repeat brings the one of the first time.
fn audited(
    scene: Scene<'_>,
    operation: &Operation,
    result: OperationResult,
    random: &mut Stream,
) -> Result<OperationResult, Rejection> {
    if result.conflicts.is_empty() || result.conflict_id.is_some() {
        return Ok(result);
    }
    let id = random.uuid_v7(u64::try_from(scene.now_ms).unwrap_or(0)).to_string();
    audit::note(scene, operation, &resolve(scene, operation)?, &id, &result)?;
    Ok(OperationResult { conflict_id: Some(id), ..result })
}

/// What an operation asks for, without its id. Records are sorted by name, so that order and spaces do not count.
fn fingerprint(operation: &Operation) -> [u8; 32] {
    let Operation { queue_id: _, entity_type, entity_id, operation, payload } = operation;
    let body = serde_json::to_vec(&(entity_type, entity_id, operation, payload)).unwrap_or_default();
    Sha256::digest(body).into()
}

/// The result that `queue_id` had, marked as a replay.
fn done_before(
    db: &Connection,
    user: &str,
    device: &str,
    queue_id: &str,
    hash: &[u8; 32],
) -> Result<Option<OperationResult>, Rejection> {
    let found: Option<([u8; 32], String)> = db
        .prepare_cached("SELECT hash, result FROM results WHERE user = ?1 AND device = ?2 AND queue_id = ?3")?
        .query_row([user, device, queue_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((stored_hash, result)) = found else { return Ok(None) };
    if stored_hash != *hash {
        return Err(Rejection::invalid(format!("`queueId` {queue_id} was used for another operation")));
    }
    let result: OperationResult =
        serde_json::from_str(&result).map_err(|error| Rejection::new(ErrorCode::ServerError, error.to_string()))?;
    Ok(Some(OperationResult { replayed: true, ..result }))
}

fn perform(
    scene: Scene<'_>,
    profile: &Profile,
    operation: &Operation,
    hash: &[u8; 32],
) -> Result<OperationResult, Rejection> {
    if Role::of(profile) == Role::Auditor {
        return Err(Rejection::denied("an auditor changes nothing"));
    }
    match operation.operation {
        OperationKind::Create => match created_before(scene, operation, hash)? {
            Some(result) => Ok(result),
            None => Ok(settled(operation, create::create(scene, profile, operation, hash)?)),
        },
        OperationKind::Update => {
            let base = payload::base_version(&operation.payload).map_err(Rejection::invalid)?;
            let changes = payload::changes(&operation.payload, &["_version", RESOLVES]).map_err(Rejection::invalid)?;
            scene.sealed.check(&operation.payload).map_err(Rejection::invalid)?;
            let choices = audit::choices(operation)?;
            let order = target(scene, profile, operation, base)?;
            attachment::check_lines(scene, &order.id, &changes)?;
            audit::close(scene, &order.id, &choices)?;
            Ok(settled(operation, apply::update(scene, order, seen(base), changes)?))
        }
        OperationKind::Delete => delete(scene, profile, operation),
    }
}

/// The result of the create that first brought the same record, should it come again: under another `queueId`, or when
/// the result itself is forgotten. What was made and deleted is not made again.
fn created_before(
    scene: Scene<'_>,
    operation: &Operation,
    hash: &[u8; 32],
) -> Result<Option<OperationResult>, Rejection> {
    let local_id = payload::local_id(&operation.payload).map_err(Rejection::invalid)?;
    let Scene { db, writer, .. } = scene;
    let Some(first) = create::first_create(db, writer.user, local_id)? else { return Ok(None) };
    if first.hash != *hash {
        return Err(Rejection::invalid(format!("`_localId` {local_id} was used for another work order")));
    }
    if let Some(result) = done_before(db, writer.user, &first.device, &first.queue_id, hash)? {
        return Ok(Some(OperationResult { queue_id: operation.queue_id.clone(), ..result }));
    }
    match record::find(db, &first.order)?.filter(|order| !order.deleted) {
        Some(order) => {
            let result = settled(operation, create::made(db, order, writer)?);
            Ok(Some(OperationResult { replayed: true, ..result }))
        }
        None => Err(Rejection::gone(&first.order)),
    }
}

/// A device that made a record knows its first version, even before it learns so.
fn seen(base: i64) -> i64 {
    base.max(1)
}

fn delete(scene: Scene<'_>, profile: &Profile, operation: &Operation) -> Result<OperationResult, Rejection> {
    let base = payload::base_version(&operation.payload).map_err(Rejection::invalid)?;
    if !payload::changes(&operation.payload, &["_version"]).map_err(Rejection::invalid)?.is_empty() {
        return Err(Rejection::invalid("a delete changes no field"));
    }
    let id = resolve(scene, operation)?;
    let gone = record::find(scene.db, &id)?.filter(|order| order.deleted);
    if let Some(order) = gone
        && view::saw(scene.db, &profile.user_id, &id)?
    {
        return Ok(settled(operation, Applied { order, conflicts: Vec::new(), server_state: None }));
    }
    let order = target(scene, profile, operation, base)?;
    if Role::of(profile) == Role::Technician && order.created_by.as_deref() != Some(&profile.user_id) {
        return Err(Rejection::denied(format!("work order {id} was created by somebody else")));
    }
    let applied = apply::delete(scene, order, seen(base))?;
    if applied.order.deleted {
        audit::close_gone(scene, &applied.order.id)?;
    }
    Ok(settled(operation, applied))
}

/// The record that `operation` is about, if there is one, its user may act on it, and it has the version.
fn target(scene: Scene<'_>, profile: &Profile, operation: &Operation, base: i64) -> Result<Order, Rejection> {
    let id = resolve(scene, operation)?;
    let Some(order) = record::find(scene.db, &id)? else {
        let made = operation.entity_id.starts_with(TEMPORARY_ID_PREFIX);
        return Err(if made { Rejection::gone(&id) } else { Rejection::not_found(&id) });
    };
    if order.deleted {
        let known = view::saw(scene.db, &profile.user_id, &id)?;
        return Err(if known { Rejection::gone(&id) } else { Rejection::not_found(&id) });
    }
    if !view::sees(scene.db, &profile.user_id, &id)? {
        return Err(Rejection::denied(format!("work order {id} is not yours")));
    }
    if base > order.version {
        return Err(Rejection::invalid(format!("`_version` is {base}, but {id} has only got to {}", order.version)));
    }
    Ok(order)
}

/// The real id of the operation's record (decision b).
fn resolve(scene: Scene<'_>, operation: &Operation) -> Result<String, Rejection> {
    let id = &operation.entity_id;
    if !id.starts_with(TEMPORARY_ID_PREFIX) {
        return Ok(id.clone());
    }
    reference::real_id(scene, id)?.ok_or_else(|| Rejection::not_found(id))
}

fn settled(operation: &Operation, applied: Applied) -> OperationResult {
    let Applied { order, conflicts, server_state } = applied;
    let status = if conflicts.is_empty() { ResultStatus::Success } else { ResultStatus::Conflict };
    OperationResult {
        new_version: Some(order.version),
        updated_at: Some(order.updated_at),
        entity_id: operation.entity_id.starts_with(TEMPORARY_ID_PREFIX).then_some(order.id),
        conflicts,
        server_state,
        ..OperationResult::blank(operation.queue_id.clone(), status)
    }
}
