//! What a crash may not take, and what the disk may not tell.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Device, Folder, Reply, record};
use crate::client::{EditRequest, EngineError, FileKeychain, Keychain, Vault};
use crate::history::{DeviceEvent, QueueStatus, SyncOutcome};
use crate::protocol::path;

#[tokio::test(start_paused = true)]
async fn crash_before_mark_acked() {
    let device = Device::ready().await;
    let edit = device.edit("WO-1", json!({"title": "new"})).queue_id;
    let created = device.engine.create(record(json!({"title": "Leak"}))).unwrap().queue_id;
    // The answer is on its way when the process dies.
    tokio::select! {
        biased;
        _ = device.sync() => {}
        () = sleep(Duration::from_millis(99)) => {}
    }
    assert_eq!(device.queue().iter().filter(|(_, status)| *status == QueueStatus::InProgress).count(), 2);
    let device = device.restart();
    let opened = DeviceEvent::Opened { queued: 2, interrupted: 2 };
    assert!(device.events.borrow().contains(&opened));
    assert_eq!(device.queue(), [(edit, QueueStatus::Pending), (created, QueueStatus::Pending)]);
    assert_eq!(device.shows("WO-1", "title"), "new");
    assert_eq!(device.sync().await, SyncOutcome::Done);
    let pushes = device.wire.pushes();
    assert_eq!(pushes[0], pushes[1], "the same ids and bodies");
}

#[tokio::test(start_paused = true)]
async fn every_moment_of_a_sync_is_safe_to_die_in() {
    for at_ms in (0..450).step_by(10) {
        let device = Device::ready().await;
        device.edit("WO-1", json!({"title": "one"}));
        let temporary = device.engine.create(record(json!({"title": "Leak"}))).unwrap().entity_id;
        device.edit(&temporary, json!({"description": "oil"}));
        tokio::select! {
            biased;
            _ = async { device.sync().await; device.edit("WO-1", json!({"title": "two"})); device.sync().await } => {}
            () = sleep(Duration::from_millis(at_ms)) => {}
        }
        let device = device.restart();
        let title = device.shows("WO-1", "title");
        assert!(title == "one" || title == "two");
        assert_eq!(device.sync().await, SyncOutcome::Done, "crash at {at_ms} ms");
        assert_eq!(device.queue(), []);
        let state = device.engine.state().unwrap();
        let leak = state.work_orders.values().find(|row| row["title"] == "Leak").unwrap();
        assert_eq!((state.work_orders.len(), &leak["description"]), (4, &json!("oil")));
        let bases: i64 =
            device.engine.store.read().query_row("SELECT count(*) FROM base_rows", [], |row| row.get(0)).unwrap();
        assert_eq!(bases, 0, "no base outlives its lane");
        let mut bodies: Vec<Value> = device.wire.pushes().concat();
        bodies.sort_by_key(|operation| operation["queueId"].to_string());
        bodies.dedup();
        let mut ids: Vec<Value> = bodies.iter().map(|operation| operation["queueId"].clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), bodies.len(), "one id, one body");
    }
}

#[tokio::test(start_paused = true)]
async fn enqueue_outside_txn() {
    // One half of the change fails, then the other: neither stays alone.
    let no_queue = "CREATE TEMP TRIGGER half BEFORE INSERT ON sync_queue BEGIN SELECT RAISE(ABORT, 'no'); END";
    let no_rows = "CREATE TEMP TRIGGER half BEFORE INSERT ON work_orders BEGIN SELECT RAISE(ABORT, 'no'); END;
        CREATE TEMP TRIGGER hide BEFORE DELETE ON work_orders BEGIN SELECT RAISE(ABORT, 'no'); END";
    for broken in [no_queue, no_rows] {
        let device = Device::ready().await;
        device.engine.store.read().execute_batch(broken).unwrap();
        let edit = EditRequest { id: "WO-1".into(), set: record(json!({"title": "new"})) };
        assert!(matches!(device.engine.edit(edit), Err(EngineError::Store(_))));
        assert!(device.engine.create(record(json!({"title": "new"}))).is_err());
        assert!(device.engine.delete("WO-1").is_err());
        assert_eq!(device.shows("WO-1", "title"), "Pump");
        assert_eq!((device.engine.state().unwrap().work_orders.len(), device.queue().len()), (3, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_disk_tells_nothing_and_a_wrong_key_opens_nothing() {
    let device = Device::ready().await;
    device.edit("WO-1", json!({"description": "PLAINTEXT-MARKER"}));
    device.wire.next(path::PUSH, Reply::Lost);
    device.sync().await;
    let mut files = 0;
    for entry in std::fs::read_dir(&device.folder.0).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        files += usize::from(!bytes.is_empty());
        for secret in ["PLAINTEXT-MARKER", "SQLite format 3", "WO-1", "work_orders"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
    assert!(files >= 2, "database and log");
    let Device { engine, keychain, folder, .. } = device;
    drop(engine);
    let key = Vault::open(&keychain).unwrap().unwrap().hex();
    let storage = crate::disk::Storage::Directory(folder.0.clone());
    let wrong = "00".repeat(32);
    assert!(crate::client::store::Store::open(&storage, &wrong).is_err());
    assert!(crate::client::store::Store::open(&storage, &key).is_ok(), "and it is still there");
}

#[test]
fn the_file_keychain_keeps_its_secrets_to_its_owner() {
    let folder = Folder::fresh();
    let path = folder.0.join("keychain.json");
    FileKeychain::new(path.clone()).set("a", "1").unwrap();
    let again = FileKeychain::new(path.clone());
    again.set("b", "2").unwrap();
    again.remove("a").unwrap();
    assert_eq!((again.get("a").unwrap(), again.get("b").unwrap().as_deref()), (None, Some("2")));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
