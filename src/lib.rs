//! deadzone proves that offline-first mobile sync survives the field.
//!
//! It puts a sync client, a sync server and a network that misbehaves into one process, replays scenario files, and says
//! what was lost, what was doubled, what was late, and why. Everything that a device touches (clock, network, disk) is a
//! medium that can fail, and each medium exists twice, simulated and real.
//!
//! ```text
//! scenario file ─► parse ─► Scenario ─► run(seed) ─► world plays the steps ─► history ─► check ─► verdict ─► report
//! ```
//!
//! Begin with [`run::run`], which fits one screen, and follow it:
//!
//! - [`scenario`]: the file format. Pure data.
//! - [`world`]: the stage. It assembles the media and the parties, and does what the steps say.
//! - [`client`]: the reference engine. Owns the `Transport` trait; knows neither network nor server.
//! - [`server`]: the reference server.
//! - [`proxy`]: sees every message, and loses some.
//! - [`net`]: the link model, a pure function of time and bytes, and what carries bytes over it.
//! - [`disk`]: a disk that can be cut at any operation.
//! - [`history`]: the one sequence of events that everything else is a view of.
//! - [`check`]: the judge. A pure function of a history; states the rules in its own words.
//! - [`report`]: what people and programs read.
//! - [`cli`]: the command line; it alone prints.
//! - [`protocol`] and [`base`]: what all of them share.
//!
//! Rooms import only from floors below: `docs/ARCHITECTURE.md` has the map, `tests/tidy.rs` holds it.

pub mod base;
pub mod check;
pub mod cli;
pub mod client;
pub mod disk;
pub mod history;
pub mod net;
pub mod protocol;
pub mod proxy;
pub mod report;
pub mod run;
pub mod scenario;
pub mod server;
pub mod tls;
pub mod world;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
