//! Links: a named profile, or one of the scenario's own; and the steps that change what a device has.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::base::{Rate, Share, Span};
use crate::net::{
    Burst, Carries, Conditions, Congestion, Counts, DEFAULT_QUEUE, DEFAULT_SLEEPS_AFTER, Loss, PROFILES, Trace, WakeUp,
};

/// What a device is connected by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A network profile.
    Named(String),
    /// One that the scenario describes.
    Own(Box<OwnLink>),
}

/// A link in the scenario's own numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwnLink {
    /// Rate to the device; whole packets count.
    #[schemars(example = "maria: { link: { down: 400kbps, up: 16kbps, rtt: 400ms } }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Rate>,
    /// Rate from the device; whole packets count.
    #[schemars(example = "maria: { link: { down: 400kbps, up: 16kbps, rtt: 400ms } }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<Rate>,
    /// Instead of `down` and `up`: files with rates as they were measured.
    #[schemars(
        example = "maria: { link: { trace: { down: ../traces/train.down, up: ../traces/train.up }, rtt: 70ms } }"
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceFiles>,
    /// Round trip of the idle link, half of it each way; or `delay-down` and `delay-up`.
    #[schemars(example = "maria: { link: { down: 400kbps, up: 16kbps, rtt: 400ms } }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Span>,
    /// One way, to the device.
    #[schemars(example = "delay-down: 300ms")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_down: Option<Span>,
    /// One way, from the device.
    #[schemars(example = "delay-up: 100ms")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_up: Option<Span>,
    /// Most extra delay of a packet; none overtakes another.
    #[schemars(example = "jitter: 20ms")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// The share of packets that get lost, outside of bursts.
    #[schemars(example = "loss: 1%")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
    /// Times of bad reception: the chance of each packet to begin one and to end one, and the share lost within.
    #[schemars(example = "burst: { begins: 0.5%, ends: 20%, loss: 50% }")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
    /// The longest wait of a packet for its turn, a second when absent; ten packets may wait on any link.
    #[schemars(example = "queue: 200ms")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Span>,
    /// How senders find their pace; when absent `bbr`, and `cubic` in `deadzone proxy`.
    #[schemars(example = "congestion: cubic")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub congestion: Option<Congestion>,
    /// A radio that sleeps takes so long to connect.
    #[schemars(example = "wake-up: 2s")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_up: Option<Span>,
    /// It sleeps after so long without a packet, ten seconds when absent; goes with `wake-up`.
    #[schemars(example = "sleeps-after: 5s")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleeps_after: Option<Span>,
    /// What the rates count; whole `packets` when absent.
    #[schemars(example = "counts: payload")]
    #[serde(default, skip_serializing_if = "is_packets")]
    pub counts: Counts,
}

/// A link's rates as they were measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TraceFiles {
    /// To the device; the path counts from the scenario's folder.
    #[schemars(example = "down: ../traces/train.down")]
    pub down: TraceFile,
    /// From the device; the path counts from the scenario's folder.
    #[schemars(example = "up: ../traces/train.up")]
    pub up: TraceFile,
    /// What comes after its last line; it begins anew (`wrap`) when absent.
    #[schemars(example = "at-end: stop")]
    #[serde(default, skip_serializing_if = "AtEnd::is_wrap")]
    pub at_end: AtEnd,
}

/// What comes after the end of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtEnd {
    /// It begins anew.
    #[default]
    Wrap,
    /// Nothing is carried any more.
    Stop,
}

impl AtEnd {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
    const fn is_wrap(&self) -> bool {
        matches!(self, Self::Wrap)
    }
}

/// A file beside the scenario. Two are equal when the scenario writes them the same.
#[derive(Clone, Debug)]
pub struct TraceFile {
    /// As the scenario writes it.
    pub written: String,
    /// Resolved against the scenario's own folder.
    pub path: PathBuf,
}

/// See [`Action::Link`](super::Action::Link).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLink {
    /// The device or group.
    pub device: String,
    /// What it has from now on.
    pub to: Link,
    /// Rates, delays and losses get there bit by bit in this time; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Span>,
}

/// See [`Action::Flap`](super::Action::Flap).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flap {
    /// The device or group.
    pub device: String,
    /// So long nothing passes, first.
    pub down: Span,
    /// Then all does for so long, and so on.
    pub up: Span,
}

impl Link {
    /// The files that it plays back.
    pub fn trace_mut(&mut self) -> Option<&mut TraceFiles> {
        match self {
            Self::Own(own) => own.trace.as_mut(),
            Self::Named(_) => None,
        }
    }

    /// See [`Link::trace_mut`].
    #[must_use]
    pub fn trace(&self) -> Option<&TraceFiles> {
        match self {
            Self::Own(own) => own.trace.as_ref(),
            Self::Named(_) => None,
        }
    }
}

impl TraceFile {
    /// Looks for it from `folder` on.
    pub(super) fn resolve(&mut self, folder: &Path) {
        self.path = folder.join(&self.written);
    }

    /// The trace, read.
    ///
    /// # Errors
    /// In words, with the file and the line at fault.
    pub fn trace(&self, at_end: AtEnd) -> Result<Trace, String> {
        let text =
            super::read::text_of(&self.path, MOST_TRACE_BYTES).map_err(|why| format!("`{}`: {why}", self.written))?;
        Trace::parse(&text, at_end.is_wrap()).map_err(|error| format!("`{}`, {error}", self.written))
    }
}

/// Bytes of a trace at most.
const MOST_TRACE_BYTES: u64 = 64 << 20;

impl OwnLink {
    /// What the link is like.
    ///
    /// # Errors
    /// In words, when a trace cannot be read.
    pub fn conditions(&self) -> Result<Conditions, String> {
        let steady = |rate: Option<Rate>| Carries::Steady(rate.unwrap_or_default());
        let (down, up) = match &self.trace {
            None => (steady(self.down), steady(self.up)),
            Some(files) => {
                let carries = |file: &TraceFile| file.trace(files.at_end).map(|trace| Carries::Trace(trace.into()));
                (carries(&files.down)?, carries(&files.up)?)
            }
        };
        let even = Conditions::new(Rate::default(), Rate::default(), self.rtt.unwrap_or_default());
        let wake_up = |takes| WakeUp { takes, sleeps_after: self.sleeps_after.unwrap_or(DEFAULT_SLEEPS_AFTER) };
        Ok(Conditions {
            down,
            up,
            delay_down: self.delay_down.unwrap_or(even.delay_down),
            delay_up: self.delay_up.unwrap_or(even.delay_up),
            jitter: self.jitter.unwrap_or_default(),
            loss: Loss { share: self.loss.unwrap_or_default(), burst: self.burst },
            queue: self.queue.unwrap_or(DEFAULT_QUEUE),
            congestion: self.congestion.unwrap_or_default(),
            wake_up: self.wake_up.map(wake_up),
            counts: self.counts,
        })
    }
}

impl PartialEq for TraceFile {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for TraceFile {}

impl Serialize for TraceFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for TraceFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|written| Self { written, path: PathBuf::new() })
    }
}

impl JsonSchema for TraceFile {
    fn schema_name() -> Cow<'static, str> {
        "TraceFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl JsonSchema for Link {
    fn schema_name() -> Cow<'static, str> {
        "Link".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let profiles: Vec<Value> = PROFILES
            .iter()
            .map(|profile| serde_json::json!({ "const": profile.name, "description": profile.source }))
            .collect();
        json_schema!({ "anyOf": [{ "oneOf": profiles }, generator.subschema_for::<OwnLink>()] })
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Named(name) => serializer.serialize_str(name),
            Self::Own(own) => own.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumbers;
        impl<'de> de::Visitor<'de> for NameOrNumbers {
            type Value = Link;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the name of a network profile, or a link such as `{ down: 750kbps, up: 250kbps, rtt: 100ms }`",
                )
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Link, E> {
                Ok(Link::Named(name.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Link, A::Error> {
                OwnLink::deserialize(de::value::MapAccessDeserializer::new(map)).map(|own| Link::Own(Box::new(own)))
            }
        }
        deserializer.deserialize_any(NameOrNumbers)
    }
}

/// As the file has it: the profile's name, or `down 750kbps, up 250kbps`.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = match self {
            Self::Named(name) => return f.write_str(name),
            Self::Own(own) => serde_json::to_value(own),
        };
        let Ok(Value::Object(fields)) = own else { return Ok(()) };
        for (index, (name, value)) in fields.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match value.as_str() {
                Some(text) => write!(f, "{comma}{name} {text}")?,
                None => write!(f, "{comma}{name} {value}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for ChangeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = self.over.map(|over| format!(" within {over}")).unwrap_or_default();
        write!(f, "the link of {} becomes{within}: {}", self.device, self.to)
    }
}

impl fmt::Display for Flap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the network of {} comes and goes: {} down, {} up", self.device, self.down, self.up)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
fn is_packets(counts: &Counts) -> bool {
    *counts == Counts::Packets
}
