//! The judges, one invariant each. They share the case, read it only, and know nothing of each other.

mod answers;
mod at_rest;
mod audit;
mod backoff;
mod blobs;
mod bounded;
mod captures;
mod choices;
mod conflicts;
mod converge;
mod cursor;
mod dead_letters;
mod deltas;
mod downloads;
mod failed;
mod first;
mod guarded;
mod isolation;
mod lookups;
mod once;
mod order;
mod pages;
mod paused;
mod phantom;
mod promise;
mod reads;
mod references;
mod removals;
mod rest;
mod resurrect;
mod sealed;
mod secured;
mod session;
mod stock;
mod triggers;
mod vacuity;
mod view;
mod waits;
mod warned;

use super::case::Case;
use super::verdict::{Findings, Unchecked};
use crate::history::Capability as Can;

/// One judge, what its findings are called, and what clients must tell for it to judge at all.
pub(super) struct Judge {
    check: &'static str,
    needs: &'static [Can],
    judge: fn(&Case<'_>, &mut Findings),
}

/// A judge that every client can be put before: wire, server and the records that it holds tell enough.
const fn always(judge: fn(&Case<'_>, &mut Findings)) -> Judge {
    Judge { check: "", needs: &[], judge }
}

const fn needing(needs: &'static [Can], check: &'static str, judge: fn(&Case<'_>, &mut Findings)) -> Judge {
    Judge { check, needs, judge }
}

/// Puts `case` before `judges`; those that it cannot be put before are named, with the reason.
pub(super) fn sit(judges: &[Judge], case: &Case<'_>, out: &mut Findings, unchecked: &mut Vec<Unchecked>) {
    for judge in judges {
        match judge.needs.iter().find(|need| case.facts.lacks.contains(need)) {
            None => (judge.judge)(case, out),
            Some(lacking) => {
                let reason = format!("the client does not offer `{lacking}`");
                unchecked.push(Unchecked { check: judge.check.to_owned(), reason });
            }
        }
    }
}

/// Judges of what happens on the way; they hold of a run that was cut short, too.
pub(super) const ON_THE_WAY: &[Judge] = &[
    always(once::answered_once),
    always(answers::in_step),
    always(promise::kept_to_the_letter),
    always(choices::made_by_the_user),
    always(order::in_their_lanes),
    needing(&[Can::Priorities], "I7 order of priorities", order::by_the_levels),
    always(blobs::go_up_in_order),
    always(captures::obey_the_settings),
    always(downloads::come_as_they_should),
    always(references::parents_go_first),
    always(cursor::only_forward),
    always(pages::name_what_they_should),
    always(deltas::are_in_shape),
    always(first::in_order),
    always(isolation::only_their_own),
    always(lookups::are_ones_own),
    needing(&[Can::Status], "I18 honest status", session::honest_status),
    needing(&[Can::Status, Can::Backoff, Can::Syncs], "I18 honest waits", waits::are_as_shown),
    always(reads::own_writes),
    needing(&[Can::Triggers, Can::Syncs], "5.1 triggers", triggers::in_their_conditions),
    needing(&[Can::Backoff, Can::Syncs], "I20 backoff", backoff::by_the_table),
    needing(&[Can::Notices], "7.2 failed changes", failed::by_the_users_word),
    needing(&[Can::Queue, Can::Syncs], "I9 bounded work", bounded::within_budget),
    needing(&[Can::Refresh, Can::Syncs], "I8 liveness of paused queues", paused::for_a_sign_in),
    needing(&[Can::LogOut], "8.4 warning before a loss", warned::names_it_all),
    always(at_rest::secrets_in_their_places),
    always(at_rest::gone_after_a_restart),
    always(guarded::locked_is_locked),
    always(guarded::gone_with_the_app),
    always(guarded::thieves_get_nothing),
    always(secured::spoken_to_the_server_alone),
];

/// Judges of the end state; they need a run that reached its end.
pub(super) const AT_THE_END: &[Judge] = &[
    always(once::one_effect),
    always(blobs::are_what_was_kept),
    needing(&[Can::Attach], "6.2 thumbnails", downloads::show_what_is_there),
    always(stock::moved_once),
    always(dead_letters::kept_once),
    always(dead_letters::tombstones_are_true),
    always(removals::all_are_named),
    needing(&[Can::Conflicts], "I17 conflicts counted", conflicts::recorded_once),
    needing(&[Can::Audit, Can::Conflicts], "I17 audit on the devices", audit::on_the_devices),
    always(audit::on_the_server),
    always(view::as_the_oracle_sees_it),
    always(converge::devices_agree),
    always(sealed::kept_in_envelopes),
    always(sealed::read_by_whom_they_are_for),
    always(sealed::each_user_has_a_key),
    always(phantom::nothing_from_nowhere),
    always(references::nothing_dangles),
    always(resurrect::the_dead_stay_dead),
    needing(&[Can::Queue], "I18 nothing forgotten", session::nothing_forgotten),
    always(at_rest::the_search_can_see),
    always(rest::comes_to_rest),
    always(vacuity::faults_struck),
    always(vacuity::steps_were_possible),
];
