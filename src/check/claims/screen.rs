//! Claims on what the screen shows, in the end and in the middle of the story, and on when a change was known to be
//! with the server.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::Span;
use crate::history::{ChangeState, DeviceEvent, DeviceState, Icon, Status, What};
use crate::protocol::ErrorCode;

use super::super::case::device_event;
use super::super::screen::{AckedClaim, ChangeWord, ShownClaim, StatusWord};
use super::super::verdict::{Class, Findings};
use super::{Names, states, word};

const MINUTE_MS: u64 = 60_000;

pub(super) fn shown(names: Names<'_, '_>, claim: &ShownClaim, out: &mut Findings) {
    let Some((seq, state)) = names.state(&claim.device) else {
        return out.violated("shown", format!("{} shows something in the end", claim.device), "it was never read", &[]);
    };
    Screen { check: "shown", names, seq, state, claim }.judge(out);
}

pub(super) fn look(names: Names<'_, '_>, step: usize, claim: &ShownClaim, out: &mut Findings) {
    let looked = names.case.facts.looks.iter().find(|look| look.step == step);
    match looked {
        Some(look) => Screen { check: "look", names, seq: look.seq, state: look.state, claim }.judge(out),
        None => {
            let expected = format!("one can look at {} in step {}", claim.device, step + 1);
            out.add(Class::Vacuous, "look", expected, "it showed nothing", &[]);
        }
    }
}

/// One look at a device's screen.
struct Screen<'c, 'n, 'a> {
    check: &'static str,
    names: Names<'n, 'a>,
    seq: u64,
    state: &'c DeviceState,
    claim: &'c ShownClaim,
}

impl<'n> Screen<'n, 'n, '_> {
    fn judge(&self, out: &mut Findings) {
        let (claim, device) = (self.claim, &self.claim.device);
        if let Some(wanted) = claim.status {
            let is = self.state.status.as_ref().map(status_word);
            self.compare(format!("the status of {device}"), Some(wanted), is, out);
        }
        if let Some(wanted) = claim.queued {
            let waits = |state| !matches!(state, ChangeState::Synced | ChangeState::Rescued);
            let lost = ChangeState::Failed { code: ErrorCode::VersionConflict };
            let queued = self.state.changes.iter().filter(|line| waits(line.state) && line.state != lost).count();
            self.compare(format!("changes that wait on {device}"), wanted, queued as u64, out);
        }
        let progress = self.state.progress;
        if let Some(wanted) = claim.done {
            let is = progress.map(|progress| progress.done);
            self.compare(format!("changes that the sync of {device} is through with"), Some(wanted), is, out);
        }
        if let Some(wanted) = claim.of {
            let is = progress.map(|progress| progress.of);
            self.compare(format!("changes in the sync of {device}"), Some(wanted), is, out);
        }
        if let Some(wanted) = claim.orders {
            self.compare(format!("orders on {device}"), wanted, self.state.work_orders.len() as u64, out);
        }
        for (wanted, small, what) in [(claim.thumbnails, true, "thumbnails"), (claim.files, false, "whole files")] {
            let Some(wanted) = wanted else { continue };
            let is = self.state.files.iter().filter(|file| file.thumbnail == small).count() as u64;
            self.compare(format!("{what} on {device}"), wanted, is, out);
        }
        if let Some(wanted) = claim.synced_ago {
            let is = self.state.synced_ago_ms.map(|ms| ago(ms).to_string());
            let wanted = ago(wanted.millis()).to_string();
            self.compare(format!("how long ago {device} says it synced"), Some(wanted), is, out);
        }
        if let Some(gone) = &claim.lacks
            && self.row(gone).is_some()
        {
            out.violated(self.check, format!("{device} shows no {gone}"), "it shows it", &[self.seq]);
        }
        match &claim.order {
            Some(order) => self.judge_order(order, out),
            None => self.judge_code(self.state.status.as_ref().and_then(failure), out),
        }
    }

    fn judge_order(&self, order: &'n str, out: &mut Findings) {
        let (claim, device) = (self.claim, &self.claim.device);
        if let Some(wanted) = claim.icon {
            let there = self.row(order).is_some();
            let own = self.state.icons.iter().find(|(id, _)| self.names.same_order(id, order)).map(|(_, icon)| *icon);
            let is = own.or_else(|| there.then_some(Icon::Synced));
            self.compare(format!("the icon of {order} on {device}"), Some(wanted), is, out);
        }
        let line = self.state.changes.iter().rev().find(|line| self.names.same_order(&line.entity_id, order));
        if let Some(wanted) = claim.change {
            let is = line.map(|line| change_word(line.state));
            self.compare(format!("the change of {order} in the queue of {device}"), Some(wanted), is, out);
        }
        self.judge_code(line.and_then(|line| code(line.state)), out);
        if let Some(has) = &claim.has {
            let has = self.names.named(has);
            states::holds(self.check, device, order, self.row(order), &has, Some(self.seq), out);
        }
    }

    fn judge_code(&self, is: Option<ErrorCode>, out: &mut Findings) {
        if let Some(wanted) = self.claim.code {
            self.compare(format!("why it failed on {}", self.claim.device), Some(wanted), is, out);
        }
    }

    fn row(&self, order: &'n str) -> Option<&crate::protocol::Record> {
        let found = self.state.work_orders.iter().find(|(id, _)| self.names.same_order(id, order));
        found.map(|(_, row)| row)
    }

    fn compare<T: PartialEq + Serialize>(&self, what: String, wanted: T, is: T, out: &mut Findings) {
        if wanted != is {
            out.violated(self.check, format!("{what}: {}", word(&wanted)), format!("it is {}", word(&is)), &[self.seq]);
        }
    }
}

/// As a person is told it.
fn ago(ms: u64) -> Span {
    let unit = if ms < MINUTE_MS { 1_000 } else { MINUTE_MS };
    Span::from_millis(ms / unit * unit)
}

fn status_word(status: &Status) -> StatusWord {
    match status {
        Status::Synced => StatusWord::Synced,
        Status::Queued => StatusWord::Queued,
        Status::Syncing => StatusWord::Syncing,
        Status::Offline => StatusWord::Offline,
        Status::Failed { .. } => StatusWord::Failed,
    }
}

fn failure(status: &Status) -> Option<ErrorCode> {
    if let Status::Failed { code, .. } = status { Some(*code) } else { None }
}

fn change_word(state: ChangeState) -> ChangeWord {
    match state {
        ChangeState::Queued => ChangeWord::Queued,
        ChangeState::Syncing => ChangeWord::Syncing,
        ChangeState::Synced => ChangeWord::Synced,
        ChangeState::Failed { .. } => ChangeWord::Failed,
        ChangeState::Rescued => ChangeWord::Rescued,
    }
}

fn code(state: ChangeState) -> Option<ErrorCode> {
    if let ChangeState::Failed { code } = state { Some(code) } else { None }
}

/// From the user's change to the moment at which the device could show it as synced.
pub(super) fn acked(names: Names<'_, '_>, claim: &AckedClaim, out: &mut Findings) {
    let mut open: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut made = false;
    let timeline = names.case.facts.devices.get(claim.device.as_str()).map(|device| device.timeline.as_slice());
    let bound = claim.at_most.millis();
    let mut late = |from: (u64, u64), seq: u64, took: Option<u64>| {
        let expected =
            format!("{} knows within {} that its change of {} arrived", claim.device, claim.at_most, claim.order);
        let happened =
            took.map_or_else(|| "it never did".to_owned(), |ms| format!("it took {}", Span::from_millis(ms)));
        out.add(Class::Missed, "acked", expected, happened, &[from.0, seq]);
    };
    for event in timeline.unwrap_or_default() {
        if let What::Acknowledged { operation, .. } = &event.what
            && names.same_order(&operation.entity_id, &claim.order)
        {
            made = true;
            open.insert(&operation.queue_id, (event.seq, event.at_ms));
        }
        let Some(DeviceEvent::Marked { changes, .. }) = device_event(event) else { continue };
        for line in changes.iter().filter(|line| line.state == ChangeState::Synced) {
            let Some(from) = open.remove(line.queue_id.as_str()) else { continue };
            let took = event.at_ms - from.1;
            if took > bound {
                late(from, event.seq, Some(took));
            }
        }
    }
    for from in open.into_values() {
        late(from, from.0, None);
    }
    if !made {
        let expected = format!("{} changes {}", claim.device, claim.order);
        out.add(Class::Vacuous, "acked", expected, "it never does", &[]);
    }
}
