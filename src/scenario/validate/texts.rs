//! Checks all texts of a file for characters that are obeyed rather than shown, and its name for its length: reports and
//! terminals print both.

use crate::scenario::outline::{Content, Node, Place};
use crate::scenario::problem::{Problems, deceives};

/// Longest name of a scenario.
const LONGEST_NAME: usize = 200;

/// Checks the whole file but for what `tamper` sends, which may be anything.
pub(in crate::scenario) fn check(outline: &Node, problems: &mut Problems<'_>) {
    shown("the file", outline, problems);
    let Some(Content::Plain(name)) = outline.key("name").map(|key| &key.value.content) else { return };
    let place = outline.at("name").place;
    if let Some(c) = name.text.chars().find(|c| is_layout(*c)) {
        obeyed(c, "`name`", place, problems);
    }
    let length = name.text.chars().count();
    if length > LONGEST_NAME {
        let message = format!("`name` has {length} characters; say it in {LONGEST_NAME} at most");
        problems.add(place, message, Some("what is longer belongs in a comment above it".to_owned()));
    }
}

/// Whether it is part of notes of several lines.
const fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\t' | '\r')
}

fn shown(key: &str, node: &Node, problems: &mut Problems<'_>) {
    let hidden = |text: &str| text.chars().find(|c| deceives(*c) && !is_layout(*c));
    match &node.content {
        Content::Plain(scalar) => {
            if let Some(c) = hidden(&scalar.text) {
                obeyed(c, &format!("`{key}`"), node.place, problems);
            }
        }
        Content::List(items) => items.iter().for_each(|item| shown(key, item, problems)),
        Content::Keys(keys) => {
            for key in keys.iter().filter(|key| key.name != "tamper") {
                if let Some(c) = hidden(&key.name) {
                    obeyed(c, "a key", key.place, problems);
                }
                shown(&key.name, &key.value, problems);
            }
        }
    }
}

fn obeyed(c: char, what: &str, place: Place, problems: &mut Problems<'_>) {
    let message = format!("{what} holds the character U+{:04X}, which is obeyed rather than shown", u32::from(c));
    problems.add(place, message, Some("write the text without it".to_owned()));
}
