//! The phone as its user sees it, over the story: the spec's status line, queue view, failure notice and conflict dialog
//! (spec 4.3, 5.3, 7.3), drawn from what the device said that it showed.
#![expect(clippy::wildcard_enum_match_arm, reason = "a view picks few of the many kinds of events")]

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::words::milliseconds;
use crate::history::{
    ChangeLine, ChangeState, DeviceEvent, Event, History, Icon, Notice, OperationRecord, Progress, Status, What,
};
use crate::protocol::{ConflictOutcome, ConflictRecord, ErrorCode, FieldConflict};

/// Characters between the walls of a box.
const WIDTH: usize = 66;

/// All that the users saw, in order.
#[must_use]
pub fn tech(history: &History) -> String {
    let mut phones = Phones::default();
    for event in &history.0 {
        phones.follow(event);
    }
    phones.flush();
    phones.out
}

#[derive(Default)]
struct Phones {
    out: String,
    phones: BTreeMap<String, Phone>,
    /// What was promised to whom when, by operation: the other side of a conflict.
    made: BTreeMap<String, (u64, String)>,
    now_ms: u64,
    ended: bool,
}

/// What one phone shows.
#[derive(Default)]
struct Phone {
    status: String,
    lines: Vec<ChangeLine>,
    icons: BTreeMap<String, Icon>,
    /// The queue view is to be drawn again.
    changed: bool,
}

impl Phones {
    fn follow(&mut self, event: &Event) {
        if event.at_ms > self.now_ms {
            self.flush();
            self.now_ms = event.at_ms;
        }
        match &event.what {
            What::StepStarted { text, .. } => {
                self.flush();
                let _ = writeln!(self.out, "\n{:>12}  {text}", milliseconds(event.at_ms));
            }
            What::Healed => {
                let _ = writeln!(self.out, "\n{:>12}  the network heals", milliseconds(event.at_ms));
            }
            What::Settled => self.ended = true,
            What::Acknowledged { device, operation } => self.promised(event.at_ms, device, operation),
            What::Crashed { device, .. } => drop(self.phones.remove(device)),
            What::Device { device, event: said } if !self.ended => self.shows(event.at_ms, device, said),
            _ => {}
        }
    }

    fn promised(&mut self, at_ms: u64, device: &str, operation: &OperationRecord) {
        self.made.insert(operation.queue_id.clone(), (at_ms, device.to_owned()));
    }

    fn shows(&mut self, at_ms: u64, device: &str, said: &DeviceEvent) {
        let phone = self.phones.entry(device.to_owned()).or_default();
        match said {
            DeviceEvent::SyncStarted { .. } => phone.sweep(),
            DeviceEvent::Marked { changes, icons } => {
                phone.mark(changes, icons);
                phone.changed = true;
            }
            DeviceEvent::Shown { status, queued, progress, synced_ago_ms } => {
                let line = status_line(status, *queued, *progress, *synced_ago_ms);
                if line != phone.status {
                    phone.status.clone_from(&line);
                    let _ = writeln!(self.out, "{:>12}  {device}: {line}", milliseconds(at_ms));
                }
            }
            DeviceEvent::Noticed(notice) => self.draw(at_ms, &failure(device, notice)),
            DeviceEvent::Conflict(record) => {
                let made = self.made.get(&record.queue_id).cloned();
                for field in &record.fields {
                    self.draw(at_ms, &dialog(device, record, field, made.as_ref()));
                }
            }
            _ => {}
        }
    }

    /// A person sees what came of a moment, not each step of it.
    fn flush(&mut self) {
        let mut views = Vec::new();
        for (name, phone) in &mut self.phones {
            if std::mem::take(&mut phone.changed) {
                views.push(queue_view(name, &phone.lines, &phone.icons));
            }
        }
        for view in views {
            self.draw(self.now_ms, &view);
        }
    }

    fn draw(&mut self, at_ms: u64, lines: &[String]) {
        let _ = writeln!(self.out, "{:>12}  ┌{}┐", milliseconds(at_ms), "─".repeat(WIDTH));
        for line in lines.iter().flat_map(|line| wrapped(line)) {
            let _ = writeln!(self.out, "{:>12}  │ {line}{} │", "", " ".repeat(WIDTH - 2 - width(&line)));
        }
        let _ = writeln!(self.out, "{:>12}  └{}┘", "", "─".repeat(WIDTH));
    }
}

impl Phone {
    /// What earlier syncs settled leaves the view when the next one begins.
    fn sweep(&mut self) {
        self.lines.retain(|line| match line.state {
            ChangeState::Queued | ChangeState::Syncing => true,
            ChangeState::Failed { code } => code != ErrorCode::VersionConflict,
            ChangeState::Synced | ChangeState::Rescued => false,
        });
    }

    fn mark(&mut self, changes: &[ChangeLine], icons: &BTreeMap<String, Icon>) {
        for change in changes {
            match self.lines.iter_mut().find(|line| line.queue_id == change.queue_id) {
                Some(line) => line.clone_from(change),
                None => self.lines.push(change.clone()),
            }
        }
        for (order, icon) in icons {
            match icon {
                Icon::Synced => drop(self.icons.remove(order)),
                Icon::Syncing | Icon::Queued | Icon::Conflict => drop(self.icons.insert(order.clone(), *icon)),
            }
        }
    }
}

/// The lines of a text that fits between the walls; breaks at spaces where it can.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let line = lines.last().map_or(0, |line| width(line));
        if line > 0 && line + width(word.trim_end()) > WIDTH - 2 {
            lines.push(String::new());
        }
        for c in word.chars() {
            let full = lines.last().is_some_and(|line| width(line) + 2 > WIDTH - 2);
            if full && c != ' ' {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !(full && c == ' ')) {
                line.push(c);
            }
        }
    }
    lines
}

/// A terminal gives each of the spec's signs two columns.
fn width(text: &str) -> usize {
    text.chars().map(|c| if SIGNS.contains(&c) { 2 } else { 1 }).sum()
}

const SIGNS: [char; 5] = ['✅', '🔄', '⏳', '❗', '📡'];

/// The spec's status line.
fn status_line(status: &Status, queued: u64, progress: Option<Progress>, synced_ago_ms: Option<u64>) -> String {
    match status {
        Status::Synced => format!("✅ Synced {}", synced_ago_ms.map_or_else(|| "just now".into(), ago)),
        Status::Queued => format!("⏳ {} waiting to be synced", changes(queued)),
        Status::Syncing => match progress {
            Some(Progress { done, of }) => format!("🔄 Syncing... ({done} of {of} items)"),
            None => "🔄 Syncing...".into(),
        },
        Status::Offline => format!("📡 Offline ({} queued)", changes(queued)),
        Status::Failed { retry_in_ms: None, code } => format!("❗ Sync failed ({})", reason(*code)),
        Status::Failed { retry_in_ms: Some(wait), code } => {
            format!("❗ Sync failed: {} (retry in {})", reason(*code), milliseconds(*wait))
        }
    }
}

fn ago(ms: u64) -> String {
    match ms / 1_000 {
        0 => "just now".into(),
        seconds @ 1..60 => format!("{seconds} seconds ago"),
        seconds @ 60..7_200 => format!("{} minutes ago", seconds / 60),
        seconds => format!("{} hours ago", seconds / 3_600),
    }
}

fn changes(count: u64) -> String {
    format!("{count} change{}", if count == 1 { "" } else { "s" })
}

/// A code of spec 7.1 as its user is told it.
fn reason(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::NetworkError => "no connection",
        ErrorCode::AuthError => "please sign in again",
        ErrorCode::VersionConflict => "version conflict",
        ErrorCode::ValidationError => "not accepted",
        ErrorCode::NotFound => "deleted on the server",
        ErrorCode::PermissionDenied => "not yours any more",
        ErrorCode::ServerError => "the server has a problem",
    }
}

/// The spec's queue view, with the orders' icons below it. A long one is cut.
fn queue_view(device: &str, lines: &[ChangeLine], icons: &BTreeMap<String, Icon>) -> Vec<String> {
    const MOST: usize = 8;
    let waiting = lines.iter().filter(|line| matches!(line.state, ChangeState::Queued | ChangeState::Syncing)).count();
    let mut view = vec![format!("{device}: queued changes ({waiting})"), String::new()];
    view.extend(lines.iter().take(MOST).map(queue_line));
    if lines.len() > MOST {
        view.push(format!("... and {} more", lines.len() - MOST));
    }
    let icons: Vec<String> =
        icons.iter().take(MOST).map(|(order, icon)| format!("{} {}", sign(*icon), short(order))).collect();
    view.push(String::new());
    view.push(if icons.is_empty() { "✅ all orders".into() } else { format!("Orders: {}", icons.join("  ")) });
    view
}

fn queue_line(line: &ChangeLine) -> String {
    let (sign, word) = match line.state {
        ChangeState::Queued => ("⏳", "Queued".to_owned()),
        ChangeState::Syncing => ("🔄", "Syncing...".to_owned()),
        ChangeState::Synced => ("✅", "Synced".to_owned()),
        ChangeState::Failed { code } => ("❗", format!("Failed ({})", reason(code))),
        ChangeState::Rescued => ("❗", "Kept in the rescue log".to_owned()),
    };
    format!("{sign} {:<34} {word}", format!("{}: {}", short(&line.entity_id), line.what))
}

fn sign(icon: Icon) -> char {
    match icon {
        Icon::Synced => '✅',
        Icon::Syncing => '🔄',
        Icon::Queued => '⏳',
        Icon::Conflict => '❗',
    }
}

/// An order that has no number yet is new to everybody but its maker.
fn short(order: &str) -> String {
    match order.strip_prefix("tmp-") {
        Some(local) => format!("new ..{}", local.get(local.len().saturating_sub(4)..).unwrap_or(local)),
        None => order.to_owned(),
    }
}

/// The spec's notice of a failed change.
fn failure(device: &str, notice: &Notice) -> Vec<String> {
    vec![
        format!("❗ {device}: Sync Failed"),
        String::new(),
        format!("Could not sync work order {}. Changes saved locally.", short(&notice.entity_id)),
        format!("Error: {}: {}", reason(notice.code), notice.detail),
        String::new(),
        "[ Retry ]  [ View Details ]".into(),
    ]
}

/// The spec's dialog, with the times and authors of its detailed view.
fn dialog(device: &str, record: &ConflictRecord, field: &FieldConflict, made: Option<&(u64, String)>) -> Vec<String> {
    let mine_at = made.map_or_else(String::new, |(at_ms, _)| format!(", {} into the story", milliseconds(*at_ms)));
    let stands = if field.outcome == ConflictOutcome::ServerWins {
        "The server's version stands; yours is in the conflict log."
    } else if field.outcome == ConflictOutcome::ClientWins {
        "Your version stands."
    } else {
        "Both are kept until you choose."
    };
    vec![
        format!("❗ {device}: Sync Conflict Detected"),
        String::new(),
        format!("Work Order {} was updated by another user", short(&record.entity_id)),
        "while you were offline.".into(),
        String::new(),
        format!("Field:          {}", field.field),
        format!("Your change:    {}", plain(&field.mine)),
        format!("                by {}{mine_at}", record.user_id),
        format!("Server version: {}", plain(&field.theirs)),
        format!("                by {}, {}", field.by, field.at),
        stands.into(),
        String::new(),
        "[ Keep Mine ]  [ Use Server ]  [ View Details ]".into(),
    ]
}

fn plain(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 30 { text } else { text.chars().take(27).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_is_the_specs() {
        let line = |status: &Status| status_line(status, 5, Some(Progress { done: 3, of: 10 }), Some(125_000));
        assert_eq!(line(&Status::Syncing), "🔄 Syncing... (3 of 10 items)");
        assert_eq!(line(&Status::Synced), "✅ Synced 2 minutes ago");
        assert_eq!(line(&Status::Offline), "📡 Offline (5 changes queued)");
        let failed = Status::Failed { code: ErrorCode::ServerError, retry_in_ms: Some(30_000) };
        assert_eq!(line(&failed), "❗ Sync failed: the server has a problem (retry in 30.000 s)");
    }

    #[test]
    fn a_box_is_straight() {
        let mut phones = Phones::default();
        phones.draw(0, &["✅ short".into(), "long ".repeat(40), "x".repeat(200), String::new()]);
        let widths: Vec<usize> = phones.out.lines().map(width).collect();
        assert!(widths.iter().all(|it| *it == widths[0]), "{}", phones.out);
    }

    #[test]
    fn what_was_settled_leaves_the_view_with_the_next_sync() {
        let line = |id: &str, state| ChangeLine {
            queue_id: id.into(),
            entity_id: "WO-1".into(),
            what: "Updated status".into(),
            state,
        };
        let mut phone = Phone::default();
        let failed = ChangeState::Failed { code: ErrorCode::ValidationError };
        phone.mark(&[line("a", ChangeState::Synced), line("b", failed)], &BTreeMap::new());
        let view = queue_view("maria", &phone.lines, &phone.icons).join("\n");
        assert!(view.contains("✅ WO-1: Updated status") && view.contains("Failed (not accepted)"), "{view}");
        phone.sweep();
        assert_eq!(phone.lines, [line("b", failed)]);
    }
}
