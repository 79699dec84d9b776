//! Reads YAML, twice: into the outline, for places, and into what is written, for values. The one file that knows the
//! YAML library; what the library complains of leaves here in plain words.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Location, Options, Spanned};

use super::outline::{Content, Key, Node, Place};
use super::problem::one_of;
use super::written::Written;

/// Deepest nesting of lists and keys; a step's lines take about six.
const DEEPEST: usize = 32;
/// Most values in a file.
const MOST_VALUES: usize = 100_000;

/// Something wrong with the form of a file.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// The tree of the file's keys and values.
pub(super) fn outline(text: &str) -> Result<Node, Fault> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(&error, None))
}

/// What the file says; `outline` is its own.
pub(super) fn written(text: &str, outline: &Node) -> Result<Written, Fault> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(&error, Some(outline)))
}

/// A piece of YAML that stands in our own texts, as a value.
pub(super) fn value(text: &str) -> Option<serde_json::Value> {
    serde_saphyr::from_str_with_options(text, options()).ok()
}

/// One way to write each thing: no aliases, no tags, no merging, no `yes` for `true`.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_documents: 1,
            max_nodes: MOST_VALUES,
            max_events: 4 * MOST_VALUES,
            max_buffered_comment_events: 1000,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { place: place(spanned.referenced), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Plain)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Plain)
    }

    fn visit_str<E>(self, _: &str) -> Result<Content, E> {
        Ok(Content::Plain)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut keys = Vec::new();
        while let Some((name, value)) = map.next_entry::<Spanned<String>, Node>()? {
            keys.push(Key { name: name.value, place: place(name.referenced), value });
        }
        Ok(Content::Keys(keys))
    }
}

fn place(location: Location) -> Place {
    Place { line: location.line(), column: location.column(), length: location.span().len() }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list of errors is open")]
fn fault(error: &Error, outline: Option<&Node>) -> Fault {
    let place = error.location().map_or_else(Place::default, place);
    let key_path = outline.map(|outline| outline.path_to_key(place)).unwrap_or_default();
    let path = outline.map(|outline| outline.path_to_value(place)).unwrap_or_default();
    let (message, help) = match error {
        Error::SerdeMissingField { field, .. } => return missing(field, place, outline),
        Error::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected, &key_path),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown_word(variant, expected, &key_path),
        Error::Eof { .. } => {
            return Fault { place: Place::default(), message: "the file is empty".to_owned(), help: None };
        }
        other => (plain_words(other, &key_of(&path)), None),
    };
    let (message, help) = match message.split_once("; write for example ") {
        Some((what, example)) => (what.to_owned(), Some(format!("write for example {example}"))),
        None => (message, help),
    };
    let help = help.or_else(|| common_slip(&message));
    Fault { place, message, help }
}

/// The key whose value is at fault, for a message.
fn key_of(path: &[&str]) -> String {
    path.last().map_or_else(|| "the file".to_owned(), |key| format!("`{key}`"))
}

fn missing(field: &str, place: Place, outline: Option<&Node>) -> Fault {
    let (message, place) = match outline.and_then(|outline| outline.holder_of(place)) {
        Some(holder) => (format!("`{}` lacks `{field}`", holder.name), holder.place),
        None => (format!("`{field}` is missing"), Place::default()),
    };
    Fault { place, message, help: None }
}

fn unknown_key(field: &str, expected: &[&str], path: &[&str]) -> (String, Option<String>) {
    let message = match path {
        [.., holder, _] => format!("`{holder}` has no key `{field}`"),
        _ => format!("a scenario has no key `{field}`"),
    };
    (message, Some(one_of(field, expected)))
}

fn unknown_word(word: &str, expected: &[&str], path: &[&str]) -> (String, Option<String>) {
    let message = match (path, word) {
        (["steps", _], _) => format!("there is no step `{word}`"),
        (["expect", _], _) => format!("there is no claim `{word}`"),
        (_, "~") => {
            return (format!("{} has no value", key_of(path)), Some(format!("allowed: {}", expected.join(", "))));
        }
        _ => format!("{} cannot be `{word}`", key_of(path)),
    };
    (message, Some(one_of(word, expected)))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list of errors is open")]
fn plain_words(error: &Error, key: &str) -> String {
    match error {
        Error::Message { msg, .. } => msg.clone(),
        Error::Unexpected { expected: "mapping start", .. } => {
            format!("{key} must hold keys and values: `key: value`")
        }
        Error::Unexpected { expected: "sequence start", .. } => {
            format!("{key} must hold a list: `[a, b]`, or a line that begins with `- ` for each")
        }
        Error::Unexpected { expected: "string scalar", .. } => format!("{key} must hold a single value"),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => format!("{key} must hold a single word"),
        Error::NullIntoString { .. } => format!("{key} has no value"),
        Error::InvalidScalar { ty, .. } if ty.starts_with(['u', 'i']) => format!("{key} must hold a whole number"),
        Error::NonFiniteFloat { value, .. } => format!("`{value}` is not a number that can be sent"),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("`{key}` is written twice"),
        Error::MultipleDocuments { .. } => "a file holds one scenario; this begins a second one".to_owned(),
        Error::UnsupportedTag { tag, .. } => format!("the tag `{tag}` is not part of the format"),
        Error::MergeKeyNotAllowed { .. } => {
            "merging with `<<` is not part of the format; write the keys out".to_owned()
        }
        Error::UnknownAnchor { .. } => NO_ALIASES.to_owned(),
        Error::Budget { breach, .. } => over_budget(breach),
        Error::ExternalMessage { msg, .. } if msg.contains("recursion limit") => TOO_DEEP.to_owned(),
        Error::ExternalMessage { msg, .. } => format!("this is not valid YAML: {msg}"),
        other => {
            let text = other.to_string();
            format!("this cannot be read: {}", text.split(" at line ").next().unwrap_or(&text))
        }
    }
}

const NO_ALIASES: &str = "anchors and aliases (`&`, `*`) are not part of the format; write the value out, or quote it";
const TOO_DEEP: &str = "lists and keys are nested too deeply here";

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list of budgets is open")]
fn over_budget(breach: &BudgetBreach) -> String {
    match breach {
        BudgetBreach::Aliases { .. } | BudgetBreach::Anchors { .. } => NO_ALIASES.to_owned(),
        BudgetBreach::Depth { .. } => TOO_DEEP.to_owned(),
        BudgetBreach::Documents { .. } => "a file holds one scenario; this begins a second one".to_owned(),
        _ => "the file is too large for a scenario".to_owned(),
    }
}

/// What people most often mean when the YAML reader says this.
fn common_slip(message: &str) -> Option<String> {
    let slips = [
        ("tab", "indent with spaces; YAML allows no tabs there"),
        ("mapping values are not allowed", "put text that contains `: ` in quotes"),
        ("expected '-' indicator", "the items of a list begin in the same column"),
        ("expected <block end>", "keys that belong together begin in the same column"),
    ];
    let valid = !message.starts_with("this is not valid YAML");
    slips.iter().find(|(sign, _)| !valid && message.contains(sign)).map(|(_, help)| (*help).to_owned())
}
