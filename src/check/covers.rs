//! What a requirement is about must come about in a run that is said to show it.

use std::collections::{BTreeMap, BTreeSet};

use super::verdict::{Class, Findings, Verdict};
use crate::history::{DeviceEvent, Fault, Guarded, History, MessageKind, What};
use crate::protocol::OperationKind;

/// Something without which a run shows nothing of some requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Change,
    Create,
    Delete,
    File,
    /// Two changed the same order.
    Meeting,
    Conflict,
    Crash,
    Trouble,
    Refresh,
    RefusedHandshake,
    Locked,
    Removed,
    Stolen,
}

impl Sight {
    const fn words(self) -> &'static str {
        match self {
            Self::Change => "somebody changes an order",
            Self::Create => "somebody creates an order",
            Self::Delete => "somebody deletes an order",
            Self::File => "somebody attaches a file",
            Self::Meeting => "two change the same order",
            Self::Conflict => "two changes come into conflict",
            Self::Crash => "a device or the server crashes",
            Self::Trouble => "the network, the server or a message fails",
            Self::Refresh => "a device renews its token",
            Self::RefusedHandshake => "a handshake fails",
            Self::Locked => "a device is locked",
            Self::Removed => "an app is removed",
            Self::Stolen => "somebody tries what they stole",
        }
    }
}

/// Requirements that cannot be shown without what stands beside them. Of all others a run may show something by what
/// does not happen.
const NEEDED: &[(Sight, &[&str])] = &[
    (Sight::Change, &["1.1/offline-work", "1.1/seven-days", "3.1C/push", "5.1/critical", "5.1/reconnect", "F1", "F8"]),
    (Sight::Create, &["F3"]),
    (Sight::Delete, &["F7"]),
    (Sight::File, &["2.1/files", "2.2/pending_attachments", "6.2/compress", "6.2/resize", "F4", "P3"]),
    (Sight::Meeting, &["4.2/manual", "4.4/audit", "F2"]),
    (Sight::Conflict, &["1.1/auto-resolve", "4.2/server-fields", "4.2/server-wins", "4.3/detail", "4.3/dialog"]),
    (Sight::Conflict, &["4.3/preference", "7.1/version"]),
    (Sight::Crash, &["F10"]),
    (Sight::Trouble, &["F6"]),
    (Sight::Refresh, &["7.1/auth", "8.2/access", "F5"]),
    (Sight::RefusedHandshake, &["8.3/pinning", "X4"]),
    (Sight::Locked, &["X1"]),
    (Sight::Removed, &["X2"]),
    (Sight::Stolen, &["X3"]),
];

/// Adds to the verdict on a whole run what it lacks to show the requirements in `covers`.
pub fn covered(history: &History, covers: &[String], verdict: &mut Verdict) {
    let ended = history.0.last().is_some_and(|event| matches!(event.what, What::RunEnded));
    if !ended || history.0.iter().any(|event| matches!(event.what, What::Broke { .. })) {
        return;
    }
    let seen = seen(history);
    let mut found = Findings::default();
    for (sight, ids) in NEEDED.iter().filter(|(sight, _)| !seen.contains(sight)) {
        let shown: Vec<&str> = covers.iter().map(String::as_str).filter(|id| ids.contains(id)).collect();
        if !shown.is_empty() {
            let expected = format!("{}, since the scenario covers {}", sight.words(), shown.join(", "));
            found.add(Class::Vacuous, "vacuity", expected, "it never came about", &[]);
        }
    }
    let claims = verdict.findings.iter().position(|finding| finding.claim.is_some());
    let at = claims.unwrap_or(verdict.findings.len());
    verdict.findings.splice(at..at, found.0);
}

fn seen(history: &History) -> BTreeSet<Sight> {
    let mut seen = BTreeSet::new();
    let mut writers: BTreeMap<&str, &str> = BTreeMap::new();
    let mut crashing = BTreeSet::new();
    for event in &history.0 {
        let sight = match &event.what {
            What::Acknowledged { device, operation } => {
                seen.insert(Sight::Change);
                let first = writers.entry(&operation.entity_id).or_insert(device);
                if *first != device.as_str() {
                    seen.insert(Sight::Meeting);
                }
                match operation.operation {
                    OperationKind::Create => Sight::Create,
                    OperationKind::Delete => Sight::Delete,
                    OperationKind::Update => continue,
                }
            }
            What::Captured { .. } => Sight::File,
            What::Device { event: DeviceEvent::Conflict(_), .. } | What::ServerConflict { .. } => {
                seen.insert(Sight::Meeting);
                Sight::Conflict
            }
            What::FaultArmed { id, fault: Fault::ServerCrash, .. } => {
                crashing.insert(*id);
                continue;
            }
            What::FaultFired { id, .. } => {
                if crashing.contains(id) {
                    seen.insert(Sight::Crash);
                }
                Sight::Trouble
            }
            What::Crashed { .. } => Sight::Crash,
            What::LinkChanged { .. } | What::ServerChanged { .. } => Sight::Trouble,
            What::Device { event: DeviceEvent::Backoff { .. }, .. } => Sight::Trouble,
            What::Request(message) if matches!(message.kind, MessageKind::Refresh) => Sight::Refresh,
            What::HandshakeFailed { .. } => Sight::RefusedHandshake,
            What::Guarded { event: Guarded::Locked, .. } => Sight::Locked,
            What::Guarded { event: Guarded::Uninstalled, .. } => Sight::Removed,
            What::Guarded { event: Guarded::Stolen { .. }, .. } => Sight::Stolen,
            _ => continue,
        };
        seen.insert(sight);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Event;

    fn verdict(events: Vec<What>, covers: &[&str]) -> Vec<String> {
        let history = |events: Vec<What>| {
            let event = |(seq, what)| Event { seq, at_ms: 0, what };
            History((0..).zip(events).map(event).collect())
        };
        let covers: Vec<String> = covers.iter().map(|id| (*id).to_owned()).collect();
        let mut verdict = Verdict::default();
        covered(&history(events), &covers, &mut verdict);
        verdict.findings.into_iter().map(|finding| finding.expected).collect()
    }

    fn crash() -> What {
        What::Crashed { device: "maria".into(), how: crate::base::CrashHow::Kill, disk_operations: 3 }
    }

    #[test]
    fn what_a_requirement_is_about_comes_about() {
        let told = [
            "two change the same order, since the scenario covers F2",
            "a device or the server crashes, since the scenario covers F10",
        ];
        assert_eq!(verdict(vec![What::RunEnded], &["F10", "F2", "P1"]), told);
        assert_eq!(verdict(vec![crash(), What::RunEnded], &["F10", "F2"]), told[..1]);
        assert_eq!(verdict(vec![crash(), What::RunEnded], &["F10", "P1"]), [""; 0]);
    }

    #[test]
    fn a_run_that_was_cut_short_is_not_asked() {
        assert_eq!(verdict(vec![What::Interrupted], &["F10"]), [""; 0]);
    }
}
