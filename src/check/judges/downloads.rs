//! I16, blobs on their way down: what a device shows of a file is what the server has, all of it and nothing else; a file
//! goes on where it stopped; the settings about it are obeyed (spec 6.2).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{Circumstance, DeviceEvent, Event, FileEvent, HeldFile, MessageKind, What};
use crate::protocol::Record;

use super::super::case::{Case, device_event};
use super::super::facts::WORK_ORDERS;
use super::super::files::taken;
use super::super::verdict::Findings;

const CHECK: &str = "I16 blobs";
const SETTINGS: &str = "6.2 settings";
const THUMBNAILS: &str = "6.2 thumbnails";
const BOUNDED: &str = "I9 bounded work";
/// What is on its way when it may not come any more is broken off within this.
const AT_ONCE_MS: u64 = 1_000;

/// Bytes and hash of each file that was ever whole somewhere.
type Truth<'a> = BTreeMap<&'a str, (u64, &'a str)>;

fn truth<'a>(case: &Case<'a>) -> Truth<'a> {
    let taken = case.facts.devices.values().flat_map(taken);
    let mut truth: Truth<'a> = taken.map(|file| (file.id, (file.bytes, file.sha256))).collect();
    truth.extend(case.facts.server_files.iter().map(|(id, (_, bytes, sha256))| (*id, (*bytes, *sha256))));
    truth
}

/// The lines of a record that name files, by id.
fn lines(record: &Record) -> impl Iterator<Item = (&str, &Value)> {
    let lines = record.get("attachments").and_then(Value::as_array).into_iter().flatten();
    lines.filter_map(|line| Some((line.get("attachmentId")?.as_str()?, line)))
}

fn is_picture(line: &Value) -> bool {
    line.get("mimeType").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("image/"))
}

/// Ids of all that was ever called a picture.
fn pictures<'a>(case: &Case<'a>) -> BTreeSet<&'a str> {
    let seeded = case.facts.seeded(WORK_ORDERS).map(|(_, seen)| seen.record);
    let in_the_end = case.facts.final_records(WORK_ORDERS).map(|(_, seen)| seen.record);
    let made = case.facts.ops.all.iter().map(|op| op.payload);
    let records = seeded.chain(in_the_end).chain(made);
    records.flat_map(|record| lines(record).filter(|(_, line)| is_picture(line)).map(|(id, _)| id)).collect()
}

pub(in super::super) fn come_as_they_should(case: &Case<'_>, out: &mut Findings) {
    let (truth, pictures) = (truth(case), pictures(case));
    for (name, device) in &case.facts.devices {
        let mut watch = Watch {
            name,
            truth: &truth,
            pictures: &pictures,
            wifi: false,
            small_on_cellular: true,
            whole_on_cellular: false,
            changed_ms: 0,
            there: BTreeMap::new(),
            kept: BTreeSet::new(),
        };
        for event in &device.timeline {
            watch.event(event, out);
        }
    }
}

struct Watch<'c> {
    name: &'c str,
    truth: &'c Truth<'c>,
    pictures: &'c BTreeSet<&'c str>,
    wifi: bool,
    small_on_cellular: bool,
    whole_on_cellular: bool,
    /// When it last changed what may come.
    changed_ms: u64,
    /// How much of each whole file is on the device.
    there: BTreeMap<&'c str, u64>,
    /// Files that are there, and whether it is their thumbnail.
    kept: BTreeSet<(&'c str, bool)>,
}

impl<'c> Watch<'c> {
    fn event(&mut self, event: &'c Event, out: &mut Findings) {
        match &event.what {
            What::Told { what: Circumstance::Network { wifi }, .. } => {
                self.wifi = *wifi;
                self.changed_ms = event.at_ms;
            }
            What::FileSettings { thumbnails_on_cellular, full_images_on_cellular, .. } => {
                self.small_on_cellular = thumbnails_on_cellular.unwrap_or(self.small_on_cellular);
                self.whole_on_cellular = full_images_on_cellular.unwrap_or(self.whole_on_cellular);
                self.changed_ms = event.at_ms;
            }
            What::FilesLost { .. } => self.forget(),
            What::Crashed { .. } | What::Restarted { .. } => {
                self.wifi = false;
                self.changed_ms = event.at_ms;
                // What a write under way left may be good for nothing.
                self.there.clear();
            }
            What::Request(message) => {
                if let MessageKind::File { attachment_id, thumbnail, range, if_range } = &message.kind {
                    self.allowed(attachment_id, *thumbnail, "it asks for it", event, out);
                    let from = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split('-').next());
                    if from.is_some_and(|from| from != "0") && if_range.is_none() {
                        let expected = format!("{} goes on with {attachment_id} if it is still the same", self.name);
                        out.violated(CHECK, expected, "it says no tag", &[event.seq]);
                    }
                }
            }
            _ => match device_event(event) {
                Some(DeviceEvent::File(said)) => self.says(said, event, out),
                Some(DeviceEvent::LoggedOut) => {
                    (self.small_on_cellular, self.whole_on_cellular) = (true, false);
                    self.forget();
                }
                Some(
                    DeviceEvent::CacheCleared
                    | DeviceEvent::Removed { .. }
                    | DeviceEvent::CleanedUp { .. }
                    | DeviceEvent::Resync { .. },
                ) => self.forget(),
                _ => {}
            },
        }
    }

    fn forget(&mut self) {
        self.there.clear();
        self.kept.clear();
    }

    fn says(&mut self, said: &'c FileEvent, event: &Event, out: &mut Findings) {
        match said {
            FileEvent::Fetching { attachment_id, thumbnail, offset } => {
                if self.kept.contains(&(attachment_id.as_str(), *thumbnail)) {
                    let expected = format!("{} gets each file once", self.name);
                    out.violated(BOUNDED, expected, format!("it gets {attachment_id} again"), &[event.seq]);
                }
                self.goes_on(attachment_id, *thumbnail, *offset, event, out);
            }
            FileEvent::Fetched { attachment_id, thumbnail, offset, bytes } => {
                self.allowed(attachment_id, *thumbnail, "a part of it comes whole", event, out);
                if !thumbnail {
                    self.there.insert(attachment_id, offset + bytes);
                }
            }
            FileEvent::Kept(held) => {
                self.is_true(held, event, out);
                self.kept.insert((&held.attachment_id, held.thumbnail));
            }
            FileEvent::Shown(held) => self.is_true(held, event, out),
            FileEvent::Withheld { .. } => {}
        }
    }

    /// Begun anew is only what came whole and was found to be something else.
    fn goes_on(&self, id: &str, thumbnail: bool, offset: u64, event: &Event, out: &mut Findings) {
        let Some(there) = self.there.get(id).filter(|_| !thumbnail) else { return };
        let came_whole = self.truth.get(id).is_none_or(|(bytes, _)| there >= bytes);
        if offset != *there && !(offset == 0 && came_whole) {
            let expected = format!("{} goes on with {id} at {there}, where it stopped", self.name);
            out.violated(CHECK, expected, format!("it goes on at {offset}"), &[event.seq]);
        }
    }

    fn allowed(&self, id: &str, thumbnail: bool, what: &str, event: &Event, out: &mut Findings) {
        let on_cellular = if thumbnail { self.small_on_cellular } else { self.whole_on_cellular };
        let in_time = event.at_ms <= self.changed_ms + AT_ONCE_MS && self.changed_ms > 0;
        if !self.wifi && !on_cellular && self.pictures.contains(id) && !in_time {
            let kind = if thumbnail { "thumbnail" } else { "whole picture" };
            let expected = format!("no {kind} comes to {} over a cellular network", self.name);
            out.violated(SETTINGS, expected, format!("{id}: {what}"), &[event.seq]);
        }
    }

    fn is_true(&self, held: &HeldFile, event: &Event, out: &mut Findings) {
        if !held.thumbnail {
            compare(self.name, held, self.truth.get(held.attachment_id.as_str()), event.seq, out);
        }
    }
}

fn compare(name: &str, held: &HeldFile, is: Option<&(u64, &str)>, seq: u64, out: &mut Findings) {
    let id = &held.attachment_id;
    let what = if held.thumbnail { "the thumbnail of" } else { "" };
    match is {
        Some((bytes, sha256)) if *bytes == held.bytes && *sha256 == held.sha256 => {}
        Some((bytes, sha256)) => {
            let expected = format!("{name} shows {what} {id} as it is: {bytes} bytes, {sha256}");
            out.violated(CHECK, expected, format!("it shows {} bytes, {}", held.bytes, held.sha256), &[seq]);
        }
        None => {
            let expected = format!("{name} shows files that are somewhere");
            out.violated(CHECK, expected, format!("nobody ever had {what} {id}"), &[seq]);
        }
    }
}

pub(in super::super) fn show_what_is_there(case: &Case<'_>, out: &mut Findings) {
    let truth = truth(case);
    for (name, device) in &case.facts.devices {
        let Some((seq, state)) = device.state else { continue };
        let rescued = state.rescued.iter().map(|rescued| &rescued.payload);
        let named: BTreeMap<&str, &Value> = state.work_orders.values().chain(rescued).flat_map(lines).collect();
        for held in &state.files {
            let id = held.attachment_id.as_str();
            let is = if held.thumbnail { case.facts.server_thumbnails.get(id) } else { truth.get(id) };
            compare(name, held, is, seq, out);
            if !named.contains_key(id) {
                let expected = format!("{name} keeps files that an order names");
                out.violated("8.4 clean-up", expected, format!("no order names {id}"), &[seq]);
            }
        }
        let shown: BTreeSet<&str> = state.files.iter().map(|held| held.attachment_id.as_str()).collect();
        let asked = case.facts.ending.at_rest() && state.user_id.is_some() && !state.needs_sign_in;
        let visible = state.work_orders.values().flat_map(lines);
        for (id, _) in visible.filter(|(id, line)| asked && is_picture(line) && !shown.contains(id)) {
            if let Some((file, ..)) = case.facts.server_files.get(id) {
                let expected = format!("{name} shows each picture of its orders, small at least");
                out.violated(THUMBNAILS, expected, format!("it has nothing of {id}"), &[*file, seq]);
            }
        }
    }
}
