//! Triggers that do not fire, and those that fire where their condition forbids it (spec 5.1).

use super::super::super::Verdict;
use super::*;
use crate::history::{Circumstance, LinkState, MessageKind};
use crate::protocol::OperationKind;

const MINUTE: u64 = 60_000;

/// Maria's phone has synced once and is told things.
fn story(every: Option<u64>) -> Story {
    let mut story = Story::default();
    let (device, user, link) = ("maria".to_owned(), "maria".to_owned(), "3g".to_owned());
    story.tell(What::DeviceAdded { device, user, link, jitter: false, sync_every_ms: every });
    synced(&mut story, Trigger::Manual);
    story
}

fn synced(story: &mut Story, trigger: Trigger) {
    story.sync("maria", trigger);
    story.done("maria");
}

fn told(story: &mut Story, what: Circumstance) {
    story.tell(What::Told { device: "maria".into(), what });
}

fn edited(story: &mut Story) {
    let payload = json!({"status": "completed", "_version": 1});
    story.does("maria", "q1", OperationKind::Update, "WO-1", payload, 3);
}

fn restarted(story: &mut Story) {
    story.tell(What::Crashed { device: "maria".into(), how: CrashHow::Kill, disk_operations: 1 });
    story.says("maria", DeviceEvent::Opened { queued: 0, interrupted: 0 });
}

fn after(mut story: Story, wait_ms: u64) -> Verdict {
    story.wait(wait_ms);
    story.tell(What::LinkChanged { device: "maria".into(), state: LinkState::DeadZone });
    story.tell(What::Interrupted);
    verdict(&story)
}

fn quiet(verdict: &Verdict) {
    let found = verdict.findings.iter().any(|finding| finding.check.starts_with("5.1"));
    assert!(!found, "{:#?}", verdict.findings);
}

#[test]
fn a_trigger_that_does_not_fire() {
    type Happens = fn(&mut Story);
    let away: Happens = |story| {
        told(story, Circumstance::Background);
        story.wait(6 * MINUTE);
        told(story, Circumstance::Foreground);
    };
    let let_in: Happens = |story| story.message("maria", false, true, MessageKind::SignIn);
    let cases: [(Happens, Trigger, &str); 4] = [
        (edited, Trigger::Critical, "a critical change was made"),
        (away, Trigger::Foreground, "comes back"),
        (restarted, Trigger::Launch, "the app was started"),
        (let_in, Trigger::Launch, "somebody signed in"),
    ];
    for (happens, trigger, why) in cases {
        let mut missed = story(None);
        happens(&mut missed);
        red(&after(missed, 6_000), "5.1", &["maria syncs at once", why]);
        let mut fired = story(None);
        happens(&mut fired);
        synced(&mut fired, trigger);
        quiet(&after(fired, 6_000));
    }
}

#[test]
fn a_period_that_is_left_out() {
    red(&after(story(Some(15 * MINUTE)), 16 * MINUTE), "5.1", &["maria syncs every 900000 ms"]);
    quiet(&after(story(None), 16 * MINUTE));
    quiet(&after(story(Some(15 * MINUTE)), 15 * MINUTE));
    let mut low = story(Some(15 * MINUTE));
    told(&mut low, Circumstance::Battery { percent: 5, charging: false });
    quiet(&after(low, 60 * MINUTE));
}

#[test]
fn a_trigger_without_its_condition() {
    let mut low = story(Some(MINUTE));
    told(&mut low, Circumstance::Battery { percent: 5, charging: false });
    synced(&mut low, Trigger::Periodic);
    red(&after(low, 0), "5.1", &["Periodic", "battery or data saver forbid it"]);
    let mut saved = story(Some(MINUTE));
    told(&mut saved, Circumstance::DataSaver { on: true });
    synced(&mut saved, Trigger::Periodic);
    quiet(&after(saved, 0));
    let mut saved = story(Some(MINUTE));
    told(&mut saved, Circumstance::DataSaver { on: true });
    told(&mut saved, Circumstance::Background);
    synced(&mut saved, Trigger::Periodic);
    red(&after(saved, 0), "5.1", &["Periodic"]);
    let mut glance = story(None);
    told(&mut glance, Circumstance::Background);
    glance.wait(5 * MINUTE);
    told(&mut glance, Circumstance::Foreground);
    synced(&mut glance, Trigger::Foreground);
    red(&after(glance, 0), "5.1", &["Foreground", "not away for more than five minutes"]);
    for trigger in [Trigger::Launch, Trigger::Critical, Trigger::Reconnect] {
        let mut story = story(None);
        synced(&mut story, trigger);
        red(&after(story, 0), "5.1", &["without its condition", &format!("{trigger:?}")]);
    }
}
