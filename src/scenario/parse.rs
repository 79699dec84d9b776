//! Reads YAML into the outline. The one file that knows the YAML library; what the library complains of leaves here in
//! plain words.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Location, Options, Spanned};

use super::outline::{Content, Key, Kind, Node, Place, Scalar};
use super::typed::Fault;

/// Deepest nesting of lists and keys; a step's lines take about six.
const DEEPEST: usize = 32;
/// Most values in a file.
const MOST_VALUES: usize = 100_000;

/// The tree of the file's keys and values.
pub(super) fn outline(text: &str) -> Result<Node, Fault> {
    let mut outline: Node = serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(&error))?;
    if matches!(outline.content, Content::Plain(Scalar { kind: Kind::Nothing, .. })) {
        return Err(Fault::at(Place::default(), "the file is empty", None));
    }
    outline.quote(&text.lines().collect::<Vec<_>>());
    Ok(outline)
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
        Ok(Self { place: place(spanned.referenced), content: spanned.value, from: 0 })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

fn plain<E>(kind: Kind, text: &str) -> Result<Content, E> {
    Ok(Content::Plain(Scalar { text: text.to_owned(), kind }))
}

impl<'de> Visitor<'de> for Anything {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        plain(Kind::Nothing, "")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        plain(Kind::Bool(value), "")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        plain(Kind::Number(Some(value.into())), "")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        plain(Kind::Number(Some(value.into())), "")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        plain(Kind::Number(Number::from_f64(value)), "")
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        plain(Kind::Text, text)
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
    Place { line: location.line(), column: location.column(), length: location.span().len(), file: 0 }
}

fn fault(error: &Error) -> Fault {
    let place = error.location().map_or_else(Place::default, place);
    if matches!(error, Error::Eof { .. }) {
        return Fault::at(Place::default(), "the file is empty", None);
    }
    let message = plain_words(error);
    let help = common_slip(&message);
    Fault::at(place, message, help)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list of errors is open")]
fn plain_words(error: &Error) -> String {
    match error {
        Error::Message { msg, .. } => msg.clone(),
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
        _ => format!("the file is too large for a scenario: at most {MOST_VALUES} values are read"),
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
