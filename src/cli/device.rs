//! `deadzone device`: the reference client as a child process.

use super::exit::Exit;
use super::failed;
use crate::world;

pub(super) fn device() -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let spoken = runtime.and_then(|runtime| {
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, world::speak(tokio::io::stdin(), tokio::io::stdout()))
    });
    match spoken {
        Ok(()) => Exit::Held,
        Err(error) => failed(&format!("the device protocol: {error}")),
    }
}
