//! The same scenarios in virtual time and over real sockets: the same verdicts, and on a shaped link the same times.

use std::path::PathBuf;

use deadzone::base::Seed;
use deadzone::history::{DeviceEvent, Event, History, What};
use deadzone::net;
use deadzone::run::{Interrupt, Outcome, run};
use deadzone::scenario::{self, Options, Scenario};
use deadzone::world::Media;

const FILES: &[&str] = &[
    "sync/offline-edit-syncs.yaml",
    "sync/created-offline-gets-its-real-id.yaml",
    "sync/deleted-on-the-server-leaves-the-device.yaml",
    "sync/queue-goes-in-priority-order.yaml",
    "sync/small-pages-skip-nothing.yaml",
    "crash/before-the-request.yaml",
    "crash/after-the-commit.yaml",
    "conflict/equal-values-are-no-conflict.yaml",
];

fn load(file: &str) -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(file);
    let links: Vec<&str> = net::PROFILES.iter().map(|profile| profile.name).collect();
    scenario::load(&path, &Options { known_links: &links }).unwrap_or_else(|problems| panic!("{file}: {problems:?}"))
}

fn live(scenario: &Scenario, name: &str) -> Outcome {
    let directory =
        std::env::temp_dir().join(format!("deadzone-parity-{}-{}", std::process::id(), name.replace('/', "-")));
    let command = (PathBuf::from(env!("CARGO_BIN_EXE_deadzone")), vec!["device".to_owned()]);
    let media = Media::Live { command, directory: directory.clone() };
    let outcome = run(scenario, Seed(scenario.seed), &media, &Interrupt::default()).expect("a live outcome");
    std::fs::remove_dir_all(directory).expect("the devices' directories can be removed");
    outcome
}

fn simulated(scenario: &Scenario) -> Outcome {
    run(scenario, Seed(scenario.seed), &Media::Simulated, &Interrupt::default()).expect("a simulated outcome")
}

#[test]
fn verdicts_agree() {
    for file in FILES {
        let scenario = load(file);
        let (simulated, live) = (simulated(&scenario), live(&scenario, file));
        assert_eq!(simulated.verdict.findings, [], "{file}, simulated");
        assert_eq!(live.verdict.findings, [], "{file}, live");
        assert_eq!(simulated.verdict.ledger, live.verdict.ledger, "{file}");
    }
}

/// Milliseconds of the first sync.
fn first_sync_ms(history: &History) -> u64 {
    let at = |wanted: fn(&DeviceEvent) -> bool| {
        let found = history.0.iter().find(|event| matches!(&event.what, What::Device { event, .. } if wanted(event)));
        found.map(|event: &Event| event.at_ms).expect("a sync")
    };
    at(|event| matches!(event, DeviceEvent::SyncEnded { .. }))
        - at(|event| matches!(event, DeviceEvent::SyncStarted { .. }))
}

#[test]
fn times_on_a_shaped_link_agree_within_five_percent() {
    let text = "name: parity of times
covers: [P4]
world: { orders: scenarios/data/work-orders-100.json, assign: maria }
devices: { maria: { link: 3g-slow } }
steps: [{ sync: maria }]
";
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("parity.yaml");
    let options = Options { known_links: &["3g-slow"] };
    let scenario = scenario::parse(text, &file.display().to_string(), &options).expect("a valid scenario");
    let (expected, real) =
        (first_sync_ms(&simulated(&scenario).history), first_sync_ms(&live(&scenario, "times").history));
    let difference = real.abs_diff(expected);
    assert!(difference * 20 <= expected, "simulated {expected} ms, live {real} ms");
}
