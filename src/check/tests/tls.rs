//! TLS on trial: who speaks to whom, over what.

use crate::history::{Certificate, Message, MessageKind, Tls, What};

use super::super::Verdict;
use super::story::Story;
use super::{finds, red, verdict};

const CHECK: &str = "8.3 in motion";
const OWN: Certificate = Certificate { trusted: true, pinned: true, named: true };

fn secured(version: &str, certificate: Option<Certificate>) -> What {
    let (device, version) = ("maria".into(), version.into());
    What::Secured { device, connection: 1, version, certificate, up: 300, down: 900 }
}

fn request(device: &str, connection: u64) -> What {
    let (device, kind) = (device.into(), MessageKind::Profile);
    let (exchange, bytes, status, delivered) = (1, 100, 0, true);
    What::Request(Message { device, connection, exchange, bytes, status, delivered, retry_after: None, kind })
}

/// Maria's story in a world with `tls`.
fn told(tls: Tls, events: impl IntoIterator<Item = What>) -> Verdict {
    let mut story = Story::default();
    let (scenario, world, epoch) = ("tls".into(), "simulated".into(), "2025-11-08T06:00:00Z".into());
    story.tell(What::RunStarted { scenario, seed: 1, world, epoch, tls, sealed: Vec::new() });
    let (device, user, link) = ("maria".into(), "maria".into(), "wifi".into());
    story.tell(What::DeviceAdded { device, user, link, jitter: false, sync_every_ms: None });
    events.into_iter().for_each(|event| story.tell(event));
    verdict(&story)
}

#[track_caller]
fn green(verdict: &Verdict) {
    assert!(!finds(verdict, CHECK, &[]), "{:#?}", verdict.findings);
}

#[test]
fn the_server_and_nobody_else_over_tls_13() {
    green(&told(Tls::Real, [secured("TLS 1.3", Some(OWN)), request("maria", 1), request("office", 2)]));
    green(&told(Tls::Modelled, [secured("modelled", None), request("maria", 1)]));
    green(&told(Tls::None, [request("maria", 1)]));
}

#[test]
fn a_word_in_the_clear() {
    red(&told(Tls::Real, [request("maria", 1)]), CHECK, &["in the clear"]);
    red(&told(Tls::Real, [secured("TLS 1.3", Some(OWN)), request("maria", 2)]), CHECK, &["in the clear"]);
}

#[test]
fn an_older_version() {
    red(&told(Tls::Real, [secured("TLSv1_2", Some(OWN))]), CHECK, &["agreed on TLSv1_2"]);
    red(&told(Tls::Real, [secured("modelled", None)]), CHECK, &["agreed on modelled"]);
}

#[test]
fn a_hand_shaken_with_an_impostor_and_a_word_to_him() {
    for (wrong, words) in [
        (Certificate { trusted: false, ..OWN }, "no authority that it trusts"),
        (Certificate { named: false, ..OWN }, "another server's"),
        (Certificate { pinned: false, ..OWN }, "does not know"),
    ] {
        let verdict = told(Tls::Real, [secured("TLS 1.3", Some(wrong)), request("maria", 1)]);
        red(&verdict, CHECK, &[words]);
        red(&verdict, CHECK, &["an impostor read one"]);
    }
}
