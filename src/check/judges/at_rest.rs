//! Secrets keep to their places (spec 2.1, 8.1, 8.2): none on a device's disk, and on the wire only where it belongs.

use crate::history::{MessageKind, Part, Place, Secret, Sighting, What};
use crate::protocol::path;

use super::super::case::Case;
use super::super::verdict::Findings;

const DISK: &str = "2.1 encryption at rest";
const DATABASE: &str = "2.1 secrets in the keychain alone";
const WIRE: &str = "8.2 secrets on the wire";
const KEY: &str = "8.1 database key";
const GONE: &str = "8.1 nothing outlives the app";
const THIEF: &str = "8.2 stolen goods are good for nothing";
/// So many guesses at a code of six digits are a chance of three in a hundred thousand.
const MOST_GUESSES: u32 = 10;
const MEMORY: &str = "8.2 access token in memory";

pub(in super::super) fn secrets_in_their_places(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        for event in &device.timeline {
            match &event.what {
                What::DiskSearched { bytes: 0, .. } => {
                    out.violated(DISK, format!("the disk of {name} holds something"), "it is empty", &[event.seq]);
                }
                What::Sighted { sighting, .. } => misplaced(name, sighting, event.seq, out),
                _ => {}
            }
        }
    }
}

fn misplaced(device: &str, sighting: &Sighting, seq: u64, out: &mut Findings) {
    let secret = sighting.secret;
    match &sighting.place {
        Place::Disk { .. } => {
            let expected = format!("no {secret} on the disk of {device} can be read");
            out.violated(DISK, expected, format!("there is {sighting}"), &[seq]);
        }
        Place::Database => {
            let expected = format!("no {secret} of {device} is in its database, encrypted or not");
            out.violated(DATABASE, expected, format!("there is {sighting}"), &[seq]);
        }
        Place::Wire { path, answer, part, .. } if !belongs(secret, path, *answer, *part) => {
            let expected = format!("a {secret} of {device} travels only where it is asked for");
            out.violated(WIRE, expected, format!("there is {sighting}"), &[seq]);
        }
        Place::Wire { .. } => {}
    }
}

/// Whether a secret belongs into a part of a message.
fn belongs(secret: Secret, path: &str, answer: bool, part: Part) -> bool {
    let (sign_in, refresh) = (path == path::SIGN_IN, path == path::REFRESH);
    let handed_out = answer && part == Part::Body && (sign_in || refresh);
    match secret {
        Secret::Password => !answer && part == Part::Body && (sign_in || path == path::PASSWORD),
        Secret::AccessToken => handed_out || (!answer && part == Part::Authorization),
        Secret::RefreshToken => handed_out || (refresh && !answer && part == Part::Body),
        Secret::Key => false,
        // Records are what the wire is for.
        Secret::Text => true,
    }
}

/// A locked device does nothing, a copied disk opens nowhere, and the key of a database hangs on its user's credentials
/// (spec 8.1).
pub(in super::super) fn locked_is_locked(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut locked: Option<u64> = None;
        for event in &device.timeline {
            match &event.what {
                What::Locked { .. } => locked = Some(event.seq),
                What::Unlocked { accesses, .. } => {
                    if let Some(since) = locked.take().filter(|_| *accesses > 0) {
                        let happened = format!("its disk is asked for something {accesses} times");
                        out.violated(
                            KEY,
                            format!("{name} does not touch its database while locked"),
                            happened,
                            &[since, event.seq],
                        );
                    }
                }
                What::CopyTried { opened: true, .. } => {
                    let expected = format!("a copy of the disk of {name} does not open elsewhere");
                    out.violated(KEY, expected, "it does", &[event.seq]);
                }
                What::CopyTried { changed: true, .. } => {
                    let expected = format!("whoever has no key leaves a copy of the disk of {name} as it is");
                    out.violated(KEY, expected, "the attempt changes it", &[event.seq]);
                }
                What::KeyChecked { bound: false, .. } => {
                    let expected = format!("the credentials of its user open the database key of {name}");
                    out.violated(KEY, expected, "they do not", &[event.seq]);
                }
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

/// An app that was removed and installed anew knows nobody: it gets a token by signing in alone.
pub(in super::super) fn gone_with_the_app(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut removed: Option<u64> = None;
        for event in &device.timeline {
            match &event.what {
                What::Uninstalled { .. } => removed = Some(event.seq),
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

/// What is stolen is good for nothing, and nobody may guess for long (X3).
pub(in super::super) fn thieves_get_nothing(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        for event in &device.timeline {
            let What::Stolen { loot, tries, given, .. } = &event.what else { continue };
            if *given {
                let expected = format!("{loot} of {name} gives a thief nothing");
                out.violated(THIEF, expected, "it gives them data", &[event.seq]);
            }
            if *tries > MOST_GUESSES {
                let expected = format!("after {MOST_GUESSES} wrong guesses at the most nobody is heard for a while");
                out.violated(THIEF, expected, format!("the server looks at {tries}"), &[event.seq]);
            }
        }
    }
}

/// A search that does not see the password in a sign-in would not see it elsewhere.
pub(in super::super) fn the_search_can_see(case: &Case<'_>, out: &mut Findings) {
    let Some(searched) = case.facts.wire_searched else { return };
    for (name, device) in &case.facts.devices {
        let mut signs_in = None;
        let mut seen = false;
        for event in &device.timeline {
            match &event.what {
                What::Request(message) if message.kind == MessageKind::SignIn => signs_in = Some(event.seq),
                What::Sighted { sighting, .. } => seen |= sighting.secret == Secret::Password,
                _ => {}
            }
        }
        if let Some(request) = signs_in.filter(|_| !seen) {
            let expected = format!("the search of the wire finds the password with which {name} signs in");
            out.violated(WIRE, expected, "it finds none", &[request, searched]);
        }
    }
}

/// Whoever starts anew has no access token: it signs in or refreshes before it asks for anything else.
pub(in super::super) fn gone_after_a_restart(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut restarted: Option<u64> = None;
        for event in &device.timeline {
            match &event.what {
                What::Restarted { .. } => restarted = Some(event.seq),
                What::Answer(message) if matches!(message.kind, MessageKind::SignIn | MessageKind::Refresh) => {
                    restarted = None;
                }
                What::Request(message) => {
                    let Some(start) = restarted else { continue };
                    let opened = case.facts.connections.get(&message.connection).copied().unwrap_or(0);
                    let needs_token = match message.kind {
                        MessageKind::Profile
                        | MessageKind::Delta { .. }
                        | MessageKind::Selection
                        | MessageKind::Push { .. } => true,
                        MessageKind::SignIn
                        | MessageKind::Refresh
                        | MessageKind::DeltaAnswer { .. }
                        | MessageKind::SelectionAnswer { .. }
                        | MessageKind::PushAnswer { .. }
                        | MessageKind::Problem { .. }
                        | MessageKind::Other { .. } => false,
                    };
                    // What the old life had sent arrives on its own connection.
                    if needs_token && opened > start {
                        let expected = format!("{name} gets a new access token after its restart");
                        out.violated(MEMORY, expected, "it asks with one that it kept", &[start, event.seq]);
                        restarted = None;
                    }
                }
                _ => {}
            }
        }
    }
}
