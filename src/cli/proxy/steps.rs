//! The steps of a scenario that make sense without its world: what happens to a link and to messages.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::GATE;
use crate::base::Span;
use crate::history::{Fault, LinkState};
use crate::net::PROFILES;
use crate::proxy::{Act, Armament, Arming, Deed, Greeting, NewLink, Only, Rule, Shows, Target, Timed, Words};
use crate::scenario::{self, Action, Aim, CertificateKey, HandshakeHow, Impostor, Link, Options, Problem};
use crate::tls::Versions;
use crate::world;

/// Most steps of a list.
const MOST: usize = 10_000;

/// What stays until something else takes its place: of each of these names there is one at a time.
const PORTAL: &str = "captive-portal";
const SERVER: &str = "server";
const IMPOSTOR: &str = "mitm";

/// The beginning of a scenario file that has steps of the app alone.
const STORY: &str = "name: steps\ncovers: []\nworld: { tls: real }\ndevices: { app: { link: wifi } }\nsteps:\n";

/// What requests to the control API are read by.
pub(super) const WORDS: Words = Words { steps: read, link: read_link };

/// Reads a list of steps as JSON, in the words of scenario files. Whatever device a step names, it means the app.
///
/// # Errors
/// When one is no step, or makes no sense here; the text says which and why.
fn read(written: &Value) -> Result<Vec<Timed>, String> {
    let list = written.as_array().ok_or("steps must be a list")?;
    if list.len() > MOST {
        return Err(format!("at most {MOST} steps are read"));
    }
    let failed = |index: usize, why: String| format!("step {}: {why}", index + 1);
    let (mut actions, mut to_check) = (Vec::new(), Vec::new());
    for (index, written) in list.iter().enumerate() {
        let step = for_app(written.clone());
        let action: Action = serde_json::from_value(step.clone()).map_err(|why| failed(index, why.to_string()))?;
        if stands_alone(&action) {
            to_check.push((index, step));
        }
        actions.push(action);
    }
    check(&to_check)?;
    let (mut at, mut steps) = (Duration::ZERO, Vec::new());
    for (index, (action, written)) in actions.iter().zip(list).enumerate() {
        if let Action::Link(step) = action {
            without_files(&step.to).map_err(|why| failed(index, why))?;
        }
        let deeds = deeds(action, &mut at).map_err(|why| failed(index, why))?;
        if !deeds.is_empty() {
            steps.push(Timed { at, deeds, text: action.to_string(), written: written.clone() });
        }
    }
    Ok(steps)
}

/// Reads a link: a profile's name, or numbers of its own.
///
/// # Errors
/// When there is no such profile, or the numbers make no sense; the text says why.
fn read_link(written: &Value) -> Result<NewLink, String> {
    let step = json!({ "link": { "device": GATE, "to": written } });
    parsed(&(STORY.to_owned() + &line(&step))).map_err(|problems| in_words(&problems))?;
    let link = serde_json::from_value(written.clone()).map_err(|error| error.to_string())?;
    without_files(&link)?;
    new_link(&link, None)
}

/// Whoever asks over the control API has no folder in which files could lie.
fn without_files(link: &Link) -> Result<(), String> {
    match link.trace() {
        Some(_) => Err("a `trace` is played back from files, which a scenario file names alone".to_owned()),
        None => Ok(()),
    }
}

/// What a scenario's link is to a proxy.
///
/// # Errors
/// When its traces cannot be read; the text says why.
pub(super) fn new_link(link: &Link, over: Option<Duration>) -> Result<NewLink, String> {
    let written = serde_json::to_value(link).map_err(|error| error.to_string())?;
    let conditions = world::conditions(link)?;
    let paced = matches!(link, Link::Own(own) if own.congestion.is_some());
    Ok(if paced { NewLink { conditions, written, over } } else { NewLink::unpaced(conditions, written, over) })
}

/// What a step does to the app's gate; nothing when it only lets time pass, which moves `at`.
///
/// # Errors
/// When it makes no sense here; the text says why.
#[expect(clippy::wildcard_enum_match_arm, reason = "most steps are about devices and servers of a world")]
pub(super) fn deeds(action: &Action, at: &mut Duration) -> Result<Vec<Deed>, String> {
    Ok(match action {
        Action::Wait(span) => {
            *at += span.duration();
            Vec::new()
        }
        Action::Offline(offline) => vec![Deed::LinkState(offline.how.state())],
        Action::Online(_) => {
            vec![Deed::LinkState(LinkState::Up), Deed::Instead(PORTAL, None), Deed::Instead(IMPOSTOR, None)]
        }
        Action::Link(step) => vec![Deed::Link(Some(new_link(&step.to, step.over.map(Span::duration))?))],
        Action::Flap(step) => vec![Deed::Flap(step.down.duration(), step.up.duration())],
        Action::Handover(_) => vec![Deed::Handover],
        Action::CaptivePortal(step) => {
            vec![Deed::Instead(PORTAL, Some(standing(Fault::CaptivePortal, world::portal(step))))]
        }
        Action::Server(state) => {
            vec![Deed::Instead(SERVER, world::outage(*state).map(|act| standing(Fault::ServerOutage, act)))]
        }
        Action::Refuse(step) => {
            let act = world::refusal(step, step.order.iter().cloned().collect());
            vec![Deed::Arm(aimed(Fault::Refuse, step.aim(), act))]
        }
        Action::Mitm(step) => {
            let shows = Shows { trusted: step.with == Impostor::OtherKey, own_key: false, ..Shows::default() };
            vec![Deed::Instead(IMPOSTOR, Some(met(Fault::ManInTheMiddle, (1, u32::MAX), Greeting::By(shows))))]
        }
        Action::Handshake(step) => {
            let how = match step.how {
                HandshakeHow::Stalled => Greeting::Silence,
                HandshakeHow::Cut => Greeting::Cut,
                HandshakeHow::Downgraded => Greeting::By(Shows { versions: Versions::Only12, ..Shows::default() }),
            };
            vec![Deed::Arm(met(Fault::Handshake, (step.nth, step.times), how))]
        }
        Action::Certificate(step) => {
            let own = Shows { own_key: step.key == CertificateKey::First, name: step.name.clone(), ..Shows::default() };
            let lasts = |span: Span| SignedDuration::from_micros(span.micros().cast_signed());
            vec![Deed::Show(Shows { life: step.lasts.map_or(own.life, lasts), ..own })]
        }
        other => match world::message_fault(other) {
            Some((fault, aim, act)) => vec![Deed::Arm(aimed(fault, aim, act))],
            None => {
                return Err(format!(
                    "`{other}` needs the world of a scenario; a proxy alone knows what happens to links and messages"
                ));
            }
        },
    })
}

/// A fault on the exchanges that `aim` names.
fn aimed(fault: Fault, aim: Aim<'_>, act: Act) -> Arming {
    let (target, nth, times, only) = (world::target(aim.of), aim.nth, aim.times, aim.only.clone());
    let may_miss = only.may_miss;
    let make = move |id, gate: &str, now| {
        let only = world::narrowed(&only, only.order.iter().cloned().collect(), now);
        Rule { id, device: Some(gate.to_owned()), target, nth, times, only, act: act.clone() }
    };
    Arming { fault, may_miss, what: Armament::Rule(Arc::new(make)) }
}

/// A fault on all exchanges, until something else takes its place.
fn standing(fault: Fault, act: Act) -> Arming {
    let make = move |id, gate: &str, _| {
        let (device, only) = (Some(gate.to_owned()), Only::default());
        Rule { id, device, target: Target::Any, nth: 1, times: u32::MAX, only, act: act.clone() }
    };
    Arming { fault, may_miss: false, what: Armament::Rule(Arc::new(make)) }
}

/// A fault on the handshakes of connections: the first that is struck, and how many.
fn met(fault: Fault, (nth, times): (u32, u32), how: Greeting<Shows>) -> Arming {
    Arming { fault, may_miss: false, what: Armament::Greeting { nth, times, how } }
}

/// A step whose device is the app.
fn for_app(mut step: Value) -> Value {
    if let Some((name, body)) = step.as_object_mut().and_then(|step| step.iter_mut().next())
        && let Some(body) = body.as_object_mut()
        && name != "certificate"
    {
        body.insert("device".to_owned(), json!(GATE));
    }
    step
}

/// Whether a step can be checked without those before it.
#[expect(clippy::wildcard_enum_match_arm, reason = "most steps hang on what was before")]
fn stands_alone(action: &Action) -> bool {
    match action {
        Action::Link(_) | Action::Flap(_) | Action::Refuse(_) | Action::CaptivePortal(_) => true,
        Action::Mitm(_) | Action::Handshake(_) | Action::Certificate(_) => true,
        other => world::message_fault(other).is_some(),
    }
}

/// Checks steps as those of a scenario file are checked, numbers and what goes with what.
fn check(steps: &[(usize, Value)]) -> Result<(), String> {
    if steps.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = steps.iter().map(|(_, step)| line(step)).collect();
    parsed(&(STORY.to_owned() + &lines.concat())).map_err(|problems| {
        let line = problems.first().map_or(0, |problem| usize::try_from(problem.line).unwrap_or_default());
        match line.checked_sub(STORY.lines().count() + 1).and_then(|place| steps.get(place)) {
            Some((index, _)) => format!("step {}: {}", index + 1, in_words(&problems)),
            None => in_words(&problems),
        }
    })
}

/// A step on a line of its own, so that a problem's line says which step it is about.
fn line(step: &Value) -> String {
    format!("  - {step}\n")
}

fn parsed(text: &str) -> Result<(), Vec<Problem>> {
    let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
    scenario::parse(text, "request", &Options { known_links: &known }).map(drop)
}

/// The first of the problems; whoever mends it hears of the next one.
fn in_words(problems: &[Problem]) -> String {
    let Some(Problem { message, help, .. }) = problems.first() else { return "it cannot be read".to_owned() };
    help.as_ref().map_or_else(|| message.clone(), |help| format!("{message} ({help})"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::net::Congestion;

    #[test]
    fn waits_move_what_follows() {
        let steps = read(&json!([
            { "wait": "5s" }, { "offline": { "how": "dead-zone" } }, { "wait": "1min" }, { "online": "app" },
        ]))
        .unwrap();
        let times: Vec<u64> = steps.iter().map(|step| step.at.as_secs()).collect();
        assert_eq!(times, [5, 65]);
        assert!(matches!(steps[0].deeds[..], [Deed::LinkState(LinkState::DeadZone)]), "{:?}", steps[0].deeds);
    }

    #[test]
    fn every_fault_of_scenario_files_makes_a_rule() {
        for step in [
            json!({ "lose": { "what": "answer", "how": "reset" } }),
            json!({ "answer": { "status": 503, "retry-after": "7s" } }),
            json!({ "answer": { "status": 200, "page": "html", "only": { "path": "/a/*", "percent": 30 } } }),
            json!({ "spoil": { "how": "half", "at": "10B", "nth": 2, "times": 3 } }),
            json!({ "slow": { "what": "body", "by": "1s", "bytes": "100B" } }),
            json!({ "duplicate": { "late": "2s", "of": "push" } }),
            json!({ "garble": { "at": "1kB" } }),
            json!({ "replay": { "back": 2 } }),
            json!({ "refuse": { "order": "WO-000001", "with": "VALIDATION_ERROR" } }),
            json!({ "captive-portal": { "device": "maria", "how": "redirect" } }),
            json!({ "server": "overloaded" }),
        ] {
            let steps = read(&json!([step])).unwrap_or_else(|why| panic!("{step}: {why}"));
            let [Deed::Arm(arming) | Deed::Instead(_, Some(arming))] = &steps[0].deeds[..] else { panic!("{step}") };
            let Armament::Rule(make) = &arming.what else { panic!("{step}") };
            let rule = make(7, "db", Duration::from_secs(60));
            assert_eq!((rule.id, rule.device.as_deref()), (7, Some("db")), "{step}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_read_or_refused(
            step in prop::sample::select(vec![
                json!({ "answer": { "status": 503, "retry-after": "7s", "nth": 2, "only": { "percent": 30 } } }),
                json!({ "spoil": { "how": "half", "at": "10B", "times": 3 } }),
                json!({ "slow": { "what": "body", "by": "1s", "bytes": "100B" } }),
                json!({ "link": { "to": { "down": "1Mbps", "up": "1Mbps", "loss": "1%", "jitter": "5ms" }, "over": "9s" } }),
                json!({ "flap": { "down": "1s", "up": "1s" } }),
                json!({ "certificate": { "name": "a.test", "lasts": "1s" } }),
                json!({ "refuse": { "order": "WO-1", "retry-after": "3s" } }),
            ]),
            place in 0_usize..8,
            value in prop_oneof![
                any::<i64>().prop_map(Value::from),
                any::<f64>().prop_map(Value::from),
                ".{0,12}".prop_map(Value::from),
                "-?[0-9]{1,22}(s|ms|h|B|kB|%|Mbps)".prop_map(Value::from),
                Just(Value::Null),
                Just(json!({ "a": [[]] })),
            ],
        ) {
            let mut step = step;
            let mut at = step.as_object_mut().and_then(|step| step.values_mut().next()).unwrap();
            while let Some(inner) = at.as_object().filter(|inner| !inner.is_empty()) {
                let key = inner.keys().nth(place % inner.len()).cloned().unwrap();
                at = at.get_mut(&key).unwrap();
            }
            *at = value;
            if let Err(why) = read(&json!([step])) {
                prop_assert!(why.starts_with("step 1: "), "{step}: {why}");
            }
            let _ = read_link(&step["link"]["to"]);
        }
    }

    #[test]
    fn windows_count_from_the_arming() {
        let steps = read(&json!([{ "lose": { "what": "request", "only": { "from": "5s", "until": "8s" } } }])).unwrap();
        let [Deed::Arm(arming)] = &steps[0].deeds[..] else { panic!("{steps:?}") };
        let Armament::Rule(make) = &arming.what else { panic!("{steps:?}") };
        let only = make(1, "app", Duration::from_secs(60)).only;
        assert_eq!((only.from, only.until), (Some(Duration::from_secs(65)), Some(Duration::from_secs(68))));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (steps, expected) in [
            (json!({}), "must be a list"),
            (json!([{ "wait": "5s" }, { "sync": "app" }]), "step 2"),
            (json!([{ "offline": { "how": "sideways" } }]), "sideways"),
            (json!([{ "explode": {} }]), "explode"),
            (json!([{ "wait": 5 }]), "step 1"),
            (json!([{ "wait": "5s" }, { "answer": { "status": 99 } }]), "step 2: 99 is no status"),
            (json!([{ "lose": { "what": "answer", "times": 0 } }]), "`times` must be at least 1"),
            (json!([{ "lose": { "what": "answer", "only": { "percent": 100 } } }]), "`percent` goes from 1 to 99"),
            (json!([{ "link": { "to": "5g" } }]), "no network profile `5g`"),
            (json!([{ "refuse": { "order": "x: y" } }]), "no order `x: y`"),
            (json!([{ "handshake": { "how": "cut", "times": 0 } }]), "`times` must be at least 1"),
            (json!([{ "certificate": { "name": "a b" } }]), "`name` is no name of a server"),
        ] {
            let why = read(&steps).unwrap_err();
            assert!(why.contains(expected), "{steps}: {why}");
        }
    }

    #[test]
    fn a_link_is_read_by_its_name_or_its_numbers() {
        assert_eq!(read_link(&json!("3g")).unwrap().written, json!("3g"));
        let own = json!({ "down": "2Mbps", "up": "500kbps", "rtt": "80ms", "loss": "1%" });
        let link = read_link(&own).unwrap();
        assert_eq!(link.conditions.round_trip(), Duration::from_millis(80));
        let pace = |link| read_link(&link).unwrap().conditions.congestion;
        let said = json!({ "down": "2Mbps", "up": "500kbps", "congestion": "bbr" });
        assert_eq!([json!("3g"), own, said].map(pace), [Congestion::Cubic, Congestion::Cubic, Congestion::Bbr]);
        for (wrong, expected) in [
            (json!("5g"), "no network profile"),
            (json!({ "down": "2Mbps" }), "needs `down` and `up`"),
            (json!({ "down": "2Mbps", "up": "-1kbps" }), "not a rate"),
            (json!({ "down": "2Mbps", "up": "1kbps", "loss": "120%" }), "`loss` is less than everything"),
            (json!({ "warp": 9 }), "warp"),
            (json!(7), "link"),
        ] {
            let why = read_link(&wrong).unwrap_err();
            assert!(why.contains(expected), "{wrong}: {why}");
        }
    }
}
