//! TLS: a certificate authority of our own, certificates, pins, and the two sides' settings. TLS 1.3 alone, unless somebody
//! has to play the one who is behind the times.
//!
//! ```text
//!   Authority ── issue(Key, names, validity) ──> Certified ──> server side
//!       '── its certificate, pins of the keys ──> Trust ─────> client side: chain, name, time, pin
//! ```
//!
//! A seeded authority signs with Ed25519, whose keys and signatures have one size: every handshake has the same number of
//! bytes, though the keys that it agrees on are drawn from the machine's entropy. An authority for real phones signs with
//! P-256, which all of them accept.

mod authority;
mod certified;
mod client;
mod key;
mod pin;
mod record;
mod refusal;
mod server;
mod trusting;

#[cfg(test)]
mod tests;

pub use authority::{Authority, AuthorityError, Validity};
pub use certified::{Certified, OnDemand};
pub use client::{Trust, TrustError, client_settings};
pub use key::Key;
pub use pin::{Pin, PinError};
pub use record::{Flights, Modelled, sealed_size};
pub use refusal::why_refused;
pub use server::{Versions, server_settings};
pub use trusting::trusting;
