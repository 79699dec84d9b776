//! The words: each key of the header, each step, each claim, in the groups in which they are explained.

use std::sync::OnceLock;

use serde_json::Value;

use super::tree::{properties, tree};
use crate::scenario::parse;

/// A word, and the keys that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As a file has it.
    pub name: String,
    /// What it means, in sentences.
    pub meaning: String,
    /// What its value is: `text`, `a duration`.
    pub kind: String,
    /// Whether it must be there.
    pub needed: bool,
    /// What its value can be, each with its meaning, if there is a choice.
    pub values: Vec<(String, String)>,
    /// Texts of a file in which it stands.
    pub examples: Vec<String>,
    /// The keys below it.
    pub keys: Vec<Word>,
}

/// Where in a file words belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Keys of the file itself.
    Header,
    /// Keys of `world`.
    World,
    /// Keys of a device.
    Device,
    /// Keys of a link of one's own.
    Link,
    /// Steps.
    Step,
    /// Keys that aim a fault.
    Aim,
    /// Keys of `only`, in faults.
    Only,
    /// Claims.
    Claim,
    /// Keys of the claim `shown` and the step `look`.
    Screen,
}

impl Part {
    /// What a word of it is, for a title.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Header => "a key of a scenario",
            Self::World => "a key of `world`",
            Self::Device => "a key of a device",
            Self::Link => "a key of a link",
            Self::Step => "a step",
            Self::Aim => "a key of a fault",
            Self::Only => "a key of `only` in a fault",
            Self::Claim => "a claim",
            Self::Screen => "a key of the claim `shown` and the step `look`",
        }
    }

    /// The schema whose keys are its words.
    fn schema(self, root: &Value) -> &Value {
        let path = match self {
            Self::Header => "",
            Self::World => "/properties/world",
            Self::Device => "/properties/devices/additionalProperties",
            Self::Link => "/properties/devices/additionalProperties/properties/link/anyOf/1",
            Self::Step => "/properties/steps/items",
            Self::Aim => "/properties/steps/items/properties/lose",
            Self::Only => "/properties/steps/items/properties/lose/properties/only",
            Self::Claim => "/properties/expect/items",
            Self::Screen => "/properties/expect/items/properties/shown",
        };
        root.pointer(path).unwrap_or(&Value::Null)
    }
}

/// Words that are explained together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its title.
    pub title: &'static str,
    /// Where its words belong.
    pub part: Part,
    /// The words, in the order in which they are explained.
    pub words: Vec<Word>,
}

/// Which words are explained where, and in which order.
const GROUPS: &[(&str, Part, &str)] = &[
    ("Header", Part::Header, "name covers tags seed vars matrix world devices settle-within steps expect"),
    ("The world", Part::World, "generate orders take tls sealed assign"),
    ("Devices", Part::Device, "link user count role sites sync-every retry clock page keys"),
    (
        "A link of one's own",
        Part::Link,
        "down up trace rtt delay-down delay-up jitter loss burst queue congestion wake-up sleeps-after counts",
    ),
    (
        "What users do",
        Part::Step,
        "sync edit edit-many create delete work resolve prefer undo retry discard look-up select edit-cached attach \
         open-file file-settings sync-every clear-cache logout sign-in",
    ),
    (
        "What the office does",
        Part::Step,
        "office-edit office-edit-many office-create office-delete revoke change-password",
    ),
    (
        "Time, app and platform",
        Part::Step,
        "wait look launch background foreground battery data-saver network disk-space lose-files clock server-clock",
    ),
    ("Network", Part::Step, "offline flap online link handover captive-portal crash-server server"),
    ("TLS", Part::Step, "mitm handshake certificate old-client"),
    ("Faults", Part::Step, "lose spoil answer slow duplicate garble replay refuse crash restart"),
    ("Steps of another file", Part::Step, "include"),
    ("Who may read what", Part::Step, "search-disk lock unlock uninstall install steal tamper"),
    ("How a fault is aimed", Part::Aim, "of nth times only"),
    ("What narrows a fault", Part::Only, "method path order percent from until at-once may-miss"),
    ("What is where in the end", Part::Claim, "server server-lacks device device-lacks stock compressed"),
    (
        "What became of changes",
        Part::Claim,
        "conflict conflicts undecided decided removed rescued rejected dead-letter warned failed escalated tampered",
    ),
    ("The screen", Part::Claim, "shown"),
    (
        "What is shown",
        Part::Screen,
        "status queued done of synced-ago code orders lacks icon change has thumbnails files device order",
    ),
    (
        "What was sent, how often, how fast",
        Part::Claim,
        "took bytes documents uploads opened acked syncs waits pushed requests fetched-again peak",
    ),
];

/// All words, in their groups.
#[must_use]
pub fn glossary() -> &'static [Group] {
    static ALL: OnceLock<Vec<Group>> = OnceLock::new();
    ALL.get_or_init(groups)
}

fn groups() -> Vec<Group> {
    let root = tree();
    let group = |(title, part, names): &(&'static str, Part, &str)| {
        let schema = part.schema(&root);
        let words = names.split(' ').filter_map(|name| word(name, schema, &[])).collect();
        Group { title, part: *part, words }
    };
    GROUPS.iter().map(group).collect()
}

/// A step or a claim called `name` as a file has it, if it fits a line.
pub(in crate::scenario) fn example_of(name: &str) -> Option<&'static str> {
    example(name, &[Part::Step, Part::Claim])
}

/// The key of the file itself called `name` as a file has it.
pub(in crate::scenario) fn example_of_header(name: &str) -> Option<&'static str> {
    example(name, &[Part::Header])
}

fn example(name: &str, parts: &[Part]) -> Option<&'static str> {
    let groups = glossary().iter().filter(|group| parts.contains(&group.part));
    let word = groups.flat_map(|group| &group.words).find(|word| word.name == name)?;
    word.examples.first().map(String::as_str).filter(|example| !example.contains('\n'))
}

/// The word `name` among the keys of `schema`, of which `around` are examples.
fn word(name: &str, schema: &Value, around: &[String]) -> Option<Word> {
    let own = schema.get("properties")?.get(name)?;
    let text = |rule: &str| own.get(rule).and_then(Value::as_str).unwrap_or_default().to_owned();
    let needed = schema.get("required").and_then(Value::as_array).is_some_and(|keys| keys.contains(&name.into()));
    let examples = examples(name, own, around);
    let mut keys: Vec<&String> = properties(own).map(|(key, _)| key).collect();
    keys.sort_by_key(|key| examples.iter().find_map(|text| text.find(&format!(" {key}:"))).unwrap_or(usize::MAX));
    Some(Word {
        name: name.to_owned(),
        meaning: text("description"),
        kind: kind(own),
        needed,
        values: values(own),
        keys: keys.into_iter().filter_map(|key| word(key, own, &examples)).collect(),
        examples,
    })
}

/// Texts in which the key stands: its own examples, or those of what it belongs to.
fn examples(name: &str, own: &Value, around: &[String]) -> Vec<String> {
    let own = own.get("examples").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let own: Vec<String> = own.filter(|text| has_key(text, name)).map(str::to_owned).collect();
    if own.is_empty() { around.iter().filter(|text| has_key(text, name)).cloned().collect() } else { own }
}

fn has_key(text: &str, name: &str) -> bool {
    parse::value(text).is_some_and(|value| under(&value, name).is_some())
}

/// What stands under the first key called `name`, outermost first.
pub(super) fn under<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let inside = |values: Vec<&'a Value>| values.into_iter().find_map(|value| under(value, name));
    if let Some(fields) = value.as_object() {
        return fields.get(name).or_else(|| inside(fields.values().collect()));
    }
    inside(value.as_array()?.iter().collect())
}

fn values(schema: &Value) -> Vec<(String, String)> {
    let list = |rule: &str| schema.get(rule).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<(String, String)> = list("enum").map(text).zip(list("enumDescriptions").map(text)).collect();
    found.extend(schema.get("const").map(|word| (text(word), text(&schema["description"]))));
    found.extend(list("anyOf").flat_map(values));
    found
}

/// What a value is, in words.
fn kind(schema: &Value) -> String {
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let text = |rule: &str| schema.get(rule).and_then(Value::as_str);
    if let Some(title) = text("title") {
        return title.to_owned();
    }
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        return "a word".to_owned();
    }
    let of = match text("type") {
        Some("string") => "text",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("boolean") => "true or false",
        Some("array") => "a list",
        Some("object") => "keys and values",
        _ => "any value",
    };
    of.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_is_explained_once() {
        let root = tree();
        for part in
            [Part::Header, Part::World, Part::Device, Part::Link, Part::Step, Part::Only, Part::Claim, Part::Screen]
        {
            let known: Vec<&String> = properties(part.schema(&root)).map(|(name, _)| name).collect();
            let mut grouped: Vec<&str> =
                GROUPS.iter().filter(|group| group.1 == part).flat_map(|group| group.2.split(' ')).collect();
            grouped.sort_unstable();
            assert_eq!(grouped, known, "{part:?}: GROUPS and the types differ");
        }
    }

    #[test]
    fn every_word_and_every_key_has_a_meaning_and_an_example() {
        fn look(word: &Word, at: &str, bad: &mut BTreeSet<String>) {
            let at = format!("{at} {}", word.name);
            if !word.meaning.ends_with(['.', ')', '`']) || word.meaning.contains("See [") {
                bad.insert(format!("{at}: its meaning is `{}`", word.meaning));
            }
            if word.examples.is_empty() {
                bad.insert(format!("{at}: no example"));
            }
            word.keys.iter().for_each(|key| look(key, &at, bad));
        }
        let mut bad = BTreeSet::new();
        for group in glossary() {
            group.words.iter().for_each(|word| look(word, group.title, &mut bad));
        }
        assert!(bad.is_empty(), "{bad:#?}");
    }
}
