//! I18, honest status: "again in .." is shown as long as the device waits by its own word, and left out where nothing
//! but a sign-in helps.

use crate::history::{DeviceEvent, Status, SyncOutcome, What};
use crate::protocol::ErrorCode;

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::verdict::Findings;

const CHECK: &str = "I18 honest status";

pub(in super::super) fn are_as_shown(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        Watch { name, slack_ms: case.facts.slack_ms, until: None, earlier: None, signed_out: false }
            .follow(device, out);
    }
}

struct Watch<'c> {
    name: &'c str,
    slack_ms: u64,
    /// When the wait that the device drew last ends, and where it said so.
    until: Option<(u64, u64)>,
    /// What `until` was before the sync at hand: if that comes to nothing because the network went, it still holds.
    earlier: Option<(u64, u64)>,
    /// The server did not know its user, and nobody has signed in since.
    signed_out: bool,
}

impl Watch<'_> {
    fn follow(mut self, device: &Device<'_>, out: &mut Findings) {
        for event in &device.timeline {
            match &event.what {
                What::SignedIn { .. } => self.signed_out = false,
                What::Crashed { .. } => (self.until, self.earlier) = (None, None),
                _ => {
                    if let Some(said) = device_event(event) {
                        self.hear(said, (event.seq, event.at_ms), out);
                    }
                }
            }
        }
    }

    fn hear(&mut self, said: &DeviceEvent, (seq, at_ms): (u64, u64), out: &mut Findings) {
        match said {
            DeviceEvent::Backoff { wait_ms, .. } => self.until = Some((at_ms.saturating_add(*wait_ms), seq)),
            DeviceEvent::SyncStarted { .. } => self.earlier = self.until.take(),
            DeviceEvent::Opened { .. } | DeviceEvent::LoggedOut => (self.until, self.earlier) = (None, None),
            DeviceEvent::SyncEnded { outcome: SyncOutcome::Offline } => self.until = self.until.or(self.earlier.take()),
            DeviceEvent::SyncEnded { outcome: SyncOutcome::Done } => self.signed_out = false,
            DeviceEvent::SyncEnded { outcome: SyncOutcome::Failed { code: ErrorCode::AuthError, .. } } => {
                self.signed_out = true;
            }
            DeviceEvent::Shown { status: Status::Failed { code, retry_in_ms }, .. } => {
                self.judge((*code, *retry_in_ms), (seq, at_ms), out);
            }
            _ => {}
        }
    }

    fn judge(&mut self, (code, shown): (ErrorCode, Option<u64>), (seq, at_ms): (u64, u64), out: &mut Findings) {
        self.signed_out |= code == ErrorCode::AuthError;
        let left = self.until.map(|(until, _)| until.saturating_sub(at_ms));
        // Of a sync that was broken off under way, and after a sign-in, the next try is due at once.
        let at_once = shown == Some(0) && matches!(code, ErrorCode::NetworkError | ErrorCode::AuthError);
        let expected = match (shown, left) {
            (Some(shown), Some(left)) if shown.abs_diff(left) <= self.slack_ms + 1 => return,
            (Some(_), None) if at_once => return,
            (Some(_), Some(_)) if at_once && code == ErrorCode::AuthError => return,
            (None, None) if self.signed_out => return,
            (_, Some(left)) => format!("{} says that it tries again in {left} ms, as it waits", self.name),
            (Some(_), None) => format!("{} says nothing of another try: it waits for a sign-in", self.name),
            (None, None) => format!("{} says when it tries again", self.name),
        };
        let happened = shown.map_or_else(|| "it says nothing of it".to_owned(), |ms| format!("it says in {ms} ms"));
        let events: Vec<u64> = self.until.map(|(_, seq)| seq).into_iter().chain([seq]).collect();
        out.violated(CHECK, expected, happened, &events);
    }
}
