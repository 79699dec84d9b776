//! What a user does to work orders (spec 3.1C, 5.2): each change and its place in the queue in one transaction.

use serde_json::Value;

use super::engine::{Engine, EngineError};
use super::store::{StoreError, cache, logs, meta, queue, rows};
use super::{merge, priority, resolve};
use crate::history::{DeviceEvent, OperationRecord};
use crate::protocol::{EntityType, OperationKind, RESOLVES, Record, TEMPORARY_ID_PREFIX};

/// Why changes are in the rescue log that were to go out before a deletion.
const DELETED_HERE: &str = "its order was deleted here";

/// A change to a work order.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRequest {
    /// Which; a temporary id stays good after the real one is known.
    pub id: String,
    /// The changed fields; of a field of lines, the changed lines alone, removed ones with `_deleted: true`.
    pub set: Record,
}

impl Engine {
    /// Changes a work order and queues the change, in one transaction: on return it is durable. A change that the server
    /// found invalid is corrected by it.
    ///
    /// # Errors
    /// When there is no such work order, a field is the sync's own, or storage fails; then nothing changed.
    pub fn edit(&self, request: EditRequest) -> Result<OperationRecord, EngineError> {
        let EditRequest { id, mut set } = request;
        reject_reserved(&set)?;
        merge::name_lines(&mut set, || self.mint());
        let id = rows::current_id(self.store.read(), &id)?;
        if let Some(failed) = self.to_correct(&id)? {
            return self.correct(id, failed, &set);
        }
        let visible = self.visible(&id)?;
        set.insert("_version".into(), version(&visible));
        let choices = resolve::by_hand(self.store.read(), &id, &set)?;
        if !choices.is_empty() {
            set.insert(RESOLVES.into(), serde_json::to_value(&choices).map_err(StoreError::from)?);
        }
        let mut operation = self.operation(id, OperationKind::Update, set);
        operation.priority = priority::on(operation.operation, &operation.payload, &visible);
        self.store.write(|tx| {
            let now = self.clock.now_text();
            rows::keep_base(tx, &operation.entity_id, &visible)?;
            queue::append(tx, &operation, &now)?;
            let mut edited = visible;
            merge::lay_over(&mut edited, &operation.payload);
            rows::show_edited(tx, &operation.entity_id, &edited)?;
            resolve::note_by_hand(tx, &operation.entity_id, &choices, &now)
        })?;
        self.after_change(&operation)?;
        Ok(operation)
    }

    /// Makes a work order under a temporary id (decision b) and queues it, in one transaction: on return it is durable.
    ///
    /// # Errors
    /// When a field is the sync's own, or storage fails; then nothing changed.
    pub fn create(&self, fields: Record) -> Result<OperationRecord, EngineError> {
        let mut payload = fields;
        reject_reserved(&payload)?;
        merge::name_lines(&mut payload, || self.mint());
        self.assign_to_creator(&mut payload)?;
        let local_id = self.mint();
        payload.insert("_localId".into(), local_id.clone().into());
        let operation = self.operation(format!("{TEMPORARY_ID_PREFIX}{local_id}"), OperationKind::Create, payload);
        self.store.write(|tx| {
            queue::append(tx, &operation, &self.clock.now_text())?;
            rows::show_edited(tx, &operation.entity_id, &operation.payload)
        })?;
        self.after_change(&operation)?;
        Ok(operation)
    }

    /// Deletes a work order and queues the deletion, in one transaction: on return it is durable.
    ///
    /// # Errors
    /// When there is no such work order, or storage fails; then nothing changed.
    pub fn delete(&self, id: &str) -> Result<OperationRecord, EngineError> {
        let id = rows::current_id(self.store.read(), id)?;
        let visible = self.visible(&id)?;
        let payload = Record::from_iter([("_version".to_owned(), version(&visible))]);
        let operation = self.operation(id, OperationKind::Delete, payload);
        let (order, now) = (operation.entity_id.as_str(), self.clock.now_text());
        let rescued = self.store.write(|tx| {
            rows::keep_base(tx, order, &visible)?;
            let rescued = logs::rescue_needless(tx, order, DELETED_HERE, &now)?;
            queue::append(tx, &operation, &now)?;
            rows::hide(tx, order)?;
            Ok(rescued)
        })?;
        rescued.into_iter().for_each(|rescued| self.emit(DeviceEvent::Rescued(rescued)));
        self.after_change(&operation)?;
        Ok(operation)
    }

    pub(super) fn visible(&self, id: &str) -> Result<Record, EngineError> {
        let c = self.store.read();
        match rows::visible(c, id)? {
            Some(visible) => Ok(visible),
            None if cache::ASSETS.holds(c, id)? || cache::INVENTORY.holds(c, id)? => {
                Err(EngineError::ReadOnly(id.to_owned()))
            }
            None => Err(EngineError::NoSuchOrder(id.to_owned())),
        }
    }

    pub(super) fn operation(&self, entity_id: String, operation: OperationKind, payload: Record) -> OperationRecord {
        let priority = priority::of(operation, &payload);
        let entity_type = EntityType::WorkOrder;
        OperationRecord { queue_id: self.mint(), entity_type, entity_id, operation, payload, priority }
    }

    /// What the server would do by itself; said here, so that both sides show the same.
    fn assign_to_creator(&self, payload: &mut Record) -> Result<(), StoreError> {
        let technician = meta::role(self.store.read())?.is_some_and(|role| role == "technician");
        if technician
            && !payload.contains_key("assignedTo")
            && let Some(user) = meta::get(self.store.read(), meta::USER_ID)?
        {
            payload.insert("assignedTo".into(), user.into());
        }
        Ok(())
    }

    pub(super) fn after_change(&self, operation: &OperationRecord) -> Result<(), StoreError> {
        self.hurry_if_critical(operation);
        self.show_added(operation)
    }

    /// A change that must not wait wakes the sync.
    pub(super) fn hurry_if_critical(&self, operation: &OperationRecord) {
        if operation.priority <= priority::URGENT {
            self.disturb.notify_one();
        }
        if priority::is_critical(operation.operation, &operation.payload) {
            self.schedule.borrow_mut().critical_change();
            self.wake.notify_one();
        }
    }
}

pub(super) fn version(record: &Record) -> Value {
    record.get("_version").cloned().unwrap_or_else(|| 1.into())
}

pub(super) fn reject_reserved(fields: &Record) -> Result<(), EngineError> {
    match fields.keys().find(|field| field.starts_with('_') || *field == "workOrderId") {
        Some(field) => Err(EngineError::ReservedField(field.clone())),
        None => Ok(()),
    }
}
