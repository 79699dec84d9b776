//! What the program prints: results on standard output, everything about the work itself on standard error.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::Exit;

/// That results were lost on their way out, and so whatever is concluded from their absence is wrong.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes a line of results to standard output. A reader that went away (`| head`) is no failure of ours.
pub(super) fn say(text: &str) {
    written(writeln!(anstream::stdout(), "{text}"));
}

/// Writes `text` to standard output as it is.
pub(super) fn print(text: &str) {
    written(write!(anstream::stdout(), "{text}"));
}

/// Writes a line about the work itself to standard error.
pub(super) fn tell(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Says what went wrong.
pub(super) fn tell_error(why: &str) {
    tell(&format!("error: {why}"));
}

/// Says what may go wrong later.
pub(super) fn warn(what: &str) {
    tell(&format!("warning: {what}"));
}

/// Ends with what is wrong with the input.
pub(super) fn wrong(why: &str) -> Exit {
    tell_error(why);
    Exit::WrongInput
}

/// Ends with what the harness could not do.
pub(super) fn failed(why: &str) -> Exit {
    tell_error(why);
    Exit::Harness
}

/// Takes note of what came of writing results; the first loss is told.
pub(super) fn written(outcome: io::Result<()>) {
    if let Err(error) = outcome
        && error.kind() != io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        tell_error(&format!("standard output: {error}: results are lost; make room there, or write them elsewhere"));
    }
}

/// How the program ends that would end with `exit`: not well when results were lost.
pub(super) fn ended(exit: Exit) -> Exit {
    written(io::stdout().flush());
    if LOST.load(Ordering::Relaxed) { Exit::Harness } else { exit }
}
