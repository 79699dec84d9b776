//! The reference engine of one device: records and a queue in an encrypted database, and the sync that empties it.
//!
//! ```text
//!  edit, create, delete ──► store: row + queued operation, one transaction ──► acknowledged
//!                                     │
//!  schedule: when? ──► sync: one at a time ──► push: batch ─► session ─► Transport ─► answer ─► settle
//!                                          └─► pull:  page ─► session ─► Transport ─► answer ─► rows and cursor
//! ```
//!
//! Reading order: [`Engine`] (what an app may ask), `sync` and `schedule` (one cycle, and when), `push` and `settle`,
//! `pull`, `session` and `answer` (tokens; what counts as an answer), `vault` (the database's key), `proof` (the device's),
//! `sealing` (fields that the server cannot read), `failed` (what a user does about it), `store` (the tables), `resolve`
//! (the user's part in conflicts). `priority`, `backoff`, `merge`, `conflict` and `strategy` are pure.
//!
//! Invariant: no transaction is open across an await, so that a dropped future is as safe as a crash.
//! Invariant: nothing is pulled while the outcome of a pushed operation is unknown, so that an acknowledgement never
//! describes a state older than the rows.

mod account;
mod answer;
mod attachments;
mod backoff;
mod board;
mod conditions;
mod conflict;
mod edit;
mod engine;
mod failed;
mod keychain;
mod merge;
mod pace;
mod priority;
mod proof;
mod pull;
mod push;
mod resolve;
mod schedule;
mod sealing;
mod session;
mod settle;
mod state;
mod static_data;
mod store;
mod strategy;
mod sync;
mod transport;
mod vault;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use strategy::{STRATEGIES, Strategy};

pub use account::LogOut;
pub use attachments::{Capture, FILE_PREFIX, FileError, FileSettings, OpenError, Photo, PhotoError, prepare_photo};
pub use edit::EditRequest;
pub use engine::{Engine, EngineError, Parts, Settings};
pub use keychain::{FileKeychain, Keychain, KeychainError, MemoryKeychain, REFRESH_TOKEN, VAULT};
pub use proof::DeviceKey;
pub use static_data::PROFILE;
pub use transport::{Method, Request, Response, Transport, TransportError};
pub use vault::{Credentials, DataKey, KeyCost, Vault, VaultError};
