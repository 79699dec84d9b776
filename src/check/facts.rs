//! The facts: one pass over the history, indexed for the judges. Holds what was seen and judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{
    Capability, DeviceState, Edit, Event, Fault, History, MessageKind, Side, StepOutcome, Tls, Wait, What,
};
use crate::protocol::{ConflictRecord, DeadLetter, Profile, Record};

use super::naming::Naming;
use super::operation::{Op, Ops};
use super::sync::{Stretch, Sync, syncs};

/// Work orders, in the history's spelling of kinds.
pub(super) const WORK_ORDERS: &str = "work-orders";
/// Assets.
pub(super) const ASSETS: &str = "assets";
/// Inventory rows.
pub(super) const INVENTORY: &str = "inventory";

/// In real time a device's words reach the recorder late where the machine is busy, by no more than this.
const REAL_TIME_SLACK_MS: u64 = 250;

/// A record with the position of the event that shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) seq: u64,
    pub(super) record: &'a Record,
}

/// Records by kind and id.
pub(super) type Records<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Seen<'a>>>;

/// What the server gives a user on a full pull at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) seq: u64,
    pub(super) at_ms: u64,
    pub(super) work_orders: &'a [String],
    pub(super) assets: &'a [String],
    pub(super) inventory: &'a [String],
}

/// A side of a conflict that a user chose, now or for later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) seq: u64,
    /// The record; all when `None`.
    pub(super) entity: Option<&'a str>,
    /// The field; all that wait when `None`.
    pub(super) field: Option<&'a str>,
    /// `None`: a saved choice was forgotten.
    pub(super) side: Option<Side>,
    /// Whether it was saved for later.
    pub(super) saved: bool,
}

/// What a device showed in the middle of the story.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) seq: u64,
    pub(super) step: usize,
    pub(super) state: &'a DeviceState,
}

/// All that concerns one device (or one user who works without an engine).
#[derive(Debug, Default)]
pub(super) struct Device<'a> {
    /// Its events, in order.
    pub(super) timeline: Vec<&'a Event>,
    /// Its state at the end, with the event's position; `None` for a user without an engine.
    pub(super) state: Option<(u64, &'a DeviceState)>,
    /// Whether its waits are drawn.
    pub(super) jitter: bool,
    /// How often it syncs by itself, in milliseconds.
    pub(super) sync_every_ms: Option<u64>,
    /// What its user set out to do.
    pub(super) attempts: Vec<(u64, &'a Edit)>,
    /// What its user chose on conflicts, and saved for later ones.
    pub(super) choices: Vec<Chosen<'a>>,
    /// Its syncs, in order.
    pub(super) syncs: Vec<Sync>,
    /// Whose it was at the start.
    first_user: Option<&'a str>,
    /// Who signed in on it in the course of the story, and when.
    sign_ins: Vec<(u64, &'a str)>,
}

impl<'a> Device<'a> {
    /// Whether it has an engine of its own: the office has none.
    pub(super) fn is_a_client(&self) -> bool {
        self.first_user.is_some() || self.timeline.iter().any(|event| matches!(event.what, What::Device { .. }))
    }

    /// Its events in a stretch, both ends included.
    pub(super) fn within(&self, stretch: &Stretch) -> &[&'a Event] {
        let from = self.timeline.partition_point(|event| event.seq < stretch.from_seq);
        let to = self.timeline.partition_point(|event| event.seq <= stretch.last_seq());
        &self.timeline[from..to]
    }
}

/// How the run ended.
#[derive(Debug, Default)]
pub(super) struct Ending<'a> {
    pub(super) healed: Option<u64>,
    pub(super) settled: Option<u64>,
    pub(super) waits: Option<(u64, &'a [Wait])>,
    pub(super) interrupted: Option<u64>,
    pub(super) frozen: Option<u64>,
    /// A client that does not keep to the protocol, and in which way.
    pub(super) broke: Option<(u64, &'a str, &'a str)>,
    pub(super) ended: bool,
    pub(super) last_seq: u64,
}

impl Ending<'_> {
    /// Everything came to rest, and nobody was found waiting after that.
    pub(super) fn at_rest(&self) -> bool {
        self.settled.is_some() && self.waits.is_none()
    }
}

/// The indexed history.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    /// What lies between devices and server; `None` when the run never began.
    pub(super) tls: Option<Tls>,
    /// How far apart a device and the recorder may see one instant, in milliseconds: not at all in virtual time.
    pub(super) slack_ms: u64,
    /// The wall time at the start.
    pub(super) epoch: Option<&'a str>,
    pub(super) users: BTreeMap<&'a str, &'a Profile>,
    pub(super) seeds: Records<'a>,
    pub(super) server: Records<'a>,
    pub(super) views: BTreeMap<&'a str, View<'a>>,
    pub(super) devices: BTreeMap<&'a str, Device<'a>>,
    pub(super) ops: Ops<'a>,
    /// What operations name by temporary ids.
    pub(super) naming: Naming,
    /// Files on the server at the end: when they were read, how many bytes, with which hash.
    pub(super) server_files: BTreeMap<&'a str, (u64, u64, &'a str)>,
    /// Bytes and hash of their thumbnails, of those that a device shows.
    pub(super) server_thumbnails: BTreeMap<&'a str, (u64, &'a str)>,
    /// The server's audit of conflicts at the end.
    pub(super) audited: Vec<(u64, &'a ConflictRecord)>,
    /// Updates that came too late, as the server keeps them, each with its event.
    pub(super) dead_letters: Vec<(u64, &'a DeadLetter)>,
    /// When they were read; `None` when nobody did.
    pub(super) dead_letters_read_ms: Option<u64>,
    pub(super) armed: BTreeMap<u64, &'a Event>,
    /// Crashes that were to happen and have not, by device.
    pub(super) owed: BTreeMap<&'a str, &'a Event>,
    /// When the server went and came back.
    pub(super) server_changes: Vec<&'a Event>,
    /// The `look` steps that were done, in order.
    pub(super) looks: Vec<Look<'a>>,
    /// What users picked to sync: at each answer, by which device, all that they had picked then.
    picks: Vec<(u64, u64, &'a str, &'a [String])>,
    /// Steps that could not be done, with the reason.
    pub(super) impossible: Vec<(u64, &'a str)>,
    /// When each connection was opened.
    pub(super) connections: BTreeMap<u64, u64>,
    /// The fields of work orders that are sealed.
    pub(super) sealed: &'a [String],
    /// When the server's database was searched, and how many bytes there were.
    pub(super) server_searched: Option<(u64, u64)>,
    /// When all that passed the proxy was searched.
    pub(super) wire_searched: Option<u64>,
    /// What clients of the team's cannot do or tell.
    pub(super) lacks: BTreeSet<Capability>,
    pub(super) ending: Ending<'a>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut facts = Self::default();
        for event in &history.0 {
            facts.ending.last_seq = event.seq;
            if let Some(device) = device_of(&event.what) {
                facts.devices.entry(device).or_default().timeline.push(event);
            }
            facts.ops.note(event);
            if let What::Answer(message) = &event.what
                && let MessageKind::SelectionAnswer { picked } = &message.kind
            {
                facts.picks.push((event.seq, event.at_ms, &message.device, picked));
            }
            facts.note(event);
        }
        for device in facts.devices.values_mut() {
            device.syncs = syncs(&device.timeline);
        }
        facts.adopt_unanswered_creates();
        facts
    }

    fn chosen(&mut self, device: &'a str, chosen: Chosen<'a>) {
        self.devices.entry(device).or_default().choices.push(chosen);
    }

    fn read_letters(&mut self, event: &'a Event, letters: &'a [DeadLetter]) {
        self.dead_letters.extend(letters.iter().map(|letter| (event.seq, letter)));
        self.dead_letters_read_ms = Some(event.at_ms);
    }

    /// A message is spoilt as its fault strikes; a crash is yet to come.
    fn struck(&mut self, fault: u64) {
        let Some(event) = self.armed.remove(&fault) else { return };
        if let What::FaultArmed { device, fault: Fault::Crash, .. } = &event.what {
            self.owed.insert(device, event);
        }
    }

    fn cut_short(&mut self, event: &'a Event) {
        let how = if event.what == What::Interrupted { &mut self.ending.interrupted } else { &mut self.ending.frozen };
        *how = Some(event.seq);
    }

    fn note_client(&mut self, event: &'a Event) {
        match &event.what {
            What::Lacks { capabilities, .. } => self.lacks.extend(capabilities),
            What::Broke { device, why } => self.ending.broke = self.ending.broke.or(Some((event.seq, device, why))),
            _ => {}
        }
    }

    fn ends(&mut self, device: &'a str, state: (u64, &'a DeviceState)) {
        self.devices.entry(device).or_default().state = Some(state);
    }

    fn note_file(&mut self, event: &'a Event) {
        if let What::ServerFile { attachment_id, bytes, sha256, thumbnail } = &event.what {
            self.server_files.insert(attachment_id, (event.seq, *bytes, sha256));
            let small = thumbnail.as_ref().map(|(bytes, sha256)| (attachment_id.as_str(), (*bytes, sha256.as_str())));
            self.server_thumbnails.extend(small);
        }
    }

    fn note_search(&mut self, event: &'a Event) {
        match &event.what {
            What::ServerSearched { bytes } => self.server_searched = Some((event.seq, *bytes)),
            _ => self.wire_searched = Some(event.seq),
        }
    }

    fn begun(&mut self, tls: Tls, (world, epoch): (&str, &'a str), sealed: &'a [String]) {
        self.epoch = Some(epoch);
        self.sealed = sealed;
        self.tls = Some(tls);
        self.slack_ms = if world == "live" { REAL_TIME_SLACK_MS } else { 0 };
    }

    fn note(&mut self, event: &'a Event) {
        let seq = event.seq;
        match &event.what {
            What::UserSeeded { profile } => drop(self.users.insert(&profile.user_id, profile)),
            What::DeviceAdded { device, user, jitter, sync_every_ms, .. } => {
                let added = self.devices.entry(device).or_default();
                (added.first_user, added.jitter, added.sync_every_ms) = (Some(user.as_str()), *jitter, *sync_every_ms);
            }
            What::SignedIn { device, user } => self.devices.entry(device).or_default().sign_ins.push((seq, user)),
            What::RecordSeeded { kind, record } => note_record(&mut self.seeds, kind, seq, record),
            What::ServerRecord { kind, record } => note_record(&mut self.server, kind, seq, record),
            What::DeviceState { device, state } => self.ends(device, (seq, state)),
            What::ServerFile { .. } => self.note_file(event),
            What::DeadLetters { letters } => self.read_letters(event, letters),
            What::UserView { user_id, work_orders, assets, inventory } => {
                self.views.insert(user_id, View { seq, at_ms: event.at_ms, work_orders, assets, inventory });
            }
            What::Attempted { device, edit } => self.devices.entry(device).or_default().attempts.push((seq, edit)),
            What::Choosing { device, entity_id, field, with } => {
                let (entity, field) = (Some(entity_id.as_str()), field.as_deref());
                self.chosen(device, Chosen { seq, entity, field, side: Some(*with), saved: false });
            }
            What::Preferring { device, entity_id, field, with } => {
                let (entity, field) = (entity_id.as_deref(), Some(field.as_str()));
                self.chosen(device, Chosen { seq, entity, field, side: *with, saved: true });
            }
            What::ServerConflict { record } => self.audited.push((seq, record)),
            What::FaultArmed { id, .. } => drop(self.armed.insert(*id, event)),
            What::FaultFired { id, .. } => self.struck(*id),
            What::Crashed { device, .. } => drop(self.owed.remove(device.as_str())),
            What::StepEnded { outcome: StepOutcome::Impossible { detail }, .. } => self.impossible.push((seq, detail)),
            What::Looked { step, state, .. } => self.looks.push(Look { seq, step: *step, state }),
            What::ConnectionOpened { connection, .. } => drop(self.connections.insert(*connection, seq)),
            What::WireSearched { .. } | What::ServerSearched { .. } => self.note_search(event),
            What::Healed => self.ending.healed = Some(seq),
            What::Settled => self.ending.settled = Some(seq),
            What::NotSettled { waits } => self.ending.waits = Some((seq, waits)),
            What::ServerChanged { .. } => self.server_changes.push(event),
            What::Interrupted | What::Frozen { .. } => self.cut_short(event),
            What::Lacks { .. } | What::Broke { .. } => self.note_client(event),
            What::RunEnded => self.ending.ended = true,
            What::RunStarted { tls, world, sealed, epoch, .. } => self.begun(*tls, (world, epoch), sealed),
            What::StepStarted { .. }
            | What::StepEnded { .. }
            | What::Acknowledged { .. }
            | What::Refused { .. }
            | What::Warned { .. }
            | What::Opening { .. }
            | What::Captured { .. }
            | What::FileSettings { .. }
            | What::FilesLost { .. }
            | What::SyncEvery { .. }
            | What::Read { .. }
            | What::Told { .. }
            | What::Tampered { .. }
            | What::DiskSearched { .. }
            | What::DiskUsed { .. }
            | What::Sighted { .. }
            | What::Guarded { .. }
            | What::Device { .. }
            | What::LinkChanged { .. }
            | What::Decided { .. }
            | What::ConnectionClosed { .. }
            | What::Secured { .. }
            | What::HandshakeFailed { .. }
            | What::Request(_)
            | What::Answer(_)
            | What::Restarted { .. } => {}
        }
    }

    /// A create whose answer nobody saw may have been applied: the server's record of its `_localId`, or else one
    /// that nobody else made and that has its fields, is then its.
    fn adopt_unanswered_creates(&mut self) {
        let Some(orders) = self.server.get(WORK_ORDERS) else { return };
        let seeds = self.seeds.get(WORK_ORDERS);
        let made = self.ops.created_ids();
        let mut orphans: Vec<(&str, &Record)> = orders
            .iter()
            .filter(|(id, _)| !made.contains(*id) && seeds.is_none_or(|seeds| !seeds.contains_key(*id)))
            .map(|(id, seen)| (*id, seen.record))
            .collect();
        for index in self.ops.unanswered_creates() {
            let op = &self.ops.all[index];
            let Some(at) = orphans.iter().position(|(_, record)| made_by(record, op)) else { continue };
            let (id, _) = orphans.swap_remove(at);
            let entity = op.entity;
            self.ops.adopt(entity, id);
        }
    }

    /// The user at a device: the one signed in at the end, else one of the same name (a user without an engine).
    pub(super) fn user_of(&self, device: &str) -> Option<&'a str> {
        let signed_in = self.devices.get(device).and_then(|found| found.state?.1.user_id.as_deref());
        signed_in.or_else(|| self.users.get_key_value(device).map(|(id, _)| *id))
    }

    /// The user at a device at a moment: several may have used it.
    pub(super) fn user_at(&self, device: &str, seq: u64) -> Option<&'a str> {
        match self.devices.get(device) {
            Some(found) if !found.sign_ins.is_empty() => {
                let last = found.sign_ins.iter().rev().find(|(since, _)| *since <= seq);
                last.map(|(_, user)| *user).or(found.first_user)
            }
            _ => self.user_of(device),
        }
    }

    /// Since when `user` has picked the order `id`, as of a time; `None` when they have not.
    pub(super) fn picked_since(&self, user: &str, id: &str, at_ms: u64) -> Option<u64> {
        let own =
            self.picks.iter().filter(|(seq, at, device, _)| *at <= at_ms && self.user_at(device, *seq) == Some(user));
        own.fold(None, |since, (_, at, _, picked)| picked.iter().any(|it| it == id).then(|| since.unwrap_or(*at)))
    }

    /// Whether `user` ever picked the order `id`.
    pub(super) fn ever_picked(&self, user: &str, id: &str) -> bool {
        self.picks.iter().any(|(seq, _, device, picked)| {
            picked.iter().any(|it| it == id) && self.user_at(device, *seq) == Some(user)
        })
    }

    /// The role of the user at a device at a moment.
    pub(super) fn role_at(&self, device: &str, seq: u64) -> Option<&'a str> {
        Some(self.users.get(self.user_at(device, seq)?)?.role.as_str())
    }

    /// The seeded records of a kind.
    pub(super) fn seeded(&self, kind: &str) -> impl Iterator<Item = (&'a str, Seen<'a>)> + '_ {
        self.seeds.get(kind).into_iter().flatten().map(|(id, seen)| (*id, *seen))
    }

    /// The server's records of a kind at the end.
    pub(super) fn final_records(&self, kind: &str) -> impl Iterator<Item = (&'a str, Seen<'a>)> + '_ {
        self.server.get(kind).into_iter().flatten().map(|(id, seen)| (*id, *seen))
    }

    /// One work order on the server at the end.
    pub(super) fn final_order(&self, id: &str) -> Option<Seen<'a>> {
        self.server.get(WORK_ORDERS)?.get(id).copied()
    }
}

fn made_by(record: &Record, op: &Op<'_>) -> bool {
    match (record.get("_localId"), op.payload.get("_localId")) {
        (Some(theirs), Some(mine)) if !theirs.is_null() => theirs == mine,
        _ => op
            .payload
            .iter()
            .filter(|(field, _)| !field.starts_with('_'))
            .all(|(f, value)| record.get(f) == Some(value)),
    }
}

fn note_record<'a>(records: &mut Records<'a>, kind: &'a str, seq: u64, record: &'a Record) {
    if let Some(id) = record.get(id_field(kind)).and_then(serde_json::Value::as_str) {
        records.entry(kind).or_default().insert(id, Seen { seq, record });
    }
}

fn id_field(kind: &str) -> &'static str {
    match kind {
        ASSETS => "assetId",
        INVENTORY => "partId",
        _ => "workOrderId",
    }
}

/// Whom an event concerns.
fn device_of(what: &What) -> Option<&str> {
    match what {
        What::Attempted { device, .. }
        | What::Captured { device, .. }
        | What::FileSettings { device, .. }
        | What::FilesLost { device }
        | What::Opening { device, .. }
        | What::SyncEvery { device, .. }
        | What::Choosing { device, .. }
        | What::Preferring { device, .. }
        | What::Acknowledged { device, .. }
        | What::Refused { device, .. }
        | What::Warned { device, .. }
        | What::SignedIn { device, .. }
        | What::Read { device, .. }
        | What::Told { device, .. }
        | What::Looked { device, .. }
        | What::Tampered { device, .. }
        | What::DiskSearched { device, .. }
        | What::Sighted { device, .. }
        | What::Guarded { device, .. }
        | What::Device { device, .. }
        | What::LinkChanged { device, .. }
        | What::Decided { device, .. }
        | What::Crashed { device, .. }
        | What::Lacks { device, .. }
        | What::Broke { device, .. }
        | What::Secured { device, .. }
        | What::HandshakeFailed { device, .. }
        | What::Restarted { device } => Some(device),
        What::Request(message) | What::Answer(message) => Some(&message.device),
        What::RunStarted { .. }
        | What::UserSeeded { .. }
        | What::DeviceAdded { .. }
        | What::RecordSeeded { .. }
        | What::StepStarted { .. }
        | What::StepEnded { .. }
        | What::ServerChanged { .. }
        | What::ConnectionOpened { .. }
        | What::ConnectionClosed { .. }
        | What::FaultArmed { .. }
        | What::FaultFired { .. }
        | What::Healed
        | What::Settled
        | What::NotSettled { .. }
        | What::DeviceState { .. }
        | What::DiskUsed { .. }
        | What::UserView { .. }
        | What::DeadLetters { .. }
        | What::ServerSearched { .. }
        | What::WireSearched { .. }
        | What::ServerRecord { .. }
        | What::ServerFile { .. }
        | What::ServerConflict { .. }
        | What::Interrupted
        | What::Frozen { .. }
        | What::RunEnded => None,
    }
}
