//! From the outline to types: a serde deserializer over the tree of values, so that each fault knows its place, every part
//! can be read on its own, and what is wrong is said in words for the person who wrote it.

use std::fmt::{self, Display};

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::glossary::{example_of, example_of_header};
use super::outline::{Content, Key, Kind, Node, Place, Scalar};
use super::problem::one_of;

/// Something wrong with the form of a file.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Where; none as long as only the type knows of it.
    pub(super) place: Option<Place>,
    /// What.
    pub(super) message: String,
    /// What to write instead.
    pub(super) help: Option<String>,
    /// The file's own key in which it is, and whether that key is missing.
    pub(super) part: Option<Box<(String, bool)>>,
    what: Box<What>,
}

/// What a type complains of, until it is known which key it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Said,
    Missing(&'static str),
    UnknownKey(String, &'static [&'static str]),
    UnknownWord(String, &'static [&'static str]),
    Wanted(String),
}

impl Fault {
    /// At this place, in these words.
    pub(super) fn at(place: Place, message: impl Into<String>, help: Option<String>) -> Self {
        Self { place: Some(place), message: message.into(), help, part: None, what: Box::new(What::Said) }
    }

    fn of(what: What) -> Self {
        Self { place: None, message: String::new(), help: None, part: None, what: Box::new(what) }
    }

    /// The same, put into words by whoever knows the key and the place; done already where that was known further inside.
    fn told(mut self, reader: Reader<'_>) -> Self {
        if self.place.is_some() {
            return self;
        }
        self.place = Some(reader.node.place);
        let name = reader.name();
        match std::mem::replace(&mut *self.what, What::Said) {
            What::Said => {}
            What::Missing(field) => match reader.key {
                Some(key) => {
                    self.place = Some(key.place);
                    self.message = format!("`{}` lacks `{field}`", key.name);
                }
                None => {
                    self.place = Some(Place { length: 1, ..reader.node.place });
                    self.message = format!("`{field}` is missing");
                    self.help = example_of_header(field).map(|example| format!("write for example `{example}`"));
                    self.part = Some(Box::new((field.to_owned(), true)));
                }
            },
            What::UnknownKey(field, known) => {
                self.message = match reader.key {
                    Some(holder) => format!("`{}` has no key `{field}`", holder.name),
                    None => format!("a scenario has no key `{field}`"),
                };
                self.help = Some(one_of(&field, known));
                self.place = Some(reader.node.key_place(&field));
            }
            What::UnknownWord(word, known) => {
                let list = reader.key.map_or("", |key| key.name.as_str());
                self.message = match (list, reader.node.keys()) {
                    ("steps", [key]) => {
                        self.place = Some(key.place);
                        format!("there is no step `{word}`")
                    }
                    ("expect", [key]) => {
                        self.place = Some(key.place);
                        format!("there is no claim `{word}`")
                    }
                    _ => format!("{name} cannot be `{word}`"),
                };
                self.help = Some(one_of(&word, known));
            }
            What::Wanted(wanted) => self.message = format!("{name} must hold {wanted}"),
        }
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        let text = message.to_string();
        let (message, help) = match text.split_once("; write for example ") {
            Some((what, example)) => (what.to_owned(), Some(format!("write for example {example}"))),
            None => (text, None),
        };
        Self { message, help, ..Self::of(What::Said) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(What::Missing(field))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::of(What::UnknownKey(field.to_owned(), expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::of(What::UnknownWord(variant.to_owned(), expected))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "serde's list of what can be found is long")]
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        Self::of(What::Wanted(match found {
            // What no number of 64 bits holds.
            de::Unexpected::Other(text) if text.starts_with("integer `-") => at_least(&expected),
            de::Unexpected::Other(text) if text.starts_with("integer `") => at_most(&expected),
            _ => plain(&expected),
        }))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "serde's list of what can be found is long")]
    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        let wanted = match found {
            de::Unexpected::Signed(..0) => at_least(&expected),
            de::Unexpected::Unsigned(_) => at_most(&expected),
            _ => plain(&expected),
        };
        Self::of(What::Wanted(wanted))
    }
}

/// What a type wants, in words of people.
fn plain(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a map" => MAP.to_owned(),
        "a sequence" => LIST.to_owned(),
        other if other.starts_with("struct ") => MAP.to_owned(),
        other => other.to_owned(),
    }
}

/// A number that a type called `expected` holds, said to whoever wrote a larger one.
fn at_most(expected: &str) -> String {
    let most = match expected {
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        "u64" | "usize" => u64::MAX,
        "i64" => i64::MAX.unsigned_abs(),
        _ => return "a smaller whole number".to_owned(),
    };
    format!("a whole number, {most} at most")
}

/// The same, said to whoever wrote a smaller one.
fn at_least(expected: &str) -> String {
    match expected {
        "i64" => format!("a whole number, {} at least", i64::MIN),
        _ => "a whole number that is not below zero".to_owned(),
    }
}

const MAP: &str = "keys and values: `key: value`";
const LIST: &str = "a list: `[a, b]`, or a line that begins with `- ` for each";

/// Reads a value, which stands under `key`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    /// The value.
    node: &'a Node,
    /// The key above it; of a list's item, the list's. None for the file itself.
    key: Option<&'a Key>,
    /// Whether that key is the name of a step or a claim.
    is_word: bool,
}

impl<'a> Reader<'a> {
    /// Of the value of `key`, or of an item of it.
    pub(super) const fn new(node: &'a Node, key: Option<&'a Key>) -> Self {
        Self { node, key, is_word: false }
    }

    fn name(self) -> String {
        self.key.map_or_else(|| "the file".to_owned(), |key| format!("`{}`", key.name))
    }

    fn fault(self, message: String) -> Fault {
        Fault::at(self.node.place, message, None)
    }

    /// A step or a claim of another shape is shown as it should be.
    fn wants(self, what: &str) -> Fault {
        let example = self.key.filter(|_| self.is_word).and_then(|key| example_of(&key.name));
        let help = example.map(|example| format!("write for example `{example}`"));
        Fault { help, ..self.fault(format!("{} must hold {what}", self.name())) }
    }

    fn scalar(self) -> Result<&'a Scalar, Fault> {
        match &self.node.content {
            Content::Plain(scalar) => Ok(scalar),
            Content::List(_) | Content::Keys(_) => Err(self.wants("a single value")),
        }
    }

    /// Text as it is written, whatever a reader of YAML would take it for.
    fn text(self) -> Result<&'a str, Fault> {
        let scalar = self.scalar()?;
        if matches!(scalar.kind, Kind::Nothing) {
            Err(self.fault(format!("{} has no value", self.name())))
        } else {
            Ok(&scalar.text)
        }
    }

    /// A whole number; of one that is too long for any type, only on which side.
    fn number(self) -> Result<Whole, Fault> {
        let scalar = self.scalar()?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match &scalar.kind {
            Kind::Number(Some(number)) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => return Ok(Whole::Unsigned(number)),
                (None, Some(number)) => return Ok(Whole::Signed(number)),
                (None, None) => {}
            },
            Kind::Number(None) | Kind::Nothing | Kind::Bool(_) | Kind::Text => {}
        }
        match scalar.text.strip_prefix('-') {
            Some(text) if digits(text) && scalar.is_number() => Ok(Whole::TooLow),
            None if digits(&scalar.text) && scalar.is_number() => Ok(Whole::TooHigh),
            Some(_) | None => Err(self.wants("a whole number")),
        }
    }
}

/// A whole number as it is written.
enum Whole {
    Unsigned(u64),
    Signed(i64),
    TooHigh,
    TooLow,
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let read = match self.number()? {
                Whole::Unsigned(number) => visitor.visit_u64::<Fault>(number),
                Whole::Signed(number) => visitor.visit_i64(number),
                Whole::TooHigh => visitor.visit_u128(u128::MAX),
                Whole::TooLow => visitor.visit_i128(i128::MIN),
            };
            read.map_err(|fault| fault.told(self))
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let read = match &self.node.content {
            Content::List(_) => return self.deserialize_seq(visitor),
            Content::Keys(_) => return self.deserialize_map(visitor),
            Content::Plain(scalar) => match &scalar.kind {
                Kind::Number(None) => {
                    return Err(self.fault(format!("`{}` is not a number that can be sent", scalar.text)));
                }
                Kind::Nothing => visitor.visit_unit(),
                Kind::Bool(value) => visitor.visit_bool(*value),
                Kind::Number(Some(number)) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                    (Some(number), _, _) => visitor.visit_u64(number),
                    (None, Some(number), _) => visitor.visit_i64(number),
                    (None, None, number) => visitor.visit_f64(number.unwrap_or_default()),
                },
                Kind::Text => visitor.visit_str(&scalar.text),
            },
        };
        read.map_err(|fault: Fault| fault.told(self))
    }

    whole_numbers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.scalar()?.kind {
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Nothing | Kind::Number(_) | Kind::Text => Err(self.wants("`true` or `false`")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(self.text()?).map_err(|fault: Fault| fault.told(self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Plain(Scalar { kind: Kind::Nothing, .. }) => visitor.visit_none(),
            Content::Plain(_) | Content::List(_) | Content::Keys(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Content::List(items) = &self.node.content else { return Err(self.wants(LIST)) };
        visitor.visit_seq(Items { items: items.iter(), key: self.key }).map_err(|fault| fault.told(self))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Content::Keys(keys) = &self.node.content else { return Err(self.wants(MAP)) };
        visitor.visit_map(Keys { keys: keys.iter(), current: None, whole: self }).map_err(|fault| fault.told(self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Plain(Scalar { kind: Kind::Nothing, .. }) => {
                let help = Some(format!("allowed: {}", known.join(", ")));
                Err(Fault::at(self.node.place, format!("{} has no value", self.name()), help))
            }
            Content::Plain(scalar) => {
                let word: de::value::StrDeserializer<'_, Fault> = scalar.text.as_str().into_deserializer();
                visitor.visit_enum(word).map_err(|fault| fault.told(self))
            }
            Content::Keys(keys) if keys.len() == 1 => {
                let whole = Keys { keys: keys.iter(), current: None, whole: self };
                visitor.visit_enum(de::value::MapAccessDeserializer::new(whole)).map_err(|fault| fault.told(self))
            }
            Content::Keys(_) | Content::List(_) => Err(self.wants("a single word")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    key: Option<&'a Key>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(Reader::new(node, self.key)).map(Some)
    }
}

struct Keys<'a> {
    keys: std::slice::Iter<'a, Key>,
    current: Option<&'a Key>,
    whole: Reader<'a>,
}

impl<'de> MapAccess<'de> for Keys<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(key) = self.keys.next() else { return Ok(None) };
        self.current = Some(key);
        let name: de::value::StrDeserializer<'_, Fault> = key.name.as_str().into_deserializer();
        let read = seed.deserialize(name).map(Some);
        read.map_err(|fault| self.of_part(fault.told(self.whole)))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(key) = self.current else { return Err(self.whole.wants(MAP)) };
        let is_word = self.whole.key.is_some_and(|list| list.name == "steps" || list.name == "expect");
        let reader = Reader { is_word, ..Reader::new(&key.value, Some(key)) };
        seed.deserialize(reader).map_err(|fault| self.of_part(fault))
    }
}

impl Keys<'_> {
    /// The file's own key is noted in the fault, so that the rest can be read without it.
    fn of_part(&self, mut fault: Fault) -> Fault {
        if let (None, Some(key)) = (self.whole.key, self.current) {
            fault.part = Some(Box::new((key.name.clone(), false)));
        }
        fault
    }
}
