//! deadzone: proves that offline-first mobile sync survives the field.

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
pub mod scenario;
pub mod server;
pub mod world;
