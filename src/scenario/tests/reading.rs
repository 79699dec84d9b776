//! What is read from files that are right.

use super::{after_story, read, story};
use crate::base::CrashHow;
use crate::check::Claim;
use crate::history::Phase;
use crate::scenario::{Action, Assign, CrashWhen, Exchange, LoseHow, Orders, Retry, Role, Skew};

const WHOLE: &str = r#"# Maria finishes a job in a dead zone; meanwhile the office puts it on hold.
name: Completed offline, put on hold by the office
covers: [F2, 4.2/server-fields]
tags: [conflict, smoke]
seed: 7
world:
  orders: data/orders.json
  take: 10
  assign: maria
devices:
  maria: { role: technician, link: 3g }
  maria-tablet: { user: maria }
  phone: { count: 100 }
  jo: { role: supervisor, sync-every: never, retry: exact, clock: "-5min", page: 2 }
settle-within: 30min
steps:
  - sync: maria
  - offline: { device: maria, how: airplane }
  - online: maria
  - edit: { device: maria, order: WO-000017, set: { status: completed, partsUsed: [{ lineId: L1, qty: 2 }] } }
  - edit-many: { device: phone, orders: 100, set: { priority: high } }
  - create: { device: maria, as: leak, set: { title: Oil leak, priority: critical } }
  - delete: { device: phone-7, order: leak }
  - office-edit: { order: WO-000017, set: { status: on-hold } }
  - office-edit-many: { orders: 10, set: { priority: low } }
  - office-create: { as: job, set: { title: Job } }
  - office-delete: { order: job }
  - wait: 2h
  - lose: { device: maria, what: answer, of: push, nth: 2, times: 3, how: silence }
  - lose: { device: maria, what: request }
  - crash: { device: maria, when: now, how: torn }
  - restart: maria
  - crash: { device: phone, when: after-commit, of: pull, how: power }
  - crash: { device: jo, when: disk-operation, operation: 3 }
  - restart: phone-3
  - clock: { device: maria, by: "+1h" }
  - wait: 90s
expect:
  - conflict: { device: maria, order: WO-000017, field: status, mine: completed, theirs: on-hold, outcome: server-wins }
  - took: { device: maria, at-most: 2s }
  - server: { order: leak, has: { status: null, _version: 2 } }
"#;

#[test]
fn every_key_is_read() {
    let scenario = read(WHOLE).unwrap();
    assert_eq!(scenario.name, "Completed offline, put on hold by the office");
    assert_eq!(scenario.covers, ["F2", "4.2/server-fields"]);
    assert_eq!(scenario.tags, ["conflict", "smoke"]);
    assert_eq!(scenario.seed, 7);
    let Orders::File { path, take, .. } = &scenario.world.orders else { panic!("orders come from a file") };
    assert_eq!((path.to_str().unwrap(), *take), ("data/orders.json", Some(10)));
    assert_eq!(scenario.world.assign, Assign::To("maria".into()));
    assert_eq!(scenario.settle_within, Some("30min".parse().unwrap()));
    let jo = &scenario.devices[3];
    assert_eq!((jo.role, jo.sync_every, jo.retry, jo.page), (Role::Supervisor, None, Retry::Exact, Some(2)));
    assert_eq!(jo.clock, Skew::from_millis(-300_000));
    assert_eq!(scenario.steps.len(), 21);
    assert_eq!(scenario.expect.len(), 3);
}

#[test]
fn what_is_left_out_has_its_default() {
    let scenario =
        read(&story("  - lose: { device: maria, what: answer }\n  - crash: { device: maria, when: now }\n")).unwrap();
    assert_eq!(scenario.seed, 1);
    assert_eq!((&scenario.world.orders, &scenario.world.assign), (&Orders::Generate(10), &Assign::InTurn));
    let maria = &scenario.devices[0];
    assert_eq!((maria.link.to_string().as_str(), maria.role, maria.retry), ("wifi", Role::Technician, Retry::Jitter));
    assert_eq!(maria.sync_every, Some("15min".parse().unwrap()));
    let Action::Lose(lose) = &scenario.steps[0].action else { panic!("the first step loses") };
    assert_eq!((lose.of, lose.nth, lose.times, lose.how), (Exchange::Any, 1, 1, LoseHow::Cut));
    let Action::Crash(crash) = &scenario.steps[1].action else { panic!("the second step crashes") };
    assert_eq!((crash.when, crash.of, crash.operation, crash.how), (CrashWhen::Now, Phase::Push, None, CrashHow::Kill));
}

#[test]
fn orders_of_a_file_stay_as_they_are_assigned() {
    let scenario = read(&after_story("world: { orders: a.json }\n")).unwrap();
    assert_eq!(scenario.world.assign, Assign::AsInFile);
}

#[test]
fn steps_and_claims_know_their_lines() {
    let scenario = read(WHOLE).unwrap();
    assert_eq!((scenario.steps[0].line, scenario.steps[20].line), (17, 37));
    assert_eq!((scenario.expect[0].line, scenario.expect[2].line), (39, 41));
    assert!(matches!(scenario.expect[1].claim, Claim::Took(_)));
}

#[test]
fn steps_speak_in_words() {
    let texts: Vec<String> = read(WHOLE).unwrap().steps.iter().map(crate::scenario::Step::text).collect();
    let expected = [
        "maria syncs",
        "maria goes offline: airplane mode",
        "maria comes back online",
        "maria edits WO-000017: partsUsed = [{\"lineId\":\"L1\",\"qty\":2}], status = completed",
        "phone edits the first 100 orders: priority = high",
        "maria creates `leak`: priority = critical, title = Oil leak",
        "phone-7 deletes leak",
        "the office edits WO-000017: status = on-hold",
        "the office edits the first 10 orders: priority = low",
        "the office creates `job`: title = Job",
        "the office deletes job",
        "2h pass",
        "maria will lose answer 2 of a push and the 2 after it, in silence",
        "maria will lose request 1",
        "maria crashes: power lost in a write",
        "maria starts again",
        "phone will crash before the answer to its next pull: power lost",
        "jo will crash at disk operation 3 from now: process killed",
        "phone-3 starts again",
        "the clock of maria is set 1h ahead",
        "90s pass",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn waiting_adds_up() {
    let scenario = read(&story("  - wait: 7d\n  - sync: maria\n  - wait: 90min\n")).unwrap();
    assert_eq!(scenario.waiting(), "169.5h".parse().unwrap());
}

#[test]
fn a_group_means_all_its_members() {
    let scenario = read(&after_story("")).unwrap();
    assert_eq!(scenario.devices_named("maria"), ["maria"]);
    assert_eq!(scenario.devices_named("phone"), ["phone-1", "phone-2", "phone-3"]);
    assert_eq!(scenario.devices_named("phone-2"), ["phone-2"]);
    for nobody in ["phone-0", "phone-4", "phone-02", "phone-+2", "phone-", "phones-2", "maria-1", "jo"] {
        assert!(scenario.devices_named(nobody).is_empty(), "{nobody}");
    }
    assert_eq!(scenario.devices[1].user_of("phone-2"), "phone-2");
}

#[test]
fn skews_have_a_sign_and_a_unit() {
    let read = |text: &str| text.parse::<Skew>().map(Skew::millis);
    assert_eq!(read("-5min"), Ok(-300_000));
    assert_eq!(read("+250ms"), Ok(250));
    assert_eq!(read("2h"), Ok(7_200_000));
    assert!(read("-5").unwrap_err().to_string().contains("unit is missing"));
    assert!(read("5us").unwrap_err().to_string().contains("finer than a millisecond"));
    assert!(read("--5s").is_err());
}
