//! The local tables are the spec's (2.2), and every column of them is filled.

use rusqlite::Connection;
use serde_json::json;

use super::{Device, Reply, order, page, record};
use crate::client::{EditRequest, EngineError};
use crate::history::SyncOutcome;
use crate::protocol::path;

/// Spec 2.2, column by column; decision t adds the last five of `work_orders`.
const SPEC: &[(&str, &str)] = &[
    (
        "work_orders",
        "workOrderId TEXT, siteId TEXT!, assetId TEXT, type TEXT!, title TEXT!, description TEXT, priority TEXT!, \
         status TEXT!, assignedTo TEXT, scheduledStart TEXT, scheduledEnd TEXT, tasks TEXT, partsRequired TEXT, \
         partsUsed TEXT, laborRecords TEXT, attachments TEXT, _localId TEXT, _version INTEGER, _synced BOOLEAN, \
         _lastSyncAt TEXT, _pendingChanges TEXT, _conflictDetected BOOLEAN, _createdOffline BOOLEAN, \
         _serverUpdatedAt TEXT, actualStart TEXT, actualEnd TEXT, completionNotes TEXT, rootCause TEXT, \
         customFields TEXT",
    ),
    (
        "assets",
        "assetId TEXT, siteId TEXT!, type TEXT, category TEXT, manufacturer TEXT, model TEXT, status TEXT, \
         location TEXT, _synced BOOLEAN, _lastSyncAt TEXT",
    ),
    (
        "inventory",
        "partId TEXT, description TEXT, quantityAvailable INTEGER, unit TEXT, _synced BOOLEAN, _lastSyncAt TEXT",
    ),
    (
        "pending_attachments",
        "attachmentId TEXT, workOrderId TEXT!, localFilePath TEXT!, fileName TEXT!, fileSize INTEGER, mimeType TEXT, \
         description TEXT, attachmentType TEXT, capturedAt TEXT, capturedBy TEXT, location TEXT, _uploaded BOOLEAN, \
         _uploadAttempts INTEGER, _lastAttemptAt TEXT",
    ),
    (
        "sync_queue",
        "queueId TEXT, entityType TEXT!, entityId TEXT!, operation TEXT!, payload TEXT!, priority INTEGER, \
         createdAt TEXT!, attempts INTEGER, lastAttemptAt TEXT, error TEXT, status TEXT",
    ),
    (
        "user_profile",
        "userId TEXT, email TEXT, firstName TEXT, lastName TEXT, role TEXT, skills TEXT, siteIds TEXT, _synced BOOLEAN",
    ),
];

fn columns(c: &Connection, table: &str) -> Vec<String> {
    let mut statement =
        c.prepare(&format!("SELECT name, type, \"notnull\" FROM pragma_table_info('{table}')")).unwrap();
    let rows = statement.query_map([], |row| {
        let (name, kind, needed): (String, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!("{name} {kind}{}", if needed { "!" } else { "" }))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn the_tables_are_the_specs() {
    let device = Device::fresh();
    let c = device.engine.store.read();
    for (table, wanted) in SPEC {
        let held = columns(c, table);
        for column in wanted.split(", ") {
            assert!(held.iter().any(|held| held == column), "{table} has no `{column}`: {held:?}");
        }
    }
    let key: (String, String, String) = c
        .query_row(
            "SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list('pending_attachments')",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(key, ("work_orders".into(), "workOrderId".into(), "workOrderId".into()));
    let unique: i64 = c
        .query_row(
            "SELECT count(*) FROM pragma_index_list('work_orders') i, pragma_index_info(i.name) c
             WHERE i.\"unique\" AND c.name = '_localId'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(unique, 1, "_localId is unique");
}

#[tokio::test(start_paused = true)]
async fn every_column_is_filled_from_the_wire_and_by_the_device() {
    let device = Device::fresh();
    device.engine.sign_in("maria", "secret", None).await.unwrap();
    let full = json!({"workOrderId": "WO-1", "siteId": "S1", "assetId": "A-1", "type": "repair", "title": "Pump",
        "description": "d", "priority": "high", "status": "assigned", "assignedTo": "maria",
        "scheduledStart": "2025-11-09T07:00:00.000Z", "scheduledEnd": "2025-11-09T09:00:00.000Z",
        "tasks": [{"taskId": "T"}], "partsRequired": [{"partId": "P"}], "partsUsed": [{"lineId": "L"}],
        "laborRecords": [{"laborId": "H"}], "attachments": [{"attachmentId": "F"}], "actualStart": "x",
        "actualEnd": "y", "completionNotes": "n", "rootCause": "r", "customFields": {"a": 1}, "_version": 3,
        "updatedAt": "2025-11-08T05:00:00.000Z"});
    let asset = json!({"assetId": "A-1", "siteId": "S1", "type": "t", "category": "c", "manufacturer": "m", "model": "x",
        "status": "operational", "location": {"row": 1}});
    let part = json!({"partId": "P", "description": "d", "quantityAvailable": 4, "unit": "pcs"});
    let changes = json!({"workOrders": [full], "assets": [asset], "inventory": [part]});
    device.wire.next(path::DELTA, Reply::Json(page("c1", false, changes.clone())));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    device.edit("WO-1", json!({"rootCause": "wear"}));
    let c = device.engine.store.read();
    for table in ["work_orders", "assets", "inventory", "user_profile"] {
        let mut statement = c.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).unwrap();
        let row = rows.next().unwrap().unwrap();
        for (index, name) in names.iter().enumerate() {
            let empty = matches!(row.get_ref(index).unwrap(), rusqlite::types::ValueRef::Null);
            // Only what was made here has a local id.
            assert_eq!(empty, name == "_localId", "{table}.{name}");
        }
    }
    let pending: String = c.query_row("SELECT _pendingChanges FROM work_orders", [], |row| row.get(0)).unwrap();
    assert_eq!(pending, json!([device.queue()[0].0]).to_string());
    let state = device.engine.state().unwrap();
    assert_eq!(json!(state.assets["A-1"]), changes["assets"][0]);
    assert_eq!(json!(state.inventory["P"]), changes["inventory"][0]);
    assert_eq!(state.profile.unwrap().site_ids, ["S1"]);
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let pending: Option<String> =
        device.engine.store.read().query_row("SELECT _pendingChanges FROM work_orders", [], |row| row.get(0)).unwrap();
    assert_eq!(pending, None);
}

#[tokio::test(start_paused = true)]
async fn assets_and_inventory_are_read_only() {
    let device = Device::fresh();
    device.engine.sign_in("maria", "secret", None).await.unwrap();
    let cached = json!({"assets": [{"assetId": "A-1", "siteId": "S1"}], "inventory": [{"partId": "P"}]});
    device.wire.next(path::DELTA, Reply::Json(page("c1", false, cached)));
    device.sync().await;
    for id in ["A-1", "P"] {
        let edit = device.engine.edit(EditRequest { id: id.into(), set: record(json!({"status": "failed"})) });
        assert_eq!(edit.unwrap_err(), EngineError::ReadOnly(id.into()));
        assert_eq!(device.engine.delete(id).unwrap_err(), EngineError::ReadOnly(id.into()));
    }
    assert_eq!(device.queue(), []);
}

fn attach(device: &Device, order: &str) -> rusqlite::Result<usize> {
    let sql = "INSERT INTO pending_attachments (attachmentId, workOrderId, localFilePath, fileName) VALUES (?1, ?2, '/f', 'f')";
    device.engine.store.read().execute(sql, [format!("F-{order}"), order.to_owned()])
}

fn attached(device: &Device) -> Vec<String> {
    let mut statement = device.engine.store.read().prepare("SELECT workOrderId FROM pending_attachments").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pending_file_belongs_to_an_order_and_follows_it() {
    let device = Device::ready().await;
    assert!(attach(&device, "WO-404").is_err(), "no file without its order");
    let temporary = device.engine.create(record(json!({"title": "Leak"}))).unwrap().entity_id;
    attach(&device, &temporary).unwrap();
    attach(&device, "WO-1").unwrap();
    device.wire.next(path::DELTA, Reply::Json(page("c2", false, json!({"deletedIds": {"workOrders": ["WO-1"]}}))));
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let real = format!("WO-9{}", &temporary[temporary.len() - 5..]);
    assert_eq!(attached(&device), [real], "renamed with its order, and gone with its order");
}

#[tokio::test(start_paused = true)]
async fn work_closed_for_90_days_is_deleted_at_the_start_by_the_servers_time() {
    let device = Device::ready().await;
    let closed = |id: &str, status: &str, at: &str| {
        let mut closed = order(id, 4);
        (closed["status"], closed["updatedAt"]) = (status.into(), at.into());
        closed
    };
    let orders = json!([
        closed("WO-1", "closed", "2025-08-01T00:00:00.000Z"),
        closed("WO-2", "cancelled", "2025-08-10T05:59:59.999Z"),
        closed("WO-3", "cancelled", "2025-08-10T06:00:00.001Z"),
        closed("WO-4", "completed", "2025-01-01T00:00:00.000Z"),
        closed("WO-5", "closed", "2025-01-01T00:00:00.000Z"),
    ]);
    device.wire.next(path::DELTA, Reply::Json(page("c2", false, json!({"workOrders": orders}))));
    device.sync().await;
    attach(&device, "WO-1").unwrap();
    device.edit("WO-5", json!({"completionNotes": "unsent"}));
    // The page said 2025-11-08T06:00: 90 days before that is the 10th of August.
    let device = device.restart();
    let left: Vec<String> = device.engine.state().unwrap().work_orders.into_keys().collect();
    assert_eq!(left, ["WO-3", "WO-4", "WO-5"]);
    assert_eq!(attached(&device), Vec::<String>::new());
    // A late word on what was cleaned away makes no half record of it.
    device.wire.next(
        path::DELTA,
        Reply::Json(page(
            "c3",
            false,
            json!({"workOrders": [{"workOrderId": "WO-1", "rootCause": "x", "_version": 5}]}),
        )),
    );
    device.sync().await;
    assert_eq!(device.shows("WO-1", "rootCause"), json!(null));
}
