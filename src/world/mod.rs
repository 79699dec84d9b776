//! The stage: assembles clock, network, disk, proxy, server and devices, and does what the steps say. It judges nothing.

mod account;
mod acts;
mod api;
mod authenticators;
mod cast;
mod child;
mod child_process;
mod choices;
mod demo;
mod device;
mod end;
mod faults;
mod files;
mod fixture;
mod http;
mod in_process;
mod links;
mod machine;
mod network;
mod office;
mod platform;
mod reference;
mod sealing;
mod secrets;
mod seed;
mod server_steps;
mod session;
mod speak;
mod stage;
mod staging;
mod steps;
mod thief;
#[cfg(test)]
mod three_tables;
mod tls;
mod tls_steps;
mod work_steps;

use std::path::PathBuf;

pub use acts::{message_fault, narrowed, outage, portal, refusal, target};
pub use api::ApiError;
pub use child::{Client, greet};
pub use demo::{DemoOrders, DemoUser, demo};
pub use device::{Ask, Device, DeviceError, Reply};
pub use links::conditions;
pub use platform::{CopyOpened, Platform, StolenKeychain};
pub use speak::speak;
pub use stage::{StageError, World};
pub use staging::{NoTarget, Staged, Target};

/// On which media a run takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// Virtual time, links in memory, disks in memory.
    Simulated,
    /// Real time, sockets on loopback, real directories; each device a process of its own.
    Live {
        /// The program that speaks the device protocol.
        client: Client,
        /// A server of the team's; the reference, in this process, when absent.
        server: Option<Target>,
        /// Where the devices' directories are made.
        directory: PathBuf,
    },
}
