//! What guards a device's data holds: lock, keychain, credentials, the removal of the app, the second factor (spec 8.1, X1 to
//! X3).

use crate::history::{Event, Guarded, MessageKind, What};

use super::super::case::Case;
use super::super::verdict::Findings;

const KEY: &str = "8.1 database key";
const GONE: &str = "8.1 nothing outlives the app";
const LOGOUT: &str = "8.4 nothing outlives the logout";
const THIEF: &str = "8.2 stolen goods are good for nothing";
/// So many guesses at a code of six digits are a chance of three in a hundred thousand.
const MOST_GUESSES: u32 = 10;

/// A locked device does nothing, a copied disk opens nowhere, the key of a database hangs on its user's credentials, and a
/// logout leaves no file.
pub(in super::super) fn locked_is_locked(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut locked: Option<u64> = None;
        for event in &device.timeline {
            match &event.what {
                What::Guarded { event: Guarded::Locked, .. } => locked = Some(event.seq),
                What::Guarded { event: Guarded::Unlocked { accesses }, .. } => {
                    if let Some(since) = locked.take().filter(|_| *accesses > 0) {
                        let expected = format!("{name} does not touch its database while locked");
                        let happened = format!("its disk is asked for something {accesses} times");
                        out.violated(KEY, expected, happened, &[since, event.seq]);
                    }
                }
                What::Guarded { event: guarded, .. } => key_of(name, guarded, event.seq, out),
                What::Device { .. } => {
                    if let Some(since) = locked {
                        let expected = format!("{name} says nothing while locked");
                        out.violated(KEY, expected, "its app works", &[since, event.seq]);
                    }
                }
                _ => {}
            }
        }
    }
}

fn key_of(name: &str, guarded: &Guarded, seq: u64, out: &mut Findings) {
    match guarded {
        Guarded::CopyTried { opened: true, .. } => {
            out.violated(KEY, format!("a copy of the disk of {name} does not open elsewhere"), "it does", &[seq]);
        }
        Guarded::CopyTried { changed: true, .. } => {
            let expected = format!("whoever has no key leaves a copy of the disk of {name} as it is");
            out.violated(KEY, expected, "the attempt changes it", &[seq]);
        }
        Guarded::FilesLeft { files: left @ 1.. } => {
            out.violated(LOGOUT, format!("no file is left on {name} after the logout"), format!("{left} are"), &[seq]);
        }
        Guarded::KeyChecked { bound: false, .. } => {
            let expected = format!("the credentials of its user open the database key of {name}");
            out.violated(KEY, expected, "they do not", &[seq]);
        }
        _ => {}
    }
}

/// An app that was removed and installed anew knows nobody: it gets a token by signing in alone.
pub(in super::super) fn gone_with_the_app(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut removed: Option<u64> = None;
        for event in &device.timeline {
            match &event.what {
                What::Guarded { event: Guarded::Uninstalled, .. } => removed = Some(event.seq),
                What::Request(message) => {
                    let Some(since) = removed else { continue };
                    let opened = case.facts.connections.get(&message.connection).copied().unwrap_or(0);
                    if message.kind == MessageKind::SignIn {
                        removed = None;
                    } else if opened > since {
                        let expected = format!("{name} knows nobody after its app was removed");
                        out.violated(GONE, expected, "it asks the server without a sign-in", &[since, event.seq]);
                        removed = None;
                    }
                }
                _ => {}
            }
        }
    }
}

/// What is stolen is good for nothing, and nobody may guess for long.
pub(in super::super) fn thieves_get_nothing(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        // Somebody came with a token that was used: whose session it was, nobody can tell any more.
        let mut reused: Option<u64> = None;
        for Event { seq, what, .. } in device.timeline.iter().copied() {
            match what {
                What::Guarded { event: Guarded::Stolen { loot, tries, given }, .. } => {
                    if *given {
                        let expected = format!("{loot} of {name} gives a thief nothing");
                        out.violated(THIEF, expected, "it gives them data", &[*seq]);
                    }
                    if *tries > MOST_GUESSES {
                        let expected =
                            format!("after {MOST_GUESSES} wrong guesses at the most nobody is heard for a while");
                        out.violated(THIEF, expected, format!("the server looks at {tries}"), &[*seq]);
                    }
                    reused = reused.or(was_used(loot).then_some(*seq));
                }
                What::Answer(message) if message.status == 200 => match (&message.kind, reused) {
                    (MessageKind::SignIn, _) => reused = None,
                    (MessageKind::Refresh, Some(since)) => {
                        let expected = format!("the session of {name} ends when a used token of it comes again");
                        out.violated(THIEF, expected, "it goes on", &[since, *seq]);
                        reused = None;
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
}

/// Whether a thief came with a token that was used, as steps call it.
fn was_used(loot: &str) -> bool {
    loot.starts_with("a refresh token that was used")
}
