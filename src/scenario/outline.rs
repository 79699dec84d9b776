//! Where things stand in a file: the tree of its keys and values, each with its place. The typed reading has no
//! positions; whoever finds a fault in it looks up here where it is written.

/// A place in a file. Lines and columns count from 1, columns and lengths in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Line; 0 for the file as a whole.
    pub(super) line: u64,
    /// Column; 0 for the file as a whole.
    pub(super) column: u64,
    /// How many characters it takes.
    pub(super) length: u64,
}

/// One value of the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where it stands.
    pub(super) place: Place,
    /// What is in it.
    pub(super) content: Content,
}

/// What a value consists of.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Text, a number, a truth value or nothing.
    Plain,
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the file's order.
    Keys(Vec<Key>),
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
            Content::Plain | Content::List(_) => &[],
        }
    }

    /// The items in it; none when it is of another shape.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Plain | Content::Keys(_) => &[],
        }
    }

    /// Whether it has this key.
    pub(super) fn has(&self, name: &str) -> bool {
        self.keys().iter().any(|key| key.name == name)
    }

    /// The value under `name`; the node itself when there is none, so that a fault is at least shown near its place.
    pub(super) fn at(&self, name: &str) -> &Self {
        self.keys().iter().find(|key| key.name == name).map_or(self, |key| &key.value)
    }

    /// The so-manieth item, from 0; the node itself when there is none.
    pub(super) fn item(&self, index: usize) -> &Self {
        self.items().get(index).unwrap_or(self)
    }

    /// Where the key `name` stands; the node's own place when there is none.
    pub(super) fn key_place(&self, name: &str) -> Place {
        self.keys().iter().find(|key| key.name == name).map_or(self.place, |key| key.place)
    }

    /// The value under the only key: the body of a step or a claim.
    pub(super) fn body(&self) -> &Self {
        self.keys().first().map_or(self, |key| &key.value)
    }

    /// The keys that lead to the key that stands at `place`, outermost first and itself last.
    pub(super) fn path_to_key(&self, place: Place) -> Vec<&str> {
        self.path_to(place, |_| false)
    }

    /// The keys that lead to the value that begins at `place`, outermost first.
    pub(super) fn path_to_value(&self, place: Place) -> Vec<&str> {
        self.path_to(place, |node| (node.place.line, node.place.column) == (place.line, place.column))
    }

    fn path_to(&self, place: Place, is_it: impl Fn(&Self) -> bool) -> Vec<&str> {
        let at = (place.line, place.column);
        let begun = |other: Place| (other.line, other.column) <= at;
        let (mut path, mut node) = (Vec::new(), self);
        loop {
            let next = match &node.content {
                _ if is_it(node) => None,
                Content::Plain => None,
                Content::List(items) => items.iter().rev().find(|item| begun(item.place)),
                Content::Keys(keys) => keys.iter().rev().find(|key| begun(key.place)).map(|key| {
                    path.push(key.name.as_str());
                    &key.value
                }),
            };
            match next {
                Some(inner) => node = inner,
                None => return path,
            }
        }
    }

    /// The key whose keys and values begin, or go on, at `place`; none when these are the file's own.
    pub(super) fn holder_of(&self, place: Place) -> Option<&Key> {
        let at = (place.line, place.column);
        let (mut holder, mut node) = (None, self);
        loop {
            let begun = |other: Place| (other.line, other.column) <= at;
            match &node.content {
                Content::Plain => return holder,
                Content::List(items) => match items.iter().rev().find(|item| begun(item.place)) {
                    Some(item) => node = item,
                    None => return holder,
                },
                Content::Keys(keys) => match keys.iter().rev().find(|key| begun(key.place)) {
                    Some(key) if key.place != place && !matches!(key.value.content, Content::Plain) => {
                        holder = Some(key);
                        node = &key.value;
                    }
                    Some(_) | None => return holder,
                },
            }
        }
    }
}
