//! What a user does about changes that failed (spec 7.1, 7.2): try again, correct, give up.

use super::edit::reject_reserved;
use super::engine::{Engine, EngineError};
use super::store::queue::Failed;
use super::store::{logs, queue, rows};
use super::{merge, priority};
use crate::history::{DeviceEvent, OperationRecord};
use crate::protocol::{EntityType, ErrorCode, OperationKind, Record};

/// Why a change is in the rescue log though its record stays.
const GIVEN_UP: &str = "given up by the user";

impl Engine {
    /// Puts the failed changes of a work order back to waiting, with all their attempts, and syncs at once.
    ///
    /// # Errors
    /// When none failed, or storage fails.
    pub fn retry(&self, id: &str) -> Result<(), EngineError> {
        let id = rows::current_id(self.store.read(), id)?;
        if self.store.write(|tx| queue::try_again(tx, &id))? == 0 {
            return Err(EngineError::NothingFailed(id));
        }
        self.user_acted()
    }

    /// Gives up the failed changes of a work order; they stay in the rescue log. What waits behind them goes on; behind
    /// a create nothing can.
    ///
    /// # Errors
    /// When none failed, or storage fails.
    pub fn discard(&self, id: &str) -> Result<(), EngineError> {
        let id = rows::current_id(self.store.read(), id)?;
        let failed = queue::failed(self.store.read(), &id)?;
        if failed.is_empty() {
            return Err(EngineError::NothingFailed(id));
        }
        let now = self.clock.now_text();
        let never_made = failed.iter().any(|failed| failed.operation.operation == OperationKind::Create);
        let rescued = self.store.write(|tx| {
            if never_made {
                let rescued = logs::rescue_lane(tx, &id, GIVEN_UP, &now)?;
                rows::remove(tx, &id)?;
                return Ok(rescued);
            }
            let base = rows::server_record(tx, &id)?;
            let rescued = failed.iter().map(|failed| logs::rescue(tx, &failed.operation, GIVEN_UP, &now));
            let rescued = rescued.collect::<Result<Vec<_>, _>>()?;
            rows::show_lane(tx, &id, base)?;
            Ok(rescued)
        })?;
        rescued.into_iter().for_each(|rescued| self.emit(DeviceEvent::Rescued(rescued)));
        self.user_acted()
    }

    /// The change that the user has to correct before anything else of this record can go out.
    pub(super) fn to_correct(&self, id: &str) -> Result<Option<Failed>, EngineError> {
        let failed = queue::failed(self.store.read(), id)?;
        // A file that was refused is nothing that an edit of its order could correct.
        let mut edits = failed.into_iter().filter(|failed| failed.operation.attachment_id.is_none());
        Ok(edits.find(|failed| failed.code == ErrorCode::ValidationError))
    }

    /// Puts a corrected change in the place of the one that was refused: what it said, with `set` laid over it. It is a
    /// new operation, since the server may remember the other.
    pub(super) fn correct(&self, id: String, failed: Failed, set: &Record) -> Result<OperationRecord, EngineError> {
        reject_reserved(set)?;
        let mut payload = failed.operation.payload;
        merge::combine(&mut payload, set);
        let kind = failed.operation.operation;
        let visible = self.visible(&id)?;
        let (queue_id, priority) = (self.mint(), priority::on(kind, &payload, &visible));
        let entity_type = EntityType::WorkOrder;
        let operation = OperationRecord { queue_id, entity_type, entity_id: id, operation: kind, payload, priority };
        self.store.write(|tx| {
            let base = rows::server_record(tx, &operation.entity_id)?;
            queue::replace(tx, failed.row, &operation, &self.clock.now_text())?;
            rows::show_lane(tx, &operation.entity_id, base)
        })?;
        let (queue_id, by) = (failed.operation.queue_id, operation.queue_id.clone());
        self.emit(DeviceEvent::Corrected { queue_id, by });
        self.hurry_if_critical(&operation);
        self.show()?;
        Ok(operation)
    }

    fn user_acted(&self) -> Result<(), EngineError> {
        self.schedule.borrow_mut().user_acted();
        self.wake.notify_one();
        Ok(self.show()?)
    }
}
