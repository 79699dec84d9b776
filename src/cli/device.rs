//! `deadzone device`: the reference client as a child process.

use super::exit::Exit;
use super::tell;
use crate::world;

pub(super) fn device() -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let spoken = runtime.and_then(|runtime| {
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, world::speak(tokio::io::stdin(), tokio::io::stdout()))
    });
    match spoken {
        Ok(()) => Exit::Held,
        Err(error) => {
            tell(&format!("deadzone device: {error}"));
            Exit::Harness
        }
    }
}
