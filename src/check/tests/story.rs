//! A small builder of histories, and one rich story in which everything holds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::audit;
use crate::history::{
    DeviceEvent, DeviceState, Edit, Event, History, Message, MessageKind, OperationRecord, Phase, RecordRef, Status,
    SyncOutcome, Trigger, What,
};
use crate::protocol::{
    ConflictRecord, EntityType, ErrorCode, Operation, OperationKind, OperationResult, Profile, Record, Removal,
    RemovalReason,
};

/// A history in the making.
#[derive(Default)]
pub(super) struct Story {
    pub(super) events: Vec<(u64, What)>,
    now_ms: u64,
    exchanges: u64,
    edits: BTreeMap<String, OperationRecord>,
    /// Done to the server's audit, which is else a faithful one.
    pub(super) spoil_audit: Option<fn(&mut Vec<ConflictRecord>)>,
}

pub(super) fn record(value: Value) -> Record {
    serde_json::from_value(value).unwrap()
}

/// An operation's result in the wire's own spelling.
pub(super) fn result(value: Value) -> OperationResult {
    serde_json::from_value(value).unwrap()
}

impl Story {
    pub(super) fn tell(&mut self, what: What) {
        self.events.push((self.now_ms, what));
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    pub(super) fn history(&self) -> History {
        let event =
            |(seq, (at_ms, what)): (usize, &(u64, What))| Event { seq: seq as u64, at_ms: *at_ms, what: what.clone() };
        let mut events: Vec<Event> = self.events.iter().enumerate().map(event).collect();
        let mut audit = audit::of_server(&events);
        if let Some(spoil) = self.spoil_audit {
            spoil(&mut audit);
        }
        for record in audit {
            let (seq, what) = (events.len() as u64, What::ServerConflict { record: Box::new(record) });
            events.push(Event { seq, at_ms: self.now_ms, what });
        }
        History(events)
    }

    /// Lets `change` at every event that it knows how to change.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut What)) {
        self.events.iter_mut().for_each(|(_, what)| change(what));
    }

    pub(super) fn user(&mut self, user: &str, role: &str, sites: &[&str]) {
        let site_ids = sites.iter().map(|site| (*site).to_owned()).collect();
        let text = || String::new();
        let profile = Profile {
            user_id: user.into(),
            email: text(),
            first_name: text(),
            last_name: text(),
            role: role.into(),
            skills: vec![],
            site_ids,
        };
        self.tell(What::UserSeeded { profile });
    }

    pub(super) fn seed(&mut self, kind: &str, value: Value) {
        self.tell(What::RecordSeeded { kind: kind.into(), record: record(value) });
    }

    pub(super) fn says(&mut self, device: &str, event: DeviceEvent) {
        self.tell(What::Device { device: device.into(), event });
    }

    pub(super) fn shows(&mut self, device: &str, status: Status, queued: u64) {
        self.says(device, DeviceEvent::Shown { status, queued, progress: None, synced_ago_ms: None });
    }

    /// A user sets out to do something, and it is theirs to rely on.
    pub(super) fn does(
        &mut self,
        device: &str,
        queue_id: &str,
        kind: OperationKind,
        order: &str,
        payload: Value,
        priority: u8,
    ) {
        let payload = record(payload);
        let fields = payload.clone().into_iter().filter(|(field, _)| !field.starts_with('_')).collect();
        let entity_id = (kind != OperationKind::Create).then(|| order.to_owned());
        let edit = Edit { entity_type: EntityType::WorkOrder, entity_id, action: kind, fields };
        self.tell(What::Attempted { device: device.into(), edit });
        let operation = OperationRecord {
            queue_id: queue_id.into(),
            entity_type: EntityType::WorkOrder,
            entity_id: order.into(),
            operation: kind,
            payload,
            priority,
        };
        self.edits.insert(queue_id.into(), operation.clone());
        self.tell(What::Acknowledged { device: device.into(), operation });
    }

    pub(super) fn message(&mut self, device: &str, request: bool, delivered: bool, kind: MessageKind) {
        self.now_ms += 10;
        self.exchanges += u64::from(request);
        let status = if request { 0 } else { 200 };
        let (connection, exchange) = (1, self.exchanges);
        let (device, retry_after) = (device.to_owned(), None);
        let message = Message { device, connection, exchange, bytes: 100, status, delivered, retry_after, kind };
        self.tell(if request { What::Request(message) } else { What::Answer(message) });
    }

    /// A push of earlier edits with its results; `heard` says whether the answer reaches the device.
    pub(super) fn push(&mut self, device: &str, queue_ids: &[&str], results: Vec<OperationResult>, heard: bool) {
        let operations = queue_ids.iter().map(|queue_id| {
            let made = self.edits[*queue_id].clone();
            Operation {
                queue_id: made.queue_id,
                entity_type: made.entity_type,
                entity_id: made.entity_id,
                operation: made.operation,
                payload: made.payload,
            }
        });
        let operations = operations.collect();
        self.message(device, true, true, MessageKind::Push { operations });
        self.message(device, false, heard, MessageKind::PushAnswer { results });
    }

    /// One page of a pull.
    pub(super) fn page(
        &mut self,
        device: &str,
        cursor: Option<&str>,
        next: &str,
        given: &[(&str, &str, i64)],
        gone: &[(&str, RemovalReason)],
    ) {
        let asked = MessageKind::Delta { cursor: cursor.map(str::to_owned), since: None, digest: false };
        self.message(device, true, true, asked);
        let reference = |(kind, id, version): &(&str, &str, i64)| RecordRef {
            kind: (*kind).into(),
            id: (*id).into(),
            version: *version,
        };
        let deleted = gone.iter().filter(|(_, reason)| *reason == RemovalReason::Deleted);
        let answer = MessageKind::DeltaAnswer {
            sync_timestamp: "2025-11-08T06:00:00.000Z".into(),
            answers: Some(cursor.unwrap_or_default().into()),
            deleted: deleted.map(|(id, _)| (*id).into()).collect(),
            inventory_fields: Vec::new(),
            next_cursor: next.into(),
            has_more: false,
            records: given.iter().map(reference).collect(),
            removed: gone.iter().map(|(id, reason)| Removal { id: (*id).into(), reason: *reason }).collect(),
        };
        self.message(device, false, true, answer);
    }

    pub(super) fn sync(&mut self, device: &str, trigger: Trigger) {
        self.says(device, DeviceEvent::SyncStarted { trigger });
        self.says(device, DeviceEvent::PhaseStarted { phase: Phase::Push });
    }

    pub(super) fn pull(&mut self, device: &str) {
        self.says(device, DeviceEvent::PhaseEnded { phase: Phase::Push, count: 0 });
        self.says(device, DeviceEvent::PhaseStarted { phase: Phase::Pull });
    }

    pub(super) fn done(&mut self, device: &str) {
        self.says(device, DeviceEvent::PhaseEnded { phase: Phase::Pull, count: 0 });
        self.says(device, DeviceEvent::SyncEnded { outcome: SyncOutcome::Done });
    }

    pub(super) fn fails(&mut self, device: &str, failures: u32, wait_ms: u64, table_ms: u64) {
        let code = ErrorCode::NetworkError;
        self.says(device, DeviceEvent::SyncEnded { outcome: SyncOutcome::Failed { code, detail: String::new() } });
        self.says(device, DeviceEvent::Backoff { failures, wait_ms, table_ms, code });
    }

    /// What a device holds at the end.
    pub(super) fn holds(&mut self, device: &str, orders: &[Value], assets: &[Value], rest: Value) {
        let mut state: DeviceState = serde_json::from_value(state(device, rest)).unwrap();
        for (rows, given, key) in
            [(&mut state.work_orders, orders, "workOrderId"), (&mut state.assets, assets, "assetId")]
        {
            for row in given {
                rows.insert(row[key].as_str().unwrap().to_owned(), record(row.clone()));
            }
        }
        state.inventory.insert("P1".into(), record(part()));
        self.tell(What::DeviceState { device: device.into(), state: Box::new(state) });
    }

    pub(super) fn sees(&mut self, user: &str, orders: &[&str], assets: &[&str]) {
        let text = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let (work_orders, assets, inventory) = (text(orders), text(assets), text(&["P1"]));
        self.tell(What::UserView { user_id: user.into(), work_orders, assets, inventory });
    }

    pub(super) fn server(&mut self, kind: &str, values: &[Value]) {
        for value in values {
            self.tell(What::ServerRecord { kind: kind.into(), record: record(value.clone()) });
        }
    }
}

fn state(device: &str, rest: Value) -> Value {
    let mut state = json!({
        "userId": device, "workOrders": {}, "assets": {}, "inventory": {}, "queue": [], "conflicts": [], "notices": [],
        "rescued": [], "cursor": null, "status": "synced", "waitsFor": null,
    });
    state.as_object_mut().unwrap().extend(record(rest));
    state
}

pub(super) fn order(id: &str, asset: &str, user: &str, status: &str, title: &str, version: i64) -> Value {
    json!({
        "workOrderId": id, "siteId": "S1", "assetId": asset, "type": "inspection", "title": title, "priority": "high",
        "status": status, "assignedTo": user, "tasks": [{"taskId": "T1", "status": "pending"}], "_version": version,
    })
}

pub(super) fn asset(id: &str) -> Value {
    json!({"assetId": id, "siteId": "S1", "status": "operational"})
}

pub(super) fn part() -> Value {
    json!({"partId": "P1", "siteId": "S1", "description": "a spare", "quantityAvailable": 3, "unit": "pcs"})
}

/// `value` with fields set.
pub(super) fn with(mut value: Value, set: Value) -> Value {
    value.as_object_mut().unwrap().extend(record(set));
    value
}
