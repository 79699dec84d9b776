//! The office: a supervisor at a desk, who works through the same API as the devices, over the same proxy.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use super::api::{ApiError, ApiUser};
use super::sealing::Sealing;
use crate::base::{Stream, WallClock};
use crate::history::{Edit, OperationRecord, Recorder, What};
use crate::protocol::{
    EntityType, Operation, OperationKind, OperationResult, Record, ResultStatus, TEMPORARY_ID_PREFIX,
};

/// The office's name: as a user, as a device on the wire and in the history.
pub(super) const OFFICE: &str = "office";

pub(super) struct Office {
    pub(super) api: ApiUser,
    /// Where fields are sealed.
    sealing: Option<Rc<Sealing>>,
    clock: WallClock,
    random: RefCell<Stream>,
    recorder: Recorder,
    /// Versions of the orders as of the last pull or push, by id.
    versions: RefCell<BTreeMap<String, i64>>,
}

impl Office {
    pub(super) fn new(
        api: ApiUser,
        sealing: Option<Rc<Sealing>>,
        clock: WallClock,
        random: Stream,
        recorder: Recorder,
    ) -> Self {
        Self { api, sealing, clock, random: RefCell::new(random), recorder, versions: RefCell::default() }
    }

    /// The ids of the first `count` orders.
    pub(super) async fn first_orders(&self, count: usize) -> Result<Vec<String>, ApiError> {
        self.refresh().await?;
        let ids: Vec<String> = self.versions.borrow().keys().take(count).cloned().collect();
        if ids.len() < count {
            return Err(ApiError(format!("the server holds {} orders, not {count}", ids.len())));
        }
        Ok(ids)
    }

    pub(super) async fn edit(&self, order: &str, set: &Record) -> Result<(), ApiError> {
        self.refresh().await?;
        let version = self.version(order)?;
        let mut payload = set.clone();
        payload.insert("_version".into(), version.into());
        self.submit(OperationKind::Update, order, set, payload).await.map(drop)
    }

    pub(super) async fn delete(&self, order: &str) -> Result<(), ApiError> {
        self.refresh().await?;
        let version = self.version(order)?;
        let payload = Record::from_iter([("_version".to_owned(), json!(version))]);
        self.submit(OperationKind::Delete, order, &Record::new(), payload).await?;
        self.versions.borrow_mut().remove(order);
        Ok(())
    }

    /// Makes an order; returns its id.
    pub(super) async fn create(&self, set: &Record) -> Result<String, ApiError> {
        let local_id = self.mint();
        let mut payload = set.clone();
        payload.insert("_localId".into(), local_id.clone().into());
        let temporary = format!("{TEMPORARY_ID_PREFIX}{local_id}");
        let result = self.submit(OperationKind::Create, &temporary, set, payload).await?;
        result.entity_id.ok_or_else(|| ApiError("the create was answered without the order's id".into()))
    }

    /// Ends all sessions of `user`.
    pub(super) async fn revoke(&self, user: &str) -> Result<(), ApiError> {
        self.api.revoke(user).await
    }

    /// Gives `user` another password.
    pub(super) async fn change_password(&self, user: &str, password: &str) -> Result<(), ApiError> {
        self.api.change_password(user, password).await
    }

    fn version(&self, order: &str) -> Result<i64, ApiError> {
        let known = self.versions.borrow().get(order).copied();
        known.ok_or_else(|| ApiError(format!("the server holds no order `{order}`")))
    }

    async fn refresh(&self) -> Result<(), ApiError> {
        let pulled = self.api.pull().await?;
        if pulled.whole {
            self.versions.borrow_mut().clear();
        }
        for page in pulled.pages {
            let mut versions = self.versions.borrow_mut();
            for order in &page.work_orders {
                if let (Some(Value::String(id)), Some(version)) =
                    (order.get("workOrderId"), order.get("_version").and_then(Value::as_i64))
                {
                    versions.insert(id.clone(), version);
                }
            }
            for id in &page.deleted_ids.work_orders {
                versions.remove(id);
            }
        }
        Ok(())
    }

    async fn submit(
        &self,
        operation: OperationKind,
        order: &str,
        fields: &Record,
        payload: Record,
    ) -> Result<OperationResult, ApiError> {
        let entity_id = (operation != OperationKind::Create).then(|| order.to_owned());
        let edit = Edit { entity_type: EntityType::WorkOrder, entity_id, action: operation, fields: fields.clone() };
        self.recorder.record(What::Attempted { device: OFFICE.into(), edit });
        let sent = Operation {
            queue_id: self.mint(),
            entity_type: EntityType::WorkOrder,
            entity_id: order.to_owned(),
            operation,
            payload,
        };
        let wire = match &self.sealing {
            Some(sealing) => {
                let what = (operation, sent.entity_id.as_str());
                let payload = sealing.seal(&self.api, what, sent.payload.clone(), &self.random).await?;
                Operation { payload, ..sent.clone() }
            }
            None => sent.clone(),
        };
        let result = self.api.push(wire).await?;
        match (result.status, result.new_version) {
            (ResultStatus::Success, version) => {
                let id = result.entity_id.clone().unwrap_or_else(|| order.to_owned());
                self.versions.borrow_mut().extend(version.map(|version| (id, version)));
                self.acknowledge(sent);
                Ok(result)
            }
            (ResultStatus::Conflict | ResultStatus::Error, _) => {
                let detail = result.error.map_or_else(|| "it met a foreign change".to_owned(), |error| error.detail);
                self.recorder.record(What::Refused { device: OFFICE.into(), detail: detail.clone() });
                Err(ApiError(format!("the server refused the office's {operation} of {order}: {detail}")))
            }
        }
    }

    fn acknowledge(&self, sent: Operation) {
        let operation = OperationRecord {
            queue_id: sent.queue_id,
            entity_type: sent.entity_type,
            entity_id: sent.entity_id,
            operation: sent.operation,
            payload: sent.payload,
            // It never waits in a queue.
            priority: 1,
        };
        self.recorder.record(What::Acknowledged { device: OFFICE.into(), operation });
    }

    fn mint(&self) -> String {
        let unix_ms = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        self.random.borrow_mut().uuid_v7(unix_ms).to_string()
    }
}
