//! Creates: a temporary id becomes a real one, once and for ever (decision b).

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::apply::{Applied, Scene};
use super::attachment;
use super::payload::{self, Change};
use super::record::{self, Order, Selection, Write};
use super::rejection::Rejection;
use super::role::{Role, oversees};
use super::stock::Moves;
use super::store::{Commit, Writer};
use super::view;
use crate::protocol::{Operation, Profile, TEMPORARY_ID_PREFIX};

/// Makes the work order that `operation` asks for.
pub(super) fn create(
    scene: Scene<'_>,
    profile: &Profile,
    operation: &Operation,
    hash: &[u8; 32],
) -> Result<Applied, Rejection> {
    let local_id = payload::local_id(&operation.payload).map_err(Rejection::invalid)?;
    let mut changes = payload::changes(&operation.payload, &["_localId"]).map_err(Rejection::invalid)?;
    changes.retain(|change| !matches!(change, Change::Line { deleted: true, .. }));
    check(profile, operation, local_id)?;
    attachment::check_lines(scene, &operation.entity_id, &changes)?;
    let Scene { db, users, sealed, writer, now_ms } = scene;
    sealed.check(&operation.payload).map_err(Rejection::invalid)?;
    // What the server adds is a commit of its own, so that the device is told of it as of anybody's change.
    let added = match Role::of(profile) {
        Role::Technician if !operation.payload.contains_key("assignedTo") => {
            let value = Value::from(profile.user_id.clone());
            Some((Commit::next(db, now_ms, Writer::SERVER)?, Write::Field { field: "assignedTo".to_owned(), value }))
        }
        Role::Technician | Role::Supervisor | Role::Auditor => None,
    };
    let commit = Commit::next(db, now_ms, writer)?;
    let writes: Vec<_> = changes.into_iter().map(Write::from).collect();
    let order = place(db, profile, &commit, writes.iter().chain(added.iter().map(|(_, write)| write)))?;
    let mut moves = Moves::default();
    for write in &writes {
        moves.note(db, &order.id, write)?;
        write.apply(db, &order.id, order.version, &commit)?;
    }
    moves.book(db, &commit)?;
    if let Some((commit, write)) = &added {
        write.apply(db, &order.id, order.version, commit)?;
    }
    db.prepare_cached(
        "INSERT INTO creations (user, local_id, work_order, device, queue_id, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![writer.user, local_id, order.id, writer.device, operation.queue_id, hash])?;
    view::follow(db, users, None, &order, &commit, writer.device)?;
    Ok(made(db, order, writer)?)
}

/// The result of a create that stands: the order, and what others than `writer` gave it.
pub(super) fn made(db: &Connection, order: Order, writer: Writer<'_>) -> rusqlite::Result<Applied> {
    let server_state =
        record::content(db, &order.id, Selection { not_by: Some(writer.device), ..Selection::default() })?;
    let server_state = Some(server_state).filter(|state| !state.is_empty());
    Ok(Applied { order, conflicts: Vec::new(), server_state })
}

/// The create that first brought a `_localId`.
#[derive(Debug)]
pub(super) struct First {
    pub(super) order: String,
    pub(super) device: String,
    pub(super) queue_id: String,
    pub(super) hash: [u8; 32],
}

/// The create that first brought `local_id`, whatever has become of it.
pub(super) fn first_create(db: &Connection, user: &str, local_id: &str) -> rusqlite::Result<Option<First>> {
    db.prepare_cached("SELECT work_order, device, queue_id, hash FROM creations WHERE user = ?1 AND local_id = ?2")?
        .query_row([user, local_id], |row| {
            Ok(First { order: row.get(0)?, device: row.get(1)?, queue_id: row.get(2)?, hash: row.get(3)? })
        })
        .optional()
}

fn check(profile: &Profile, operation: &Operation, local_id: &str) -> Result<(), Rejection> {
    let payload = &operation.payload;
    if operation.entity_id.strip_prefix(TEMPORARY_ID_PREFIX) != Some(local_id) {
        return Err(Rejection::invalid(format!("`entityId` of a create must be {TEMPORARY_ID_PREFIX}{local_id}")));
    }
    if let Some(field) = payload::missing(payload) {
        return Err(Rejection::invalid(format!("`{field}` is missing")));
    }
    let site = payload.get("siteId").and_then(Value::as_str);
    if Role::of(profile) == Role::Supervisor && !oversees(profile, site) {
        return Err(Rejection::denied("that site is not yours"));
    }
    Ok(())
}

/// The next work order, made of `writes` as far as they decide who sees it.
fn place<'a>(
    db: &Connection,
    profile: &Profile,
    commit: &Commit,
    writes: impl Iterator<Item = &'a Write>,
) -> rusqlite::Result<Order> {
    let number: i64 =
        db.prepare_cached("UPDATE numbering SET last = last + 1 RETURNING last")?.query_row([], |row| row.get(0))?;
    let mut order = Order {
        id: format!("WO-{number:06}"),
        version: 1,
        updated_at: commit.at(),
        created_seq: commit.seq,
        created_ms: commit.ts_ms,
        created_by: Some(profile.user_id.clone()),
        deleted: false,
        site: None,
        asset: None,
        status: None,
        assigned: None,
    };
    for write in writes {
        if let Write::Field { field, value } = write {
            order.follow(field, value);
        }
    }
    order.save(db)?;
    Ok(order)
}
