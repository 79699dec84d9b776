//! Applies the results of a push: one transaction for a whole answer, each result by its operation's id.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::Value;

use super::answer::Failure;
use super::engine::Engine;
use super::store::queue::Queued;
use super::store::{StoreError, logs, meta, queue, rows, snapshot};
use super::{conflict, merge, sealing};
use crate::history::{Choice, DeviceEvent, Notice};
use crate::protocol::{
    ErrorCode, OperationError, OperationKind, OperationResult, Record, RemovalReason, ResultStatus, temporary_ids,
};

/// Answers of the server that an operation may fail by before it is given up (spec 7.2, decision k).
const MAX_ATTEMPTS: u32 = 10;

/// What an answer came to.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Operations judged for good.
    pub(super) count: u64,
    /// Lanes whose head failed: they wait for the next sync, or for the user.
    pub(super) held: BTreeSet<String>,
    /// The first trouble that calls for another try, with the longest wait that any asked for.
    pub(super) trouble: Option<Failure>,
    /// What preferences chose; told once the screen shows it.
    pub(super) choices: Vec<Choice>,
    /// Told once the transaction is durable.
    events: Vec<DeviceEvent>,
}

/// Applies `results`, one for each of `operations`, in order.
pub(super) fn apply(
    engine: &Engine,
    operations: &[Queued],
    results: &[OperationResult],
) -> Result<Settled, StoreError> {
    let mut settled = engine.store.write(|tx| {
        let now = engine.clock.now_text();
        let mut settling =
            Settling { engine, tx, now, renamed: BTreeMap::new(), bases: BTreeMap::new(), settled: Settled::default() };
        for (operation, result) in operations.iter().zip(results) {
            settling.one(operation, result)?;
        }
        settling.finish()
    })?;
    for event in settled.events.drain(..) {
        engine.emit(event);
    }
    Ok(settled)
}

/// An answer half applied.
struct Settling<'a> {
    engine: &'a Engine,
    tx: &'a Connection,
    now: String,
    /// Real ids by the temporary ones that this answer replaced.
    renamed: BTreeMap<String, String>,
    /// The server's state of the records that this answer touched; shown once, at the end.
    bases: BTreeMap<String, Record>,
    settled: Settled,
}

impl Settling<'_> {
    fn one(&mut self, operation: &Queued, result: &OperationResult) -> Result<(), StoreError> {
        let id = self.renamed.get(&operation.entity_id).unwrap_or(&operation.entity_id).clone();
        // An earlier result of this answer may have moved the whole lane to the rescue log.
        if !queue::holds(self.tx, &operation.queue_id)? {
            return Ok(());
        }
        let real_id = result.entity_id.as_deref().unwrap_or(&id);
        let result = &*sealing::opened_result(self.engine, self.tx, real_id, result)?;
        match (&result.error, result.status) {
            (Some(error), ResultStatus::Error) => self.failed(operation, &id, error),
            (_, ResultStatus::Success) if operation.operation == OperationKind::Delete => self.deleted(operation, &id),
            _ => self.accepted(operation, &id, result),
        }
    }

    fn accepted(&mut self, operation: &Queued, id: &str, result: &OperationResult) -> Result<(), StoreError> {
        let id = self.real_id(id, result)?;
        let mut base = self.base(&id)?;
        if let Some(others) = &result.server_state {
            merge::lay_over(&mut base, others);
        }
        if operation.operation != OperationKind::Delete {
            let payload = rows::with_real_ids(self.tx, &operation.payload)?;
            merge::lay_over(&mut base, &conflict::accepted(&payload, &result.conflicts));
            if let Some(local_id) = payload.get("_localId") {
                base.insert("_localId".into(), local_id.clone());
            }
            merge::lay_over(&mut base, &conflict::winners(&result.conflicts));
        }
        if let Some(version) = result.new_version {
            base.insert("_version".into(), version.into());
        }
        if let Some(updated_at) = &result.updated_at {
            base.insert("updatedAt".into(), updated_at.clone().into());
        }
        self.bases.insert(id.clone(), base);
        if result.status == ResultStatus::Conflict {
            self.note_conflict(operation, &id, result)?;
        }
        self.judged(operation)
    }

    fn deleted(&mut self, operation: &Queued, id: &str) -> Result<(), StoreError> {
        self.judged(operation)?;
        self.leave(id, RemovalReason::Deleted, "deleted", false)
    }

    fn failed(&mut self, operation: &Queued, id: &str, error: &OperationError) -> Result<(), StoreError> {
        let lane = operation.lane(id).to_owned();
        match error.code {
            // What came after a failed operation was judged without it: it is asked again in its turn.
            _ if self.settled.held.contains(&lane) => queue::wait(self.tx, &operation.queue_id),
            // So is what names a record whose creation failed.
            _ if self.names_held(operation) => {
                self.settled.held.insert(lane);
                queue::wait(self.tx, &operation.queue_id)
            }
            ErrorCode::NotFound => {
                // Who deleted what was never made has nothing to hear of it.
                let told = operation.operation != OperationKind::Delete;
                self.leave(id, RemovalReason::Deleted, &format!("{}: {}", error.code, error.detail), told)
            }
            ErrorCode::PermissionDenied => {
                self.leave(id, RemovalReason::Revoked, &format!("{}: {}", error.code, error.detail), true)
            }
            ErrorCode::ValidationError => self.count_attempt(operation, id, error, 1),
            ErrorCode::ServerError | ErrorCode::VersionConflict => {
                self.trouble(error);
                self.count_attempt(operation, id, error, MAX_ATTEMPTS)
            }
            ErrorCode::NetworkError | ErrorCode::AuthError => {
                self.trouble(error);
                self.settled.held.insert(lane);
                queue::wait(self.tx, &operation.queue_id)
            }
        }
    }

    fn names_held(&self, operation: &Queued) -> bool {
        let payload = Value::Object(operation.payload.clone()).to_string();
        temporary_ids(&payload).any(|named| self.settled.held.contains(named))
    }

    fn count_attempt(
        &mut self,
        operation: &Queued,
        id: &str,
        error: &OperationError,
        limit: u32,
    ) -> Result<(), StoreError> {
        self.settled.held.insert(operation.lane(id).to_owned());
        if queue::attempt(self.tx, &operation.queue_id, error.code, &error.detail, limit)? {
            self.settled.count += 1;
            let (queue_id, entity_id) = (operation.queue_id.clone(), id.to_owned());
            let notice = Notice { queue_id, entity_id, code: error.code, detail: error.detail.clone() };
            self.settled.events.push(DeviceEvent::Noticed(notice));
        }
        Ok(())
    }

    fn trouble(&mut self, error: &OperationError) {
        let trouble = self.settled.trouble.get_or_insert_with(|| Failure {
            code: error.code,
            detail: error.detail.clone(),
            retry_after: None,
            status: 200,
            ours: true,
        });
        // One clock for all: the longest wait that was asked for.
        trouble.retry_after = trouble.retry_after.max(error.retry_after);
    }

    /// The record leaves the device; what is queued on it goes to the rescue log (decisions e, j).
    fn leave(&mut self, id: &str, reason: RemovalReason, why: &str, told: bool) -> Result<(), StoreError> {
        self.bases.remove(id);
        let rescued = logs::rescue_lane(self.tx, id, why, &self.now)?;
        let was_there = rows::remove(self.tx, id)?;
        self.settled.count += rescued.len() as u64;
        self.settled.events.extend(rescued.into_iter().map(DeviceEvent::Rescued));
        if told && was_there {
            self.settled.events.push(DeviceEvent::Removed { entity_id: id.to_owned(), reason });
        }
        Ok(())
    }

    fn note_conflict(&mut self, operation: &Queued, id: &str, result: &OperationResult) -> Result<(), StoreError> {
        let noted = conflict::Noted {
            conflict_id: result.conflict_id.clone().unwrap_or_else(|| self.engine.mint()),
            at: self.now.clone(),
            user_id: meta::get(self.tx, meta::USER_ID)?.unwrap_or_default(),
        };
        let record = conflict::record(result, id, &operation.payload, noted);
        logs::note_conflict(self.tx, &record, &self.now)?;
        let choice = self.engine.choose_as_preferred(self.tx, &record, &self.now)?;
        self.settled.events.push(DeviceEvent::Conflict(Box::new(record)));
        self.settled.choices.extend(choice);
        Ok(())
    }

    fn judged(&mut self, operation: &Queued) -> Result<(), StoreError> {
        self.settled.count += 1;
        queue::remove(self.tx, &operation.queue_id)
    }

    /// The first result for a temporary id names the real one; from then on everything is called so (decision b).
    fn real_id(&mut self, id: &str, result: &OperationResult) -> Result<String, StoreError> {
        let Some(real) = result.entity_id.as_deref().filter(|real| *real != id) else { return Ok(id.to_owned()) };
        rows::rename(self.tx, id, real)?;
        self.renamed.insert(id.to_owned(), real.to_owned());
        if let Some(base) = self.bases.remove(id) {
            self.bases.insert(real.to_owned(), base);
        }
        Ok(real.to_owned())
    }

    fn base(&self, id: &str) -> Result<Record, StoreError> {
        match self.bases.get(id) {
            Some(base) => Ok(base.clone()),
            None => Ok(rows::server_record(self.tx, id)?.unwrap_or_default()),
        }
    }

    fn finish(self) -> Result<Settled, StoreError> {
        let full_pull = snapshot::stage(self.tx)?.is_some();
        for (id, base) in &self.bases {
            if full_pull {
                snapshot::spare(self.tx, id)?;
            }
            rows::put_server_record(self.tx, id, base, &self.now)?;
            logs::mark(self.tx, id)?;
        }
        Ok(self.settled)
    }
}
