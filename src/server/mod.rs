//! The reference server: sync clients are judged against it.
//!
//! ```text
//! http -> wire (JSON, gzip, problem documents)
//!  |-> auth -> password, factor, proof   who calls
//!  |-> sealing   which fields the server cannot read, and whose keys open them
//!  |-> delta -> cursor what changed in the caller's view, in pages
//!  |-> push -> payload one operation, one transaction, one result, replayed for 30 days
//!  |     |-> create
//!  |     |-> apply -> conflict   what the operation does to the record
//!  |     |     '-> stock         and to the parts that it uses
//!  |     |-> audit               what it met, and what its user chose
//!  |     |-> dead_letter         what came too late for a record
//!  |     '-> view                who sees the record now
//!  '-> attachment      files: they come in pieces, and leave whole or in parts
//! purge                what is forgotten, and when
//! power                what a power cut leaves; malformed: what is no HTTP; patience: how long a peer may be silent
//! store, record: the database underneath; seed: what it holds from the start
//! ```
//!
//! One process, one SQLite database in memory, one writer: every commit takes the next sequence number, and nothing
//! that a pull reads is ordered by anything else.

mod apply;
mod attachment;
mod audit;
mod auth;
mod conflict;
mod create;
mod cursor;
mod database;
mod dead_letter;
mod delta;
mod etag;
mod factor;
mod http;
mod malformed;
mod openapi;
mod password;
mod patience;
mod payload;
mod policy;
mod power;
mod proof;
mod purge;
mod push;
mod record;
mod reference;
mod refusal;
mod rejection;
mod role;
mod sealing;
mod seed;
mod selection;
mod settings;
mod stock;
mod store;
mod view;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use crate::base::{Stream, WallClock};
use crate::disk;
use malformed::Explained;
use power::{Power, PowerCut};

#[cfg(test)]
pub(crate) use conflict::{STRATEGIES, Strategy};
pub use patience::{Awaited, Stalled, http_within};
pub use seed::{Seeded, SeededUser, SetupError};
pub use settings::{
    ACCESS_TOKEN_LIFE, CREATED_VISIBLE, ORPHANS_KEPT, REFRESH_GRACE, REFRESH_TOKEN_LIFE, RESULTS_KEPT, TOMBSTONES_KEPT,
    UPLOADS_KEPT,
};

/// The server. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server {
    router: Router,
    shared: Arc<http::Shared>,
    power: Arc<Power>,
}

impl Server {
    /// A server that holds `seeded`. Tokens are drawn from `random`; `clock` may be skewed and may step back.
    ///
    /// # Errors
    /// When a seeded record is not one.
    pub fn new(clock: WallClock, random: Stream, seeded: Seeded) -> Result<Self, SetupError> {
        let mut store = seed::store(clock.now().as_millisecond(), random, seeded)?;
        let power = Arc::new(Power::default());
        store.connection.runs_on(power.clone())?;
        let shared = Arc::new(http::Shared::new(clock, store));
        Ok(Self { router: http::router(shared.clone()), shared, power })
    }

    /// Its power fails right after its so-manieth commit from now on, counted from 1; [`Server::restart`] brings it back.
    pub fn fail_after_commits(&self, commits: u64) {
        self.power.fail_after(commits);
    }

    /// Whether its power has failed: it answers nobody.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.power.has_failed()
    }

    /// It starts again, on what it had committed.
    pub fn restart(&self) {
        self.power.restore();
    }

    /// The API as an `OpenAPI` 3.1 document: JSON, as `schema/openapi.json` holds it.
    #[must_use]
    pub fn openapi() -> String {
        // A tree of text and numbers can always be written.
        serde_json::to_string_pretty(http::document()).unwrap_or_default() + "\n"
    }

    /// Every text in the database: for whoever looks for what should not be there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn contents(&self) -> Result<Vec<u8>, SetupError> {
        Ok(disk::contents(&self.shared.store().connection)?)
    }

    /// The API as a service.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves one connection until it ends. Work costs no virtual time.
    ///
    /// # Errors
    /// When the peer breaks the connection or does not speak HTTP/1, or the power fails.
    pub async fn serve(&self, io: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), hyper::Error> {
        self.serve_within(io, None).await
    }

    /// Serves one connection until it ends, or until its peer has kept a request waiting for longer than `patience`.
    ///
    /// # Errors
    /// When the peer breaks the connection or does not speak HTTP/1, or the power fails.
    pub async fn serve_within(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin,
        patience: Option<Duration>,
    ) -> Result<(), hyper::Error> {
        if self.has_failed() {
            return Ok(());
        }
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let answer = self.router().oneshot(request.map(|body| Awaited::new(body, patience)));
            async move {
                let Ok(answer) = answer.await;
                if self.has_failed() { Err(PowerCut) } else { Ok(answer) }
            }
        });
        http_within(patience).serve_connection(TokioIo::new(Explained::new(io)), service).await
    }
}
