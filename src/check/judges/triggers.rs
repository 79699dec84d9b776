//! Spec 5.1: each trigger starts a sync when its condition holds, and none starts one when it does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{
    Circumstance, DeviceEvent, Event, LinkState, MessageKind, OperationRecord, SyncOutcome, Trigger, What,
};
use crate::protocol::{OperationKind, Record};

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::verdict::Findings;

const CHECK: &str = "5.1 triggers";
/// What "at once" allows a device, in milliseconds.
const AT_ONCE_MS: u64 = 1_000;
/// What it allows one that was just let in, which has to write down who it is for and to register its key first.
const LET_IN_MS: u64 = 5_000;
/// Coming back is a reason to sync after more than this in the background, in milliseconds.
const AWAY_MS: u64 = 5 * 60 * 1_000;
/// A battery with fewer percent than this, and not charged, forbids the period.
const LOW_PERCENT: u8 = 20;

pub(in super::super) fn in_their_conditions(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        // A user without an engine is triggered by nothing.
        if device.timeline.iter().any(|event| device_event(event).is_some()) {
            Watch::of(name, device).follow(device, out);
        }
    }
}

/// A sync that must begin.
struct Owed {
    why: String,
    seq: u64,
    by_ms: u64,
}

/// One device, and what it has been told.
struct Watch<'c> {
    name: &'c str,
    every_ms: Option<u64>,
    /// The period of a device whose user has set none.
    as_it_came_ms: Option<u64>,
    signed_in: bool,
    /// It has got tokens, whatever became of it then.
    let_in: bool,
    /// Somebody was signed in when it was last closed.
    launched: bool,
    up: bool,
    /// The link was away since the last sync began.
    was_away: bool,
    background_ms: Option<u64>,
    returned: bool,
    percent: u8,
    charging: bool,
    data_saver: bool,
    running: bool,
    /// The last sync did not end well, so that its own wait, or the user, decides.
    troubled: bool,
    /// A critical change was set out on since the last sync began.
    critical: bool,
    /// Critical changes that no answer has met, with when they were acknowledged.
    urgent: BTreeMap<&'c str, u64>,
    /// All critical changes so far.
    pressing: BTreeSet<&'c str>,
    started: u64,
    /// Since when the next period counts, in milliseconds; `None` while nothing of the kind is due.
    period_ms: Option<u64>,
    owed: Vec<Owed>,
}

impl<'c> Watch<'c> {
    fn of(name: &'c str, device: &Device<'_>) -> Self {
        Self {
            name,
            every_ms: device.sync_every_ms,
            as_it_came_ms: device.sync_every_ms,
            signed_in: false,
            let_in: false,
            launched: false,
            up: true,
            was_away: false,
            background_ms: None,
            returned: false,
            percent: 100,
            charging: false,
            data_saver: false,
            running: false,
            troubled: false,
            critical: false,
            urgent: BTreeMap::new(),
            pressing: BTreeSet::new(),
            started: 0,
            period_ms: None,
            owed: Vec::new(),
        }
    }

    fn follow(mut self, device: &Device<'c>, out: &mut Findings) {
        for event in &device.timeline {
            self.overdue(event, out);
            match &event.what {
                What::Told { what, .. } => self.told(*what, event),
                What::SyncEvery { every_ms, .. } => {
                    self.every_ms = *every_ms;
                    self.period_ms = self.period_ms.map(|_| event.at_ms);
                }
                What::LinkChanged { state, .. } => self.link(*state, event.at_ms),
                What::Attempted { edit, .. } => self.critical |= is_critical(edit.action, &edit.fields),
                What::Acknowledged { operation, .. } => self.changed(operation, event),
                // What is put right is as critical as what it replaces.
                What::Device { event: DeviceEvent::Corrected { queue_id, .. }, .. } => {
                    self.critical |= self.pressing.contains(queue_id.as_str());
                }
                What::Device { event: DeviceEvent::Chosen(choice), .. } => {
                    let made = &choice.operation;
                    self.critical |= is_critical(made.operation, &made.payload);
                    self.changed(made, event);
                }
                What::Answer(message)
                    if message.delivered && message.kind == MessageKind::SignIn && message.status == 200 =>
                {
                    self.let_in = true;
                    self.owe_within(LET_IN_MS, "somebody signed in", event);
                }
                What::Answer(message) if message.delivered => {
                    let MessageKind::PushAnswer { results } = &message.kind else { continue };
                    self.urgent.retain(|id, _| results.iter().all(|result| result.queue_id != *id));
                }
                What::Crashed { .. } => {
                    (self.running, self.launched) = (false, false);
                    (self.background_ms, self.returned) = (None, false);
                    (self.percent, self.charging, self.data_saver) = (100, false, false);
                    self.period_ms = None;
                    self.owed.clear();
                    self.urgent.clear();
                }
                _ => {
                    if let Some(said) = device_event(event) {
                        self.says(said, event, out);
                    }
                }
            }
        }
    }

    fn told(&mut self, what: Circumstance, event: &Event) {
        let allowed = self.period_allowed();
        match what {
            Circumstance::Background => drop(self.background_ms.get_or_insert(event.at_ms)),
            Circumstance::Foreground => {
                let since = self.background_ms.take();
                if since.is_some_and(|since| event.at_ms - since > AWAY_MS) {
                    self.returned = true;
                    self.owe("it comes back after more than five minutes in the background", event);
                }
            }
            Circumstance::Battery { percent, charging } => (self.percent, self.charging) = (percent, charging),
            Circumstance::DataSaver { on } => self.data_saver = on,
            // It decides about files, and files alone.
            Circumstance::Network { .. } => {}
        }
        if !allowed && self.period_allowed() {
            // What was overdue may come now; from here on the period counts again.
            self.period_ms = self.period_ms.map(|since| since.max(event.at_ms));
        }
    }

    fn link(&mut self, state: LinkState, at_ms: u64) {
        self.up = state == LinkState::Up;
        self.was_away = true;
        self.owed.clear();
        self.period_ms = self.period_ms.map(|_| at_ms);
    }

    fn changed(&mut self, operation: &'c OperationRecord, event: &Event) {
        if is_critical(operation.operation, &operation.payload) {
            self.pressing.insert(&operation.queue_id);
            self.urgent.insert(&operation.queue_id, event.seq);
            // The sync may have begun before the user could be told that the change is safe.
            if self.critical {
                self.owe("a critical change was made", event);
            }
        }
    }

    fn owe(&mut self, why: &str, event: &Event) {
        self.owe_within(AT_ONCE_MS, why, event);
    }

    fn owe_within(&mut self, allowed_ms: u64, why: &str, event: &Event) {
        if self.up && (self.signed_in || self.let_in) && !self.troubled && !self.running {
            self.owed.push(Owed { why: why.to_owned(), seq: event.seq, by_ms: event.at_ms + allowed_ms });
        }
    }

    fn overdue(&mut self, event: &Event, out: &mut Findings) {
        let late = self.owed.iter().position(|owed| owed.by_ms < event.at_ms);
        if let Some(owed) = late.map(|late| self.owed.remove(late)) {
            let expected = format!("{} syncs at once, because {}", self.name, owed.why);
            out.violated(CHECK, expected, "it does not", &[owed.seq, event.seq]);
        }
        let (Some(every), Some(since)) = (self.every_ms, self.period_ms) else { return };
        let due = since + every + AT_ONCE_MS;
        if self.up && !self.running && !self.troubled && self.period_allowed() && due < event.at_ms {
            self.period_ms = None;
            let expected = format!("{} syncs every {every} ms, battery and network permitting", self.name);
            out.violated(CHECK, expected, format!("it has not since {since} ms"), &[event.seq]);
        }
    }

    fn period_allowed(&self) -> bool {
        (self.charging || self.percent >= LOW_PERCENT) && !(self.data_saver && self.background_ms.is_some())
    }

    fn says(&mut self, said: &DeviceEvent, event: &Event, out: &mut Findings) {
        match said {
            DeviceEvent::Opened { .. } => {
                (self.launched, self.critical, self.was_away) = (self.signed_in, false, true);
                self.troubled = false;
                if self.signed_in {
                    self.owe("the app was started", event);
                }
            }
            DeviceEvent::LoggedOut => {
                (self.signed_in, self.let_in, self.launched, self.period_ms) = (false, false, false, None);
                self.every_ms = self.as_it_came_ms;
                self.owed.clear();
            }
            // A choice on a conflict is a change, and may be as critical as any.
            DeviceEvent::Chosen(choice) => {
                self.critical |= is_critical(choice.operation.operation, &choice.operation.payload);
            }
            DeviceEvent::SyncStarted { trigger } => {
                self.permitted(*trigger, event, out);
                (self.running, self.signed_in, self.let_in) = (true, true, false);
                (self.returned, self.launched, self.critical, self.was_away) = (false, false, false, false);
                self.period_ms = Some(event.at_ms);
                self.owed.clear();
                self.started = event.seq;
            }
            DeviceEvent::SyncEnded { outcome } => {
                self.running = false;
                self.troubled = *outcome != SyncOutcome::Done;
                self.period_ms = self.period_ms.map(|since| since.max(event.at_ms));
                if self.urgent.values().any(|made| *made > self.started) && self.critical {
                    self.owe("a critical change was made while it synced", event);
                }
            }
            _ => {}
        }
    }

    fn permitted(&self, trigger: Trigger, event: &Event, out: &mut Findings) {
        let happened = match trigger {
            Trigger::Periodic if !self.period_allowed() => "battery or data saver forbid it",
            Trigger::Foreground if !self.returned => "it was not away for more than five minutes",
            Trigger::Launch if !self.launched && !self.let_in => "the app was not started, or nobody was signed in",
            Trigger::Critical if !self.critical => "no critical change was made",
            Trigger::Reconnect if !self.was_away && !self.troubled => "it was never offline",
            _ => return,
        };
        let expected = format!("{} does not sync by {trigger:?} without its condition", self.name);
        out.violated(CHECK, expected, happened, &[event.seq]);
    }
}

/// Status changes and emergencies (spec 5.1).
fn is_critical(kind: OperationKind, fields: &Record) -> bool {
    let says = |field: &str, value: &str| fields.get(field).is_some_and(|it| it == value);
    match kind {
        OperationKind::Create => says("type", "emergency") || says("priority", "critical"),
        OperationKind::Update => fields.contains_key("status"),
        OperationKind::Delete => false,
    }
}
