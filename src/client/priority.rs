//! Which operation goes first (spec 5.2, decision f). Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::QueueStatus;
use crate::protocol::{OperationKind, Record};

// The spec's table; level 5 is whatever is not in it.
/// An emergency is reported.
const EMERGENCY: u8 = 1;
/// The status of an emergency changes.
const CRITICAL_STATUS: u8 = 2;
/// An order is completed.
const COMPLETION: u8 = 3;
const STANDARD: u8 = 5;
/// A file that is a photo.
const PHOTO: u8 = 7;
/// A file that is a document.
const DOCUMENT: u8 = 8;
/// Usage data.
const TELEMETRY: u8 = 10;
/// Fields with a level of their own, whatever is in them: parts, hours, custom fields.
const FIELD_LEVELS: &[(&str, u8)] = &[("partsUsed", 4), ("laborRecords", 6), ("customFields", 9)];

/// The least urgent level that overtakes what is being sent (decision s).
pub(super) const URGENT: u8 = COMPLETION;

/// The operation's own level, 1 (highest) to 10: the best of all that it does.
#[must_use]
pub(super) fn of(operation: OperationKind, payload: &Record) -> u8 {
    match operation {
        OperationKind::Create if is_emergency(payload) => EMERGENCY,
        OperationKind::Create | OperationKind::Delete => STANDARD,
        OperationKind::Update => {
            let fields = payload.iter().filter(|(field, _)| !field.starts_with('_'));
            fields.map(|(field, value)| level(field, value)).min().unwrap_or(STANDARD)
        }
    }
}

/// The same with the order that it is about: a status change of an emergency is critical.
#[must_use]
pub(super) fn on(operation: OperationKind, payload: &Record, order: &Record) -> u8 {
    let critical = operation == OperationKind::Update && payload.contains_key("status") && is_emergency(order);
    of(operation, payload).min(if critical { CRITICAL_STATUS } else { TELEMETRY })
}

fn is_emergency(order: &Record) -> bool {
    let is = |field: &str, value: &str| order.get(field).is_some_and(|it| it == value);
    is("priority", "critical") || is("type", "emergency")
}

fn level(field: &str, value: &Value) -> u8 {
    match field {
        "status" if value == "completed" => COMPLETION,
        "attachments" => value.as_array().into_iter().flatten().map(attachment).min().unwrap_or(PHOTO),
        "customFields" if only_usage(value) => TELEMETRY,
        _ => FIELD_LEVELS.iter().find(|(name, _)| *name == field).map_or(STANDARD, |(_, level)| *level),
    }
}

/// A file of which nothing is said counts as a photo.
fn attachment(line: &Value) -> u8 {
    let text = |key: &str| line.get(key).and_then(Value::as_str);
    let document =
        text("attachmentType") == Some("document") || text("mimeType").is_some_and(|mime| !mime.starts_with("image/"));
    if document { DOCUMENT } else { PHOTO }
}

/// Usage data travels as a custom field of its own.
fn only_usage(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| !fields.is_empty() && fields.keys().all(|key| key == "telemetry"))
}

/// Whether the change must not wait for the next period (spec 5.1, critical action).
#[must_use]
pub(super) fn is_critical(operation: OperationKind, payload: &Record) -> bool {
    match operation {
        OperationKind::Create => of(operation, payload) == EMERGENCY,
        OperationKind::Update => payload.contains_key("status"),
        OperationKind::Delete => false,
    }
}

/// A queued operation's place, as far as the order needs it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its row; rows grow, so that they are the order of the edits.
    pub(super) row: i64,
    /// Its lane.
    pub(super) lane: String,
    /// Its own level.
    pub(super) level: u8,
    /// Where it stands.
    pub(super) status: QueueStatus,
    /// Lanes of the records that it names and that are not made yet.
    pub(super) names: Vec<String>,
    /// Its file is not with the server yet.
    pub(super) uploads: bool,
}

/// The rows that may be sent with their effective levels, in order: by the best level of the operation and of all that
/// waits for it, then by row. For an operation wait those behind it in its lane and, if it makes a record, those that
/// name that record. What stands behind a failed operation waits for the user; lanes in `held` wait for the next sync.
#[must_use]
pub(super) fn send_order(places: &[Place], held: &BTreeSet<String>) -> Vec<(u8, i64)> {
    let open = open_places(places, held);
    let mut heads: BTreeMap<&str, i64> = BTreeMap::new();
    for place in &open {
        heads.entry(&place.lane).or_insert(place.row);
    }
    let mut behind: BTreeMap<&str, u8> = BTreeMap::new();
    let mut naming: BTreeMap<&str, u8> = BTreeMap::new();
    let mut order = Vec::with_capacity(open.len());
    // What is waited for was made before, so that one pass from the end sees everybody who waits.
    for place in open.into_iter().rev() {
        let lane = place.lane.as_str();
        let mut best = behind.get(lane).map_or(place.level, |level| place.level.min(*level));
        behind.insert(lane, best);
        if heads.get(lane) == Some(&place.row) {
            best = naming.get(lane).map_or(best, |level| best.min(*level));
        }
        for name in &place.names {
            naming.entry(name).and_modify(|level| *level = best.min(*level)).or_insert(best);
        }
        order.push((best, place.row));
    }
    order.sort_unstable();
    order
}

/// The operations that wait for nobody but the server.
fn open_places<'p>(places: &'p [Place], held: &'p BTreeSet<String>) -> Vec<&'p Place> {
    let mut stopped: BTreeSet<&str> = held.iter().map(String::as_str).collect();
    let mut open = Vec::new();
    for place in places {
        let waits =
            place.status == QueueStatus::Failed || place.names.iter().any(|name| stopped.contains(name.as_str()));
        if waits {
            stopped.insert(&place.lane);
        }
        if !stopped.contains(place.lane.as_str()) {
            open.push(place);
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn level_of(operation: OperationKind, payload: serde_json::Value) -> u8 {
        of(operation, payload.as_object().unwrap())
    }

    #[test]
    fn each_operation_has_its_level() {
        use OperationKind::{Create, Delete, Update};
        assert_eq!(level_of(Create, json!({"type": "emergency", "_localId": "x"})), 1);
        assert_eq!(level_of(Create, json!({"priority": "critical"})), 1);
        assert_eq!(level_of(Create, json!({"priority": "high"})), 5);
        assert_eq!(level_of(Update, json!({"status": "completed", "customFields": {}})), 3);
        assert_eq!(level_of(Update, json!({"status": "on-hold", "_version": 1})), 5);
        assert_eq!(level_of(Update, json!({"partsUsed": [], "status": "on-hold"})), 4);
        assert_eq!(level_of(Update, json!({"laborRecords": [], "_version": 1})), 6);
        assert_eq!(level_of(Update, json!({"attachments": []})), 7);
        assert_eq!(level_of(Update, json!({"attachments": [{"mimeType": "image/jpeg"}]})), 7);
        assert_eq!(level_of(Update, json!({"attachments": [{"mimeType": "application/pdf"}]})), 8);
        assert_eq!(level_of(Update, json!({"customFields": {"telemetry": {"taps": 4}}, "_version": 1})), 10);
        assert_eq!(level_of(Update, json!({"customFields": {}, "_version": 1})), 9);
        assert_eq!(level_of(Delete, json!({"_version": 1})), 5);
    }

    #[test]
    fn a_status_change_of_an_emergency_is_critical() {
        let change = |order: serde_json::Value, set: serde_json::Value| {
            on(OperationKind::Update, set.as_object().unwrap(), order.as_object().unwrap())
        };
        assert_eq!(change(json!({"type": "emergency"}), json!({"status": "on-hold"})), 2);
        assert_eq!(change(json!({"priority": "critical"}), json!({"status": "completed"})), 2);
        assert_eq!(change(json!({"priority": "critical"}), json!({"title": "x"})), 5);
        assert_eq!(change(json!({"priority": "high"}), json!({"status": "completed"})), 3);
    }

    fn place(row: i64, lane: &str, level: u8, status: QueueStatus) -> Place {
        Place { row, lane: lane.into(), level, status, names: Vec::new(), uploads: false }
    }

    #[test]
    fn a_completion_pulls_its_own_create_along() {
        use QueueStatus::Pending;
        let places = [
            place(1, "a", 5, Pending),
            place(2, "b", 5, Pending),
            place(3, "b", 3, Pending),
            place(4, "c", 4, Pending),
            place(5, "b", 9, Pending),
        ];
        assert_eq!(send_order(&places, &BTreeSet::new()), [(3, 2), (3, 3), (4, 4), (5, 1), (9, 5)]);
    }

    #[test]
    fn coalesce_breaks_fk_order_what_is_named_goes_before_what_names_it() {
        use QueueStatus::{Failed, Pending};
        let names = |place: Place, lane: &str| Place { names: vec![lane.into()], ..place };
        let mut places = vec![
            place(1, "tmp-a", 5, Pending),
            place(2, "c", 4, Pending),
            names(place(3, "tmp-b", 6, Pending), "tmp-a"),
            names(place(4, "d", 3, Pending), "tmp-b"),
            place(5, "d", 5, Pending),
        ];
        assert_eq!(send_order(&places, &BTreeSet::new()), [(3, 1), (3, 3), (3, 4), (4, 2), (5, 5)]);
        places[0].status = Failed;
        assert_eq!(send_order(&places, &BTreeSet::new()), [(4, 2)], "all that hangs on it waits for the user");
    }

    #[test]
    fn poison_head_of_line_stops_its_own_lane_alone() {
        use QueueStatus::{Failed, InProgress, Pending};
        let places = [
            place(1, "a", 5, InProgress),
            place(2, "a", 5, Failed),
            place(3, "a", 1, Pending),
            place(4, "b", 5, Pending),
            place(5, "c", 1, Pending),
        ];
        assert_eq!(send_order(&places, &BTreeSet::from(["c".to_owned()])), [(5, 1), (5, 4)]);
    }
}
