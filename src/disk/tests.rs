//! The disk under SQLCipher: what the engine may rely on after a cut, and what the harness may rely on from a disk.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi, params};
use tokio::time::timeout;

use super::{SimDisk, Storage};
use crate::base::{CrashHow, Seed, Stream};

const TRANSACTIONS: u64 = 12;

/// `PRAGMA synchronous`.
#[derive(Clone, Copy)]
enum Synchronous {
    Full,
    Normal,
}

fn stream(seed: u64) -> Stream {
    Seed(seed).stream("disk")
}

/// Opens the database as the engine does: a raw key, WAL without shared memory.
fn open(disk: &SimDisk, synchronous: Synchronous) -> rusqlite::Result<Connection> {
    let db = Storage::Simulated(disk.clone()).connect("orders.db")?;
    db.execute_batch(&format!("PRAGMA key = \"x'{}'\"", "5a".repeat(32)))?;
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))?;
    db.pragma_update(
        None,
        "synchronous",
        match synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        },
    )?;
    // Small enough for the story below to meet checkpoints.
    db.pragma_update(None, "wal_autocheckpoint", 8)?;
    db.execute_batch(
        "BEGIN;
         CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, body BLOB);
         CREATE TABLE IF NOT EXISTS tally (n INTEGER);
         COMMIT",
    )?;
    Ok(db)
}

/// One order and its tally, in one transaction.
fn add_order(db: &Connection) -> rusqlite::Result<()> {
    let transaction = db.unchecked_transaction()?;
    transaction.execute("INSERT INTO orders (body) VALUES (?1)", params![[7_u8; 900]])?;
    transaction.execute("INSERT INTO tally SELECT count(*) FROM orders", [])?;
    transaction.commit()
}

/// Runs the story until the disk fails and returns how many transactions were acknowledged.
fn live(disk: &SimDisk, synchronous: Synchronous) -> u64 {
    let Ok(db) = open(disk, synchronous) else { return 0 };
    let mut acknowledged = 0;
    while acknowledged < TRANSACTIONS && add_order(&db).is_ok() {
        acknowledged += 1;
    }
    acknowledged
}

/// How many transactions are there, none of them torn and the database sound.
fn survivors(disk: &SimDisk) -> u64 {
    let db = open(disk, Synchronous::Full).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u32>(0).map(u64::from)).unwrap();
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let orders = number("SELECT count(*) FROM orders");
    assert_eq!(number("SELECT count(*) FROM tally"), orders, "a transaction is torn");
    assert_eq!(number("SELECT coalesce(max(n), 0) FROM tally"), orders, "a transaction is torn");
    orders
}

/// Cuts at every operation of the story, from the disk's first one to the last one of closing the database, and returns
/// in how many of the cuts acknowledged transactions were lost.
fn sweep(how: CrashHow, synchronous: Synchronous, seed: u64) -> u64 {
    let whole = SimDisk::new();
    assert_eq!(live(&whole, synchronous), TRANSACTIONS);
    let operations = whole.operations();
    assert!(operations > 3 * TRANSACTIONS, "only {operations} operations to cut at");
    let loses = |cut: u64| {
        let disk = SimDisk::new();
        disk.arm(cut, how, stream(seed + cut));
        let acknowledged = live(&disk, synchronous);
        assert!(disk.is_cut());
        assert_eq!(disk.operations(), cut - 1, "all before the cut are performed, and nothing after it");
        disk.power_up();
        let survivors = survivors(&disk);
        assert!(survivors <= acknowledged + 1, "a transaction came from nowhere");
        survivors < acknowledged
    };
    (1..=operations).filter(|cut| loses(*cut)).count() as u64
}

#[test]
fn full_sync_loses_nothing_whatever_the_crash_and_wherever() {
    assert_eq!(sweep(CrashHow::Kill, Synchronous::Full, 0), 0);
    assert_eq!(sweep(CrashHow::Power, Synchronous::Full, 0), 0);
    for seed in [0, 1_000, 2_000, 3_000] {
        assert_eq!(sweep(CrashHow::Torn, Synchronous::Full, seed), 0);
    }
}

#[test]
fn normal_sync_survives_a_kill_but_loses_acknowledged_work_without_power() {
    assert_eq!(sweep(CrashHow::Kill, Synchronous::Normal, 0), 0);
    assert!(sweep(CrashHow::Power, Synchronous::Normal, 0) > 10);
    assert!(sweep(CrashHow::Torn, Synchronous::Normal, 0) > 10);
}

#[test]
fn the_same_seed_leaves_the_same_survivors() {
    let history = |seed| {
        let after = |cut| {
            let disk = SimDisk::new();
            disk.arm(cut, CrashHow::Torn, stream(seed));
            let acknowledged = live(&disk, Synchronous::Normal);
            let lengths: Vec<usize> = disk.files().values().map(Vec::len).collect();
            disk.power_up();
            (acknowledged, lengths, survivors(&disk), disk.operations())
        };
        (1..80).map(after).collect::<Vec<_>>()
    };
    assert_eq!(history(5), history(5));
    assert_ne!(history(5), history(6));
}

#[test]
fn a_destructor_after_a_cut_writes_nothing() {
    let disk = SimDisk::new();
    let db = open(&disk, Synchronous::Full).unwrap();
    add_order(&db).unwrap();
    disk.cut(CrashHow::Kill, &mut stream(1));
    let (left, operations) = (disk.files(), disk.operations());
    drop(db);
    assert_eq!((disk.files(), disk.operations()), (left, operations));
}

#[test]
fn a_handle_from_before_a_cut_is_dead_after_power_up_too() {
    let disk = SimDisk::new();
    let storage = Storage::Simulated(disk.clone());
    let old = storage.connect("plain.db").unwrap();
    // A rollback journal under an exclusive lock: the next write begins with a new file and reads nothing.
    old.execute_batch("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    disk.cut(CrashHow::Kill, &mut stream(1));
    disk.power_up();
    let new = storage.connect("plain.db").unwrap();
    let (left, operations) = (disk.files(), disk.operations());

    let error = old.execute("INSERT INTO t VALUES (2)", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    drop(old);
    assert_eq!((disk.files(), disk.operations()), (left, operations));
    assert!(storage.connect("plain.db").is_err(), "the dead handle gave the new one's reservation away");
    assert_eq!(new.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, u32>(0)), Ok(1));
}

#[test]
fn a_cut_disk_refuses_until_power_up_and_cuts_only_once() {
    let disk = SimDisk::new();
    let db = open(&disk, Synchronous::Normal).unwrap();
    add_order(&db).unwrap();
    disk.cut(CrashHow::Kill, &mut stream(1));
    let left = disk.files();
    // Nothing is synced yet: a second cut would take it all.
    disk.cut(CrashHow::Power, &mut stream(1));
    assert_eq!(disk.files(), left);

    let error = open(&disk, Synchronous::Full).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    assert!(error.to_string().contains("the disk is cut"));
    disk.power_up();
    assert!(!disk.is_cut());
    assert_eq!(survivors(&disk), 1);
}

#[test]
fn an_armed_cut_can_be_taken_back() {
    let disk = SimDisk::new();
    disk.arm(20, CrashHow::Power, stream(1));
    let db = open(&disk, Synchronous::Full).unwrap();
    assert!(disk.operations() < 20);
    disk.disarm();
    for _ in 0..20 {
        add_order(&db).unwrap();
    }
    assert!(!disk.is_cut() && disk.operations() > 20);
}

#[test]
fn one_database_has_one_connection_at_a_time() {
    let disk = SimDisk::new();
    let first = open(&disk, Synchronous::Full).unwrap();
    let error = open(&disk, Synchronous::Full).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
    drop(first);
    assert!(open(&disk, Synchronous::Full).is_ok());
}

#[test]
fn two_disks_do_not_mix() {
    let (one, other) = (SimDisk::new(), SimDisk::new());
    let (db, other_db) = (open(&one, Synchronous::Full).unwrap(), open(&other, Synchronous::Full).unwrap());
    add_order(&db).unwrap();
    add_order(&other_db).unwrap();
    one.cut(CrashHow::Power, &mut stream(1));
    assert!(add_order(&db).is_err());
    add_order(&other_db).unwrap();
    drop((db, other_db));
    one.power_up();
    assert_eq!((survivors(&one), survivors(&other)), (1, 2));
}

#[test]
fn disks_work_side_by_side_in_threads() {
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|seed| scope.spawn(move || sweep(CrashHow::Torn, Synchronous::Full, seed))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 0);
        }
    });
}

#[test]
fn a_connection_outlives_its_disk_and_changes_threads() {
    let disk = SimDisk::new();
    let db = open(&disk, Synchronous::Full).unwrap();
    drop(disk);
    thread::spawn(move || add_order(&db)).join().unwrap().unwrap();
}

#[test]
fn names_that_mean_something_to_sqlite_are_files_like_others() {
    let disk = SimDisk::new();
    let names = ["", ":memory:", "file::memory:", "file:orders.db?vfs=unix"];
    for name in names {
        let db = Storage::Simulated(disk.clone()).connect(name).unwrap();
        db.execute_batch("CREATE TABLE t (x)").unwrap();
    }
    assert_eq!(disk.files().into_keys().collect::<BTreeSet<_>>(), names.map(str::to_owned).into());
}

#[test]
fn no_temporary_file_reaches_the_disk() {
    let disk = SimDisk::new();
    let db = Storage::Simulated(disk.clone()).connect("orders.db").unwrap();
    db.execute_batch("PRAGMA temp_store = FILE; PRAGMA cache_size = 2; CREATE TEMP TABLE t (x)").unwrap();
    let filled = db.execute_batch(
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
         SELECT randomblob(4000) FROM n",
    );
    assert_eq!(filled.unwrap_err().sqlite_error().unwrap().extended_code, ffi::SQLITE_CANTOPEN);
    assert_eq!(disk.files().into_keys().collect::<Vec<_>>(), ["orders.db"]);
}

#[tokio::test(start_paused = true)]
async fn a_cut_wakes_who_waits_for_it() {
    let disk = SimDisk::new();
    let waiter = disk.clone();
    let waiting = tokio::spawn(async move { waiter.until_cut().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    disk.arm(1, CrashHow::Kill, stream(1));
    assert!(open(&disk, Synchronous::Full).is_err());
    disk.power_up();
    timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap();

    disk.cut(CrashHow::Kill, &mut stream(1));
    disk.until_cut().await;
}

#[test]
fn a_directory_stores_too() {
    let directory = std::env::temp_dir().join(format!("deadzone-disk-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let storage = Storage::Directory(directory.clone());
    storage.connect("orders.db").unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let found: u32 = storage
        .connect("orders.db")
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(found, 1);
}
