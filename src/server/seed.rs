//! What the server holds from the start: one commit, written by nobody's device.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::factor::Factors;
use super::password::Verifier;
use super::payload;
use super::record::{Kind, Order, Write};
use super::role::{Role, oversees};
use super::sealing::Sealed;
use super::store::{Commit, Store, Users, Writer};
use super::view;
use crate::base::Stream;
use crate::protocol::{Profile, Record};

/// Fields of a seeded work order that are no content.
const META: &[&str] = &["workOrderId", "_version", "updatedAt", "createdBy", "createdAt"];

/// Fields of an inventory row that are synced: quantities only (spec 2.3).
const INVENTORY_FIELDS: &[&str] = &["partId", "description", "quantityAvailable", "unit"];

/// What the server holds from the start.
#[derive(Clone, Debug, Default)]
pub struct Seeded {
    /// Everybody who can sign in.
    pub users: Vec<SeededUser>,
    /// Work orders as the wire writes them: `workOrderId`, `_version` (1 when absent), `updatedAt`, the fields, and,
    /// where somebody who can sign in created them, `createdBy` and `createdAt`.
    pub work_orders: Vec<Record>,
    /// Assets with `assetId` and `siteId`.
    pub assets: Vec<Record>,
    /// Inventory with `partId` and `siteId`.
    pub inventory: Vec<Record>,
    /// Fields of work orders that are taken sealed alone; what the records above hold in them stays as it is.
    pub sealed: Vec<String>,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct SeededUser {
    /// Who; `role` is `supervisor`, `auditor` or, with the least rights, anything else.
    pub profile: Profile,
    /// Their password; the server keeps a hash of it.
    pub password: String,
    /// What their authenticators share with the server (RFC 6238); with none, the password alone signs them in.
    pub authenticators: Vec<Vec<u8>>,
}

/// Why the server could not be set up.
#[derive(Debug)]
pub enum SetupError {
    /// The database refused.
    Database(rusqlite::Error),
    /// A seeded record is not one; the text names it and says why.
    Record(String),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the server's database failed: {error}"),
            Self::Record(detail) => f.write_str(detail),
        }
    }
}

impl std::error::Error for SetupError {}

impl From<rusqlite::Error> for SetupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// A store that holds `seeded`.
pub(super) fn store(now_ms: i64, mut random: Stream, seeded: Seeded) -> Result<Store, SetupError> {
    let Seeded { users, work_orders, assets, inventory, sealed } = seeded;
    let users = users.into_iter().map(|SeededUser { profile, password, authenticators }| {
        (profile, Verifier::of(&password, &mut random), Factors::new(authenticators))
    });
    let users = Users::new(users);
    let mut store = Store { sealed: Sealed::new(sealed)?, ..Store::open(users, random, now_ms)? };
    let Store { connection, users, .. } = &mut store;
    let tx = connection.transaction()?;
    let commit = Commit::next(&tx, now_ms, Writer::SERVER)?;
    for asset in &assets {
        catalogue(&tx, Kind::Asset, "assetId", asset, asset, &commit)?;
    }
    for part in &inventory {
        let synced = part.iter().filter(|(field, _)| INVENTORY_FIELDS.contains(&field.as_str()));
        let synced = synced.map(|(field, value)| (field.clone(), value.clone())).collect();
        catalogue(&tx, Kind::Inventory, "partId", part, &synced, &commit)?;
    }
    let mut orders = Vec::new();
    for record in &work_orders {
        orders.push(work_order(&tx, record, &commit)?);
    }
    number(&tx, &orders)?;
    // In the order of spec 3.1A: work orders, then assets, then inventory.
    let concerned = orders.iter().map(|order| view::place_order(&tx, users, order, &commit, ""));
    let concerned = concerned.collect::<rusqlite::Result<Vec<_>>>()?;
    for (order, concerned) in orders.iter().zip(&concerned) {
        if let Some(asset) = &order.asset {
            view::place_asset(&tx, users, concerned, asset, &commit)?;
        }
    }
    show_all(&tx, users, Kind::Asset, "assetId", &assets, &commit)?;
    show_all(&tx, users, Kind::Inventory, "partId", &inventory, &commit)?;
    tx.commit()?;
    Ok(store)
}

fn catalogue(
    db: &Connection,
    kind: Kind,
    key: &str,
    record: &Record,
    synced: &Record,
    commit: &Commit,
) -> Result<(), SetupError> {
    let id = text(record, key).ok_or_else(|| SetupError::Record(format!("a seeded record has no `{key}`")))?;
    let json = Value::Object(synced.clone()).to_string();
    db.prepare_cached("INSERT INTO catalogue (kind, id, record, seq) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![kind, id, json, commit.seq])?;
    Ok(())
}

fn work_order(db: &Connection, record: &Record, commit: &Commit) -> Result<Order, SetupError> {
    let id = text(record, "workOrderId")
        .ok_or_else(|| SetupError::Record("a seeded work order has no `workOrderId`".to_owned()))?;
    let wrong = |detail: String| SetupError::Record(format!("seeded work order {id}: {detail}"));
    let created_ms = match text(record, "createdAt") {
        None => commit.ts_ms,
        Some(at) => at.parse::<Timestamp>().map_err(|_| wrong(format!("`createdAt` is `{at}`")))?.as_millisecond(),
    };
    let mut order = Order {
        id: id.to_owned(),
        version: record.get("_version").and_then(Value::as_i64).unwrap_or(1),
        updated_at: text(record, "updatedAt").map_or_else(|| commit.at(), str::to_owned),
        created_seq: commit.seq,
        created_ms,
        created_by: text(record, "createdBy").map(str::to_owned),
        deleted: false,
        site: None,
        asset: None,
        status: None,
        assigned: None,
    };
    for change in payload::changes(record, META).map_err(wrong)? {
        let write = Write::from(change);
        if let Write::Field { field, value } = &write {
            order.follow(field, value);
        }
        write.apply(db, &order.id, order.version, commit)?;
    }
    order.save(db)?;
    Ok(order)
}

/// New work orders are numbered after the largest that is there.
fn number(db: &Connection, orders: &[Order]) -> rusqlite::Result<()> {
    let number = |order: &Order| order.id.strip_prefix("WO-").and_then(|number| number.parse::<i64>().ok());
    let last = orders.iter().filter_map(number).max().unwrap_or(0);
    db.execute("INSERT INTO numbering (last) VALUES (?1)", [last])?;
    Ok(())
}

/// Shows assets or inventory to those who see them by site: overseers, and of inventory technicians too.
fn show_all(
    db: &Connection,
    users: &Users,
    kind: Kind,
    key: &str,
    records: &[Record],
    commit: &Commit,
) -> rusqlite::Result<()> {
    for record in records {
        let site = text(record, "siteId");
        for profile in users.profiles() {
            let shown = match Role::of(profile) {
                Role::Auditor => true,
                Role::Supervisor => oversees(profile, site),
                Role::Technician => kind == Kind::Inventory && at_own_site(&profile.site_ids, site),
            };
            if let (true, Some(id)) = (shown, text(record, key)) {
                view::enter(db, &profile.user_id, kind, id, false, None, commit.seq)?;
            }
        }
    }
    Ok(())
}

fn at_own_site(mine: &[String], site: Option<&str>) -> bool {
    site.is_some_and(|site| mine.iter().any(|mine| mine == site))
}

fn text<'a>(record: &'a Record, field: &str) -> Option<&'a str> {
    record.get(field).and_then(Value::as_str)
}
