//! `deadzone run --dry-run`: the story with all that the file leaves out filled in, and when its steps come. Nothing runs.

use std::fmt::Write as _;

use super::select::Selected;
use crate::base::Span;
use crate::history::Tls;
use crate::scenario::{self, Action, Assign, Device, Keys, Orders, Retry, Role, Scenario, Skew, World};

/// What would be played, with `seed` in place of the scenario's own.
pub(super) fn told(selected: &Selected, seed: Option<u64>) -> String {
    let scenario = &selected.scenario;
    let mut out = format!("{}\n", scenario.name);
    let mut line = |what: &str, text: String| {
        let _ = writeln!(out, "  {what:<10}{text}");
    };
    line("file", selected.file.display().to_string());
    line("covers", scenario.covers.join(", "));
    if !scenario.tags.is_empty() {
        line("tags", scenario.tags.join(", "));
    }
    line("seed", seed.unwrap_or(scenario.seed).to_string());
    line("world", world(&scenario.world));
    for device in &scenario.devices {
        line("device", self::device(device));
    }
    out.push_str("  story, by the time that passes in waits alone; syncs and links take theirs in between\n");
    out.push_str(&story(scenario));
    match scenario.settle_within {
        Some(span) => {
            let _ = writeln!(out, "  then all heals, and must come to rest within {span}");
        }
        None => out.push_str("  then all heals, and must come to rest by itself\n"),
    }
    if !scenario.expect.is_empty() {
        out.push_str("  and this must have come of it, beside what holds in every run\n");
    }
    for expectation in &scenario.expect {
        let _ = writeln!(out, "{:>14}  line {:<4} {}", "", expectation.line, scenario::claim_text(&expectation.claim));
    }
    out
}

fn world(world: &World) -> String {
    let orders = match &world.orders {
        Orders::Generate(count) => format!("{count} orders, generated"),
        Orders::File { path, take: None, .. } => format!("the orders of {}", path.display()),
        Orders::File { path, take: Some(take), .. } => format!("the first {take} orders of {}", path.display()),
    };
    let whose = match &world.assign {
        Assign::To(device) => format!("all for the user of {device}"),
        Assign::InTurn => "for each technician in turn".to_owned(),
        Assign::AsInFile => "for whom the file says".to_owned(),
    };
    let tls = match world.tls {
        Tls::None => "no TLS",
        Tls::Modelled => "TLS modelled",
        Tls::Real => "TLS",
    };
    format!("{orders}, {whose}; {tls}")
}

fn device(device: &Device) -> String {
    let name = match device.count {
        Some(count) => format!("{0}-1 to {0}-{count}", device.name),
        None => device.name.clone(),
    };
    let role = match device.role {
        Role::Technician => "technician".to_owned(),
        Role::Supervisor if device.sites.is_empty() => "supervisor".to_owned(),
        Role::Supervisor => format!("supervisor of {}", device.sites.join(", ")),
    };
    let mut parts = vec![role, format!("link {}", device.link)];
    parts.extend(device.user.as_ref().map(|user| format!("user {user}")));
    parts.push(device.sync_every.map_or_else(|| "syncs when told".to_owned(), |every| format!("syncs every {every}")));
    parts.push(match device.retry {
        Retry::Jitter => "waits between tries drawn".to_owned(),
        Retry::Exact => "waits between tries exact".to_owned(),
    });
    if device.clock != Skew::default() {
        parts.push(format!("clock off by {}", device.clock));
    }
    parts.extend(device.page.map(|page| format!("{page} records a page")));
    if device.keys == Keys::Real {
        parts.push("real key derivation".to_owned());
    }
    format!("{name}: {}", parts.join(", "))
}

fn story(scenario: &Scenario) -> String {
    let mut out = String::new();
    let mut passed = Scenario { steps: Vec::new(), ..scenario.clone() };
    for step in &scenario.steps {
        let at = clock(passed.waiting());
        let _ = writeln!(out, "{at:>14}  line {:<4} {}", step.line, step.text());
        if matches!(step.action, Action::Wait(_) | Action::Work(_)) {
            passed.steps.push(step.clone());
        }
    }
    let _ = writeln!(out, "{:>14}  the story ends", clock(passed.waiting()));
    out
}

/// A time since the beginning: `2d 04:15:00.250`.
fn clock(span: Span) -> String {
    let millis = span.millis();
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let days = if days == 0 { String::new() } else { format!("{days}d ") };
    let rest = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    format!("{days}{hours:02}:{minutes:02}:{:02}{rest}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_at_a_glance() {
        let read = |text: &str| clock(text.parse().unwrap());
        assert_eq!(
            [read("0s"), read("90min"), read("52h"), read("250ms")],
            ["00:00:00", "01:30:00", "2d 04:00:00", "00:00:00.250"]
        );
    }
}
