//! I20, backoff: waits follow the table of spec 7.2, drawn from its upper half, and start anew after a success.

use crate::history::{DeviceEvent, MessageKind, SyncOutcome, Trigger, What};

use crate::protocol::ErrorCode;

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::verdict::Findings;

const CHECK: &str = "I20 backoff";
/// Waits after the first, second, .. failure in a row, in milliseconds; the last one repeats.
const TABLE_MS: &[u64] = &[5_000, 10_000, 30_000, 60_000, 300_000];

/// Failures of the server in a row after which a person must know (spec 7.1: escalate if persistent).
const ESCALATE_AFTER: u32 = 10;
/// No server silences a device for longer, whatever it asks for.
const LONGEST_FLOOR_S: u64 = 24 * 3600;

fn granted_ms(asked_s: u64) -> u64 {
    asked_s.min(LONGEST_FLOOR_S) * 1_000
}

pub(in super::super) fn by_the_table(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let watch = Watch { jitter: device.jitter, slack_ms: case.facts.slack_ms, ..Watch::default() };
        watch.follow(name, device, out);
        if device.jitter {
            drawn(name, device, out);
        }
    }
}

/// As many waits as the table has them are no accident: a draw hits its upper end once in thousands of times.
const NO_ACCIDENT: usize = 3;

fn drawn(name: &str, device: &Device<'_>, out: &mut Findings) {
    let waits = device.timeline.iter().filter_map(|event| match device_event(event)? {
        DeviceEvent::Backoff { wait_ms, table_ms, .. } => Some((event.seq, wait_ms == table_ms)),
        _ => None,
    });
    let waits: Vec<(u64, bool)> = waits.collect();
    if waits.len() >= NO_ACCIDENT && waits.iter().all(|(_, exact)| *exact) {
        let events: Vec<u64> = waits.iter().map(|(seq, _)| *seq).collect();
        let happened = format!("all {} are the table's own", waits.len());
        out.violated(CHECK, format!("the waits of {name} are drawn"), happened, &events);
    }
}

#[derive(Default)]
struct Watch {
    /// Failures that the last wait counted.
    failures: u32,
    last_seq: Option<u64>,
    /// Since the last wait a sync succeeded: the count must be anew.
    succeeded: bool,
    /// Failures since the last wait that only a sign-in ends: they count, and nothing is waited for.
    unpaused: u32,
    /// Since the last wait something happened after which the count may be anew.
    may_restart: bool,
    /// The longest wait that the server asked for since the last wait, in milliseconds.
    asked_ms: u64,
    /// The device may not have heard of that.
    unheard: bool,
    /// Until when the server wants to be left alone, and where it said so.
    silence: Option<(u64, u64)>,
    /// Waits since the last success that the server's failures caused.
    server_failures: u32,
    /// Its user was told of them.
    escalated: bool,
    /// Its waits are drawn.
    jitter: bool,
    /// When the wait at hand ends.
    until_ms: u64,
    /// So much earlier it may seem to end.
    slack_ms: u64,
}

impl Watch {
    fn follow(mut self, name: &str, device: &Device<'_>, out: &mut Findings) {
        for event in &device.timeline {
            match &event.what {
                What::Answer(message) if message.delivered => {
                    if let Some(wait_ms) = message.retry_after.map(granted_ms) {
                        self.silence = Some((event.at_ms + wait_ms, event.seq));
                        self.asked_ms = self.asked_ms.max(wait_ms);
                    }
                    let MessageKind::PushAnswer { results } = &message.kind else { continue };
                    let asked = results.iter().filter_map(|result| result.error.as_ref()?.retry_after);
                    self.asked_ms = asked.map(granted_ms).fold(self.asked_ms, u64::max);
                }
                What::Request(message) if message.kind != MessageKind::SignIn => {
                    if let Some((until_ms, seq)) = self.silence.take_if(|(until_ms, _)| event.at_ms < *until_ms) {
                        let expected = format!("{name} leaves the server alone until {until_ms} ms, as it asked");
                        out.violated(CHECK, expected, format!("it asks at {} ms", event.at_ms), &[seq, event.seq]);
                    }
                }
                What::LinkChanged { .. } | What::Restarted { .. } => (self.may_restart, self.unheard) = (true, true),
                _ => {
                    let Some(said) = device_event(event) else { continue };
                    self.device_event(name, said, (event.seq, event.at_ms), out);
                }
            }
        }
    }

    fn device_event(&mut self, name: &str, said: &DeviceEvent, (seq, at_ms): (u64, u64), out: &mut Findings) {
        match said {
            DeviceEvent::SyncEnded { outcome: SyncOutcome::Done } => {
                (self.succeeded, self.until_ms) = (true, 0);
                (self.server_failures, self.escalated) = (0, false);
            }
            DeviceEvent::Escalated { .. } => {
                if self.server_failures + 1 < ESCALATE_AFTER {
                    let expected = format!("{name} escalates after {ESCALATE_AFTER} failures of the server");
                    out.violated(CHECK, expected, format!("it does after {}", self.server_failures + 1), &[seq]);
                }
                if self.escalated {
                    let expected = format!("{name} escalates once, while the server keeps failing");
                    out.violated(CHECK, expected, "it does again", &[seq]);
                }
                self.escalated = true;
            }
            DeviceEvent::LoggedOut => (self.server_failures, self.escalated) = (0, false),
            DeviceEvent::SyncEnded { outcome: SyncOutcome::Failed { code: ErrorCode::AuthError, .. } } => {
                self.unpaused = self.unpaused.saturating_add(1);
            }
            DeviceEvent::Opened { .. } => {
                (self.may_restart, self.until_ms, self.silence) = (true, 0, None);
                (self.server_failures, self.escalated) = (0, false);
            }
            DeviceEvent::PhaseEnded { .. } => self.may_restart = true,
            DeviceEvent::SyncStarted { trigger: Trigger::Manual } => {
                // The user's own will counts more than the server's.
                (self.may_restart, self.silence) = (true, None);
            }
            DeviceEvent::SyncStarted { trigger: Trigger::Reconnect } => self.may_restart = true,
            // Everything pauses under one clock (decision k), but for the user, a reconnect and an app that comes back.
            DeviceEvent::SyncStarted {
                trigger: Trigger::Retry | Trigger::Critical | Trigger::Asked | Trigger::Periodic,
            } if at_ms + self.slack_ms < self.until_ms => {
                let expected = format!("{name} does not sync before {} ms, when its wait ends", self.until_ms);
                let events: Vec<u64> = self.last_seq.into_iter().chain([seq]).collect();
                out.violated(CHECK, expected, format!("it tries at {at_ms} ms"), &events);
            }
            DeviceEvent::Backoff { failures, wait_ms, table_ms, code } => {
                self.server_failures += u32::from(*code == ErrorCode::ServerError);
                if self.server_failures >= ESCALATE_AFTER && !self.escalated {
                    let expected = format!("{name} tells its user that the server keeps failing");
                    let happened = format!("it says nothing after {} failures", self.server_failures);
                    out.violated(CHECK, expected, happened, &[seq]);
                    self.escalated = true;
                }
                self.wait(name, (*failures, *wait_ms, *table_ms), (seq, at_ms), out);
            }
            _ => {}
        }
    }

    fn wait(&mut self, name: &str, said: (u32, u64, u64), (seq, at_ms): (u64, u64), out: &mut Findings) {
        let (failures, wait_ms, table_ms) = said;
        let events: Vec<u64> = self.last_seq.into_iter().chain([seq]).collect();
        let next = if self.succeeded { 1 } else { self.failures.saturating_add(1) };
        let counts = next..=next.saturating_add(self.unpaused);
        let anew = failures == 1 && self.may_restart;
        if !counts.contains(&failures) && !anew {
            let expected = format!("{name} counts {next} failures in a row");
            out.violated(CHECK, expected, format!("it counts {failures}"), &events);
        }
        let row = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        let table = TABLE_MS.get(row).or(TABLE_MS.last()).copied().unwrap_or_default();
        if table_ms != table {
            let expected = format!("after {failures} failures the table says {table} ms");
            out.violated(CHECK, expected, format!("{name} takes {table_ms} ms from it"), &events);
        }
        // What it draws above a floor is at most half of the longer of floor and table.
        let above = if self.jitter { table.max(self.asked_ms) / 2 } else { 0 };
        let most = table.max(self.asked_ms.saturating_add(above * u64::from(self.asked_ms > 0)));
        let least = if self.unheard { table / 2 } else { self.asked_ms.max(table / 2) };
        if !(least..=most).contains(&wait_ms) {
            let expected = format!("{name} waits from {least} to {most} ms after {failures} failures");
            out.violated(CHECK, expected, format!("it waits {wait_ms} ms"), &events);
        }
        let Self { silence, server_failures, escalated, jitter, slack_ms, .. } = *self;
        let kept = Self { silence, server_failures, escalated, jitter, slack_ms, ..Self::default() };
        *self = Self { failures, last_seq: Some(seq), until_ms: at_ms + wait_ms, ..kept };
    }
}
