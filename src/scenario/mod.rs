//! The scenario file: its types, and reading, checking and printing it. Pure data; nothing here runs anything.
//!
//! ```text
//! file -> read (size, text) -> parse -> outline (values and places) -> typed -> written -> validate -> Scenario -> print
//!                                                      \--------------------------------------/   \--> Problem -> draw
//! ```

mod account;
mod action;
mod expand;
mod faults;
mod file;
mod files_step;
mod glossary;
mod link;
mod needs;
mod outline;
mod parse;
mod period;
mod platform;
mod print;
mod problem;
mod read;
mod reference;
mod requirements;
mod security;
mod server_step;
mod step;
mod tls_step;
mod typed;
mod validate;
mod whole;
mod words;
mod work_step;
mod written;

pub use account::{EditCached, Logout, LookUp, Select, SignIn};
pub use action::Action;
pub use expand::STEPS_FILE;
pub use faults::{
    Aim, Answer, AnswerPage, AnswerWhen, CaptivePortal, Duplicate, Exchange, FailedChange, Garble, Half, Lose, LoseHow,
    Only, PortalHow, RefuseChange, Replay, Slow, SlowPart, SpoilAnswer, SpoilHow,
};
pub use file::{
    Assign, DEFAULT_LINK, DEFAULT_ORDERS, DEFAULT_SEED, DEFAULT_SYNC_EVERY, Device, Expectation, Keys, Orders, Retry,
    Role, Scenario, Skew, SkewError, World,
};
pub use files_step::{Attach, Broken, DiskSpace, FileSettings, Network, NetworkKind, OpenFile};
pub use glossary::{Group, Part, Word, glossary, scenario_schema, scenarios_page};
pub use link::{AtEnd, ChangeLink, Flap, Link, OwnLink, TraceFile, TraceFiles};
pub use needs::Need;
pub use period::{Every, SyncEvery};
pub use platform::{Battery, DataSaver};
pub use print::{claim_text, print};
pub use problem::{Problem, did_you_mean, draw};
pub use read::{Options, Run, load, parse, the_only};
pub use reference::label_in;
pub use requirements::{REQUIREMENTS, Requirement, requirement};
pub use security::{Loot, Steal, Uninstall};
pub use server_step::{Call, CallMethod, CrashServer, Gzip, SearchDisk, ServerClock, Tamper};
pub use step::{
    Crash, CrashWhen, Create, Delete, Edit, EditMany, OfficeCreate, OfficeDelete, OfficeEdit, OfficeEditMany, Offline,
    OfflineHow, Prefer, Preference, Resolve, SetClock, Step, Undo,
};
pub use tls_step::{CertificateKey, Handshake, HandshakeHow, Impostor, Mitm, NewCertificate};
pub use validate::MOST_GENERATED;
pub use work_step::{DAY, DeadZone, Work};

#[cfg(test)]
mod tests;
