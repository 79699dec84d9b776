//! The reference server: sync clients are judged against it.
//!
//! ```text
//! http -> wire (JSON, gzip, problem documents)
//!  |-> auth            who calls
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
mod http;
mod openapi;
mod payload;
mod policy;
mod purge;
mod push;
mod record;
mod reference;
mod refusal;
mod rejection;
mod role;
mod seed;
mod selection;
mod settings;
mod stock;
mod store;
mod view;
mod wire;

#[cfg(test)]
mod tests;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::base::{Stream, WallClock};

#[cfg(test)]
pub(crate) use conflict::{STRATEGIES, Strategy};
pub use seed::{Seeded, SeededUser, SetupError};
pub use settings::{
    ACCESS_TOKEN_LIFE, CREATED_VISIBLE, ORPHANS_KEPT, REFRESH_GRACE, REFRESH_TOKEN_LIFE, RESULTS_KEPT, TOMBSTONES_KEPT,
    UPLOADS_KEPT,
};

/// The server. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server {
    router: Router,
}

impl Server {
    /// A server that holds `seeded`. Tokens are drawn from `random`; `clock` may be skewed and may step back.
    ///
    /// # Errors
    /// When a seeded record is not one.
    pub fn new(clock: WallClock, random: Stream, seeded: Seeded) -> Result<Self, SetupError> {
        let store = seed::store(clock.now().as_millisecond(), random, seeded)?;
        let router = http::router(clock, store);
        Ok(Self { router })
    }

    /// The API as an `OpenAPI` 3.1 document: JSON, as `schema/openapi.json` holds it.
    #[must_use]
    pub fn openapi() -> String {
        // A tree of text and numbers can always be written.
        serde_json::to_string_pretty(http::document()).unwrap_or_default() + "\n"
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
