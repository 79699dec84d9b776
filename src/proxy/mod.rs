//! The proxy between a device's link and the server: it records every exchange, and spoils those that a rule names.
//!
//! ```text
//!   ProxyEnd ── front: TLS ── hyper server ── exchange: inspect, faults ── hyper client ── Upstream
//! ```

mod alone;
mod exchange;
mod faults;
mod forward;
mod front;
mod inspect;
mod overhear;
mod parcel;
mod wire;

#[cfg(test)]
mod tests;

pub use alone::{Alone, AloneError, Deed, Glance, MakeRule, ReadSteps, Timed, Trusted, Wanted};
pub use faults::{
    Act, Canned, Faults, Greeting, Greetings, LoseHow, Meeting, Moment, Page, Refuse, RetryAfter, Rule, Spoil, Target,
};
pub use forward::{ByteStream, OnCrash, Proxy, Upstream};
pub use front::{Face, Front, Terminator};
pub use overhear::{OnHeard, Overheard};
