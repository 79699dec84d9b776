//! TLS in the simulated world: what it costs, that its model costs the same, and that its entropy shows nowhere.

use std::path::PathBuf;

use deadzone::base::Seed;
use deadzone::history::{DeviceEvent, History, Tls, What};
use deadzone::report::Tally;
use deadzone::run::{Interrupt, run};
use deadzone::scenario::{self, Options};
use deadzone::world::Media;

/// The history of a first sync, an echo and a push on a link of 750/250 kbit/s with a round trip of 100 ms.
fn history(tls: &str) -> History {
    let text = format!(
        "name: the price of TLS
covers: [8.3/tls13]
world: {{ orders: scenarios/data/work-orders-100.json, assign: maria, tls: {tls} }}
devices: {{ maria: {{ link: 3g-regular, sync-every: never }} }}
steps:
  - wait: 2min
  - sync: maria
  - edit-many: {{ device: maria, orders: 100, set: {{ customFields: {{ checked: true }} }} }}
  - wait: 2min
  - sync: maria
"
    );
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tls.yaml").display().to_string();
    let scenario = scenario::parse(&text, &file, &Options { known_links: &["3g-regular"] }).expect("a valid scenario");
    let outcome = run(&scenario, Seed(1), &Media::Simulated, &Interrupt::default()).expect("an outcome");
    assert!(outcome.verdict.findings.is_empty(), "{:#?}", outcome.verdict.findings);
    outcome.history
}

/// Milliseconds of each sync.
fn syncs(history: &History) -> Vec<u64> {
    let (mut began, mut all) = (0, Vec::new());
    for event in &history.0 {
        if let What::Device { event: DeviceEvent::SyncStarted { .. }, .. } = &event.what {
            began = event.at_ms;
        }
        if let What::Device { event: DeviceEvent::SyncEnded { .. }, .. } = &event.what {
            all.push(event.at_ms - began);
        }
    }
    all
}

/// Bytes up and down, and the most that one connection's handshake took of them, both ways together.
fn bytes(history: &History) -> (u64, u64, u64) {
    let tally = Tally::of(history);
    let handshakes = history.0.iter().filter_map(|event| {
        let What::Secured { up, down, .. } = &event.what else { return None };
        Some(up + down)
    });
    let most = handshakes.max().unwrap_or(0);
    (tally.bytes_up, tally.bytes_down, most)
}

fn connections(history: &History) -> u64 {
    history.0.iter().filter(|event| matches!(event.what, What::ConnectionOpened { .. })).count() as u64
}

#[test]
fn a_first_sync_costs_one_round_trip_and_little_more() {
    let (without, with) = (history("none"), history("real"));
    let (before, after) = (syncs(&without), syncs(&with));
    // A round trip of 100 ms, and the handshake's own bytes at the link's rate.
    let (up, down, handshake) = bytes(&with);
    assert!(after[0] - before[0] <= 100 + 50, "first sync: {} ms without, {} ms with TLS", before[0], after[0]);
    assert!(handshake <= 2_500, "a handshake takes {handshake} bytes");
    let (up_before, down_before, _) = bytes(&without);
    let more = up + down - up_before - down_before;
    assert!(more <= 5_000 * connections(&with), "{more} bytes more on {} connections", connections(&with));
    assert!(more > 0 && after[0] > before[0], "TLS cannot be free");
}

#[test]
fn the_model_costs_what_the_real_thing_costs() {
    let (real, modelled) = (history("real"), history("modelled"));
    // How many of them count to the handshake hangs on what of the first request arrives with its last words.
    let all = |history| bytes(history).0..bytes(history).1;
    assert_eq!(all(&modelled), all(&real));
    assert_eq!(syncs(&modelled), syncs(&real));
}

#[test]
fn entropy_shows_nowhere() {
    let (once, again) = (history("real"), history("real"));
    assert_eq!(once, again);
    let named = |what: &What| matches!(what, What::RunStarted { tls: Tls::Real, .. });
    assert!(once.0.iter().any(|event| named(&event.what)), "the history says that there was TLS");
}
