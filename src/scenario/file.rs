//! A scenario: its header, its world and its devices. What the file leaves out is filled in here, so that whoever runs
//! a scenario decides nothing.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::action::Action;
use super::link::Link;
use super::step::Step;
use super::work_step::DAY;
use crate::base::Span;
use crate::base::units::UnitError;
use crate::check::Claim;
use crate::history::Tls;

/// The seed of a scenario that names none.
pub const DEFAULT_SEED: u64 = 1;
/// Orders in the world of a scenario that names none.
pub const DEFAULT_ORDERS: u32 = 10;
/// The link of a device that names none.
pub const DEFAULT_LINK: &str = "wifi";
/// How often a device syncs on its own when it says nothing (spec 5.1).
pub const DEFAULT_SYNC_EVERY: Span = Span::from_millis(15 * 60 * 1000);

/// One scenario. Two are equal when their runs would be, wherever they were read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it shows, in words; never empty.
    pub name: String,
    /// Ids of the requirements that it covers; each is in [`super::REQUIREMENTS`].
    pub covers: Vec<String>,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// Seed of its run.
    pub seed: u64,
    /// What the server holds at the start.
    pub world: World,
    /// Devices and groups, in the file's order; at least one.
    pub devices: Vec<Device>,
    /// Bound on coming to rest after the faults; the runner's own when absent.
    pub settle_within: Option<Span>,
    /// The story; at least one step.
    pub steps: Vec<Step>,
    /// What must have come of it.
    pub expect: Vec<Expectation>,
}

impl Scenario {
    /// The story's total waiting time: all its `wait` and `work` steps.
    #[must_use]
    pub fn waiting(&self) -> Span {
        let wait = |step: &Step| {
            if let Action::Wait(span) = &step.action {
                return span.micros();
            }
            if let Action::Work(work) = &step.action { DAY.micros().saturating_mul(work.days.into()) } else { 0 }
        };
        Span::new(self.steps.iter().map(wait).fold(0, u64::saturating_add))
    }

    /// The user of the device called `name`.
    #[must_use]
    pub fn user_named(&self, name: &str) -> Option<String> {
        let device = self.devices.iter().find(|device| device.has_member(name))?;
        Some(device.user_of(name).to_owned())
    }

    /// What must hold of the run: what it expects in the end, and what is looked at on the way.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let looks = self.steps.iter().enumerate().filter_map(|(step, it)| {
            let Action::Look(shown) = &it.action else { return None };
            Some(Claim::Look { step, shown: shown.clone() })
        });
        looks.chain(self.expect.iter().map(|expectation| expectation.claim.clone())).collect()
    }

    /// The lines of [`Scenario::claims`], in their order; 0 for what was not read from a file.
    #[must_use]
    pub fn claim_lines(&self) -> Vec<u64> {
        let looks = self.steps.iter().filter(|step| matches!(step.action, Action::Look(_))).map(|step| step.line);
        looks.chain(self.expect.iter().map(|expectation| expectation.line)).collect()
    }

    /// The devices that `name` means in a step: one, or all of a group; none when the scenario has no such name.
    #[must_use]
    pub fn devices_named(&self, name: &str) -> Vec<String> {
        if let Some(device) = self.devices.iter().find(|device| device.name == name) {
            return device.members();
        }
        let member = self.devices.iter().any(|device| device.has_member(name));
        if member { vec![name.to_owned()] } else { Vec::new() }
    }
}

/// What the server holds at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Where its work orders come from.
    pub orders: Orders,
    /// Whose they are.
    pub assign: Assign,
    /// What lies between the devices and the server beside the network.
    pub tls: Tls,
    /// The fields that travel and are stored sealed.
    pub sealed: Vec<String>,
}

/// Where work orders come from.
#[derive(Clone, Debug)]
pub enum Orders {
    /// A JSON array of work orders.
    File {
        /// As the scenario writes it.
        written: String,
        /// Resolved against the scenario's own folder.
        path: PathBuf,
        /// Only the first so many of it.
        take: Option<u32>,
    },
    /// So many from the seeded generator.
    Generate(u32),
}

impl PartialEq for Orders {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { written: a, take: m, .. }, Self::File { written: b, take: n, .. }) => a == b && m == n,
            (Self::Generate(a), Self::Generate(b)) => a == b,
            (Self::File { .. }, Self::Generate(_)) | (Self::Generate(_), Self::File { .. }) => false,
        }
    }
}

impl Eq for Orders {}

/// To whom the work orders are assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assign {
    /// All to the user of this device.
    To(String),
    /// To the users of the technicians' devices in turn.
    InTurn,
    /// As the file says.
    AsInFile,
}

impl Assign {
    /// The assignment of a world that names none.
    #[must_use]
    pub const fn default_of(orders: &Orders) -> Self {
        match orders {
            Orders::File { .. } => Self::AsInFile,
            Orders::Generate(_) => Self::InTurn,
        }
    }
}

/// A device, or a group of equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name: small letters, digits and hyphens.
    pub name: String,
    /// So many of them: `phone-1`, `phone-2` and so on. A single device when absent.
    pub count: Option<u32>,
    /// Whose it is; each device has a user of its own name when absent.
    pub user: Option<String>,
    /// The user's role.
    pub role: Role,
    /// A supervisor's sites; all when there are none.
    pub sites: Vec<String>,
    /// What it is connected by.
    pub link: Link,
    /// How often it syncs on its own; never when absent.
    pub sync_every: Option<Span>,
    /// How it spaces its retries.
    pub retry: Retry,
    /// How far its wall clock is from the truth.
    pub clock: Skew,
    /// Records in a page of a pull; the engine's own number when absent.
    pub page: Option<u32>,
    /// What it costs to derive keys from the user's credentials.
    pub keys: Keys,
}

impl Device {
    /// The names of the devices that this one stands for: its own, or its members'.
    #[must_use]
    pub fn members(&self) -> Vec<String> {
        match self.count {
            None => vec![self.name.clone()],
            Some(count) => (1..=count).map(|number| format!("{}-{number}", self.name)).collect(),
        }
    }

    /// Whether `name` is one of [`Device::members`].
    #[must_use]
    pub fn has_member(&self, name: &str) -> bool {
        let Some(count) = self.count else { return self.name == name };
        let number = name.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|text| {
            !text.starts_with(['0', '+']) && text.parse::<u32>().is_ok_and(|number| (1..=count).contains(&number))
        })
    }

    /// The user of the device called `member`.
    #[must_use]
    pub fn user_of<'a>(&'a self, member: &'a str) -> &'a str {
        self.user.as_deref().unwrap_or(member)
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Works on the orders assigned to them.
    #[default]
    Technician,
    /// Sees and changes all orders of their sites.
    Supervisor,
}

/// How a device spaces its retries (decision l).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Each wait is drawn from the upper half of the table's.
    #[default]
    Jitter,
    /// The table's waits exactly.
    Exact,
}

/// What it costs to derive keys from credentials (decision o).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// Real in real time, the least in the simulated world.
    #[default]
    Cheapest,
    /// Real everywhere.
    Real,
}

/// What the run must have shown. Two are equal when they claim the same, wherever they stand.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Its line in the file; 0 when it was not read from one.
    pub line: u64,
    /// The claim.
    pub claim: Claim,
}

impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.claim == other.claim
    }
}

/// How far a wall clock is from the truth: `5min` ahead of it, `-5min` behind it. Whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    millis: i64,
}

impl Skew {
    /// From milliseconds, negative when the clock is behind.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// In milliseconds, negative when the clock is behind.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.millis
    }

    /// In words, for the text of a step.
    pub(super) fn words(self) -> String {
        let span = Span::from_millis(self.millis.unsigned_abs());
        match self.millis.signum() {
            1 => format!("{span} ahead"),
            -1 => format!("{span} behind"),
            _ => "right".to_owned(),
        }
    }
}

impl FromStr for Skew {
    type Err = SkewError;

    fn from_str(text: &str) -> Result<Self, SkewError> {
        let trimmed = text.trim();
        let (sign, size) = match trimmed.strip_prefix('-') {
            Some(size) => (-1, size),
            None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let span: Span = size.parse().map_err(SkewError::Span)?;
        if !span.micros().is_multiple_of(1_000) {
            return Err(SkewError::TooFine(trimmed.to_owned()));
        }
        Ok(Self { millis: sign * i64::try_from(span.millis()).unwrap_or(i64::MAX) })
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.millis < 0 { "-" } else { "" };
        write!(f, "{sign}{}", Span::from_millis(self.millis.unsigned_abs()))
    }
}

impl Serialize for Skew {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Skew {
    fn schema_name() -> Cow<'static, str> {
        "Skew".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = Span::json_schema(generator);
        let pattern = span.get("pattern").and_then(|pattern| pattern.as_str()).unwrap_or_default();
        json_schema!({
            "type": "string",
            "title": "a duration, ahead or behind",
            "description": "A duration with its unit, ahead of the truth, or behind it with a minus sign.",
            "pattern": pattern.replacen("^ *", "^ *[+-]? *", 1),
            "examples": ["365d", "-1h"],
        })
    }
}

impl<'de> Deserialize<'de> for Skew {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why a skew could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkewError {
    /// What follows the sign is not a duration.
    Span(UnitError),
    /// It is not a whole number of milliseconds.
    TooFine(String),
}

impl fmt::Display for SkewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Span(error) => error.fmt(f),
            Self::TooFine(text) => write!(f, "`{text}` is finer than a millisecond; a clock is not"),
        }
    }
}

impl std::error::Error for SkewError {}
