//! Which operation goes first (spec 5.2, decision f). Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::QueueStatus;
use crate::protocol::{OperationKind, Record};

/// Levels that single fields earn an update; it takes the best of its fields.
const FIELD_LEVELS: &[(&str, u8)] = &[("partsUsed", 4), ("laborRecords", 6), ("attachments", 7), ("customFields", 9)];
const EMERGENCY: u8 = 1;
const COMPLETION: u8 = 3;
const STANDARD: u8 = 5;

/// The operation's own level, 1 (highest) to 10. Level 2 (an asset back in operation) and 10 (telemetry) belong to
/// records that cannot be pushed.
#[must_use]
pub(super) fn of(operation: OperationKind, payload: &Record) -> u8 {
    let is = |field: &str, value: &str| payload.get(field).is_some_and(|it| it == value);
    match operation {
        OperationKind::Create if is("priority", "critical") || is("type", "emergency") => EMERGENCY,
        OperationKind::Create | OperationKind::Delete => STANDARD,
        OperationKind::Update if is("status", "completed") => COMPLETION,
        OperationKind::Update => {
            payload.keys().filter(|field| !field.starts_with('_')).map(|f| level(f)).min().unwrap_or(STANDARD)
        }
    }
}

fn level(field: &str) -> u8 {
    FIELD_LEVELS.iter().find(|(name, _)| *name == field).map_or(STANDARD, |(_, level)| *level)
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
}

/// The rows that may be sent, in order: by the best level of the operation and of all that waits for it, then by row.
/// For an operation wait those behind it in its lane and, if it makes a record, those that name that record. What stands
/// behind a failed operation waits for the user; lanes in `held` wait for the next sync.
#[must_use]
pub(super) fn send_order(places: &[Place], held: &BTreeSet<String>) -> Vec<i64> {
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
    order.into_iter().map(|(_, row)| row).collect()
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
        assert_eq!(level_of(Update, json!({"customFields": {}, "_version": 1})), 9);
        assert_eq!(level_of(Delete, json!({"_version": 1})), 5);
    }

    fn place(row: i64, lane: &str, level: u8, status: QueueStatus) -> Place {
        Place { row, lane: lane.into(), level, status, names: Vec::new() }
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
        assert_eq!(send_order(&places, &BTreeSet::new()), [2, 3, 4, 1, 5]);
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
        assert_eq!(send_order(&places, &BTreeSet::new()), [1, 3, 4, 2, 5]);
        places[0].status = Failed;
        assert_eq!(send_order(&places, &BTreeSet::new()), [2], "all that hangs on it waits for the user");
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
        assert_eq!(send_order(&places, &BTreeSet::from(["c".to_owned()])), [1, 4]);
    }
}
