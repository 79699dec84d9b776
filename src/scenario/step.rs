//! The alphabet of a story: what a step can ask for.
//!
//! In the file a step is one action, named by its only key: `- sync: maria`.

use serde::{Deserialize, Serialize};

use super::account::{EditCached, Logout, LookUp, Select, SignIn};
use super::faults::{
    Answer, CaptivePortal, Duplicate, FailedChange, Lose, Only, RefuseChange, Replay, Slow, SpoilAnswer, is_default,
    is_one, one,
};
use super::file::Skew;
use super::files_step::{Attach, DiskSpace, FileSettings, Network};
use super::link::{ChangeLink, Flap};
use super::platform::{Battery, DataSaver};
use super::security::{Steal, Uninstall};
use super::server_step::{CrashServer, SearchDisk, ServerClock, Tamper};
use super::tls_step::{Handshake, Mitm, NewCertificate};
use super::work_step::Work;
use crate::base::{CrashHow, Span};
use crate::check::ShownClaim;
use crate::history::{Phase, ServerState, Side};
use crate::protocol::Record;

/// One step of the story. Two are equal when they do the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line in the file; 0 when it was not read from one.
    pub line: u64,
    /// What it does.
    pub action: Action,
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
    }
}

impl Step {
    /// The step in words, for histories and reports: `maria edits WO-000017: status = completed`.
    #[must_use]
    pub fn text(&self) -> String {
        self.action.to_string()
    }
}

/// What a step does. A device's name may be a group's: then all of the group do it, in turn. An order is named by its id
/// or by the label under which the story created it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The user of this device pulls to refresh: push and pull. The step waits for the end of it.
    Sync(String),
    /// The device loses its network.
    Offline(Offline),
    /// The device gets its network back.
    Online(String),
    /// The device's link becomes another, at once or bit by bit.
    Link(ChangeLink),
    /// The device gets another address: its connections are dead, and nobody is told.
    Handover(String),
    /// The device's network comes and goes, until it is `online`.
    Flap(Flap),
    /// A user changes an order on a device.
    Edit(Edit),
    /// A user changes the first so many orders on a device, each in an edit of its own.
    EditMany(EditMany),
    /// A user creates an order on a device.
    Create(Create),
    /// A user deletes an order on a device.
    Delete(Delete),
    /// A user decides a conflict of an order on a device.
    Resolve(Resolve),
    /// A user saves what to keep in later conflicts.
    Prefer(Prefer),
    /// A user takes the latest decision on an order back, which works until it has been pushed.
    Undo(Undo),
    /// The office changes an order: through the API, with no engine.
    OfficeEdit(OfficeEdit),
    /// The office changes the first so many orders of the server.
    OfficeEditMany(OfficeEditMany),
    /// The office creates an order.
    OfficeCreate(OfficeCreate),
    /// The office deletes an order.
    OfficeDelete(OfficeDelete),
    /// The user opens the app, which was closed or is closed first.
    Launch(String),
    /// The app goes to the background.
    Background(String),
    /// The app comes to the foreground.
    Foreground(String),
    /// The device's battery has so much left.
    Battery(Battery),
    /// The platform keeps the network for what is in the foreground, or frees it.
    DataSaver(DataSaver),
    /// A user attaches a photo or a document to an order.
    Attach(Attach),
    /// A user sets how files are synced.
    FileSettings(FileSettings),
    /// The platform tells which kind of network the device is on.
    Network(Network),
    /// The device's disk fills up, or has room again.
    DiskSpace(DiskSpace),
    /// Somebody looks at a device: what is claimed must be shown at this moment.
    Look(ShownClaim),
    /// Days of work pass: changes and dead zones at times drawn from the seed.
    Work(Work),
    /// Somebody reads every byte that the device's disk holds, and looks for what should not be there to read.
    SearchDisk(SearchDisk),
    /// Time passes.
    Wait(Span),
    /// Messages are lost from now on, as the rule says.
    Lose(Lose),
    /// The device dies, now or at the moment named.
    Crash(Crash),
    /// A device that died starts again.
    Restart(String),
    /// The device's wall clock is set wrong, or right again.
    Clock(SetClock),
    /// Requests get an answer that the server did not give, as the rule says.
    Answer(Answer),
    /// Answers arrive damaged, as the rule says; the server has done its work.
    Spoil(SpoilAnswer),
    /// Exchanges take their time, as the rule says.
    Slow(Slow),
    /// Requests reach the server twice, as the rule says.
    Duplicate(Duplicate),
    /// Earlier answers come again, as the rule says.
    Replay(Replay),
    /// The server fails on single changes of a push, as the rule says.
    Refuse(RefuseChange),
    /// The device comes behind a captive portal, until it is `online`.
    CaptivePortal(CaptivePortal),
    /// The server goes down for everybody, or comes back.
    Server(ServerState),
    /// The office ends all sessions of the user of this device: a lost phone, a leaver.
    Revoke(String),
    /// A user has a failed change of an order tried again, at once.
    Retry(FailedChange),
    /// A user gives up a failed change of an order.
    Discard(FailedChange),
    /// The user clears the device's cache; what it held is pulled anew.
    ClearCache(String),
    /// The user logs out, which deletes all that is on the device.
    Logout(Logout),
    /// A user signs in on a device.
    SignIn(SignIn),
    /// The user picks orders to sync beyond their own, or gives picks up.
    Select(Select),
    /// A user looks up their own profile, or the specs of an asset.
    LookUp(LookUp),
    /// A user tries to change an asset or a part on a device, which the device must refuse.
    EditCached(EditCached),
    /// The server's power fails right after a commit; it stays away until `server: up`.
    CrashServer(CrashServer),
    /// The server's wall clock is set wrong, or right again.
    ServerClock(ServerClock),
    /// The device is locked: its app ends, and its keychain gives nothing.
    Lock(String),
    /// The device is unlocked, and the app started.
    Unlock(String),
    /// The app is removed from the device, with all its files.
    Uninstall(Uninstall),
    /// The app is installed on the device again, and its user signs in.
    Install(String),
    /// Somebody tries elsewhere what they stole of a device or its user.
    Steal(Steal),
    /// The office gives the user of this device another password, which ends their sessions.
    ChangePassword(String),
    /// Somebody with the password of the device's user sends the server what no client should.
    Tamper(Tamper),
    /// Somebody between the device and the server plays the server, until the device is `online`.
    Mitm(Mitm),
    /// Handshakes come to nothing, as the rule says.
    Handshake(Handshake),
    /// The server gets another certificate.
    Certificate(NewCertificate),
    /// Somebody tries the server in this device's place with a client that speaks nothing newer than TLS 1.2.
    OldClient(String),
}

/// See [`Action::Offline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offline {
    /// The device or group.
    pub device: String,
    /// In which way.
    pub how: OfflineHow,
}

/// The ways of having no network, or half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfflineHow {
    /// The radio is off and the device knows: connects fail at once.
    Airplane,
    /// Packets vanish and nobody is told.
    DeadZone,
    /// What the device sends vanishes; what is sent to it arrives.
    NoUplink,
    /// What is sent to the device vanishes; what it sends arrives.
    NoDownlink,
    /// Names cannot be resolved: no new connection comes about, after the resolver's time-out.
    NoDns,
}

/// See [`Action::Edit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The new values by field.
    pub set: Record,
}

/// See [`Action::EditMany`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditMany {
    /// The device or group.
    pub device: String,
    /// How many of the device's orders, from the first.
    pub orders: u32,
    /// The new values by field.
    pub set: Record,
}

/// See [`Action::Create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The device, never a group.
    pub device: String,
    /// The label by which the story calls the order.
    #[serde(rename = "as")]
    pub label: String,
    /// Its values by field.
    pub set: Record,
}

/// See [`Action::Delete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
}

/// See [`Action::Resolve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The field, or a line as `partsUsed/L-1`; all that wait for a decision when absent. A field that the rules have
    /// decided must be named, to overrule them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is kept.
    pub with: Side,
}

/// See [`Action::Prefer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefer {
    /// The device or group.
    pub device: String,
    /// The order: id or label; every order when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The field: one whose conflicts the user decides.
    pub field: String,
    /// What is kept.
    pub with: Preference,
}

/// What a user keeps in later conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preference {
    /// What was set here.
    Mine,
    /// What the server holds.
    Server,
    /// Whatever the user says then: an earlier preference is forgotten.
    Ask,
}

impl Preference {
    /// The side, if it is one.
    #[must_use]
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Mine => Some(Side::Mine),
            Self::Server => Some(Side::Server),
            Self::Ask => None,
        }
    }
}

/// See [`Action::Undo`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The field; the latest decision on any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// See [`Action::OfficeEdit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeEdit {
    /// The order: id or label.
    pub order: String,
    /// The new values by field.
    pub set: Record,
}

/// See [`Action::OfficeEditMany`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeEditMany {
    /// How many of the server's orders, from the first.
    pub orders: u32,
    /// The new values by field.
    pub set: Record,
}

/// See [`Action::OfficeCreate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeCreate {
    /// The label by which the story calls the order.
    #[serde(rename = "as")]
    pub label: String,
    /// Its values by field.
    pub set: Record,
}

/// See [`Action::OfficeDelete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeDelete {
    /// The order: id or label.
    pub order: String,
}

/// See [`Action::Crash`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// The device or group.
    pub device: String,
    /// At which moment.
    pub when: CrashWhen,
    /// Of which exchange; counts for the moments of an exchange alone.
    #[serde(default = "push", skip_serializing_if = "is_push")]
    pub of: Phase,
    /// The first of those that it may be, counted from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// What narrows it further.
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: Only,
    /// With [`CrashWhen::DiskOperation`] alone: the so-manieth write to the disk from now, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// What it leaves on the disk.
    #[serde(default = "kill", skip_serializing_if = "is_kill")]
    pub how: CrashHow,
}

/// The moments at which a device can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrashWhen {
    /// At this step.
    Now,
    /// When the next request is ready; the server never sees it.
    BeforeRequest,
    /// When the server has done the work of the next request; the answer never comes.
    AfterCommit,
    /// When the answer to the next request has been handed to the link.
    AfterAnswer,
    /// In place of a write to the disk.
    DiskOperation,
}

impl CrashWhen {
    /// Whether the moment is one of an exchange with the server.
    #[must_use]
    pub const fn is_of_an_exchange(self) -> bool {
        matches!(self, Self::BeforeRequest | Self::AfterCommit | Self::AfterAnswer)
    }
}

/// See [`Action::Clock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetClock {
    /// The device or group.
    pub device: String,
    /// How far from the truth, not from where it stood.
    pub by: Skew,
}

const fn push() -> Phase {
    Phase::Push
}

const fn kill() -> CrashHow {
    CrashHow::Kill
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
const fn is_push(value: &Phase) -> bool {
    matches!(value, Phase::Push)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
const fn is_kill(value: &CrashHow) -> bool {
    matches!(value, CrashHow::Kill)
}
