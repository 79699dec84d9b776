//! A scenario file that drives a proxy alone: what it says of the link and of messages, and nothing else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::super::exit::Exit;
use super::super::{tell, tell_error};
use super::steps;
use crate::net::PROFILES;
use crate::proxy::{NewLink, Timed};
use crate::scenario::{self, Assign, DEFAULT_ORDERS, Options, Orders, Scenario, Step, draw};

/// The keys that mean something to a proxy. Of `devices` there is one, which is the app; of it, `link`. Of `world`, `tls`.
const KEYS: [&str; 8] = ["name", "covers", "tags", "seed", "vars", "world", "devices", "steps"];

/// What a proxy takes from a scenario.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) seed: Option<u64>,
    pub(super) link: Option<NewLink>,
    pub(super) steps: Vec<Timed>,
}

/// Reads the scenario, and says what is wrong with it for a proxy, at which TLS ends or passes: file, line and column.
///
/// # Errors
/// The exit code, when something is wrong.
pub(super) fn load(path: &Path, ends_tls: bool) -> Result<Story, Exit> {
    let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
    let runs = scenario::load(path, &Options { known_links: &names });
    let scenario = runs.and_then(|runs| scenario::the_only(runs, &path.display().to_string()));
    let scenario = scenario.map_err(|problems| {
        problems.iter().for_each(|problem| tell(&draw(problem, true)));
        Exit::WrongInput
    })?;
    // It was read a moment ago.
    let text = fs::read_to_string(path).unwrap_or_default();
    let story = story(&scenario, &text, ends_tls);
    story.map_err(|problems| {
        for Misfit { line, column, message } in problems {
            tell_error(&format!("{}:{line}:{column}: {message}", path.display()));
        }
        Exit::WrongInput
    })
}

/// What makes no sense to a proxy, and where it stands.
#[derive(Debug, PartialEq, Eq)]
struct Misfit {
    line: usize,
    column: usize,
    message: String,
}

fn story(scenario: &Scenario, text: &str, ends_tls: bool) -> Result<Story, Vec<Misfit>> {
    let mut misfits: Vec<Misfit> = keys(text).filter_map(|(line, key)| unknown(line, key)).collect();
    if scenario.devices.len() != 1 || scenario.devices.iter().any(|device| device.members().len() != 1) {
        let line = keys(text).find(|(_, key)| *key == "devices").map_or(1, |(line, _)| line);
        let message = "a proxy alone stands before one app: name one device, which is the app".to_owned();
        misfits.push(Misfit { line, column: 1, message });
    }
    if !(scenario.world.orders == Orders::Generate(DEFAULT_ORDERS) && scenario.world.assign == Assign::InTurn) {
        let line = keys(text).find(|(_, key)| *key == "world").map_or(1, |(line, _)| line);
        let message = "a proxy alone takes of `world` its `tls` and nothing else".to_owned();
        misfits.push(Misfit { line, column: 1, message });
    }
    let (mut at, mut steps) = (Duration::ZERO, Vec::new());
    for step in &scenario.steps {
        let done = steps::deeds(&step.action, &mut at);
        let timed = done.map(|deeds| Timed { at, deeds, text: step.action.to_string(), written: written(step) });
        match timed.and_then(|timed| if ends_tls { Ok(timed) } else { timed.without_tls() }) {
            Ok(timed) if timed.deeds.is_empty() => {}
            Ok(timed) => steps.push(timed),
            Err(message) => misfits.push(Misfit { column: column(text, step.line), line: index(step.line), message }),
        }
    }
    let link = match scenario.devices.first().map(|device| steps::new_link(&device.link, None)) {
        Some(Ok(link)) => Some(link),
        Some(Err(message)) => {
            let line = keys(text).find(|(_, key)| *key == "devices").map_or(1, |(line, _)| line);
            misfits.push(Misfit { line, column: 1, message });
            None
        }
        None => None,
    };
    if misfits.is_empty() {
        Ok(Story { seed: keys(text).any(|(_, key)| key == "seed").then_some(scenario.seed), link, steps })
    } else {
        misfits.sort_by_key(|misfit| misfit.line);
        Err(misfits)
    }
}

fn written(step: &Step) -> Value {
    serde_json::to_value(&step.action).unwrap_or_default()
}

/// The file's own keys, each with its line from 1.
fn keys(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let (key, _) = line.split_once(':')?;
        let word = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        word.then_some((index + 1, key))
    })
}

fn unknown(line: usize, key: &str) -> Option<Misfit> {
    let message = || format!("`{key}` means nothing to a proxy alone; it takes {}", KEYS.join(", "));
    (!KEYS.contains(&key)).then(|| Misfit { line, column: 1, message: message() })
}

/// Where a step begins in its line, from 1.
fn column(text: &str, line: u64) -> usize {
    let line = text.lines().nth(index(line).saturating_sub(1)).unwrap_or_default();
    line.chars().take_while(|c| [' ', '-'].contains(c)).count() + 1
}

fn index(line: u64) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}
