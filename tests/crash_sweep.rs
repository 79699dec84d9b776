//! A crash at every disk operation of one edit and one sync, in three models: nothing acknowledged is lost, nothing is
//! doubled.

use deadzone::base::Seed;
use deadzone::check::Class;
use deadzone::history::What;
use deadzone::run::{Interrupt, Outcome, run};
use deadzone::scenario::{self, Options};
use deadzone::world::Media;

fn run_with_crash_at(operation: u64, how: &str, sealed: &str) -> Outcome {
    let text = format!(
        "name: crash sweep
covers: [F10]
world: {{ generate: 3, sealed: [{sealed}] }}
devices:
  maria: {{ link: wifi }}
steps:
  - sync: maria
  - crash: {{ device: maria, when: disk-operation, operation: {operation}, how: {how} }}
  - create: {{ device: maria, as: leak, set: {{ siteId: SITE-1, type: corrective, title: Leak, priority: high, status: assigned, rootCause: Worn }} }}
  - edit: {{ device: maria, order: WO-000001, set: {{ rootCause: Torn, partsUsed: [{{ lineId: L-1, partId: P-101, qty: 2 }}] }} }}
  - sync: maria
"
    );
    let options = Options { known_links: &["wifi"] };
    let scenario = scenario::parse(&text, "sweep.yaml", &options).expect("the sweep's scenario is valid");
    run(&scenario, Seed(operation), &Media::Simulated, &Interrupt::default()).expect("the sweep's run has an outcome")
}

fn sweep(how: &str, sealed: &str) {
    for operation in 1.. {
        let outcome = run_with_crash_at(operation, how, sealed);
        let crashed = outcome.history.0.iter().any(|event| matches!(event.what, What::Crashed { .. }));
        if !crashed {
            assert!(operation > 20, "only {operation} disk operations were swept");
            return;
        }
        let broken: Vec<_> =
            outcome.verdict.findings.iter().filter(|finding| finding.class == Class::Violated).collect();
        assert!(broken.is_empty(), "{how} at disk operation {operation}: {broken:#?}");
    }
}

#[test]
fn a_kill_at_every_disk_operation_loses_nothing() {
    sweep("kill", "");
}

#[test]
fn a_power_cut_at_every_disk_operation_loses_nothing() {
    sweep("power", "");
}

#[test]
fn a_torn_write_at_every_disk_operation_loses_nothing() {
    sweep("torn", "");
}

#[test]
fn a_torn_write_at_every_disk_operation_of_a_device_that_seals_loses_nothing() {
    sweep("torn", "rootCause");
}
