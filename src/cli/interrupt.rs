//! Ctrl-C: the first one lets the run end with what it has, the second one ends the program.

use crate::run::Interrupt;

/// An interrupt that Ctrl-C raises.
pub(super) fn on_ctrl_c() -> Interrupt {
    let interrupt = Interrupt::default();
    let raise = interrupt.clone();
    // A thread of its own: the run's runtime may be at work on virtual time and not look for a while.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                raise.raise();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
    });
    interrupt
}
