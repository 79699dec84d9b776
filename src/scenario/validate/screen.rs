//! Checks what a `look` step or a `shown` claim asks of a screen.

use super::claims;
use crate::check::ShownClaim;
use crate::scenario::outline::Node;
use crate::scenario::problem::Problems;

/// Checks `claim` but for the names in it; `at` is its body.
pub(super) fn check(claim: &ShownClaim, at: &Node, problems: &mut Problems<'_>) {
    let of_order = [("icon", claim.icon.is_some()), ("change", claim.change.is_some()), ("has", claim.has.is_some())];
    let anything = of_order.iter().any(|(_, given)| *given)
        || claim.lacks.is_some()
        || claim.orders.is_some()
        || claim.thumbnails.is_some()
        || claim.files.is_some()
        || claim.status.is_some()
        || claim.code.is_some()
        || claim.queued.is_some()
        || claim.done.is_some()
        || claim.of.is_some()
        || claim.synced_ago.is_some();
    if !anything {
        let help = "add for example `status: offline`, `queued: 2`, or `order:` with `icon:`, `change:` or `has:`";
        problems.add(at.place, "it claims nothing of the screen", Some(help.to_owned()));
    }
    if claim.order.is_none() {
        for (key, _) in of_order.iter().filter(|(_, given)| *given) {
            problems.add(at.key_place(key), format!("`{key}` needs `order`"), None);
        }
    }
    if let Some(has) = &claim.has {
        claims::fields(has, at.at("has"), problems);
    }
}
