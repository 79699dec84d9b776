//! A step of a story, and what its action is about.

use super::action::Action;
use super::faults::{Only, is_default, is_one, one};
use super::file::Skew;
use crate::base::CrashHow;
use crate::history::{LinkState, Phase, Side};
use crate::protocol::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// See [`super::Action::Offline`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offline {
    /// The device or group.
    pub device: String,
    /// In which way.
    pub how: OfflineHow,
}

/// The ways of having no network, or half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl OfflineHow {
    /// What its link does then.
    #[must_use]
    pub const fn state(self) -> LinkState {
        match self {
            Self::Airplane => LinkState::Airplane,
            Self::DeadZone => LinkState::DeadZone,
            Self::NoUplink => LinkState::NoUplink,
            Self::NoDownlink => LinkState::NoDownlink,
            Self::NoDns => LinkState::NoDns,
        }
    }
}

/// See [`super::Action::Edit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The new values by field.
    pub set: Record,
}

/// See [`super::Action::EditMany`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMany {
    /// The device or group.
    pub device: String,
    /// How many of the device's orders, from the first.
    pub orders: u32,
    /// The new values by field.
    pub set: Record,
}

/// See [`super::Action::Create`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// See [`super::Action::Delete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
}

/// See [`super::Action::Resolve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// See [`super::Action::Prefer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefer {
    /// The device or group.
    pub device: String,
    /// The order: id or label; every order when absent.
    #[schemars(example = "order: WO-000001")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The field: one whose conflicts the user decides.
    pub field: String,
    /// What is kept.
    pub with: Preference,
}

/// What a user keeps in later conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// See [`super::Action::Undo`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The field; the latest decision on any when absent.
    #[schemars(example = "field: rootCause")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// See [`super::Action::OfficeEdit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeEdit {
    /// The order: id or label.
    pub order: String,
    /// The new values by field.
    pub set: Record,
}

/// See [`super::Action::OfficeEditMany`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeEditMany {
    /// How many of the server's orders, from the first.
    pub orders: u32,
    /// The new values by field.
    pub set: Record,
}

/// See [`super::Action::OfficeCreate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeCreate {
    /// The label by which the story calls the order.
    #[serde(rename = "as")]
    pub label: String,
    /// Its values by field.
    pub set: Record,
}

/// See [`super::Action::OfficeDelete`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeDelete {
    /// The order: id or label.
    pub order: String,
}

/// See [`super::Action::Crash`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// The device or group.
    pub device: String,
    /// At which moment.
    pub when: CrashWhen,
    /// Of which exchange, for the moments of an exchange alone; a push when absent.
    #[schemars(example = "of: pull")]
    #[serde(default = "push", skip_serializing_if = "is_push")]
    pub of: Phase,
    /// The first of those that it may be, counted from 1 (default).
    #[schemars(example = "nth: 2")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// What narrows it further.
    #[schemars(example = "only: { order: WO-000001 }")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: Only,
    /// With `when: disk-operation` alone: the so-manieth write to the disk from now, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// What it leaves on the disk; `kill` when absent.
    #[serde(default = "kill", skip_serializing_if = "is_kill")]
    pub how: CrashHow,
}

/// The moments at which a device can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// See [`super::Action::Clock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
