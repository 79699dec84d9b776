//! Checks what a file says: names that exist, numbers in their range, a story in which things come before they are used.
//! Everything wrong is reported at once.

mod cast;
mod claims;
mod faults;
mod header;
mod links;
mod orders;
mod screen;
mod story;
mod texts;
mod tls;
mod values;

use super::action::Action;
use super::file::{Expectation, Orders, Scenario};
use super::outline::{Content, Node, Place};
use super::problem::Problems;
use super::read::Options;
use super::step::Step;
use super::written::Written;
use cast::Cast;
pub use header::MOST_GENERATED;
pub(super) use texts::check as check_texts;

/// Takes out each step and each claim that is not one key with its value; whether the others can be judged without them.
pub(super) fn one_action_each(outline: &mut Node, problems: &mut Problems<'_>) -> bool {
    let mut judgeable = true;
    for key in outline.keys_mut() {
        let (item_is, part) = match key.name.as_str() {
            "steps" => ("a step", "action"),
            "expect" => ("an expectation", "claim"),
            _ => continue,
        };
        let Content::List(items) = &mut key.value.content else { continue };
        let (all, is_story) = (items.len(), key.name == "steps");
        items.retain(|item| {
            let right = is_one_action(item, item_is, part, problems);
            judgeable &= right || !(is_story && item.mentions("as"));
            right
        });
        judgeable &= items.len() == all || !items.is_empty() || !is_story;
    }
    judgeable
}

fn is_one_action(item: &Node, item_is: &str, part: &str, problems: &mut Problems<'_>) -> bool {
    match (&item.content, item.keys()) {
        (Content::Keys(_), [_]) => return true,
        (Content::Keys(_), [_, second, ..]) => {
            let help = format!(
                "put `{}` on a `- ` line of its own, or indent it if it belongs to the line above",
                second.name
            );
            problems.add(second.place, format!("{item_is} has one {part}; this is a second one"), Some(help));
        }
        (Content::Keys(_) | Content::List(_) | Content::Plain(_), _) => {
            let message = format!("{item_is} is the name of its {part}, a colon and what it is about");
            problems.add(item.place, message, Some(example(part).to_owned()));
        }
    }
    false
}

fn example(part: &str) -> &'static str {
    if part == "action" { "write for example `- sync: maria`" } else { "write for example `- conflicts: { count: 1 }`" }
}

/// The scenario that `written` describes, complete; worth something only if no problem was added.
pub(super) fn validate(
    mut written: Written,
    outline: &Node,
    file: &str,
    options: &Options<'_>,
    problems: &mut Problems<'_>,
) -> Scenario {
    let formed = problems.is_empty();
    header::check_words(&written, outline, problems);
    let mut devices = header::devices(written.devices, outline.at("devices"), problems);
    links::check(&mut devices, &mut written.steps, outline, file, options, problems);
    if devices.is_empty() {
        problems.add(outline.at("devices").place, "a scenario needs at least one device", None);
    }
    let cast = Cast::new(&devices);
    let world = header::world(written.world, outline.at("world"), file, &cast, problems);
    story::check(&written.steps, outline.at("steps"), &cast, world.tls, problems);
    claims::check(&written.expect, &written.steps, outline.at("expect"), &cast, problems);
    // What is wrong in the file may be the number of its orders, or its claims.
    if let Orders::Generate(generated) = world.orders
        && (formed || outline.has("world"))
    {
        orders::check(generated, &written.steps, &written.expect, outline, problems);
    }
    // What the lone proxy plays covers nothing, and leaves it to an app to do something.
    if problems.is_empty()
        && !written.covers.is_empty()
        && written.expect.is_empty()
        && !written.steps.is_empty()
        && written.steps.iter().all(is_idle)
    {
        let message = "nothing happens in this story, and nothing is expected of it: it proves nothing";
        let help = "add what a user does, such as `- sync: maria`, or an `expect:` with a claim".to_owned();
        problems.add(outline.key_place("steps"), message, Some(help));
    }
    // Of a step from another file, where the scenario includes it: reports point into scenarios.
    let line = |list: &str, index: usize| match outline.at(list).item(index) {
        Node { from: 0, place, .. } => place.line,
        Node { from, .. } => *from,
    };
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

/// Whether a step changes nothing that could go wrong: it lets time pass, or sets something up.
const fn is_idle(step: &Action) -> bool {
    matches!(
        step,
        Action::Wait(_)
            | Action::Battery(_)
            | Action::Clock(_)
            | Action::DataSaver(_)
            | Action::DiskSpace(_)
            | Action::FileSettings(_)
            | Action::Network(_)
            | Action::ServerClock(_)
            | Action::SyncEvery(_)
    )
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
