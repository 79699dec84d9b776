//! The proxy between a device's link and the server: it records every exchange, and spoils those that a rule names.
//!
//! ```text
//!   ProxyEnd ── hyper server ── exchange: inspect, faults ── hyper client ── Upstream
//! ```

mod exchange;
mod faults;
mod forward;
mod inspect;
mod overhear;
mod parcel;
mod wire;

#[cfg(test)]
mod tests;

pub use faults::{Act, Canned, Faults, LoseHow, Moment, Page, Refuse, RetryAfter, Rule, Spoil, Target};
pub use forward::{ByteStream, OnCrash, Proxy, Upstream};
pub use overhear::{OnHeard, Overheard};
