//! I16, blobs: what the server holds of a file is what its device kept, byte for byte; an upload goes on where the server
//! stands and nowhere else; and a record speaks of a file only when that is there (I7, I11).

use std::collections::BTreeMap;

use crate::history::{Circumstance, DeviceEvent, Event, MessageKind, UploadStep, What};

use super::super::case::{Case, device_event};
use super::super::facts::{Device, WORK_ORDERS};
use super::super::files::{Exchanges, Passed, Taken, Told, added, taken};
use super::super::operation::Op;
use super::super::verdict::Findings;
use super::dead_letters::NINETY_DAYS_MS;

const CHECK: &str = "I16 blobs";
const ORDER: &str = "I7 order";
const ONCE: &str = "I2 no duplicate";
const SETTINGS: &str = "6.2 settings";

/// Operations of these levels go before a part of a file (decision s).
const URGENT: u8 = 3;
/// Largest part of a file, in bytes (decision s).
const MOST: u64 = 4 << 20;
/// A part that is on its way when it may not be any more is broken off within this.
const AT_ONCE_MS: u64 = 1_000;

pub(in super::super) fn go_up_in_order(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let files: BTreeMap<&str, Taken<'_>> = taken(device).into_iter().map(|file| (file.id, file)).collect();
        if files.is_empty() {
            continue;
        }
        let mut watch =
            Watch { case, name, uploads: BTreeMap::new(), files, wifi_only: false, wifi: false, forbidden_ms: None };
        let mut exchanges = Exchanges::default();
        for event in &device.timeline {
            match exchanges.note(&event.what) {
                Some(Passed::Asked(id, step)) => watch.asked(id, step, event, out),
                Some(Passed::Told(id, step, told)) => watch.told((id, step), told, event.seq, out),
                None => watch.note(event, out),
            }
        }
    }
}

/// What is known of one upload.
#[derive(Default)]
struct Known {
    /// Where the server stands, as the device was told last; `None` while it cannot know: until a part is answered, nobody
    /// knows how much of it arrived.
    at: Option<u64>,
    /// An answer came that was damaged on its way: the device may have read from its head how far the server is.
    guess: bool,
    /// The server was asked for it before, or bytes of it have set out.
    tried: bool,
    /// The parts that the device says it sends. What broke off may be seen when the next is on its way, over a connection
    /// of its own.
    parts: Vec<Part>,
    /// The farthest that the server ever stood, and when it said so.
    farthest: (u64, u64),
    /// When the server had all of it.
    complete: Option<u64>,
}

/// A part of a file that sets out.
struct Part {
    start: u64,
    /// The connection that it went over.
    over: Option<u64>,
    /// It goes along with the creation.
    along: bool,
}

impl Known {
    /// Whether the device may take the server to stand at `offset`.
    fn may_stand_at(&self, offset: u64) -> bool {
        self.at == Some(offset) || (self.guess && offset == self.farthest.0)
    }
}

struct Watch<'c, 'a> {
    case: &'c Case<'a>,
    name: &'c str,
    files: BTreeMap<&'a str, Taken<'a>>,
    uploads: BTreeMap<&'a str, Known>,
    wifi_only: bool,
    wifi: bool,
    /// Since when files may not go up.
    forbidden_ms: Option<u64>,
}

impl<'a> Watch<'_, 'a> {
    fn asked(&mut self, id: &'a str, step: UploadStep, event: &Event, out: &mut Findings) {
        let known = self.uploads.entry(id).or_default();
        if let Some(seq) = known.complete
            && matches!(step, UploadStep::Create { .. } | UploadStep::Part { .. })
            && known.at.is_some()
        {
            let expected = format!("{} sends each file once", self.name);
            out.violated(ONCE, expected, format!("it sends {id} again"), &[seq, event.seq]);
        }
        known.tried |= matches!(step, UploadStep::Create { .. });
        let Some((offset, bytes, cut)) = step.part() else { return };
        let over = connection(event);
        let along = matches!(step, UploadStep::Create { .. });
        let said = |part: &&mut Part| part.start == offset && (part.over.is_none() || part.over == over);
        match known.parts.iter_mut().rev().find(said) {
            Some(part) if part.along && !along => {
                let expected = format!("{} has an upload made of {id} before it adds to one", self.name);
                out.violated(CHECK, expected, format!("it adds {bytes} bytes"), &[event.seq]);
            }
            Some(part) => part.over = over,
            None => {
                let expected = format!("{} says from where it sends {id}", self.name);
                let happened = format!("{offset} passes, and it said {:?}", known.parts.last().map(|part| part.start));
                out.violated(CHECK, expected, happened, &[event.seq]);
            }
        }
        if bytes > MOST {
            let expected = format!("a part of a file has at most {MOST} bytes");
            out.violated(CHECK, expected, format!("{} sends {bytes}", self.name), &[event.seq]);
        }
        let forbidden = self.forbidden_ms.filter(|since| event.at_ms > since + AT_ONCE_MS && !cut);
        if forbidden.is_some() {
            let expected = format!("{} breaks off what may go up over WiFi alone", self.name);
            out.violated(SETTINGS, expected, "a part went up whole", &[event.seq]);
        }
    }

    fn told(
        &mut self,
        (id, step): (&'a str, UploadStep),
        Told { offset, status, heard, whole }: Told,
        seq: u64,
        out: &mut Findings,
    ) {
        let length = self.files.get(id).map(|file| file.bytes);
        let known = self.uploads.entry(id).or_default();
        // The server says that it begins anew, or that it has nothing of it.
        if matches!(status, 404 | 410 | 460) {
            *known = Known { tried: known.tried, ..Known::default() };
            return;
        }
        known.guess |= heard && !whole && status < 300;
        let created = whole && status == 201 && matches!(step, UploadStep::Create { .. });
        let Some(offset) = offset.or(created.then_some(0)).filter(|_| status < 300) else { return };
        if offset < known.farthest.0 {
            let expected = format!("the server keeps what it has of {id}: {} bytes", known.farthest.0);
            out.violated(CHECK, expected, format!("it has {offset}"), &[known.farthest.1, seq]);
        }
        known.farthest = known.farthest.max((offset, seq));
        if heard {
            known.at = Some(offset);
        }
        if length == Some(offset) {
            known.complete.get_or_insert(seq);
        }
    }

    fn note(&mut self, event: &'a Event, out: &mut Findings) {
        match &event.what {
            // What was in memory is gone, and with it where the server stood.
            What::Crashed { .. } | What::Restarted { .. } => {
                self.uploads.values_mut().for_each(|known| (known.at, known.guess) = (None, false));
                self.wifi = false;
            }
            What::Told { what: Circumstance::Network { wifi }, .. } => {
                self.wifi = *wifi;
                self.permitted(event.at_ms);
            }
            What::FileSettings { wifi_only: Some(wifi_only), .. } => {
                self.wifi_only = *wifi_only;
                self.permitted(event.at_ms);
            }
            What::Request(message) if message.delivered => {
                let MessageKind::Push { operations } = &message.kind else { return };
                let named = operations.iter().filter_map(|it| added(it.operation, &it.payload));
                named.for_each(|id| self.named(id, event.seq, out));
            }
            _ => match device_event(event) {
                Some(DeviceEvent::Uploading { attachment_id, offset, .. }) => {
                    self.sets_out(attachment_id, *offset, event, out);
                }
                Some(DeviceEvent::Uploaded { attachment_id }) => {
                    let length = self.files.get(attachment_id.as_str()).map(|file| file.bytes);
                    let known = self.uploads.get(attachment_id.as_str());
                    let at = known.and_then(|known| known.at);
                    if !known.zip(length).is_some_and(|(known, length)| known.may_stand_at(length)) {
                        let expected = format!("{} is told that the server has all of {attachment_id}", self.name);
                        let happened = format!("it was told of {at:?} bytes of {length:?}, and takes it for done");
                        out.violated(CHECK, expected, happened, &[event.seq]);
                    }
                }
                Some(DeviceEvent::LoggedOut) => {
                    self.wifi_only = false;
                    self.permitted(event.at_ms);
                }
                _ => {}
            },
        }
    }

    fn permitted(&mut self, at_ms: u64) {
        let forbidden = self.wifi_only && !self.wifi;
        self.forbidden_ms = if forbidden { self.forbidden_ms.or(Some(at_ms)) } else { None };
    }

    /// A record speaks of a file.
    fn named(&self, id: &str, seq: u64, out: &mut Findings) {
        let ours = self.files.contains_key(id);
        if ours && self.uploads.get(id).is_none_or(|known| known.complete.is_none()) {
            let expected = format!("{} speaks of {id} once the server has it", self.name);
            out.violated(ORDER, expected, "a record that needs it goes out first", &[seq]);
        }
    }

    /// A part sets out: where the server stands, behind all that is more urgent, and on a network that is one for it.
    fn sets_out(&mut self, id: &'a str, offset: u64, event: &Event, out: &mut Findings) {
        let known = self.uploads.entry(id).or_default();
        // The first part of all may go up with the creation: before it the server has nothing.
        let along = offset == 0 && !known.tried;
        if !along && !known.may_stand_at(offset) {
            goes_on(self.name, id, known, offset, event.seq, out);
        }
        known.parts.push(Part { start: offset, over: None, along });
        (known.at, known.guess, known.tried) = (None, false, true);
        if self.wifi_only && !self.wifi {
            let expected = format!("{} sends files over WiFi alone", self.name);
            out.violated(SETTINGS, expected, format!("it sends {id} over a cellular network"), &[event.seq]);
        }
        let ops = &self.case.facts.ops;
        let free = |op: &Op<'_>| {
            let refused =
                |other: &&Op<'_>| other.device == op.device && other.entity == op.entity && !other.answers.is_empty();
            !ops.all.iter().filter(refused).any(|other| other.answers.iter().any(|answer| !answer.accepts()))
        };
        let waits = |op: &&Op<'_>| {
            let made = op.acknowledged.is_some_and(|(seq, made)| seq < event.seq && made.priority <= URGENT);
            op.device == self.name && made && op.first_sent_after(event.seq) && !ops.is_corrected(op) && free(op)
        };
        let held = self.case.held.get(self.name);
        let left = |op: &Op<'_>| {
            held.is_some_and(|held| held.rescued.contains(op.queue_id) || held.undone.contains(op.queue_id))
        };
        if let Some(urgent) = ops.all.iter().find(|op| waits(op) && !left(op)) {
            let expected = format!("{} goes out before a part of {id}", urgent.describe());
            out.violated(ORDER, expected, "it waits behind it", &[urgent.first_seq(), event.seq]);
        }
    }
}

/// The connection that a request came over.
fn connection(event: &Event) -> Option<u64> {
    match &event.what {
        What::Request(message) => Some(message.connection),
        _ => None,
    }
}

fn goes_on(name: &str, id: &str, known: &Known, offset: u64, seq: u64, out: &mut Findings) {
    let expected = match known.at {
        Some(at) => format!("{name} goes on with {id} at {at}, where the server stands"),
        None => format!("{name} asks where the server stands before it goes on with {id}"),
    };
    out.violated(CHECK, expected, format!("it goes on at {offset}"), &[known.farthest.1, seq]);
}

pub(in super::super) fn are_what_was_kept(case: &Case<'_>, out: &mut Findings) {
    let mut known: BTreeMap<&str, (&str, Taken<'_>)> = BTreeMap::new();
    for (name, device) in &case.facts.devices {
        known.extend(taken(device).into_iter().map(|file| (file.id, (*name, file))));
        unchanged(name, device, out);
    }
    for (id, (seq, bytes, sha256)) in &case.facts.server_files {
        match known.get(id) {
            Some((name, file)) if file.bytes != *bytes || file.sha256 != *sha256 => {
                let expected =
                    format!("the server holds {id} as {name} kept it: {} bytes, {}", file.bytes, file.sha256);
                out.violated(CHECK, expected, format!("it holds {bytes} bytes, {sha256}"), &[file.seq, *seq]);
            }
            None if !seeded(case, id) => {
                out.violated(
                    "I4 no phantom",
                    "files on the server stem from devices",
                    format!("{id} does not"),
                    &[*seq],
                );
            }
            Some(_) | None => {}
        }
    }
    for (id, (name, file)) in &known {
        let Some(op) = case.facts.ops.find(file.queue_id) else { continue };
        if let Some(answer) = op.accepted()
            && !case.facts.server_files.contains_key(id)
            && !may_be_forgotten(case, op)
        {
            let expected = format!("the server holds the file of {}", op.describe());
            out.violated(CHECK, expected, format!("it has no {id}, which {name} took"), &[file.seq, answer.seq]);
        }
        said_of_it(op, file, out);
    }
}

/// Whether the server has forgotten the order, and its files with it: ninety days after it was deleted (decision q).
fn may_be_forgotten(case: &Case<'_>, op: &Op<'_>) -> bool {
    let deleted = case.model.order_of(&case.facts, op).and_then(|order| order.deleted);
    let done = deleted.and_then(|index| case.facts.ops.all[index].accepted());
    let read_ms = case.facts.dead_letters_read_ms;
    done.zip(read_ms).is_some_and(|(done, read_ms)| read_ms.saturating_sub(done.at_ms) >= NINETY_DAYS_MS)
}

/// What is no picture goes up as it was attached.
fn unchanged(name: &str, device: &Device<'_>, out: &mut Findings) {
    for file in taken(device) {
        let Some((mime_type, sha256)) = file.captured else { continue };
        if !mime_type.starts_with("image/") && sha256 != file.sha256 {
            let expected = format!("{name} keeps a document as it is");
            out.violated(CHECK, expected, format!("{} became another", file.id), &[file.seq]);
        }
    }
}

/// The line says of the file what is true of it.
fn said_of_it(op: &Op<'_>, file: &Taken<'_>, out: &mut Findings) {
    let line = op.payload.get("attachments").and_then(|lines| lines.get(0));
    let says = |field: &str| line.and_then(|line| line.get(field)).map(|value| value.to_string().replace('"', ""));
    let told = [("fileSize", file.bytes.to_string()), ("sha256", file.sha256.to_owned())];
    for (field, wanted) in told {
        if says(field).as_ref() != Some(&wanted) {
            let expected = format!("{} says of its file: {field} {wanted}", op.describe());
            out.violated(CHECK, expected, format!("it says {:?}", says(field)), &[file.seq, op.first_seq()]);
        }
    }
}

/// Whether the server knew a file from the start.
fn seeded(case: &Case<'_>, id: &str) -> bool {
    case.facts.seeded(WORK_ORDERS).any(|(_, seen)| {
        seen.record
            .get("attachments")
            .and_then(serde_json::Value::as_array)
            .is_some_and(|lines| lines.iter().any(|line| line.get("attachmentId").is_some_and(|known| known == id)))
    })
}
