//! The push (spec 3.1C, decision h): batches in the order of the queue until nothing may be sent.

use std::collections::BTreeSet;

use super::answer::Failure;
use super::engine::Engine;
use super::settle;
use super::store::queue::Queued;
use super::store::{StoreError, queue};
use super::{priority, store};
use crate::history::{Choice, DeviceEvent};
use crate::protocol::{
    ErrorCode, MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS, OperationError, OperationResult, PushAnswer, ResultStatus, path,
};

const TOO_LARGE: u16 = 413;
const INTERNAL_ERROR: u16 = 500;

/// What a push came to.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    /// Operations that the server has judged for good.
    pub(super) settled: u64,
    /// The first operation's trouble that calls for another try later.
    pub(super) trouble: Option<Failure>,
}

/// Operations that go out together.
struct Batch {
    operations: Vec<Queued>,
    json: Vec<u8>,
}

/// Pushes until nothing is left that may be sent now. What is edited meanwhile goes out too.
pub(super) async fn run(engine: &Engine) -> Result<Pushed, Failure> {
    let mut pushed = Pushed::default();
    let mut held = BTreeSet::new();
    let mut broken_answers = 0;
    while let Some(batch) = next_batch(engine, &held)? {
        engine.show()?;
        let results = match send(engine, &batch).await {
            Ok(results) => {
                broken_answers = 0;
                engine.batch_limit.set((engine.batch_limit.get() * 2).min(MAX_BATCH_OPERATIONS));
                results
            }
            Err(failure) => {
                engine.store.write(queue::release)?;
                broken_answers += u32::from(failure.status == INTERNAL_ERROR);
                match after_refusal(engine, &batch, &failure, broken_answers) {
                    Refusal::Halved => continue,
                    Refusal::Judged(result) => vec![*result],
                    Refusal::Stop => return Err(failure),
                }
            }
        };
        let settled = settle::apply(engine, &batch.operations, &results)?;
        pushed.settled += settled.count;
        held.extend(settled.held);
        pushed.trouble = pushed.trouble.or(settled.trouble);
        engine.show()?;
        settled.choices.into_iter().for_each(|choice: Choice| engine.emit(DeviceEvent::Chosen(Box::new(choice))));
    }
    Ok(pushed)
}

/// The first operations of the send order, as many as fit, marked as sent.
fn next_batch(engine: &Engine, held: &BTreeSet<String>) -> Result<Option<Batch>, StoreError> {
    let order = priority::send_order(&queue::places(engine.store.read())?, held);
    let mut operations = Vec::new();
    let mut json = br#"{"operations":["#.to_vec();
    for row in order.into_iter().take(engine.batch_limit.get()) {
        let operation = queue::load(engine.store.read(), row)?;
        let wire = serde_json::to_vec(&operation.wire())?;
        if !operations.is_empty() && json.len() + wire.len() + 3 > MAX_BATCH_BYTES {
            break;
        }
        if !operations.is_empty() {
            json.push(b',');
        }
        json.extend(wire);
        operations.push(operation);
    }
    if operations.is_empty() {
        return Ok(None);
    }
    json.extend(b"]}");
    let now = engine.clock.now_text();
    engine
        .store
        .write(|tx| operations.iter().try_for_each(|operation| store::queue::send(tx, &operation.queue_id, &now)))?;
    Ok(Some(Batch { operations, json }))
}

/// Sends the batch; an answer that is not one well-formed result for each operation, in order, is none.
async fn send(engine: &Engine, batch: &Batch) -> Result<Vec<OperationResult>, Failure> {
    let answer: PushAnswer = engine.session.post_json(path::PUSH, batch.json.clone()).await?;
    let (asked, told) = (batch.operations.len(), answer.results.len());
    if asked != told {
        return Err(Failure::network(format!("{told} results came for {asked} operations")));
    }
    match batch.operations.iter().zip(&answer.results).find(|(operation, result)| !fits(operation, result)) {
        Some((operation, _)) => Err(Failure::network(format!("the result of {} is malformed", operation.queue_id))),
        None => Ok(answer.results),
    }
}

fn fits(operation: &Queued, result: &OperationResult) -> bool {
    use crate::protocol::OperationKind::{Create, Delete, Update};
    let complete = match (result.status, operation.operation) {
        (ResultStatus::Error, _) => result.error.is_some(),
        (ResultStatus::Success, Delete) => true,
        (ResultStatus::Success | ResultStatus::Conflict, Create) => {
            result.new_version.is_some() && result.entity_id.is_some()
        }
        (ResultStatus::Success | ResultStatus::Conflict, Update | Delete) => result.new_version.is_some(),
    };
    complete && result.queue_id == operation.queue_id
}

/// What to do about a batch that was refused as a whole.
enum Refusal {
    /// Go on with half as many.
    Halved,
    /// It was a single operation, and this is its result.
    Judged(Box<OperationResult>),
    /// End the sync.
    Stop,
}

/// A batch that our server refuses as a whole may hold one operation that it chokes on: halving finds it, so that it
/// does not block the others for ever. A server that breaks over two operations in a row is broken itself.
fn after_refusal(engine: &Engine, batch: &Batch, failure: &Failure, broken_answers: u32) -> Refusal {
    let size = batch.operations.len();
    let too_large = failure.status == TOO_LARGE;
    let refused = matches!(failure.code, ErrorCode::ValidationError | ErrorCode::PermissionDenied);
    let broken = failure.ours && failure.status == INTERNAL_ERROR;
    if size > 1 && (too_large || broken || (failure.ours && refused)) {
        engine.batch_limit.set(size.div_ceil(2));
        return if broken { Refusal::Stop } else { Refusal::Halved };
    }
    let judged = failure.ours && (too_large || refused || (broken && broken_answers < 2));
    match batch.operations.first().filter(|_| judged) {
        Some(operation) => {
            let code = if too_large { ErrorCode::ValidationError } else { failure.code };
            Refusal::Judged(Box::new(refusal_of(operation, code, failure)))
        }
        None => Refusal::Stop,
    }
}

fn refusal_of(operation: &Queued, code: ErrorCode, failure: &Failure) -> OperationResult {
    let (detail, retry_after) = (failure.detail.clone(), failure.retry_after);
    let error = OperationError { code, detail, retry_after, tombstone: false };
    OperationResult::refused(operation.queue_id.clone(), error)
}
