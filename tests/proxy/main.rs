//! `deadzone proxy` over real sockets: bytes, toxics, HTTP faults, the control API, and what comes of bad input. Nothing
//! sleeps: reads block, and what must come is asked for again until it does.

#![expect(clippy::disallowed_methods, reason = "the proxy lives in real time, and so do its clients")]

mod bad_input;
mod carrying;
mod control;
mod crowd;
mod faults;
mod harness;
mod tls;
