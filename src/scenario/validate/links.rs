//! Checks links: profiles that exist, numbers that make a link.

use std::path::Path;

use super::story::Story;
use crate::base::{Rate, Share, Span};
use crate::net::{Burst, Counts};
use crate::scenario::action::Action;
use crate::scenario::file::Device;
use crate::scenario::link::{Link, OwnLink};
use crate::scenario::outline::Node;
use crate::scenario::problem::{Problems, one_of};
use crate::scenario::read::Options;

const ALL: Share = Share::new(1_000_000);
/// No delay is longer; light needs less to the sun and back.
const LONGEST: Span = Span::from_millis(3_600_000);
/// A link that carries less is none.
const SLOWEST: Rate = Rate::new(100);

/// What comes and goes in less was never there.
const SHORTEST_FLAP: Span = Span::from_millis(10);

/// Checks the links of all devices and steps; resolves their files against the folder of `file`.
pub(super) fn check(
    devices: &mut [Device],
    steps: &mut [Action],
    outline: &Node,
    file: &str,
    options: &Options<'_>,
    problems: &mut Problems<'_>,
) {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    for device in devices {
        let node = outline.at("devices").at(&device.name);
        let at = if node.has("link") { node.at("link") } else { node };
        check_link(&mut device.link, at, folder, options, problems);
    }
    for (index, step) in steps.iter_mut().enumerate() {
        let Action::Link(step) = step else { continue };
        let at = outline.at("steps").item(index).body();
        check_link(&mut step.to, at.at("to"), folder, options, problems);
    }
}

fn check_link(link: &mut Link, at: &Node, folder: &Path, options: &Options<'_>, problems: &mut Problems<'_>) {
    if problems.is_full() {
        return;
    }
    if let Some(trace) = link.trace_mut() {
        trace.down.resolve(folder);
        trace.up.resolve(folder);
    }
    match link {
        Link::Named(name) if !options.known_links.contains(&name.as_str()) => {
            let help = one_of(name, options.known_links);
            problems.add(at.place, format!("there is no network profile `{name}`"), Some(help));
        }
        Link::Named(_) => {}
        Link::Own(own) => check_own(own, at, problems),
    }
}

fn check_own(own: &OwnLink, at: &Node, problems: &mut Problems<'_>) {
    match (own.down, own.up, &own.trace) {
        (Some(_), Some(_), None) | (None, None, Some(_)) => {}
        (_, _, Some(_)) => {
            problems.add(at.key_place("trace"), "a link has `down` and `up`, or a `trace`, not both", None);
        }
        (_, _, None) => problems.add(at.place, "a link needs `down` and `up`, or a `trace`", None),
    }
    for (key, rate) in [("down", own.down), ("up", own.up)] {
        if rate.is_some_and(|rate| rate < SLOWEST) {
            let help = Some("for no network at all there is the step `offline`".to_owned());
            problems.add(at.at(key).place, format!("a link carries at least {SLOWEST}"), help);
        }
    }
    for (key, delay) in [("delay-down", own.delay_down), ("delay-up", own.delay_up)] {
        if delay.is_some() && own.rtt.is_some() {
            problems.add(at.key_place(key), format!("`{key}` says what `rtt` says already"), None);
        }
    }
    let spans = [
        ("rtt", own.rtt),
        ("delay-down", own.delay_down),
        ("delay-up", own.delay_up),
        ("jitter", own.jitter),
        ("queue", own.queue),
        ("wake-up", own.wake_up),
    ];
    for (key, _) in spans.iter().filter(|(_, span)| span.is_some_and(|span| span > LONGEST)) {
        problems.add(at.at(key).place, format!("`{key}` is at most {LONGEST}"), None);
    }
    check_losses(own, at, problems);
    if own.sleeps_after.is_some() && own.wake_up.is_none() {
        problems.add(at.key_place("sleeps-after"), "`sleeps-after` goes with `wake-up` alone", None);
    }
    let windows = [("queue", own.queue.is_some()), ("congestion", own.congestion.is_some())];
    for (key, _) in windows.iter().filter(|(_, given)| *given && own.counts == Counts::Payload) {
        let message = format!("with `counts: payload` there is no window, and `{key}` means nothing");
        problems.add(at.key_place(key), message, None);
    }
}

fn check_losses(own: &OwnLink, at: &Node, problems: &mut Problems<'_>) {
    if own.loss.is_some_and(|loss| loss >= ALL) {
        let help = Some("for no network at all there is the step `offline`".to_owned());
        problems.add(at.at("loss").place, "`loss` is less than everything", help);
    }
    let Some(Burst { begins, ends, loss }) = own.burst else { return };
    let at = at.at("burst");
    for (key, share) in [("begins", begins), ("ends", ends), ("loss", loss)] {
        if share > ALL {
            problems.add(at.at(key).place, format!("`{key}` is at most 100%"), None);
        }
    }
    if ends == Share::default() && begins > ends {
        problems.add(at.at("ends").place, "a burst must end at some time", None);
    }
}

impl Story<'_, '_, '_> {
    /// Checks a step about a device's network, links themselves aside.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps about the network here")]
    pub(super) fn network(&mut self, step: &Action, at: &Node) {
        let device = at.at("device").place;
        match step {
            Action::Online(name) | Action::Handover(name) => self.device(name, at.place),
            Action::Offline(step) => self.device(&step.device, device),
            Action::Link(step) => {
                self.device(&step.device, device);
                if step.over == Some(Span::default()) {
                    let message = "`over` must be some time; leave it out for a change at once";
                    self.problems.add(at.at("over").place, message, None);
                }
            }
            Action::Flap(step) => {
                self.device(&step.device, device);
                for (key, span) in [("down", step.down), ("up", step.up)] {
                    if span < SHORTEST_FLAP {
                        self.problems.add(at.at(key).place, format!("`{key}` must be at least {SHORTEST_FLAP}"), None);
                    }
                }
            }
            _ => {}
        }
    }
}
