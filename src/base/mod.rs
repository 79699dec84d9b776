//! The ground floor: clock, seeded randomness by name, units. Only this room touches real time or entropy.

mod alarm;
mod budget;
mod clock;
mod crash;
mod hex;
mod random;
pub mod units;

pub use alarm::Alarm;
pub use budget::{GivenUp, STEP_BUDGET, within_budget};
pub use clock::{Clock, SIMULATION_EPOCH, WallClock};
pub use crash::CrashHow;
pub use hex::{hex, unhex};
pub use random::{Seed, Stream};
pub use units::{Rate, Share, Size, Span};
