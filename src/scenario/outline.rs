//! What stands where in a file: the tree of its keys and values, each with its place. Types are read from it, and whoever
//! finds a fault in them looks up here where it is written.

use serde_json::Number;

/// A place in a file. Lines and columns count from 1, columns and lengths in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Line; 0 for the file as a whole.
    pub(super) line: u64,
    /// Column; 0 for the file as a whole.
    pub(super) column: u64,
    /// How many characters it takes.
    pub(super) length: u64,
    /// Which of the files that were read: 0 is the scenario itself.
    pub(super) file: usize,
}

impl Place {
    /// What stands there, if it is in one line.
    fn text_in(self, lines: &[&str]) -> String {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let line = lines.get(number(self.line).wrapping_sub(1)).unwrap_or(&"");
        line.chars().skip(number(self.column).saturating_sub(1)).take(number(self.length)).collect()
    }
}

/// One value of the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where it stands.
    pub(super) place: Place,
    /// What is in it.
    pub(super) content: Content,
    /// Of a step from another file, the line of the scenario by which it came in; else 0.
    pub(super) from: u64,
}

/// What a value consists of.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Text, a number, a truth value or nothing.
    Plain(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the file's order.
    Keys(Vec<Key>),
}

/// A value with nothing in it.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// As it is written, without quotes.
    pub(super) text: String,
    /// What a reader of YAML takes it for.
    pub(super) kind: Kind,
}

impl Scalar {
    /// Whether a reader of YAML takes it for a number.
    pub(super) const fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number(_))
    }
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// No value at all.
    Nothing,
    /// `true` or `false`.
    Bool(bool),
    /// A number; none of those that no number of JSON is.
    Number(Option<Number>),
    /// Text.
    Text,
}

/// One key and its value.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The key.
    pub(super) name: String,
    /// Where the key stands.
    pub(super) place: Place,
    /// Its value.
    pub(super) value: Node,
}

impl Node {
    /// The keys in it; none when it is of another shape.
    pub(super) fn keys(&self) -> &[Key] {
        match &self.content {
            Content::Keys(keys) => keys,
            Content::Plain(_) | Content::List(_) => &[],
        }
    }

    /// Its key `name`, if it has one.
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys().iter().find(|key| key.name == name)
    }

    /// Its key `name`, if it has that and nothing else.
    pub(super) fn only(&self, name: &str) -> Option<&Key> {
        self.key(name).filter(|_| self.keys().len() == 1)
    }

    /// Notes of all places in it that they are in the so-manieth file.
    pub(super) fn is_of(&mut self, file: usize) {
        self.place.file = file;
        match &mut self.content {
            Content::Plain(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.is_of(file)),
            Content::Keys(keys) => keys.iter_mut().for_each(|key| {
                key.place.file = file;
                key.value.is_of(file);
            }),
        }
    }

    /// See [`Node::keys`].
    pub(super) fn keys_mut(&mut self) -> &mut [Key] {
        match &mut self.content {
            Content::Keys(keys) => keys,
            Content::Plain(_) | Content::List(_) => &mut [],
        }
    }

    /// The items in it; none when it is of another shape.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Plain(_) | Content::Keys(_) => &[],
        }
    }

    /// Whether it has this key.
    pub(super) fn has(&self, name: &str) -> bool {
        self.key(name).is_some()
    }

    /// The value under `name`; the node itself when there is none, so that a fault is at least shown near its place.
    pub(super) fn at(&self, name: &str) -> &Self {
        self.key(name).map_or(self, |key| &key.value)
    }

    /// The so-manieth item, from 0; the node itself when there is none.
    pub(super) fn item(&self, index: usize) -> &Self {
        self.items().get(index).unwrap_or(self)
    }

    /// Where the key `name` stands; the node's own place when there is none.
    pub(super) fn key_place(&self, name: &str) -> Place {
        self.key(name).map_or(self.place, |key| key.place)
    }

    /// The value under the only key: the body of a step or a claim.
    pub(super) fn body(&self) -> &Self {
        self.keys().first().map_or(self, |key| &key.value)
    }

    /// Sets each plain value's text to what the file, which consists of `lines`, has at its place.
    pub(super) fn quote(&mut self, lines: &[&str]) {
        match &mut self.content {
            Content::Plain(Scalar { kind: Kind::Text, .. }) => {}
            Content::Plain(scalar) => scalar.text = self.place.text_in(lines),
            Content::List(items) => items.iter_mut().for_each(|item| item.quote(lines)),
            Content::Keys(keys) => keys.iter_mut().for_each(|key| key.value.quote(lines)),
        }
    }

    /// Whether this key is anywhere in it.
    pub(super) fn mentions(&self, name: &str) -> bool {
        match &self.content {
            Content::Plain(_) => false,
            Content::List(items) => items.iter().any(|item| item.mentions(name)),
            Content::Keys(keys) => keys.iter().any(|key| key.name == name || key.value.mentions(name)),
        }
    }
}
