//! The reference server: sync clients are judged against it.
//!
//! ```text
//! http -> wire (JSON, gzip, problem documents)
//!  |-> auth            who calls
//!  |-> delta -> cursor what changed in the caller's view, in pages
//!  '-> push -> payload one operation, one transaction, one result, replayed for ever
//!        |-> create
//!        |-> apply -> conflict   what the operation does to the record
//!        '-> view                who sees the record now
//! store, record: the database underneath; seed: what it holds from the start
//! ```
//!
//! One process, one SQLite database in memory, one writer: every commit takes the next sequence number, and nothing
//! that a pull reads is ordered by anything else.

mod apply;
mod auth;
mod conflict;
mod create;
mod cursor;
mod delta;
mod http;
mod payload;
mod push;
mod record;
mod refusal;
mod seed;
mod store;
mod view;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::base::{Stream, WallClock};
use crate::protocol::{Profile, Record};
use store::Store;

pub use seed::SetupError;

/// How long an access token lives (decision m).
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a refresh token lives after it was issued; each refresh issues a new one (decision m).
pub const REFRESH_TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a refresh token still gives its successor after it was used (decision m).
pub const REFRESH_GRACE: Duration = Duration::from_secs(60);
/// How long a technician sees what they created (spec 2.3).
pub const CREATED_VISIBLE: Duration = Duration::from_secs(30 * 24 * 3600);

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
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct SeededUser {
    /// Who; `role` is `supervisor`, `auditor` or, with the least rights, anything else.
    pub profile: Profile,
    /// Compared as it is: these are users of a test world.
    pub password: String,
}

/// The server. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server {
    router: Router,
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    clock: WallClock,
    store: Mutex<Store>,
}

impl Shared {
    /// A transaction that a panic cut short was rolled back, so that the store is whole even then.
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

impl Server {
    /// A server that holds `seeded`. Tokens are drawn from `random`; `clock` may be skewed and may step back.
    ///
    /// # Errors
    /// When a seeded record is not one.
    pub fn new(clock: WallClock, random: Stream, seeded: Seeded) -> Result<Self, SetupError> {
        let store = seed::store(clock.now().as_millisecond(), random, seeded)?;
        let router = http::router(Arc::new(Shared { clock, store: Mutex::new(store) }));
        Ok(Self { router })
    }

    /// The API as a service.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves one connection until it ends. Work costs no virtual time; a date header would cost bytes.
    ///
    /// # Errors
    /// When the peer breaks the connection or does not speak HTTP/1.
    pub async fn serve(&self, io: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), hyper::Error> {
        http1::Builder::new()
            .auto_date_header(false)
            .keep_alive(true)
            .serve_connection(TokioIo::new(io), TowerToHyperService::new(self.router()))
            .await
    }
}
