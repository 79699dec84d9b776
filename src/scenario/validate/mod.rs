//! Checks what a file says: names that exist, numbers in their range, a story in which things come before they are used.
//! Everything wrong is reported at once.

mod cast;
mod claims;
mod faults;
mod header;
mod screen;
mod story;
mod tls;

use super::file::{Expectation, Scenario};
use super::outline::{Content, Node, Place};
use super::problem::Problems;
use super::read::Options;
use super::step::Step;
use super::written::Written;
use cast::Cast;

/// Whether each step and each claim is one key with its value, as far as the outline shows.
pub(super) fn one_action_each(outline: &Node, problems: &mut Problems<'_>) -> bool {
    let mut right = true;
    for (list, item_is, part) in [("steps", "a step", "action"), ("expect", "an expectation", "claim")] {
        if !outline.has(list) {
            continue;
        }
        for item in outline.at(list).items() {
            let fault = match (&item.content, item.keys()) {
                (Content::Keys(_), [_]) => continue,
                (Content::Keys(_), [_, second, ..]) => Some(second),
                (Content::Keys(_) | Content::List(_) | Content::Plain, _) => None,
            };
            right = false;
            match fault {
                Some(second) => {
                    let help = format!(
                        "put `{}` on a `- ` line of its own, or indent it if it belongs to the line above",
                        second.name
                    );
                    problems.add(second.place, format!("{item_is} has one {part}; this is a second one"), Some(help));
                }
                None => {
                    let message = format!("{item_is} is the name of its {part}, a colon and what it is about");
                    problems.add(item.place, message, Some(example(list).to_owned()));
                }
            }
        }
    }
    right
}

fn example(list: &str) -> &'static str {
    if list == "steps" { "write for example `- sync: maria`" } else { "write for example `- conflicts: { count: 1 }`" }
}

/// The scenario that `written` describes, complete; worth something only if no problem was added.
pub(super) fn validate(
    written: Written,
    outline: &Node,
    file: &str,
    options: &Options<'_>,
    problems: &mut Problems<'_>,
) -> Scenario {
    header::check_words(&written, outline, problems);
    let devices = header::devices(written.devices, outline.at("devices"), options, problems);
    if devices.is_empty() {
        problems.add(outline.at("devices").place, "a scenario needs at least one device", None);
    }
    let cast = Cast::new(&devices);
    let world = header::world(written.world, outline.at("world"), file, &cast, problems);
    story::check(&written.steps, outline.at("steps"), &cast, world.tls, problems);
    claims::check(&written.expect, &written.steps, outline.at("expect"), &cast, problems);
    let line = |list: &str, index: usize| outline.at(list).item(index).place.line;
    let steps = written.steps.into_iter().enumerate();
    let expect = written.expect.into_iter().enumerate();
    Scenario {
        name: written.name,
        covers: written.covers,
        tags: written.tags,
        seed: written.seed.unwrap_or(super::DEFAULT_SEED),
        world,
        settle_within: written.settle_within,
        steps: steps.map(|(index, action)| Step { line: line("steps", index), action }).collect(),
        expect: expect.map(|(index, claim)| Expectation { line: line("expect", index), claim }).collect(),
        devices,
    }
}

/// Whether `name` is made of small letters, digits and hyphens.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Reports a `number` below 1.
fn at_least_one(number: impl Into<u64>, key: &str, place: Place, problems: &mut Problems<'_>) {
    if number.into() == 0 {
        problems.add(place, format!("`{key}` must be at least 1"), None);
    }
}
