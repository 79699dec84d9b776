//! The same scenarios in virtual time and over real sockets: the same verdicts, and on a shaped link the same times.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use deadzone::base::Seed;
use deadzone::history::{DeviceEvent, Event, History, What};
use deadzone::net;
use deadzone::run::{Interrupt, Outcome, RunError, run};
use deadzone::scenario::{self, Options, Scenario};
use deadzone::world::{Client, Media};

/// Every scenario below `scenarios/` that is tagged `live`, by its file.
fn tagged_live(folder: &Path) -> Vec<(String, Scenario)> {
    let links: Vec<&str> = net::PROFILES.iter().map(|profile| profile.name).collect();
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(tagged_live(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let file = path.display().to_string();
            let options = Options { known_links: &links };
            for run in scenario::load(&path, &options).unwrap_or_else(|problems| panic!("{file}: {problems:?}")) {
                if run.scenario.tags.iter().any(|tag| tag == "live") {
                    found.push((file.clone(), run.scenario));
                }
            }
        }
    }
    found
}

fn live(scenario: &Scenario) -> Result<Outcome, RunError> {
    let directory = tempfile::tempdir().expect("a folder for the devices");
    let client = Client::reference(PathBuf::from(env!("CARGO_BIN_EXE_deadzone")));
    let media = Media::Live { client, server: None, directory: directory.path().to_owned() };
    run(scenario, Seed(scenario.seed), &media, &Interrupt::default())
}

fn simulated(scenario: &Scenario) -> Outcome {
    run(scenario, Seed(scenario.seed), &Media::Simulated, &Interrupt::default()).expect("a simulated outcome")
}

/// They mostly wait, so several run at once.
const AT_ONCE: usize = 8;

#[test]
fn verdicts_agree() {
    let scenarios = tagged_live(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios"));
    assert!(scenarios.len() > 10, "only {} scenarios are tagged `live`", scenarios.len());
    let next = AtomicUsize::new(0);
    let disagree = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((file, scenario)) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(how) = agree(scenario) {
                        disagree.lock().expect("nobody panics").push(format!("{file}: {how}"));
                    }
                }
            });
        }
    });
    let disagree = disagree.into_inner().expect("nobody panics");
    assert!(disagree.is_empty(), "{}", disagree.join("\n"));
}

fn agree(scenario: &Scenario) -> Result<(), String> {
    let live = live(scenario).map_err(|error| error.to_string())?.verdict;
    let simulated = simulated(scenario).verdict;
    match (&simulated.findings[..], &live.findings[..]) {
        ([], []) if simulated.ledger == live.ledger => Ok(()),
        ([], []) => Err(format!("simulated {:?}, live {:?}", simulated.ledger, live.ledger)),
        (simulated, live) => Err(format!("simulated {simulated:?}, live {live:?}")),
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
    let live = live(&scenario).expect("a live outcome");
    let (expected, real) = (first_sync_ms(&simulated(&scenario).history), first_sync_ms(&live.history));
    let difference = real.abs_diff(expected);
    assert!(difference * 20 <= expected, "simulated {expected} ms, live {real} ms");
}
