//! Ctrl-C, and what a pipeline sends in its place: the first one lets the run end with what it has, the second one ends
//! the program.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use crate::run::Interrupt;

/// An interrupt that SIGINT, SIGTERM and SIGHUP raise.
pub(super) fn on_ctrl_c() -> Interrupt {
    let interrupt = Interrupt::default();
    let raise = interrupt.clone();
    // A thread of its own: the run's runtime may be at work on virtual time and not look for a while.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            if asked_to_end().await.is_ok() {
                raise.raise();
            }
            if asked_to_end().await.is_ok() {
                std::process::exit(130);
            }
        });
    });
    interrupt
}

/// Waits until somebody asks for the end.
///
/// # Errors
/// When signals cannot be heard.
pub(super) async fn asked_to_end() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
