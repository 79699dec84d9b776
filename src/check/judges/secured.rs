//! 8.3: where a run uses TLS, no device says a word of HTTP but to its own server, over TLS 1.3.

use std::collections::BTreeMap;

use crate::history::{Certificate, Tls, What};

use super::super::case::Case;
use super::super::verdict::Findings;

const CHECK: &str = "8.3 in motion";

pub(in super::super) fn spoken_to_the_server_alone(case: &Case<'_>, out: &mut Findings) {
    let Some(tls) = case.facts.tls.filter(|tls| *tls != Tls::None) else { return };
    for (name, device) in case.facts.devices.iter().filter(|(_, device)| device.is_a_client()) {
        // Connections by their number: where each was secured, and whom it leads to.
        let mut secured: BTreeMap<u64, (u64, Option<Certificate>)> = BTreeMap::new();
        let mut told = false;
        for event in &device.timeline {
            match &event.what {
                What::Secured { connection, version, certificate, .. } => {
                    secured.insert(*connection, (event.seq, *certificate));
                    if version != wanted(tls) {
                        let expected = format!("{name} speaks {} and nothing older", wanted(tls));
                        out.violated(CHECK, expected, format!("it agreed on {version}"), &[event.seq]);
                    }
                    if let Some(wrong) = certificate.filter(|certificate| !certificate.is_the_servers()) {
                        let expected = format!("{name} refuses a certificate that {}", in_words(wrong));
                        out.violated(CHECK, expected, "it shook hands", &[event.seq]);
                    }
                }
                What::Request(message) if !told => {
                    let leads = secured.get(&message.connection);
                    let expected = format!("no request of {name} is read by anybody but its server");
                    let (happened, seen) = match leads {
                        Some((_, certificate)) if certificate.is_none_or(|shown| shown.is_the_servers()) => continue,
                        Some((seq, _)) => ("an impostor read one", vec![*seq, event.seq]),
                        None => ("one went out in the clear", vec![event.seq]),
                    };
                    told = true;
                    out.violated(CHECK, expected, happened, &seen);
                }
                _ => {}
            }
        }
    }
}

fn wanted(tls: Tls) -> &'static str {
    match tls {
        Tls::Modelled => "modelled",
        Tls::Real | Tls::None => "TLS 1.3",
    }
}

fn in_words(certificate: Certificate) -> &'static str {
    match certificate {
        Certificate { trusted: false, .. } => "no authority that it trusts has issued",
        Certificate { named: false, .. } => "is another server's",
        Certificate { .. } => "has a key that its app does not know",
    }
}
