//! Laying a change over a record (spec 4.2 merge, decision d). Pure.

use serde_json::{Map, Value};

use crate::protocol::{Record, line_key};

/// Marks a line that is gone.
pub(super) const DELETED: &str = "_deleted";

/// Lays `change` over `record`: values replace; lines unite by their key and merge field by field, `_deleted` ones go.
/// The id and fields of the sync itself (`_version` and its like) are not touched.
pub(super) fn lay_over(record: &mut Record, change: &Record) {
    for (field, value) in change {
        if field.starts_with('_') || field == "workOrderId" {
            continue;
        }
        match (line_key(field), value) {
            (Some(key), Value::Array(lines)) => {
                let slot = record.entry(field.clone()).or_insert(Value::Null);
                lay_lines(slot, key, lines);
            }
            _ => {
                record.insert(field.clone(), value.clone());
            }
        }
    }
}

fn lay_lines(slot: &mut Value, key: &str, changes: &[Value]) {
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    let Value::Array(lines) = slot else { return };
    for change in changes {
        let Value::Object(change) = change else { continue };
        let known = change.get(key).and_then(|id| lines.iter().position(|line| line.get(key) == Some(id)));
        let gone = change.get(DELETED).is_some_and(|mark| *mark == Value::Bool(true));
        match known {
            Some(index) if gone => {
                lines.remove(index);
            }
            Some(index) => merge_line(&mut lines[index], change),
            None if gone => {}
            None => lines.push(Value::Object(change.clone())),
        }
    }
}

fn merge_line(line: &mut Value, change: &Map<String, Value>) {
    if let Value::Object(line) = line {
        line.extend(change.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// Adds `more` to the change `change`, as one change: like [`lay_over`], but a line that is to go must still be named.
pub(super) fn combine(change: &mut Record, more: &Record) {
    for (field, value) in more {
        let (Some(key), Value::Array(lines), Some(Value::Array(known))) =
            (line_key(field), value, change.get_mut(field.as_str()))
        else {
            change.insert(field.clone(), value.clone());
            continue;
        };
        for line in lines {
            let same = known.iter().position(|other| other.get(key).is_some() && other.get(key) == line.get(key));
            match (same, line) {
                (Some(index), Value::Object(line)) if !line.contains_key(DELETED) => {
                    merge_line(&mut known[index], line);
                }
                (Some(index), _) => known[index] = line.clone(),
                (None, _) => known.push(line.clone()),
            }
        }
    }
}

/// Lays what the server says over `record`, with its version and time.
pub(super) fn lay_server(record: &mut Record, change: &Record) {
    lay_over(record, change);
    if let Some(version) = change.get("_version") {
        record.insert("_version".into(), version.clone());
    }
}

/// Gives each line that comes without its key one from `mint`, so that it is the same line for ever (decision d).
pub(super) fn name_lines(fields: &mut Record, mut mint: impl FnMut() -> String) {
    for (field, value) in fields.iter_mut() {
        let (Some(key), Value::Array(lines)) = (line_key(field), value) else { continue };
        for line in lines.iter_mut().filter_map(Value::as_object_mut) {
            if !line.contains_key(key) {
                line.insert(key.to_owned(), Value::String(mint()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn laid(record: Value, change: Value) -> Value {
        let mut record = record.as_object().unwrap().clone();
        lay_over(&mut record, change.as_object().unwrap());
        Value::Object(record)
    }

    #[test]
    fn lines_unite_by_key_and_two_lines_with_one_part_stay_two() {
        let merged = laid(
            json!({"partsUsed": [{"lineId": "1", "partId": "A", "qty": 1}, {"lineId": "2", "partId": "B", "qty": 1}]}),
            json!({"partsUsed": [{"lineId": "1", "qty": 5}, {"lineId": "3", "partId": "A", "qty": 1},
                                 {"lineId": "2", "_deleted": true}, {"lineId": "9", "_deleted": true}]}),
        );
        assert_eq!(
            merged,
            json!({"partsUsed": [{"lineId": "1", "partId": "A", "qty": 5}, {"lineId": "3", "partId": "A", "qty": 1}]})
        );
    }

    #[test]
    fn fields_that_do_not_overlap_come_from_both_sides() {
        let merged = laid(
            json!({"title": "a", "status": "assigned", "_version": 3}),
            json!({"status": "completed", "rootCause": null, "customFields": {"x": 1}, "_version": 9, "workOrderId": "W"}),
        );
        let expected =
            json!({"title": "a", "status": "completed", "rootCause": null, "customFields": {"x": 1}, "_version": 3});
        assert_eq!(merged, expected);
    }

    #[test]
    fn two_changes_make_one() {
        let mut change = json!({"title": "", "tasks": [{"taskId": "1", "status": "done"}, {"taskId": "2", "x": 1}]});
        let more = json!({"title": "Pump", "rootCause": "Wear",
                          "tasks": [{"taskId": "1", "note": "n"}, {"taskId": "2", "_deleted": true}, {"taskId": "3"}]});
        combine(change.as_object_mut().unwrap(), more.as_object().unwrap());
        let expected = json!({"title": "Pump", "rootCause": "Wear", "tasks": [
            {"taskId": "1", "status": "done", "note": "n"}, {"taskId": "2", "_deleted": true}, {"taskId": "3"}]});
        assert_eq!(change, expected);
    }

    #[test]
    fn a_line_without_a_key_gets_one() {
        let mut fields = json!({"partsUsed": [{"partId": "A"}, {"lineId": "mine"}]}).as_object().unwrap().clone();
        name_lines(&mut fields, || "minted".into());
        assert_eq!(
            Value::Object(fields),
            json!({"partsUsed": [{"partId": "A", "lineId": "minted"}, {"lineId": "mine"}]})
        );
    }
}
