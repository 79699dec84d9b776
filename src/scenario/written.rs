//! The header of a scenario as it is written, before it is checked and its defaults are filled in.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::action::Action;
use super::file::{Keys, Retry, Role, Skew};
use super::link::Link;
use super::period::Every;
use super::requirements::REQUIREMENTS;
use crate::base::Span;
use crate::check::Claim;
use crate::history::Tls;

/// A whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Written {
    /// What it shows, in words.
    #[schemars(example = "name: Opening the app syncs")]
    pub(super) name: String,
    /// Ids of the requirements that it covers; `deadzone explain` lists them.
    #[schemars(example = "covers: [5.1/launch]")]
    #[schemars(schema_with = "requirement_ids")]
    pub(super) covers: Vec<String>,
    /// Words to select it by; `live` and `big` have a meaning of their own.
    #[schemars(example = "tags: [smoke, triggers, live]")]
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Seed of its run; 1 when absent.
    #[schemars(example = "seed: 7")]
    pub(super) seed: Option<u64>,
    /// What the server holds at the start; ten generated orders when absent.
    #[schemars(example = "world: { generate: 3 }")]
    pub(super) world: Option<WrittenWorld>,
    /// Values by name, for `${name}` in other values: `wait: ${pause}`, `name: On ${link}`.
    #[schemars(example = "vars: { pause: 5min }", schema_with = "variables")]
    #[serde(default, rename = "vars")]
    _vars: Option<IgnoredAny>,
    /// A table of such values: each row is a run of its own, with its values in its name.
    #[schemars(example = "matrix: [{ link: 3g, bound: 4s }, { link: edge, bound: 10s }]", schema_with = "table")]
    #[serde(default, rename = "matrix")]
    _matrix: Option<IgnoredAny>,
    /// Who is on the stage, by name.
    #[schemars(example = "devices: { maria: { link: 3g } }")]
    pub(super) devices: WrittenDevices,
    /// Bound on coming to rest after the story; half an hour when absent.
    #[schemars(example = "settle-within: 2h")]
    pub(super) settle_within: Option<Span>,
    /// The story, step by step.
    #[schemars(example = "steps: [{ sync: maria }]")]
    pub(super) steps: Vec<Action>,
    /// The claims: what must have come of it; may be absent.
    #[schemars(example = "expect: [{ conflicts: { count: 1 } }]")]
    #[serde(default)]
    pub(super) expect: Vec<Claim>,
}

fn variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[a-z0-9-]+$" },
        "additionalProperties": { "type": ["string", "number", "boolean"] },
    })
}

fn table(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "items": variables(generator) })
}

fn requirement_ids(_: &mut SchemaGenerator) -> Schema {
    let ids: Vec<Value> = REQUIREMENTS.iter().map(|one| json!({ "const": one.id, "description": one.text })).collect();
    json_schema!({ "type": "array", "items": { "oneOf": ids } })
}

/// `world`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenWorld {
    /// A JSON array of orders, in place of generated ones; the path counts from the scenario's folder.
    #[schemars(example = "world: { orders: ../data/work-orders-100.json, assign: maria }")]
    pub(super) orders: Option<String>,
    /// So many orders `WO-000001`, `WO-000002` and so on, drawn from the seed, with assets and inventory.
    #[schemars(example = "world: { generate: 4, assign: in-turn }")]
    pub(super) generate: Option<u32>,
    /// Of the file `orders` the first so many.
    #[schemars(example = "world: { orders: ../data/work-orders-100.json, take: 5 }")]
    pub(super) take: Option<u32>,
    /// A device, whose user gets all; `in-turn`, to each technician in turn (default of `generate`); `as-in-file`
    /// (default of `orders`).
    #[schemars(example = "world: { generate: 2, assign: crew-a }")]
    pub(super) assign: Option<String>,
    /// `real`: TLS 1.3 between devices and proxy, with an authority of the run's own; `modelled`: its bytes and round
    /// trips without the cryptography, for fleets; `none` (default), so that figures compare with those of other
    /// systems.
    #[schemars(example = "world: { generate: 2, tls: real }")]
    #[serde(default)]
    pub(super) tls: Tls,
    /// Fields of work orders that are sealed from device to device, so that the server cannot read them: `description`,
    /// `completionNotes`, `rootCause`, `customFields`. What was there before the story stays as it is.
    #[schemars(example = "world: { generate: 2, sealed: [completionNotes] }")]
    #[serde(default)]
    pub(super) sealed: Vec<String>,
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

impl JsonSchema for WrittenDevices {
    fn schema_name() -> Cow<'static, str> {
        "Devices".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut device = generator.subschema_for::<WrittenDevice>();
        // Nothing after a device's name is a device, too.
        device.insert("type".to_owned(), json!(["object", "null"]));
        json_schema!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": "^[a-z0-9-]+$" },
            "additionalProperties": device,
        })
    }
}

/// One device. Nothing after its name means: all by default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct WrittenDevice {
    /// Whose it is; one of its own when absent. Two devices may share a user.
    #[schemars(example = "tablet: { user: maria, link: 3g }")]
    pub(super) user: Option<String>,
    /// A group of so many: `phone-1`, `phone-2` and so on.
    #[schemars(example = "phone: { count: 100, link: 3g }")]
    pub(super) count: Option<u32>,
    /// The user's role: `technician` (default) or `supervisor`.
    #[schemars(example = "boss: { role: supervisor, link: wifi }")]
    #[serde(default)]
    pub(super) role: Role,
    /// A supervisor's sites; all when absent. A technician's are those of their orders.
    #[schemars(example = "boss: { role: supervisor, sites: [SITE-1] }")]
    #[serde(default)]
    pub(super) sites: Vec<String>,
    /// A network profile of `docs/NETWORK.md` such as `3g` or `edge-lossy`, `wifi` when absent; or a link of one's own.
    #[schemars(example = "maria: { link: 3g }")]
    pub(super) link: Option<Link>,
    /// Period of its own syncs, or `never`; a quarter of an hour when absent.
    #[schemars(example = "maria: { link: 3g, sync-every: never }")]
    pub(super) sync_every: Option<Every>,
    /// `jitter`, waits drawn from the upper half of the table's (default), or `exact`, the table's.
    #[schemars(example = "maria: { link: 3g, retry: exact }")]
    #[serde(default)]
    pub(super) retry: Retry,
    /// How far its wall clock is from the truth.
    #[schemars(example = "maria: { link: 3g, clock: \"-1h\" }")]
    #[serde(default)]
    pub(super) clock: Skew,
    /// Records in a page of a pull; the engine's own number when absent.
    #[schemars(example = "maria: { link: wifi, page: 2 }")]
    pub(super) page: Option<u32>,
    /// What it costs to derive keys from the user's credentials: `cheapest` (default; real time takes real ones in any
    /// case) or `real`.
    #[schemars(example = "maria: { link: wifi, keys: real }")]
    #[serde(default)]
    pub(super) keys: Keys,
}
