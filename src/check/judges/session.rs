//! I18, honest status: "synced" and "0 waiting" are shown only while they are true, at every instant. So for any other
//! number of changes, for the icons of orders and the lines of the queue view.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{
    Capability, ChangeLine, ChangeState, DeviceEvent, Event, Icon, MessageKind, Status, SyncOutcome, What,
};
use crate::protocol::ResultStatus;

use super::super::case::{Case, device_event};
use super::super::facts::Device;
use super::super::operation::refused_for_good;
use super::super::verdict::Findings;

const CHECK: &str = "I18 honest status";
/// How long a screen may take that shows nothing yet, in milliseconds.
const AT_ONCE_MS: u64 = 1_000;

pub(in super::super) fn honest_status(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        // A client of somebody else's may show no icons and no lines.
        let marks = !case.facts.lacks.contains(&Capability::Changes)
            && device.timeline.iter().any(|event| {
                matches!(device_event(event), Some(DeviceEvent::Marked { .. } | DeviceEvent::Opened { .. }))
            });
        Screen::blank(case, name, marks).watch(device, out);
    }
}

/// What the user sees, and what there is to see.
struct Screen<'c, 'a> {
    case: &'c Case<'a>,
    name: &'c str,
    /// Whether this device shows icons and lines.
    marks: bool,
    /// Changes that are not with the server, as far as the device knows: when they were made, and their orders.
    open: BTreeMap<&'c str, (u64, &'c str)>,
    /// The status line that says that all is done, if it does.
    done: Option<(u64, String)>,
    /// Orders that show anything but `synced`.
    unsynced: BTreeSet<&'c str>,
    lines: BTreeMap<&'c str, ChangeState>,
    /// What has left the queue otherwise than by plain success: its line says that it failed, and it does not wait.
    left: BTreeSet<&'c str>,
    /// The number of waiting changes that it shows, and where it began to.
    number: Option<(u64, u64)>,
    failed: Option<u64>,
    /// A sync went through for the user who is signed in.
    synced: bool,
    /// It said that it was opened, as those do that show something.
    opened: bool,
    /// Since when there is something to show, by event and time, of a screen that shows no status.
    empty: Option<(u64, u64)>,
}

impl<'c, 'a> Screen<'c, 'a> {
    fn blank(case: &'c Case<'a>, name: &'c str, marks: bool) -> Self {
        let (open, unsynced, lines, left) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        let (done, number, failed, empty, synced, opened) = (None, None, None, None, false, false);
        Self { case, name, marks, open, done, unsynced, lines, left, number, failed, synced, opened, empty }
    }

    fn watch(&mut self, device: &Device<'c>, out: &mut Findings) {
        for event in &device.timeline {
            self.judge_empty(event, out);
            match &event.what {
                What::Acknowledged { operation, .. } => {
                    let heard = self.case.facts.ops.find(&operation.queue_id).and_then(|op| op.settled());
                    if heard.is_none_or(|answer| answer.seq > event.seq) {
                        let order = self.case.facts.ops.resolve(&operation.entity_id);
                        self.open.insert(&operation.queue_id, (event.seq, order));
                        self.judge(event, out);
                        self.shall_show(event);
                    }
                }
                What::Answer(message) if message.delivered => {
                    let MessageKind::PushAnswer { results } = &message.kind else { continue };
                    for result in results.iter().filter(|r| r.status != ResultStatus::Error || refused_for_good(r)) {
                        self.open.remove(result.queue_id.as_str());
                    }
                }
                What::Crashed { .. } => {
                    (self.done, self.number, self.empty) = (None, None, None);
                    self.unsynced.clear();
                    self.lines.clear();
                }
                _ => {
                    if let Some(said) = device_event(event) {
                        self.hear(event, said, out);
                    }
                }
            }
        }
    }

    fn hear(&mut self, event: &'c Event, said: &'c DeviceEvent, out: &mut Findings) {
        match said {
            DeviceEvent::Chosen(choice) => {
                let order = self.case.facts.ops.resolve(&choice.operation.entity_id);
                self.open.insert(&choice.operation.queue_id, (event.seq, order));
                self.judge(event, out);
            }
            DeviceEvent::Undone { queue_id } => {
                self.leaves(queue_id);
                self.lines.remove(queue_id.as_str());
            }
            DeviceEvent::Noticed(notice) => drop(self.open.remove(notice.queue_id.as_str())),
            DeviceEvent::Rescued(rescued) => self.leaves(&rescued.queue_id),
            DeviceEvent::Corrected { queue_id, .. } => drop(self.left.insert(queue_id)),
            DeviceEvent::Conflict(record) => drop(self.left.insert(&record.queue_id)),
            // What the user gives up by that does not wait any more; whether they were asked, the ledger knows.
            DeviceEvent::LoggedOut => {
                self.open.clear();
                self.unsynced.clear();
                self.lines.clear();
                (self.done, self.number, self.failed, self.empty) = (None, None, None, None);
                self.synced = false;
            }
            DeviceEvent::SyncEnded { outcome } => {
                self.failed = matches!(outcome, SyncOutcome::Failed { .. }).then_some(event.seq);
                self.synced |= *outcome == SyncOutcome::Done;
                self.shall_show(event);
            }
            DeviceEvent::Opened { .. } => (self.failed, self.opened) = (None, true),
            DeviceEvent::Marked { changes, icons } => {
                self.lines.extend(changes.iter().map(|line: &ChangeLine| (line.queue_id.as_str(), line.state)));
                let order = |id: &'c String| self.case.facts.ops.resolve(id);
                let (synced, other): (Vec<_>, Vec<_>) = icons.iter().partition(|(_, icon)| **icon == Icon::Synced);
                let synced: Vec<&str> = synced.into_iter().map(|(id, _)| order(id)).collect();
                let other: Vec<&str> = other.into_iter().map(|(id, _)| order(id)).collect();
                // An order that got its real id says goodbye under the old one.
                self.unsynced.retain(|id| !synced.contains(id));
                self.unsynced.extend(other);
                self.judge_marks(event, out);
            }
            DeviceEvent::Shown { status, queued, synced_ago_ms, .. } => {
                if synced_ago_ms.is_some() && !self.synced {
                    let expected = format!("{} names no last sync before its user's first", self.name);
                    out.violated(CHECK, expected, format!("{status:?} names one"), &[event.seq]);
                }
                let done = *status == Status::Synced || (*queued == 0 && *status != Status::Syncing);
                self.done = done.then(|| (event.seq, format!("{status:?} with {queued} waiting")));
                if let Some(failed) = self.failed.filter(|_| *status == Status::Synced) {
                    let expected = format!("{} does not say that it synced when it could not", self.name);
                    out.violated(CHECK, expected, "it says so after a sync that failed", &[failed, event.seq]);
                }
                self.number = Some((event.seq, *queued));
                self.judge_line(event, out);
                self.judge_number(event, *queued, out);
            }
            _ => {}
        }
    }

    /// A status is to be seen from now on.
    fn shall_show(&mut self, event: &Event) {
        if self.opened && self.number.is_none() {
            self.empty.get_or_insert((event.seq, event.at_ms));
        }
    }

    fn judge_empty(&mut self, event: &Event, out: &mut Findings) {
        if self.number.is_none()
            && let Some((since, _)) = self.empty.take_if(|(_, at_ms)| *at_ms + AT_ONCE_MS < event.at_ms)
        {
            let expected = format!("{} shows its user how things stand", self.name);
            out.violated(CHECK, expected, "it shows no status at all", &[since, event.seq]);
        }
    }

    fn leaves(&mut self, queue_id: &'c str) {
        self.open.remove(queue_id);
        self.left.insert(queue_id);
    }

    /// Something new is to be shown: it must be by now.
    fn judge(&self, event: &Event, out: &mut Findings) {
        self.judge_line(event, out);
        self.judge_marks(event, out);
    }

    fn judge_line(&self, event: &Event, out: &mut Findings) {
        if let (Some((shown, text)), Some((oldest, _))) = (&self.done, self.open.values().min()) {
            let expected = format!("{} says that {} changes wait", self.name, self.open.len());
            out.violated(CHECK, expected, format!("it shows {text}"), &[*oldest, *shown, event.seq]);
        } else if let (Some((shown, number)), Some((oldest, _))) = (self.number, self.open.values().min())
            && number < self.open.len() as u64
        {
            let expected = format!("{} says that {} changes wait, or more", self.name, self.open.len());
            out.violated(CHECK, expected, format!("it says {number}"), &[*oldest, shown, event.seq]);
        }
    }

    /// As many wait as its own queue view lists. What was answered and is listed still may be on its way to the device.
    fn judge_number(&self, event: &Event, number: u64, out: &mut Findings) {
        let listed = self.lines.iter().filter(|(queue_id, state)| match state {
            ChangeState::Queued | ChangeState::Syncing => true,
            ChangeState::Failed { .. } => !self.left.contains(*queue_id),
            ChangeState::Synced | ChangeState::Rescued => false,
        });
        let listed = listed.count() as u64;
        if self.marks && number != listed {
            let expected = format!("{} says that {listed} changes wait, as its queue view does", self.name);
            out.violated(CHECK, expected, format!("it says {number}"), &[event.seq]);
        }
    }

    fn judge_marks(&self, event: &Event, out: &mut Findings) {
        if !self.marks {
            return;
        }
        for (queue_id, (made, order)) in &self.open {
            let happened = match self.lines.get(queue_id) {
                Some(ChangeState::Queued | ChangeState::Syncing | ChangeState::Failed { .. }) => {
                    if self.unsynced.contains(order) {
                        continue;
                    }
                    "its icon says synced".to_owned()
                }
                Some(state) => format!("the queue view says {state:?}"),
                None => "the queue view does not have it".to_owned(),
            };
            let expected = format!("{} shows that its change of {order} is not with the server", self.name);
            out.violated(CHECK, expected, happened, &[*made, event.seq]);
        }
    }
}

/// A device stops waiting for an operation only when it has heard what became of it.
pub(in super::super) fn nothing_forgotten(case: &Case<'_>, out: &mut Findings) {
    for op in &case.facts.ops.all {
        let (Some((acknowledged, _)), Some(held)) = (op.acknowledged, case.held.get(op.device)) else { continue };
        let known = held.queue.contains_key(op.queue_id)
            || held.rescued.contains(op.queue_id)
            || held.told.contains(op.queue_id)
            || held.undone.contains(op.queue_id)
            || held.discarded(op)
            || op.settled().is_some();
        if !known {
            let expected = format!("{} waits in the queue until its answer reaches {}", op.describe(), op.device);
            let events: Vec<u64> =
                [acknowledged].into_iter().chain(op.answers.last().map(|answer| answer.seq)).collect();
            out.violated(
                CHECK,
                expected,
                "no answer reached the device, and it does not hold the operation any more",
                &events,
            );
        }
    }
}
