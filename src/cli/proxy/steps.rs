//! The steps of a scenario that make sense without its world: what happens to a link and to messages.

use std::time::Duration;

use serde_json::{Value, json};

use super::GATE;
use crate::history::LinkState;
use crate::proxy::{Deed, Timed};
use crate::scenario::{Action, OfflineHow};

/// Most steps of a list.
const MOST: usize = 10_000;

/// Reads a list of steps as JSON, in the words of scenario files. A step that names no device means the app.
///
/// # Errors
/// When one is no step, or makes no sense here; the text says which and why.
pub(super) fn read(written: &Value) -> Result<Vec<Timed>, String> {
    let list = written.as_array().ok_or("steps must be a list")?;
    if list.len() > MOST {
        return Err(format!("at most {MOST} steps are read"));
    }
    let (mut at, mut steps) = (Duration::ZERO, Vec::new());
    for (index, written) in list.iter().enumerate() {
        let failed = |why: String| format!("step {}: {why}", index + 1);
        let action: Action = serde_json::from_value(for_app(written.clone())).map_err(|why| failed(why.to_string()))?;
        if let Some(deed) = deed(&action, &mut at).map_err(failed)? {
            steps.push(Timed { at, deed, text: action.to_string(), written: written.clone() });
        }
    }
    Ok(steps)
}

/// What a step does to the app's gate; nothing when it only lets time pass, which moves `at`.
///
/// # Errors
/// When it makes no sense here; the text says why.
#[expect(clippy::wildcard_enum_match_arm, reason = "most steps are about devices and servers of a world")]
pub(super) fn deed(action: &Action, at: &mut Duration) -> Result<Option<Deed>, String> {
    Ok(Some(match action {
        Action::Wait(span) => {
            *at += span.duration();
            return Ok(None);
        }
        Action::Offline(offline) => Deed::LinkState(match offline.how {
            OfflineHow::Airplane => LinkState::Airplane,
            OfflineHow::DeadZone => LinkState::DeadZone,
        }),
        Action::Online(_) => Deed::LinkState(LinkState::Up),
        other => {
            return Err(format!(
                "`{other}` needs the world of a scenario; a proxy alone knows what happens to links and messages"
            ));
        }
    }))
}

/// A step whose device is the app, unless it names one.
fn for_app(mut step: Value) -> Value {
    if let Some((_, body)) = step.as_object_mut().and_then(|step| step.iter_mut().next())
        && let Some(body) = body.as_object_mut()
    {
        body.entry("device").or_insert(json!(GATE));
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_move_what_follows() {
        let steps = read(&json!([
            { "wait": "5s" }, { "offline": { "how": "dead-zone" } }, { "wait": "1min" }, { "online": "app" },
        ]))
        .unwrap();
        let times: Vec<u64> = steps.iter().map(|step| step.at.as_secs()).collect();
        assert_eq!(times, [5, 65]);
        assert!(matches!(steps[0].deed, Deed::LinkState(LinkState::DeadZone)), "{:?}", steps[0].deed);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (steps, expected) in [
            (json!({}), "must be a list"),
            (json!([{ "wait": "5s" }, { "sync": "app" }]), "step 2"),
            (json!([{ "offline": { "how": "sideways" } }]), "sideways"),
            (json!([{ "explode": {} }]), "explode"),
            (json!([{ "wait": 5 }]), "step 1"),
        ] {
            let why = read(&steps).unwrap_err();
            assert!(why.contains(expected), "{steps}: {why}");
        }
    }
}
