//! Prints a scenario as its file would be written: one way to say each thing, defaults left out. Reading what is printed
//! gives the same scenario.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use super::file::{
    Assign, DEFAULT_LINK, DEFAULT_ORDERS, DEFAULT_SEED, DEFAULT_SYNC_EVERY, Device, Keys, Orders, Retry, Role,
    Scenario, Skew, World,
};
use super::link::Link;
use crate::check::Claim;
use crate::history::Tls;

/// What a reader looks for first in a step or a claim; the values come last.
const FIRST: [&str; 11] =
    ["device", "as", "record", "order", "orders", "field", "what", "when", "of", "operation", "sync"];
/// See [`FIRST`].
const LAST: [&str; 4] = ["with", "set", "has", "over"];
/// What may stand in text without quotes, besides letters, digits and single spaces.
const PLAIN: &str = "_-./";
/// The same outside of brackets, where commas mean nothing.
const PLAIN_LINE: &str = "_-./,;()'!?";
/// Words that YAML, in one of its versions, takes for something else than text.
const WORDS: [&str; 12] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"];

/// The scenario as YAML.
#[must_use]
pub fn print(scenario: &Scenario) -> String {
    let mut out = String::new();
    line(&mut out, "name", &text(&scenario.name, PLAIN_LINE));
    line(&mut out, "covers", &list(&scenario.covers));
    if !scenario.tags.is_empty() {
        line(&mut out, "tags", &list(&scenario.tags));
    }
    if scenario.seed != DEFAULT_SEED {
        line(&mut out, "seed", &scenario.seed.to_string());
    }
    if let Some(world) = world(&scenario.world) {
        line(&mut out, "world", &world);
    }
    out.push_str("devices:\n");
    for device in &scenario.devices {
        let _ = writeln!(out, "  {}: {}", text(&device.name, PLAIN), body(&device_fields(device)));
    }
    if let Some(span) = scenario.settle_within {
        line(&mut out, "settle-within", &span.to_string());
    }
    out.push_str("steps:\n");
    for step in &scenario.steps {
        item(&mut out, &step.action);
    }
    if !scenario.expect.is_empty() {
        out.push_str("expect:\n");
    }
    for expectation in &scenario.expect {
        item(&mut out, &expectation.claim);
    }
    out
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key}: {value}");
}

fn list(items: &[String]) -> String {
    value(&Value::from(items))
}

fn world(world: &World) -> Option<String> {
    let mut fields = Vec::new();
    match &world.orders {
        Orders::Generate(DEFAULT_ORDERS)
            if world.assign == Assign::InTurn && world.tls == Tls::None && world.sealed.is_empty() =>
        {
            return None;
        }
        Orders::Generate(count) => fields.push(("generate", Value::from(*count))),
        Orders::File { written, take, .. } => {
            fields.push(("orders", Value::from(written.as_str())));
            fields.extend(take.map(|take| ("take", Value::from(take))));
        }
    }
    if world.assign != Assign::default_of(&world.orders) {
        let word = match &world.assign {
            Assign::To(device) => device,
            Assign::InTurn => "in-turn",
            Assign::AsInFile => "as-in-file",
        };
        fields.push(("assign", Value::from(word)));
    }
    match world.tls {
        Tls::None => {}
        Tls::Modelled => fields.push(("tls", Value::from("modelled"))),
        Tls::Real => fields.push(("tls", Value::from("real"))),
    }
    if !world.sealed.is_empty() {
        fields.push(("sealed", Value::from(world.sealed.as_slice())));
    }
    Some(body(&fields))
}

fn device_fields(device: &Device) -> Vec<(&'static str, Value)> {
    let mut fields = Vec::new();
    fields.extend(device.count.map(|count| ("count", Value::from(count))));
    fields.extend(device.user.as_deref().map(|user| ("user", Value::from(user))));
    match device.role {
        Role::Technician => {}
        Role::Supervisor => fields.push(("role", Value::from("supervisor"))),
    }
    if !device.sites.is_empty() {
        fields.push(("sites", Value::from(device.sites.as_slice())));
    }
    if device.link != Link::Named(DEFAULT_LINK.to_owned()) {
        fields.push(("link", serde_json::to_value(&device.link).unwrap_or_default()));
    }
    if device.sync_every != Some(DEFAULT_SYNC_EVERY) {
        let every = device.sync_every.map_or_else(|| "never".to_owned(), |span| span.to_string());
        fields.push(("sync-every", Value::from(every)));
    }
    match device.retry {
        Retry::Jitter => {}
        Retry::Exact => fields.push(("retry", Value::from("exact"))),
    }
    if device.clock != Skew::default() {
        fields.push(("clock", Value::from(device.clock.to_string())));
    }
    fields.extend(device.page.map(|page| ("page", Value::from(page))));
    match device.keys {
        Keys::Cheapest => {}
        Keys::Real => fields.push(("keys", Value::from("real"))),
    }
    fields
}

/// A claim as a file has it.
#[must_use]
pub fn claim_text(claim: &Claim) -> String {
    let mut out = String::new();
    item(&mut out, claim);
    out.trim().trim_start_matches("- ").to_owned()
}

/// A step or a claim: its only key and what is under it.
fn item(out: &mut String, what: &impl Serialize) {
    let Ok(Value::Object(map)) = serde_json::to_value(what) else { return };
    for (key, inner) in &map {
        let inner = match inner {
            Value::Object(fields) => body(&in_order(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value(inner),
        };
        let _ = writeln!(out, "  - {key}: {inner}");
    }
}

fn in_order(fields: &Map<String, Value>) -> Vec<(&str, Value)> {
    let rank = |key: &str| match FIRST.iter().position(|first| *first == key) {
        Some(position) => position,
        None if LAST.contains(&key) => FIRST.len() + 1,
        None => FIRST.len(),
    };
    let mut fields: Vec<(&str, Value)> = fields.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    fields.sort_by_key(|(key, _)| rank(key));
    fields
}

fn body(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(key, inner)| format!("{}: {}", text(key, PLAIN), value(inner))).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

fn value(value: &Value) -> String {
    match value {
        Value::String(string) => text(string, PLAIN),
        Value::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let fields: Vec<(&str, Value)> = map.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            body(&fields)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Text, in quotes only where YAML would take it for something else.
fn text(text: &str, plain: &str) -> String {
    if is_plain(text, plain) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str, plain: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || plain.contains(c);
    text.chars().next().is_some_and(char::is_alphanumeric)
        && text.chars().all(allowed)
        && !text.ends_with(' ')
        && !text.contains("  ")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && !may_be_number(text)
}

/// Whether some reader of YAML could take it for a number: it begins with a digit and has no letter that forbids it.
fn may_be_number(text: &str) -> bool {
    let digits_allow = if text.starts_with('0') { "xob_.-abcdefABCDEF" } else { "eE_.-" };
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || digits_allow.contains(c))
}

/// In double quotes, with escapes that YAML and JSON share.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
