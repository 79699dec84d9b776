//! Secrets keep to their places (spec 2.1, 8.1, 8.2): none on a device's disk, and on the wire only where it belongs.

use crate::history::{MessageKind, Part, Place, Secret, Sighting, What};
use crate::protocol::path;

use super::super::case::Case;
use super::super::verdict::Findings;

const DISK: &str = "2.1 encryption at rest";
const DATABASE: &str = "2.1 secrets in the keychain alone";
const WIRE: &str = "8.2 secrets on the wire";
const SEALED: &str = "8.3 sealed fields";
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
        // Records are what it is for.
        Place::Database if secret == Secret::Text => {}
        Place::Database => {
            let expected = format!("no {secret} of {device} is in its database, encrypted or not");
            out.violated(DATABASE, expected, format!("there is {sighting}"), &[seq]);
        }
        Place::Server => {
            let expected = format!("no {secret} can be read in the server's database");
            out.violated(SEALED, expected, format!("there is {sighting}"), &[seq]);
        }
        Place::Wire { .. } if secret == Secret::Sealed => {
            let expected = format!("no {secret} can be read between {device} and the server");
            out.violated(SEALED, expected, format!("there is {sighting}"), &[seq]);
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
        Secret::Key | Secret::Sealed => false,
        // Records are what the wire is for.
        Secret::Text => true,
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
                        | MessageKind::Asset
                        | MessageKind::Delta { .. }
                        | MessageKind::Selection
                        | MessageKind::Upload(_)
                        | MessageKind::File { .. }
                        | MessageKind::Push { .. } => true,
                        MessageKind::SignIn
                        | MessageKind::Refresh
                        | MessageKind::DeltaAnswer { .. }
                        | MessageKind::SelectionAnswer { .. }
                        | MessageKind::PushAnswer { .. }
                        | MessageKind::UploadAnswer { .. }
                        | MessageKind::FileAnswer { .. }
                        | MessageKind::NotModified
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
