//! The proxy between a device's link and the server: it records every exchange, and spoils those that a rule names.
//!
//! ```text
//!   ProxyEnd ── front: TLS ── hyper server ── exchange: inspect, faults ── hyper client ── Upstream
//!                       └─── script: what no HTTP library would write
//! ```

mod alone;
mod exchange;
mod faults;
mod forward;
mod front;
mod inspect;
mod overhear;
mod passing;
mod script;
mod strike;
mod upload;
mod wire;

#[cfg(test)]
mod tests;

pub use alone::{
    Alone, AloneError, Armament, Arming, Deed, Faces, Glance, MakeRule, NewLink, Secure, Shows, Timed, Trusted, Wanted,
    Words,
};
pub use faults::{
    Act, At, Canned, Drops, Duplicate, Entry, Facts, Faults, Garble, Greeting, Greetings, LoseHow, Meeting, Moment,
    Only, Page, Refuse, Replay, RetryAfter, Rule, Slow, Spoil, Strike, Target, Turn, catalogue,
};
pub use forward::{ByteStream, OnCrash, OnRead, Proxy, Upstream};
pub use front::{Face, Front, Terminator};
pub use overhear::{OnHeard, Overheard};
pub use script::{End, Piece, Script};
