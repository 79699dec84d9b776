//! I8, liveness of paused queues: a device waits for a sign-in only when our server said so, asks for nothing meanwhile,
//! and goes on by itself once its user has signed in.

use crate::history::{DeviceEvent, Event, LinkState, MessageKind, SyncOutcome, Trigger, What};
use crate::protocol::ErrorCode;

use super::super::case::{Case, device_event};
use super::super::verdict::Findings;

const CHECK: &str = "I8 liveness";
/// A device that was signed in syncs within this time, in milliseconds.
const GOES_ON_WITHIN_MS: u64 = 60_000;

pub(in super::super) fn for_a_sign_in(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut watch = Watch::default();
        for event in &device.timeline {
            watch.event(name, event, out);
        }
    }
}

#[derive(Default)]
struct Watch {
    /// Our server rejected a token since the last success.
    rejected: bool,
    /// This sync said when it will be tried again.
    will_retry: bool,
    /// It waits for a sign-in since this event.
    paused: Option<u64>,
    /// Its user asked for a sync, or the network came back: one try more.
    asked: bool,
    /// Its user signed in, and it has not synced since.
    signed_in: Option<(u64, u64)>,
}

impl Watch {
    fn event(&mut self, name: &str, event: &Event, out: &mut Findings) {
        if let Some((seq, at_ms)) = self.signed_in
            && event.at_ms > at_ms + GOES_ON_WITHIN_MS
        {
            let expected = format!("{name} goes on once its user has signed in");
            out.violated(CHECK, expected, "it does not sync", &[seq, event.seq]);
            self.signed_in = None;
        }
        match &event.what {
            What::Answer(message) if message.delivered => match &message.kind {
                MessageKind::Problem { code: ErrorCode::AuthError, .. } if message.status == 401 => {
                    self.rejected = true;
                }
                MessageKind::SignIn if message.status == 200 && self.paused.take().is_some() => {
                    self.signed_in = Some((event.seq, event.at_ms));
                }
                _ => {}
            },
            What::Request(message) => {
                let Some(paused) = self.paused.filter(|_| !self.asked && message.kind != MessageKind::SignIn) else {
                    return;
                };
                let expected = format!("{name} asks for nothing while only a sign-in helps");
                out.violated(CHECK, expected, "it asks all the same", &[paused, event.seq]);
                self.paused = None;
            }
            What::LinkChanged { state, .. } => {
                self.signed_in = self.signed_in.filter(|_| *state == LinkState::Up);
                self.asked = true;
            }
            What::Crashed { .. } => *self = Self::default(),
            _ => self.said(name, event, out),
        }
    }

    fn said(&mut self, name: &str, event: &Event, out: &mut Findings) {
        match device_event(event) {
            Some(DeviceEvent::SyncStarted { trigger }) => {
                (self.will_retry, self.signed_in) = (false, None);
                self.asked |= *trigger == Trigger::Manual;
            }
            // Nobody is signed in any more, and that needs no word of the server.
            Some(DeviceEvent::LoggedOut) => *self = Self { rejected: true, ..Self::default() },
            Some(DeviceEvent::Backoff { .. }) => self.will_retry = true,
            Some(DeviceEvent::SyncEnded { outcome }) => {
                self.asked = false;
                match outcome {
                    SyncOutcome::Done => *self = Self::default(),
                    SyncOutcome::Failed { code: ErrorCode::AuthError, .. } => {
                        if !self.rejected {
                            let expected = format!("{name} stops for a sign-in when the server rejects its tokens");
                            out.violated(CHECK, expected, "the server did no such thing", &[event.seq]);
                        }
                        self.paused = Some(event.seq).filter(|_| !self.will_retry);
                    }
                    SyncOutcome::Failed { .. } | SyncOutcome::Offline => {}
                }
            }
            _ => {}
        }
    }
}
