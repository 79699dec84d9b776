//! The network a device lives on: the pure link model, the profiles, and two carriers of its bytes.
//!
//! ```text
//!   DeviceEnd ── Pipe (up)   ─┐            ┌─> ProxyEnd
//!                             ├── Path ────┤
//!             <── Pipe (down) ┘            └──
//! ```
//!
//! A [`Link`] belongs to one device and has one [`Path`], which all its connections share: it says when what arrives. A
//! connection has one pipe each way for the bytes themselves. Live mode pumps a real socket into the device end.
//! `docs/NETWORK.md` has the model, its sources, and how near it comes to a kernel.

mod bbr;
mod bottleneck;
mod conditions;
mod connection;
mod loss;
mod memory;
mod path;
mod pipe;
mod profile;
mod receiver;
mod sender;
mod stream;
mod tcp;
mod timer;
mod trace;
mod weather;
mod window;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use conditions::{
    Burst, Carries, Conditions, Congestion, Counts, DEFAULT_QUEUE, DEFAULT_SLEEPS_AFTER, Loss, WakeUp,
};
pub use connection::{Arrived, ConnectionId, Way};
pub use memory::Link;
pub use path::Path;
pub use profile::{PROFILES, Profile, profile};
pub use stream::{DeviceEnd, Linger, ProxyEnd, Traffic};
pub use trace::{Trace, TraceError};
pub use weather::Weather;
