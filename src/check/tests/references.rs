//! References between records: renamed, in order, and leading somewhere.

use serde_json::{Value, json};

use super::story::record;
use super::{planted, red};
use crate::history::{Message, MessageKind, What};
use crate::protocol::Record;

const TEMPORARY: &str = "tmp-0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";

fn in_record(what: &mut What, id: &str, set: &Value) {
    let is = |row: &Record| row.get("workOrderId").is_some_and(|it| it == id);
    match what {
        What::ServerRecord { record: row, .. } if is(row) => row.extend(record(set.clone())),
        What::DeviceState { state, .. } => {
            state.work_orders.values_mut().filter(|row| is(row)).for_each(|row| row.extend(record(set.clone())));
        }
        _ => {}
    }
}

#[test]
fn id_remap_misses_fk() {
    let set = json!({"customFields": {"ledTo": TEMPORARY}});
    let verdict = planted(|story| story.each(|what| in_record(what, "WO-2", &set)));
    red(&verdict, "I11", &["WO-2 on the server", "customFields says tmp-0199"]);
    red(&verdict, "I11", &["maria calls records by their real ids", "customFields of WO-2 says tmp-0199"]);
}

#[test]
fn a_reference_to_what_never_was() {
    let set = json!({"customFields": {"ledTo": "WO-404"}});
    let verdict = planted(|story| story.each(|what| in_record(what, "WO-2", &set)));
    red(&verdict, "I11", &["WO-2 on the server names what is there", "names WO-404, which never was"]);
}

#[test]
fn coalesce_breaks_fk_order() {
    let verdict = planted(|story| {
        story.each(|what| match what {
            What::Acknowledged { operation, .. } if operation.queue_id == "q2" => {
                operation.payload.insert("customFields".into(), json!({"ledTo": TEMPORARY}));
            }
            What::Request(Message { kind: MessageKind::Push { operations }, .. }) => {
                for operation in operations.iter_mut().filter(|operation| operation.queue_id == "q2") {
                    operation.payload.insert("customFields".into(), json!({"ledTo": TEMPORARY}));
                }
            }
            _ => {}
        });
    });
    red(&verdict, "I7", &["goes out after the creation of tmp-0199", "before it"]);
}
