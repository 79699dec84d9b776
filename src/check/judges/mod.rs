//! The judges, one invariant each. They share the case, read it only, and know nothing of each other.

mod answers;
mod at_rest;
mod audit;
mod backoff;
mod blobs;
mod bounded;
mod choices;
mod conflicts;
mod converge;
mod cursor;
mod dead_letters;
mod failed;
mod first;
mod isolation;
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
mod secured;
mod session;
mod stock;
mod triggers;
mod vacuity;
mod view;
mod warned;

use super::case::Case;
use super::verdict::Findings;

/// One judge.
pub(super) type Judge = fn(&Case<'_>, &mut Findings);

/// Judges of what happens on the way; they hold of a run that was cut short, too.
pub(super) const ON_THE_WAY: &[Judge] = &[
    once::answered_once,
    answers::in_step,
    promise::kept_to_the_letter,
    choices::made_by_the_user,
    order::queue_order,
    blobs::go_up_in_order,
    references::parents_go_first,
    cursor::only_forward,
    pages::name_what_they_should,
    first::in_order,
    isolation::only_their_own,
    session::honest_status,
    reads::own_writes,
    triggers::in_their_conditions,
    backoff::by_the_table,
    failed::by_the_users_word,
    bounded::within_budget,
    paused::for_a_sign_in,
    warned::names_it_all,
    at_rest::secrets_in_their_places,
    at_rest::gone_after_a_restart,
    secured::spoken_to_the_server_alone,
];

/// Judges of the end state; they need a run that reached its end.
pub(super) const AT_THE_END: &[Judge] = &[
    once::one_effect,
    blobs::are_what_was_kept,
    stock::moved_once,
    dead_letters::kept_once,
    removals::all_are_named,
    conflicts::recorded_once,
    audit::on_the_devices,
    audit::on_the_server,
    view::as_the_oracle_sees_it,
    converge::devices_agree,
    phantom::nothing_from_nowhere,
    references::nothing_dangles,
    resurrect::the_dead_stay_dead,
    session::nothing_forgotten,
    at_rest::the_search_can_see,
    rest::comes_to_rest,
    vacuity::faults_struck,
    vacuity::steps_were_possible,
];
