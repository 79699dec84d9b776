//! A device whose database is of another version than its engine.

use rusqlite::Connection;
use serde_json::json;

use super::super::store::CIPHER;
use super::Device;
use crate::base::{CrashHow, Seed};
use crate::client::{EngineError, MemoryKeychain, Vault};
use crate::disk::{SimDisk, Storage};
use crate::history::{QueueStatus, SyncOutcome};

const OLD_SCHEMA: &str = include_str!("schema-1.sql");

/// What an engine of version 1 left: two orders, a full queue over them and over one made here, a cursor.
const OLD_ROWS: &str = r#"
INSERT INTO work_orders (workOrderId, siteId, type, title, priority, status, assignedTo, _version, completionNotes)
  VALUES ('WO-1', 'S1', 'repair', 'Pump', 'high', 'assigned', 'maria', 1, 'Half done');
INSERT INTO work_orders (workOrderId, siteId, type, title, priority, status, assignedTo, _version, _synced)
  VALUES ('WO-2', 'S1', 'repair', 'Pump', 'high', 'assigned', 'maria', 4, 1);
INSERT INTO work_orders (workOrderId, siteId, type, title, priority, status, assignedTo, _localId, _createdOffline)
  VALUES ('tmp-l1', '', 'repair', 'Leak', 'high', 'assigned', 'maria', 'l1', 1);
INSERT INTO base_rows VALUES ('WO-1', '{"workOrderId":"WO-1","siteId":"S1","type":"repair","title":"Pump","priority":"high","status":"assigned","assignedTo":"maria","_version":1}');
INSERT INTO sync_queue (queueId, entityType, entityId, operation, payload, priority, createdAt, status, sentAs)
  VALUES ('q-1', 'work-order', 'WO-1', 'update', '{"completionNotes":"Half done","_version":1}', 5, '2025-11-08T06:00:00.000Z', 'in-progress', 'WO-1');
INSERT INTO sync_queue (queueId, entityType, entityId, operation, payload, priority, createdAt)
  VALUES ('q-2', 'work-order', 'tmp-l1', 'create', '{"title":"Leak","type":"repair","_localId":"l1"}', 5, '2025-11-08T06:00:01.000Z');
INSERT INTO conflict_log VALUES ('WO-2', '{"conflictId":"c-1","queueId":"q-0","entityId":"WO-2","detectedAt":"2025-11-08T05:00:00.000Z","userId":"maria","clientVersion":2,"serverVersion":4,"fields":[{"field":"status","mine":"completed","theirs":"on-hold","outcome":"server-wins","version":3,"by":"office","at":"2025-11-08T04:00:00.000Z"},{"field":"actualEnd","mine":"5","theirs":"4","outcome":"client-wins","version":3,"by":"office","at":"2025-11-08T04:00:00.000Z"}]}');
INSERT INTO meta VALUES ('cursor', 'c0'), ('userId', 'maria');
"#;

/// The database as SQL reaches it.
fn keyed(disk: &SimDisk, keychain: &MemoryKeychain) -> Connection {
    let key = match Vault::open(keychain).unwrap() {
        Some(known) => known,
        None => Vault::found(keychain, &mut Seed(5).stream("vault")).unwrap(),
    };
    let key = key.hex();
    let connection = Storage::Simulated(disk.clone()).connect("deadzone.db").unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA key = \"x'{key}'\"; {CIPHER}; PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
        ))
        .unwrap();
    connection
}

/// A disk as version 1 left it.
fn old_disk() -> (SimDisk, MemoryKeychain) {
    let (disk, keychain) = (SimDisk::new(), MemoryKeychain::default());
    let connection = keyed(&disk, &keychain);
    connection.execute_batch(&format!("BEGIN; {OLD_SCHEMA} {OLD_ROWS} COMMIT;")).unwrap();
    (disk, keychain)
}

fn columns(connection: &Connection) -> Vec<(String, String, String)> {
    let sql = "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c
               WHERE m.type IN ('table', 'index') ORDER BY 1, 2";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_keeps_the_queue_and_sends_it() {
    let (disk, keychain) = old_disk();
    let device = Device::on(&disk, &keychain).unwrap();
    assert_eq!(
        device.queue(),
        [("q-1".to_owned(), QueueStatus::Pending), ("q-2".to_owned(), QueueStatus::Pending)],
        "what was under way waits again"
    );
    assert_eq!(device.shows("WO-1", "completionNotes"), "Half done");
    let conflict = device.engine.state().unwrap().conflicts.remove(0);
    assert_eq!((conflict.conflicting_fields.join(" "), conflict.resolution.len()), ("status actualEnd".into(), 2));
    assert_eq!(conflict.resolution_strategy, crate::protocol::ResolutionStrategy::Merge);
    assert_eq!(conflict.resolved_at.as_deref(), Some("2025-11-08T05:00:00.000Z"));
    device.engine.sign_in("maria", "secret", None).await.unwrap();
    assert_eq!(device.sync().await, SyncOutcome::Done);
    assert_eq!(device.queue(), []);
    let sent: Vec<_> = device.wire.pushes().concat().iter().map(|it| it["queueId"].clone()).collect();
    assert_eq!(sent, [json!("q-1"), json!("q-2")]);
    assert!(device.wire.sent.borrow().iter().any(|sent| sent.target.ends_with("cursor=c0")), "no full pull");
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_schema_is_the_newest_one() {
    let (disk, keychain) = old_disk();
    let upgraded = Device::on(&disk, &keychain).unwrap();
    let fresh = Device::on(&SimDisk::new(), &MemoryKeychain::default()).unwrap();
    assert_eq!(columns(upgraded.engine.store.read()), columns(fresh.engine.store.read()));
    let version = |device: &Device| -> i64 {
        device.engine.store.read().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(version(&upgraded), version(&fresh));
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_of_an_upgrade_leaves_the_old_schema_or_the_new() {
    for how in [CrashHow::Kill, CrashHow::Power, CrashHow::Torn] {
        for operation in 1.. {
            let (disk, keychain) = old_disk();
            disk.arm(operation, how, Seed(operation).stream("cut"));
            let broken = Device::on(&disk, &keychain).is_err();
            if !broken && !disk.is_cut() {
                assert!(operation > 5, "the upgrade writes");
                break;
            }
            disk.power_up();
            let version: i64 = keyed(&disk, &keychain).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert!([1, 3].contains(&version), "{how:?} at {operation}: version {version}");
            let device = Device::on(&disk, &keychain).unwrap();
            assert_eq!(device.queue().len(), 2, "{how:?} at {operation}");
            assert_eq!(device.engine.state().unwrap().work_orders.len(), 3, "{how:?} at {operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_database_is_refused_and_not_touched() {
    let (disk, keychain) = (SimDisk::new(), MemoryKeychain::default());
    let device = Device::on(&disk, &keychain).unwrap().signed_in().await;
    device.edit("WO-1", json!({"title": "of a newer app"}));
    device.engine.store.read().execute_batch("PRAGMA user_version = 99").unwrap();
    disk.cut(CrashHow::Kill, &mut Seed(1).stream("cut"));
    drop(device);
    disk.power_up();
    let before = disk.files();
    let error = Device::on(&disk, &keychain).map(drop).unwrap_err();
    let EngineError::Store(why) = error else { panic!("{error:?}") };
    assert!(why.to_string().contains("version 99"), "{why}");
    let after = disk.files();
    for (name, bytes) in &before {
        assert_eq!(after.get(name), Some(bytes), "{name}");
    }
}
