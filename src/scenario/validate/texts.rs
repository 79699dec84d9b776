//! Checks all texts of a file for characters that are obeyed rather than shown, and its name for its length: reports and
//! terminals print both.

use crate::scenario::outline::{Content, Node, Place};
use crate::scenario::problem::{Problems, deceives};

/// Longest name of a scenario.
const LONGEST_NAME: usize = 200;

/// Checks the whole file but for what `tamper` sends, which may be anything.
pub(in crate::scenario) fn check(outline: &Node, problems: &mut Problems<'_>) {
    shown("the file", outline, problems);
}

fn shown(key: &str, node: &Node, problems: &mut Problems<'_>) {
    match &node.content {
        Content::Plain(scalar) => {
            // Notes have lines and tabs; names have one line.
            let allowed = |c: char| key != "name" && matches!(c, '\n' | '\t' | '\r');
            if let Some(c) = scalar.text.chars().find(|c| deceives(*c) && !allowed(*c)) {
                obeyed(c, &format!("`{key}`"), node.place, problems);
            }
            let length = scalar.text.chars().count();
            if key == "name" && length > LONGEST_NAME {
                let message = format!("`name` has {length} characters; say it in {LONGEST_NAME} at most");
                problems.add(node.place, message, Some("what is longer belongs in a comment above it".to_owned()));
            }
        }
        Content::List(items) => items.iter().for_each(|item| shown(key, item, problems)),
        Content::Keys(keys) => {
            for key in keys.iter().filter(|key| key.name != "tamper") {
                if let Some(c) = key.name.chars().find(|c| deceives(*c)) {
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
