//! Who sees a work order (spec 2.3). Pure.

use super::record::Order;
use super::role::{Role, oversees};
use super::settings::{CREATED_VISIBLE, millis};
use crate::protocol::{Profile, RemovalReason};

/// Statuses in which an assigned work order is synced (spec 2.3).
const LIVE: &[&str] = &["assigned", "in-progress", "on-hold"];
/// Statuses that end a work order.
const TERMINAL: &[&str] = &["completed", "closed", "cancelled"];

/// Whether work of this status has come to an end.
pub(super) fn is_terminal(status: &str) -> bool {
    TERMINAL.contains(&status)
}

/// How a user stands to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// In the view. `retained`: only because it was there when it ended, so that a fresh snapshot leaves it out.
    /// `until_ms`: time alone may end it.
    In { retained: bool, until_ms: Option<i64> },
    /// Not in the view.
    Out(RemovalReason),
}

/// How the owner of `profile`, who had `order` in view or not until now, stands to it.
pub(super) fn stand(profile: &Profile, order: &Order, was_in: bool, now_ms: i64) -> Stand {
    if order.deleted {
        return Stand::Out(RemovalReason::Deleted);
    }
    let always = Stand::In { retained: false, until_ms: None };
    match Role::of(profile) {
        Role::Auditor => always,
        Role::Supervisor if oversees(profile, order.site.as_deref()) => always,
        Role::Supervisor => Stand::Out(RemovalReason::Revoked),
        Role::Technician => technician_stand(&profile.user_id, order, was_in, now_ms),
    }
}

/// Whether the owner of `profile` may pick `order` to sync: unfinished work at one of their sites that is theirs or
/// nobody's. What is assigned to others is never synced (spec 2.3).
pub(super) fn may_pick(profile: &Profile, order: &Order) -> bool {
    let at_own_site = order.site.as_ref().is_some_and(|site| profile.site_ids.contains(site));
    let free = order.assigned.as_ref().is_none_or(|assigned| *assigned == profile.user_id);
    !order.deleted && at_own_site && free && !order.is_over() && Role::of(profile) == Role::Technician
}

fn technician_stand(user: &str, order: &Order, was_in: bool, now_ms: i64) -> Stand {
    let assigned = order.assigned.as_deref() == Some(user);
    let status_in = |statuses: &[&str]| order.status.as_deref().is_some_and(|status| statuses.contains(&status));
    let created_until = order.created_ms.saturating_add(millis(CREATED_VISIBLE));
    if assigned && status_in(LIVE) {
        Stand::In { retained: false, until_ms: None }
    } else if order.created_by.as_deref() == Some(user) && created_until > now_ms {
        Stand::In { retained: false, until_ms: Some(created_until) }
    } else if was_in && assigned && order.is_over() {
        Stand::In { retained: true, until_ms: None }
    } else if assigned {
        Stand::Out(RemovalReason::Revoked)
    } else {
        Stand::Out(RemovalReason::Reassigned)
    }
}
