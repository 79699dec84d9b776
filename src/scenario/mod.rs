//! The scenario file: its types, and reading, checking and printing it. Pure data; nothing here runs anything.

mod file;
mod step;

pub use file::{
    Assign, DEFAULT_LINK, DEFAULT_ORDERS, DEFAULT_SEED, DEFAULT_SYNC_EVERY, Device, Expectation, Orders, Retry, Role,
    Scenario, Skew, SkewError, World,
};
pub use step::{
    Action, Crash, CrashWhen, Create, Delete, Edit, EditMany, Exchange, Half, Lose, LoseHow, OfficeCreate,
    OfficeDelete, OfficeEdit, OfficeEditMany, Offline, OfflineHow, SetClock, Step,
};
