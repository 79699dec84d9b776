//! The header of a scenario as it is written, before it is checked and its defaults are filled in.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::file::{Retry, Role, Skew};
use super::step::Action;
use crate::base::Span;
use crate::check::Claim;
use crate::history::Tls;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) covers: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) seed: Option<u64>,
    pub(super) world: Option<WrittenWorld>,
    pub(super) devices: WrittenDevices,
    pub(super) settle_within: Option<Span>,
    pub(super) steps: Vec<Action>,
    #[serde(default)]
    pub(super) expect: Vec<Claim>,
}

/// `world`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWorld {
    pub(super) orders: Option<String>,
    pub(super) generate: Option<u32>,
    pub(super) take: Option<u32>,
    pub(super) assign: Option<String>,
    #[serde(default)]
    pub(super) tls: Tls,
}

/// `devices`, in the file's order.
#[derive(Debug)]
pub(super) struct WrittenDevices(pub(super) Vec<(String, WrittenDevice)>);

impl<'de> Deserialize<'de> for WrittenDevices {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> de::Visitor<'de> for InOrder {
            type Value = WrittenDevices;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<WrittenDevices, A::Error> {
                let mut devices = Vec::new();
                while let Some((name, device)) = map.next_entry::<String, Option<WrittenDevice>>()? {
                    devices.push((name, device.unwrap_or_default()));
                }
                Ok(WrittenDevices(devices))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// One device. Nothing after its name means: all by default.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WrittenDevice {
    pub(super) user: Option<String>,
    pub(super) count: Option<u32>,
    #[serde(default)]
    pub(super) role: Role,
    pub(super) link: Option<String>,
    pub(super) sync_every: Option<SyncEvery>,
    #[serde(default)]
    pub(super) retry: Retry,
    #[serde(default)]
    pub(super) clock: Skew,
    pub(super) page: Option<u32>,
}

/// `sync-every`: a duration or the word `never`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SyncEvery(pub(super) Option<Span>);

impl<'de> Deserialize<'de> for SyncEvery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "never" => Ok(Self(None)),
            text => text.parse().map(|span| Self(Some(span))).map_err(de::Error::custom),
        }
    }
}
