//! Ctrl-C, and what a pipeline sends in its place: the first one lets the run end with what it has, the second one ends
//! the program.

use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::run::Interrupt;

/// An interrupt that SIGINT, SIGTERM and SIGHUP raise. They are heard from the moment this returns.
///
/// # Errors
/// When signals cannot be heard.
pub(super) fn on_ctrl_c() -> io::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let raise = interrupt.clone();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        EndSignals::listen()?
    };
    // A thread of its own: the run's runtime may be at work on virtual time and not look for a while.
    std::thread::spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            raise.raise();
            signals.next().await;
            std::process::exit(130);
        });
    });
    Ok(interrupt)
}

/// The signals by which somebody asks for the end. None is missed between two looks.
pub(super) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl EndSignals {
    /// Hears them from now on.
    ///
    /// # Errors
    /// When signals cannot be heard.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
