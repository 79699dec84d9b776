//! Every message fault at every exchange of a small story: nothing acknowledged is lost, nothing is doubled, nothing goes
//! back, and everything comes to rest.

use std::collections::BTreeSet;

use deadzone::base::Seed;
use deadzone::history::What;
use deadzone::proxy::catalogue;
use deadzone::run::{Interrupt, Outcome, run};
use deadzone::scenario::{self, Options};
use deadzone::world::Media;

/// Faults by their names in the catalogue, each with its step but for the exchange that it strikes.
const FAULTS: &[(&str, &str)] = &[
    ("lose request", "lose: { device: maria, what: request"),
    ("lose request", "lose: { device: maria, what: request, how: reset"),
    ("lose request", "lose: { device: maria, what: request, how: silence"),
    ("lose answer", "lose: { device: maria, what: answer"),
    ("lose answer", "lose: { device: maria, what: answer, how: reset"),
    ("lose answer", "lose: { device: maria, what: answer, how: silence"),
    ("lose answer", "lose: { device: maria, what: answer, times: 3"),
    ("answer", "answer: { device: maria, status: 400"),
    ("answer", "answer: { device: maria, status: 401, page: html"),
    ("answer", "answer: { device: maria, status: 403, page: html"),
    ("answer", "answer: { device: maria, status: 404, page: html"),
    ("answer", "answer: { device: maria, status: 408, page: nothing"),
    ("answer", "answer: { device: maria, status: 409, page: html"),
    ("answer", "answer: { device: maria, status: 429, retry-after: 90s, as-date: true"),
    ("answer", "answer: { device: maria, status: 500, when: after-commit"),
    ("answer", "answer: { device: maria, status: 502, page: html, when: after-commit, times: 2"),
    ("answer", "answer: { device: maria, status: 503, retry-after: 7s"),
    ("answer", "answer: { device: maria, status: 504, page: nothing, when: after-commit"),
    ("answer", "answer: { device: maria, status: 200, page: html"),
    ("answer", "answer: { device: maria, status: 200, page: nothing, when: after-commit"),
    ("answer", "answer: { device: maria, status: 204, page: nothing"),
    ("answer", "answer: { device: maria, status: 302, page: html"),
    ("answer", "answer: { device: maria, status: 304, page: nothing"),
    ("spoil empty", "spoil: { device: maria, how: empty"),
    ("spoil half", "spoil: { device: maria, how: half"),
    ("spoil half", "spoil: { device: maria, how: half, at: 1B"),
    ("spoil cut-off", "spoil: { device: maria, how: cut-off"),
    ("spoil cut-off", "spoil: { device: maria, how: cut-off, at: 999kB"),
    ("spoil stalled", "spoil: { device: maria, how: stalled"),
    ("spoil overlong", "spoil: { device: maria, how: overlong"),
    ("spoil cut-in-head", "spoil: { device: maria, how: cut-in-head"),
    ("spoil cut-in-head", "spoil: { device: maria, how: cut-in-head, at: 999kB"),
    ("spoil cut-in-chunk", "spoil: { device: maria, how: cut-in-chunk"),
    ("spoil bad-chunk", "spoil: { device: maria, how: bad-chunk"),
    ("spoil garbage", "spoil: { device: maria, how: garbage"),
    ("spoil bad-gzip", "spoil: { device: maria, how: bad-gzip"),
    ("spoil mislabelled", "spoil: { device: maria, how: mislabelled"),
    ("slow request", "slow: { device: maria, what: request, by: 40s"),
    ("slow answer", "slow: { device: maria, what: answer, by: 40s"),
    ("slow body", "slow: { device: maria, what: body, by: 31s, bytes: 100B"),
    ("slow head", "slow: { device: maria, what: head, by: 1s, bytes: 10B"),
    ("duplicate", "duplicate: { device: maria"),
    ("duplicate", "duplicate: { device: maria, late: 20s"),
    ("garble", "garble: { device: maria"),
    ("garble", "garble: { device: maria, at: 999kB"),
    ("replay", "replay: { device: maria"),
    ("replay", "replay: { device: maria, when: after-commit"),
    ("replay", "replay: { device: maria, back: 2"),
];

/// What is no message fault, or strikes pushes or pulls alone and has scenarios of its own.
const OTHERS: &[&str] = &["captive-portal", "server", "crash", "refuse", "spoil short-of-one"];

/// More exchanges than the story has, whatever goes wrong.
const BOUND: u32 = 40;

/// A story with `fault` in it, from its `nth` exchange on.
type Story = fn(fault: &str, nth: u32) -> String;

fn changes(fault: &str, nth: u32, sealed: &str) -> String {
    format!(
        "name: fault sweep
covers: [7.1/network]
world: {{ generate: 3, assign: maria, sealed: [{sealed}] }}
devices:
  maria: {{ link: wifi, sync-every: never }}
steps:
  - sync: maria
  - edit: {{ device: maria, order: WO-000002, set: {{ completionNotes: Before }} }}
  - sync: maria
  - office-edit: {{ order: WO-000001, set: {{ priority: urgent }} }}
  - office-edit: {{ order: WO-000003, set: {{ title: From the office }} }}
  - offline: {{ device: maria, how: airplane }}
  - create: {{ device: maria, as: leak, set: {{ siteId: SITE-1, type: corrective, title: Leak, priority: high, status: assigned }} }}
  - edit: {{ device: maria, order: WO-000001, set: {{ partsUsed: [{{ lineId: L-1, partId: P-101, qty: 2 }}] }} }}
  - {fault}, nth: {nth} }}
  - launch: maria
  - online: maria
  - wait: 1min
  - edit: {{ device: maria, order: leak, set: {{ completionNotes: Dry again }} }}
  - sync: maria
  - wait: 30min
"
    )
}

/// Files go up with their creations, and one of them in two parts.
fn uploads(fault: &str, nth: u32) -> String {
    format!(
        "name: fault sweep
covers: [6.2/chunked]
world: {{ generate: 3, assign: maria }}
devices:
  maria: {{ link: wifi, sync-every: never }}
steps:
  - sync: maria
  - attach: {{ device: maria, order: WO-000001, document: 50kB }}
  - attach: {{ device: maria, order: WO-000002, document: 150kB }}
  - attach: {{ device: maria, order: WO-000003, document: 20kB }}
  - {fault}, of: upload, nth: {nth} }}
  - launch: maria
  - wait: 30min
"
    )
}

fn run_story(text: &str, nth: u32) -> Outcome {
    let options = Options { known_links: &["wifi"] };
    let scenario = scenario::parse(text, "sweep.yaml", &options).unwrap_or_else(|problems| panic!("{problems:#?}"));
    run(&scenario, Seed(u64::from(nth)), &Media::Simulated, &Interrupt::default())
        .expect("the sweep's run has an outcome")
}

/// Whether the fault struck; `None` when the story had not so many exchanges behind its arming.
fn struck(outcome: &Outcome, nth: u32) -> Option<bool> {
    let events = outcome.history.0.iter();
    let story = events.map(|event| &event.what).take_while(|what| !matches!(what, What::Healed));
    let armed = story.skip_while(|what| !matches!(what, What::FaultArmed { .. }));
    let (mut asked, mut fired) = (0, false);
    for what in armed {
        asked += u32::from(matches!(what, What::Request(message) if message.device == "maria"));
        fired |= matches!(what, What::FaultFired { .. });
    }
    (asked >= nth).then_some(fired)
}

/// Where `fault` broke something, in words; and at how many exchanges it struck. An answer of before strikes only where
/// there was one.
fn sweep(fault: &str, story: Story) -> (Vec<String>, u32) {
    let (mut broken, mut count) = (Vec::new(), 0);
    for nth in 1..BOUND {
        let outcome = run_story(&story(fault, nth), nth);
        match struck(&outcome, nth) {
            None => break,
            Some(false) => continue,
            Some(true) => count += 1,
        }
        broken.extend(outcome.verdict.findings.iter().map(|finding| format!("{fault} at exchange {nth}: {finding:?}")));
    }
    (broken, count)
}

#[test]
fn every_message_fault_at_every_exchange_breaks_nothing() {
    every_fault_breaks_nothing(|fault, nth| changes(fault, nth, ""), 3);
}

#[test]
fn nor_does_it_where_fields_are_sealed() {
    every_fault_breaks_nothing(|fault, nth| changes(fault, nth, "completionNotes"), 3);
}

#[test]
fn nor_does_it_where_files_go_up() {
    every_fault_breaks_nothing(uploads, 1);
}

/// Each fault must strike at so many exchanges at least.
fn every_fault_breaks_nothing(story: Story, least: u32) {
    let mut broken = Vec::new();
    for (_, fault) in FAULTS {
        let (found, count) = sweep(fault, story);
        broken.extend(found);
        if !(least..BOUND - 1).contains(&count) {
            broken.push(format!("{fault} struck {count} exchanges"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_fault_of_the_catalogue_is_left_out() {
    let swept: BTreeSet<&str> = FAULTS.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied()).collect();
    let known: BTreeSet<&str> = catalogue().map(|entry| entry.name).collect();
    assert_eq!(swept, known);
}
