//! The network a device lives on: the pure link model, the profiles, and two carriers of its bytes.
//!
//! ```text
//!   DeviceEnd ── Pipe (up)   ──> Direction (up)   ──> ProxyEnd
//!             <── Pipe (down) <── Direction (down) <──
//! ```
//!
//! A [`Link`] belongs to one device and has one [`Direction`] each way, which all its connections share. A connection
//! has one pipe each way. Live mode pumps a real socket into the device end.

mod link;
mod memory;
mod pipe;
mod profile;
mod stream;
mod tcp;

#[cfg(test)]
mod tests;

pub use link::{Direction, Flow, Slot};
pub use memory::Link;
pub use profile::{PROFILES, Profile, profile};
pub use stream::{DeviceEnd, Linger, ProxyEnd, Traffic};
