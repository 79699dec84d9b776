//! The push (spec 3.1C, decision h): batches in the order of the queue until nothing may be sent.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::answer::Failure;
use super::engine::Engine;
use super::priority::{self, URGENT};
use super::sealing;
use super::settle::{self, Settled};
use super::store;
use super::store::queue::Queued;
use super::store::{StoreError, queue};
use crate::history::{Choice, DeviceEvent};
use crate::protocol::gzip;
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
    /// Lanes that wait for the next sync.
    pub(super) held: BTreeSet<String>,
    /// Answers in a row over which the server broke.
    broken_answers: u32,
}

impl Pushed {
    /// One answer more.
    pub(super) fn add(&mut self, settled: Settled) {
        self.settled += settled.count;
        self.held.extend(settled.held);
        self.trouble = both(self.trouble.take(), settled.trouble);
    }
}

/// An operation that may be sent now, or whose file may go up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Its level, counting all that waits for it.
    pub(super) level: u8,
    /// Its row.
    pub(super) row: i64,
    /// Its file goes first.
    pub(super) uploads: bool,
}

/// What is due, in order. A file that may not go up on the network at hand is not.
pub(super) fn due(engine: &Engine, held: &BTreeSet<String>) -> Result<Vec<Due>, StoreError> {
    let places = queue::places(engine.store.read())?;
    let files: BTreeSet<i64> = places.iter().filter(|place| place.uploads).map(|place| place.row).collect();
    let order = priority::send_order(&places, held);
    let due = order.into_iter().map(|(level, row)| Due { level, row, uploads: files.contains(&row) });
    let allowed = files.is_empty() || engine.uploads_allowed();
    Ok(due.filter(|due| allowed || !due.uploads).collect())
}

/// Operations that go out together.
struct Batch {
    operations: Vec<Queued>,
    json: Vec<u8>,
}

/// Pushes until nothing is left that may be sent now. What is edited meanwhile goes out too.
pub(super) async fn run(engine: &Engine) -> Result<Pushed, Failure> {
    let mut pushed = Pushed::default();
    let mut round = Round::begin(engine)?;
    while let Some(rows) = next_rows(engine, &pushed.held, &mut round)? {
        batch(engine, rows, &mut pushed).await?;
    }
    Ok(pushed)
}

/// Sends the first of the operations at `rows`, as many as fit, and applies what is answered.
pub(super) async fn batch(engine: &Engine, rows: Vec<i64>, pushed: &mut Pushed) -> Result<(), Failure> {
    let batch = make_batch(engine, rows, &pushed.held).await?;
    engine.show()?;
    let results = match send(engine, &batch).await {
        Ok(results) => {
            pushed.broken_answers = 0;
            engine.batch_limit.set((engine.batch_limit.get() * 2).min(MAX_BATCH_OPERATIONS));
            results
        }
        Err(failure) => {
            engine.store.write(queue::release)?;
            pushed.broken_answers += u32::from(failure.status == INTERNAL_ERROR);
            match after_refusal(engine, &batch, &failure, pushed.broken_answers) {
                Refusal::Halved => return Ok(()),
                Refusal::Judged(result) => vec![*result],
                Refusal::Stop => return Err(failure),
            }
        }
    };
    let mut settled = settle::apply(engine, &batch.operations, &results)?;
    engine.uploads.borrow_mut().down.look_again();
    let choices = std::mem::take(&mut settled.choices);
    pushed.add(settled);
    engine.show()?;
    choices.into_iter().for_each(|choice: Choice| engine.emit(DeviceEvent::Chosen(Box::new(choice))));
    Ok(())
}

/// The first trouble, with the longer wait.
fn both(first: Option<Failure>, second: Option<Failure>) -> Option<Failure> {
    let asked = |trouble: &Option<Failure>| trouble.as_ref().and_then(|failure| failure.retry_after);
    let retry_after = asked(&first).max(asked(&second));
    first.or(second).map(|failure| Failure { retry_after, ..failure })
}

/// What was there when a push began goes first, whatever comes meanwhile: what is urgent may overtake it, but not for
/// ever, and a push that is fed all the time ends, so that the pull has its turn.
struct Round {
    /// The last operation that was there.
    last_row: i64,
    /// Batches in a row that overtook it.
    overtaken: u32,
    /// Batches after it.
    beyond: u32,
}

/// Batches in a row that may overtake what was there.
const MOST_OVERTAKING: u32 = 3;
/// Batches of what came meanwhile, once what was there is through.
const MOST_BEYOND: u32 = 4;

impl Round {
    fn begin(engine: &Engine) -> Result<Self, StoreError> {
        let last_row = queue::newest(engine.store.read())?;
        Ok(Self { last_row, overtaken: 0, beyond: 0 })
    }

    /// The part of the send order that the next batch is made of; empty when the push ends, though more may wait.
    fn choose(&mut self, order: Vec<(u8, i64)>) -> Vec<i64> {
        let is_new = |row: i64| row > self.last_row;
        if order.iter().all(|(_, row)| is_new(*row)) {
            self.beyond += 1;
            let over = self.beyond > MOST_BEYOND;
            return if over { Vec::new() } else { order.into_iter().map(|(_, row)| row).collect() };
        }
        // A lane goes as a whole, so that what is urgent may bring along what was there.
        let urgent: Vec<i64> = order.iter().take_while(|(level, _)| *level <= URGENT).map(|(_, row)| *row).collect();
        if self.overtaken < MOST_OVERTAKING && urgent.iter().any(|row| is_new(*row)) {
            self.overtaken += 1;
            // It travels light.
            return urgent;
        }
        self.overtaken = 0;
        order.into_iter().map(|(_, row)| row).filter(|row| !is_new(*row)).collect()
    }
}

/// What of the queue goes out next; what is less urgent than a file waits for it.
fn next_rows(engine: &Engine, held: &BTreeSet<String>, round: &mut Round) -> Result<Option<Vec<i64>>, StoreError> {
    let order = due(engine, held)?.into_iter().take_while(|due| !due.uploads).map(|due| (due.level, due.row));
    let order: Vec<(u8, i64)> = order.collect();
    if order.is_empty() {
        return Ok(None);
    }
    let rows = round.choose(order);
    if rows.is_empty() {
        // The rest has a sync of its own, right after this one.
        engine.schedule.borrow_mut().ask();
        return Ok(None);
    }
    Ok(Some(rows))
}

/// The first of the operations at `rows`, as many as fit, marked as sent.
async fn make_batch(engine: &Engine, rows: Vec<i64>, held: &BTreeSet<String>) -> Result<Batch, Failure> {
    let mut operations = Vec::new();
    for row in rows.into_iter().take(engine.batch_limit.get()) {
        operations.push(queue::load(engine.store.read(), row)?);
    }
    let budget = engine.pace.get().budget();
    let newest = queue::newest(engine.store.read())?;
    let overtaken = || Ok(due(engine, held)?.first().is_some_and(|due| due.level <= URGENT && due.row > newest));
    sealing::seal_all(engine, &mut operations, (budget, overtaken)).await?;
    let json = fit(&mut operations, budget)?;
    let now = engine.clock.now_text();
    engine.store.write(|tx| {
        operations.iter().try_for_each(|operation| {
            store::queue::keep_sealed(tx, operation)?;
            store::queue::send(tx, &operation.queue_id, &now)
        })
    })?;
    Ok(Batch { operations, json })
}

/// The batch's body; what does not fit, by the server's limit and by `budget` bytes on the wire, is left out at the end.
fn fit(operations: &mut Vec<Queued>, budget: usize) -> Result<Vec<u8>, StoreError> {
    loop {
        let mut json = br#"{"operations":["#.to_vec();
        let mut fitting = 0;
        for operation in operations.iter() {
            let wire = serde_json::to_vec(&operation.wire())?;
            if fitting > 0 && json.len() + wire.len() + 3 > MAX_BATCH_BYTES {
                break;
            }
            if fitting > 0 {
                json.push(b',');
            }
            json.extend(wire);
            fitting += 1;
        }
        operations.truncate(fitting);
        json.extend(b"]}");
        let on_wire = wire_size(&json)?;
        if on_wire <= budget || fitting == 1 {
            return Ok(json);
        }
        operations.truncate((fitting * budget / on_wire).clamp(1, fitting - 1));
    }
}

/// What a body takes on the wire, near enough; what fits unpacked is not packed to find out.
fn wire_size(json: &[u8]) -> Result<usize, StoreError> {
    if json.len() <= gzip::WORTH_PACKING {
        return Ok(json.len());
    }
    Ok(gzip::pack(json).map_err(|error| StoreError::new(error.to_string()))?.len())
}

/// Sends the batch; an answer that is not one well-formed result for each operation, in order, is none.
async fn send(engine: &Engine, batch: &Batch) -> Result<Vec<OperationResult>, Failure> {
    let started = Instant::now();
    let answer: PushAnswer = engine.session.post_json(path::PUSH, batch.json.clone()).await?;
    let mut pace = engine.pace.get();
    pace.note(wire_size(&batch.json)?, started.elapsed());
    engine.pace.set(pace);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn round() -> Round {
        Round { last_row: 4, overtaken: 0, beyond: 0 }
    }

    #[test]
    fn what_is_urgent_overtakes_and_travels_light() {
        let mut round = round();
        assert_eq!(round.choose(vec![(5, 1), (5, 2), (5, 7)]), [1, 2], "a note waits for what was there");
        assert_eq!(round.choose(vec![(1, 8), (3, 2), (3, 9), (5, 3), (5, 7)]), [8, 2, 9], "an emergency, a completion");
        assert_eq!(round.choose(vec![(3, 2), (5, 3), (5, 7)]), [2, 3], "what was there goes in its order");
    }

    #[test]
    fn priority_starvation_is_bounded() {
        let mut round = round();
        let overtook = (10..30).filter(|new| round.choose(vec![(1, *new), (9, 3)]) == [*new]).count();
        assert_eq!(overtook, 15, "every fourth batch is what was there");
        let mut round = self::round();
        let sent = (10..30).take_while(|new| !round.choose(vec![(1, *new)]).is_empty()).count();
        assert_eq!(sent, 4, "then the pull has its turn");
    }
}
