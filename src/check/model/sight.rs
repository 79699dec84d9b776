//! Who may see which work order, by the oracle's own reading of spec 2.3 and decision j.

use super::super::facts::Facts;
use super::order::{Order, Stage};
use super::rules::is_terminal;

/// How a user sees a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Sight {
    /// Not at all.
    No,
    /// Undecided: about thirty days old, or a seed that does not say when it was made.
    Maybe,
    /// On the device that had it, as their own finished work; not in a full pull.
    Kept,
    /// In every pull.
    Yes,
}

const THIRTY_DAYS_MS: u64 = 30 * 24 * 3600 * 1000;
/// Within this of the thirty days, server and oracle may differ on what is past.
const MARGIN_MS: u64 = 60 * 1000;

/// How `user` sees `order` as it was at `version` (at its newest when `None`), asked at `now_ms`.
pub(in super::super) fn sight(
    facts: &Facts<'_>,
    order: &Order<'_>,
    user: &str,
    version: Option<i64>,
    now_ms: u64,
) -> Sight {
    let Some(profile) = facts.users.get(user) else { return Sight::Maybe };
    let mut seen = Sight::No;
    // Since when a pick could not count, last.
    let mut unpickable = None;
    let upto =
        order.stages.iter().enumerate().take_while(|(i, stage)| *i == 0 || version.is_none_or(|v| stage.version <= v));
    let stages: Vec<&Stage<'_>> = upto.map(|(_, stage)| stage).collect();
    for (position, stage) in stages.iter().enumerate() {
        let at_ms = if position + 1 == stages.len() { now_ms } else { stages[position + 1].at_ms };
        seen = match profile.role.as_str() {
            "auditor" => Sight::Yes,
            "supervisor" => of_supervisor(&profile.site_ids, stage),
            _ => {
                if !pickable(&profile.site_ids, stage, user) {
                    unpickable = Some(stage.at_ms);
                }
                let picked = facts.picked_since(user, order.id, at_ms);
                let counts = picked.is_some_and(|since| unpickable.is_none_or(|until| since > until));
                if counts && unpickable != Some(stage.at_ms) {
                    Sight::Yes
                } else {
                    of_technician(order, stage, user, seen, at_ms)
                }
            }
        };
    }
    seen
}

fn of_supervisor(sites: &[String], stage: &Stage<'_>) -> Sight {
    let own = sites.is_empty() || stage.site.is_some_and(|site| sites.iter().any(|own| own == site));
    if own { Sight::Yes } else { Sight::No }
}

/// What a technician may pick to sync: unfinished work at their sites that is theirs or nobody's.
fn pickable(sites: &[String], stage: &Stage<'_>, user: &str) -> bool {
    stage.site.is_some_and(|site| sites.iter().any(|own| own == site))
        && stage.assigned_to.is_none_or(|assigned| assigned == user)
        && !stage.status.is_some_and(is_terminal)
}

fn of_technician(order: &Order<'_>, stage: &Stage<'_>, user: &str, before: Sight, at_ms: u64) -> Sight {
    let theirs = stage.assigned_to == Some(user);
    let status = stage.status.unwrap_or_default();
    if theirs && matches!(status, "assigned" | "in-progress" | "on-hold") {
        return Sight::Yes;
    }
    // A create may leave the status to the server, whose choice is its own.
    if theirs && stage.status.is_none() {
        return Sight::Maybe;
    }
    let made = if order.created_by == Some(user) { recent(order.created_ms, at_ms) } else { Sight::No };
    if made == Sight::Yes {
        return Sight::Yes;
    }
    // What its maker saw while it was young counts as seen, should it have been finished all along.
    let young = order.created_by == Some(user) && before == Sight::No;
    match if young { recent(order.created_ms, stage.at_ms) } else { before } {
        Sight::Yes | Sight::Kept if theirs && is_terminal(status) => {
            if made == Sight::Maybe {
                Sight::Maybe
            } else {
                Sight::Kept
            }
        }
        Sight::Maybe if theirs && is_terminal(status) => Sight::Maybe,
        Sight::No | Sight::Maybe | Sight::Kept | Sight::Yes => made,
    }
}

fn recent(created_ms: Option<u64>, now_ms: u64) -> Sight {
    match created_ms.map(|created| now_ms.saturating_sub(created)) {
        None => Sight::Maybe,
        Some(age) if age + MARGIN_MS < THIRTY_DAYS_MS => Sight::Yes,
        Some(age) if age > THIRTY_DAYS_MS + MARGIN_MS => Sight::No,
        Some(_) => Sight::Maybe,
    }
}
