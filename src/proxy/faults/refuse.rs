//! A server that trips over one record: its operations come back with an error inside a good answer, the others are
//! done. Those never reach the server, so that nothing was done to them.

use std::collections::BTreeSet;

use super::Entry;
use crate::protocol::{ErrorCode, Operation, OperationError, OperationResult};

/// Which operations are refused, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// The records by any of their ids; the record of a push's first operation when empty.
    pub orders: Vec<String>,
    /// The code of spec 7.1.
    pub code: ErrorCode,
    /// Not sooner than after this many seconds.
    pub retry_after: Option<u64>,
}

impl Refuse {
    /// Whether a push of operations on `entities` holds one to refuse.
    pub(super) fn concerns(&self, entities: &[&str]) -> bool {
        match self.orders.as_slice() {
            [] => !entities.is_empty(),
            orders => entities.iter().any(|entity| orders.iter().any(|order| order == entity)),
        }
    }

    /// Takes the operations to refuse out of `operations`, but for those that were `pushed` before; returns their places,
    /// each with its result.
    pub(in crate::proxy) fn take(
        &self,
        operations: &mut Vec<Operation>,
        pushed: &BTreeSet<String>,
    ) -> Vec<(usize, OperationResult)> {
        let is_new = |operation: &&Operation| !pushed.contains(&operation.queue_id);
        let first = operations.iter().find(is_new).map(|operation| operation.entity_id.clone());
        let orders: BTreeSet<&str> = match self.orders.as_slice() {
            [] => first.as_deref().into_iter().collect(),
            orders => orders.iter().map(String::as_str).collect(),
        };
        let mut refused = Vec::new();
        let mut place = 0;
        operations.retain(|operation| {
            let stays = !orders.contains(operation.entity_id.as_str()) || pushed.contains(&operation.queue_id);
            if !stays {
                refused.push((place, self.result(operation, refused.is_empty())));
            }
            place += 1;
            stays
        });
        refused
    }

    /// The results of all, each in its operation's place.
    pub(in crate::proxy) fn join(
        refused: Vec<(usize, OperationResult)>,
        mut results: Vec<OperationResult>,
    ) -> Vec<OperationResult> {
        for (place, result) in refused {
            results.insert(place.min(results.len()), result);
        }
        results
    }

    fn result(&self, operation: &Operation, first: bool) -> OperationResult {
        let detail = if first { "as the scenario has it" } else { "not judged: an earlier operation failed" };
        let (code, retry_after) = (self.code, self.retry_after);
        let error = OperationError { code, detail: detail.to_owned(), retry_after, tombstone: false };
        OperationResult::refused(operation.queue_id.clone(), error)
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "refuse",
    does: "The server fails on single changes inside a good answer: those of one order, or of each push's first.",
    keys: &["order", "with", "retry-after"],
    example: "- refuse: { device: maria, order: WO-000001, with: VALIDATION_ERROR }",
    source: "partial failures of batches (spec 3.1C), which clients acknowledge or repeat as a whole",
}];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{EntityType, OperationKind, Record, ResultStatus};

    fn operations(entities: &[&str]) -> Vec<Operation> {
        let operation = |(place, entity): (usize, &&str)| Operation {
            queue_id: format!("q{place}"),
            entity_type: EntityType::WorkOrder,
            entity_id: (*entity).to_owned(),
            operation: OperationKind::Update,
            payload: Record::new(),
        };
        entities.iter().enumerate().map(operation).collect()
    }

    fn refuse(orders: &[&str]) -> Refuse {
        let orders = orders.iter().map(|order| (*order).to_owned()).collect();
        Refuse { orders, code: ErrorCode::ServerError, retry_after: None }
    }

    fn ids(results: &[OperationResult]) -> Vec<&str> {
        results.iter().map(|result| result.queue_id.as_str()).collect()
    }

    #[test]
    fn every_result_stands_in_its_operations_place() {
        let mut kept = operations(&["a", "b", "a", "c"]);
        let refused = refuse(&["a", "x"]).take(&mut kept, &BTreeSet::new());
        let done = kept.iter().map(|it| OperationResult::blank(it.queue_id.clone(), ResultStatus::Success)).collect();
        let results = Refuse::join(refused, done);
        assert_eq!(ids(&results), ["q0", "q1", "q2", "q3"]);
        let failed: Vec<bool> = results.iter().map(|result| result.error.is_some()).collect();
        assert_eq!(failed, [true, false, true, false]);
    }

    #[test]
    fn what_was_pushed_before_is_not_refused() {
        let pushed = BTreeSet::from(["q0".to_owned()]);
        let mut kept = operations(&["a", "b", "a"]);
        let refused = refuse(&["a"]).take(&mut kept, &pushed);
        assert_eq!(refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [2]);
        let mut kept = operations(&["a", "b"]);
        let refused = refuse(&[]).take(&mut kept, &pushed);
        assert_eq!(refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1], "the first that is new");
    }

    #[test]
    fn with_no_order_named_the_first_record_is_refused() {
        let mut kept = operations(&["b", "a", "b"]);
        assert_eq!(refuse(&[]).take(&mut kept, &BTreeSet::new()).len(), 2);
        assert_eq!(kept[0].entity_id, "a");
        assert!(refuse(&["a"]).concerns(&["b", "a"]) && refuse(&[]).concerns(&["b"]));
        assert!(!refuse(&["a"]).concerns(&["b"]) && !refuse(&[]).concerns(&[]));
    }
}
