//! What whole runs cost: the smallest scenario, seven days, a first sync, a large push. Wall time of virtual stories.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deadzone::base::Seed;
use deadzone::net;
use deadzone::run::{Interrupt, run};
use deadzone::scenario::{self, Options, Scenario};
use deadzone::world::Media;

const SMALLEST: &str = "
name: smallest
covers: [F1]
world: { generate: 1 }
devices: { maria: {} }
steps:
  - sync: maria
  - edit: { device: maria, order: WO-000001, set: { status: in-progress } }
  - sync: maria
";

fn seven_days(devices: u32) -> String {
    format!(
        "
name: seven days
covers: [5.1/periodic]
world: {{ generate: {devices} }}
devices: {{ phone: {{ count: {devices}, link: 3g }} }}
steps:
  - sync: phone
  - wait: 7d
"
    )
}

const FIRST_SYNC: &str = "
name: first sync
covers: [P1]
world: { orders: scenarios/data/work-orders-100.json, assign: maria }
devices: { maria: { link: 3g-regular } }
steps: [{ sync: maria }]
";

const PUSH: &str = "
name: push of 100 edits
covers: [3.1C/push]
world: { orders: scenarios/data/work-orders-100.json, assign: maria }
devices: { maria: { link: 3g-regular } }
steps:
  - sync: maria
  - edit-many: { device: maria, orders: 100, set: { customFields: { checked: true } } }
  - sync: maria
";

fn story(text: &str) -> Scenario {
    let links: Vec<&str> = net::PROFILES.iter().map(|profile| profile.name).collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/bench.yaml");
    scenario::parse(text, file, &Options { known_links: &links }).expect("a valid scenario")
}

/// Runs it, and makes sure that what is measured is a run that holds.
fn play(scenario: &Scenario) {
    let outcome = run(scenario, Seed(1), &Media::Simulated, &Interrupt::default()).expect("an outcome");
    assert!(outcome.verdict.findings.is_empty(), "{:#?}", outcome.verdict.findings);
    black_box(outcome);
}

fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run");
    group.throughput(Throughput::Elements(1));
    let smallest = story(SMALLEST);
    group.bench_function("smallest scenario", |bencher| bencher.iter(|| play(&smallest)));
    let first_sync = story(FIRST_SYNC);
    group.bench_function("first sync of 100 orders", |bencher| bencher.iter(|| play(&first_sync)));
    let push = story(PUSH);
    group.bench_function("push of 100 edits", |bencher| bencher.iter(|| play(&push)));
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    let week = story(&seven_days(1));
    group.bench_function("seven days, 1 device", |bencher| bencher.iter(|| play(&week)));
    let fleet = story(&seven_days(100));
    group.bench_function("seven days, 100 devices", |bencher| bencher.iter(|| play(&fleet)));
    group.finish();
}

criterion_group!(benches, runs);
criterion_main!(benches);
