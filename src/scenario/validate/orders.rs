//! Checks the ids of orders against what the world holds: whoever speaks of an order that cannot be there has misspelt it.

use crate::check::Claim;
use crate::scenario::action::Action;
use crate::scenario::outline::{Content, Node};
use crate::scenario::problem::Problems;

/// Reports every id that is none of `WO-000001` to the so-manieth, nor one that the server gives to what the story makes.
/// `outline` is the whole file.
pub(super) fn check(generated: u32, steps: &[Action], claims: &[Claim], outline: &Node, problems: &mut Problems<'_>) {
    let Some(made) = made(steps) else { return };
    let known = |id: &str| number_of(id).is_none_or(|number| (1..=u64::from(generated) + made).contains(&number));
    let mut look = |at: &Node| {
        let Content::Plain(scalar) = &at.content else { return };
        if !known(&scalar.text) {
            let help = match generated {
                0 => "the world begins without orders".to_owned(),
                1 => "the world has `WO-000001` alone; `world: { generate: 9 }` makes nine".to_owned(),
                _ => format!("the world has `WO-000001` to `WO-{generated:06}`; `generate` says how many"),
            };
            problems.add(at.place, format!("there is no order `{}`", scalar.text), Some(help));
        }
    };
    for (index, step) in steps.iter().enumerate() {
        // Who picks or sends whatever they like shows what comes of it.
        if !matches!(step, Action::Select(_) | Action::Tamper(_)) {
            named(outline.at("steps").item(index).body(), &mut look);
        }
    }
    for (index, claim) in claims.iter().enumerate() {
        // Theirs is not to be there.
        if !matches!(claim, Claim::DeviceLacks(_) | Claim::ServerLacks(_)) {
            named(outline.at("expect").item(index).body(), &mut look);
        }
    }
}

/// How many orders the story makes at most; none if that cannot be said.
#[expect(clippy::wildcard_enum_match_arm, reason = "few steps make orders")]
fn made(steps: &[Action]) -> Option<u64> {
    let mut made = 0;
    for step in steps {
        match step {
            Action::Create(_) | Action::OfficeCreate(_) => made += 1,
            Action::Work(_) | Action::Tamper(_) => return None,
            _ => {}
        }
    }
    Some(made)
}

/// The number in an id as the server gives them; none of what is no such id. One that is too large is above all others.
fn number_of(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("WO-").filter(|digits| !digits.is_empty())?;
    let right = digits.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| if digits.len() < 6 { 0 } else { digits.parse().unwrap_or(u64::MAX) })
}

fn named(body: &Node, look: &mut impl FnMut(&Node)) {
    if let Some(order) = body.key("order") {
        look(&order.value);
    }
    body.key("orders").into_iter().flat_map(|orders| orders.value.items()).for_each(look);
}
