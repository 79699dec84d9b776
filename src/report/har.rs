//! Each device's traffic as an HTTP archive (HAR 1.2), which browsers' developer tools open.
//!
//! A history keeps of a message what the checks need: method and path, status, bytes, and what was said. Headers are not
//! in it, and so not here. Times are those of the simulated clock.

#![expect(clippy::wildcard_enum_match_arm, reason = "a view picks few of the many kinds of events")]

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::history::{Event, History, Message, MessageKind, What};
use crate::protocol::path;

/// The server as devices call it.
const SERVER: &str = "http://server";

/// One archive for each device, by its name.
#[must_use]
pub fn har(history: &History) -> BTreeMap<String, String> {
    let mut asked: BTreeMap<u64, (u64, &Message)> = BTreeMap::new();
    let mut entries: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let epoch = epoch(history);
    for Event { at_ms, what, .. } in &history.0 {
        match what {
            What::DeviceAdded { device, .. } => drop(entries.entry(device).or_default()),
            What::Request(message) => drop(asked.insert(message.exchange, (*at_ms, message))),
            What::Answer(message) => {
                if let Some((began_ms, request)) = asked.remove(&message.exchange) {
                    let entry = entry(SERVER, epoch, began_ms, request, Some((*at_ms, message)));
                    entries.entry(&message.device).or_default().push(entry);
                }
            }
            _ => {}
        }
    }
    for (began_ms, request) in asked.into_values() {
        entries.entry(&request.device).or_default().push(entry(SERVER, epoch, began_ms, request, None));
    }
    entries.into_iter().map(|(device, entries)| (device.to_owned(), document(entries))).collect()
}

fn epoch(history: &History) -> Timestamp {
    let epoch = history.0.iter().find_map(|event| match &event.what {
        What::RunStarted { epoch, .. } => epoch.parse().ok(),
        _ => None,
    });
    epoch.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// An archive that is written while exchanges pass, all devices in one.
#[derive(Debug)]
pub struct Archive<W> {
    out: W,
    server: String,
    epoch: Timestamp,
    asked: BTreeMap<u64, (u64, Message)>,
    empty: bool,
}

impl<W: Write> Archive<W> {
    /// Begins an archive of exchanges with `server`, a base URL; the clock of its events began at `epoch`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(mut out: W, server: &str, epoch: Timestamp) -> io::Result<Self> {
        let creator = creator();
        write!(out, r#"{{"log":{{"version":"1.2","creator":{creator},"entries":["#)?;
        Ok(Self { out, server: server.to_owned(), epoch, asked: BTreeMap::new(), empty: true })
    }

    /// Takes an event down, if it is about an exchange.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, event: &Event) -> io::Result<()> {
        match &event.what {
            What::Request(message) => {
                self.asked.insert(message.exchange, (event.at_ms, message.clone()));
                Ok(())
            }
            What::Answer(message) => match self.asked.remove(&message.exchange) {
                Some((began_ms, request)) => self.add(began_ms, &request, Some((event.at_ms, message))),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Writes what has no answer, and the end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&mut self) -> io::Result<()> {
        for (began_ms, request) in std::mem::take(&mut self.asked).into_values() {
            self.add(began_ms, &request, None)?;
        }
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()
    }

    fn add(&mut self, began_ms: u64, request: &Message, answer: Option<(u64, &Message)>) -> io::Result<()> {
        let mut entry = entry(&self.server, self.epoch, began_ms, request, answer);
        entry["_proxy"] = json!(request.device);
        let comma = if std::mem::replace(&mut self.empty, false) { "" } else { "," };
        write!(self.out, "{comma}\n{entry}")
    }
}

fn creator() -> Value {
    json!({ "name": "deadzone", "version": env!("CARGO_PKG_VERSION") })
}

fn document(mut entries: Vec<Value>) -> String {
    entries.sort_by(|one, other| one["startedDateTime"].as_str().cmp(&other["startedDateTime"].as_str()));
    format!("{}\n", json!({ "log": { "version": "1.2", "creator": creator(), "entries": entries } }))
}

fn entry(server: &str, epoch: Timestamp, began_ms: u64, request: &Message, answer: Option<(u64, &Message)>) -> Value {
    let wait_ms = answer.map_or(0, |(at_ms, _)| at_ms.saturating_sub(began_ms));
    let began = SignedDuration::from_millis(i64::try_from(began_ms).unwrap_or(i64::MAX));
    let comment = match (request.delivered, answer) {
        (false, _) => "the request was lost",
        (true, None) => "no answer reached the network",
        (true, Some((_, answer))) if !answer.delivered => "the answer was lost",
        (true, Some(_)) => "",
    };
    json!({
        "startedDateTime": format!("{:.3}", epoch.saturating_add(began).unwrap_or(Timestamp::MAX)),
        "time": wait_ms,
        "request": asked(server, request),
        "response": answered(answer.map(|(_, message)| message)),
        "cache": {},
        "timings": { "send": 0, "wait": wait_ms, "receive": 0 },
        "connection": request.connection.to_string(),
        "comment": comment,
    })
}

fn asked(server: &str, message: &Message) -> Value {
    let (method, path) = call(&message.kind);
    let query = query(&message.kind);
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if pairs.is_empty() { "" } else { "?" };
    let listed: Vec<Value> = query.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut request = json!({
        "method": method,
        "url": format!("{server}{path}{mark}{}", pairs.join("&")),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "queryString": listed,
        "headersSize": -1,
        "bodySize": message.bytes,
    });
    if let MessageKind::Push { operations } = &message.kind {
        let text = json!({ "operations": operations }).to_string();
        request["postData"] = json!({ "mimeType": "application/json", "text": text });
    }
    request
}

fn answered(message: Option<&Message>) -> Value {
    let said = message.map(|message| &message.kind).and_then(|kind| serde_json::to_string(kind).ok());
    let bytes = message.map_or(0, |message| message.bytes);
    json!({
        "status": message.map_or(0, |message| message.status),
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": { "size": bytes, "mimeType": media(message), "text": said.unwrap_or_default() },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": bytes,
    })
}

/// The media type of an answer: that of the API, or what a foreign server said.
fn media(message: Option<&Message>) -> &str {
    match message.map(|message| &message.kind) {
        Some(MessageKind::Other { summary }) if summary.contains('/') && !summary.contains(' ') => summary,
        _ => "application/json",
    }
}

/// Method and path of a request.
fn call(kind: &MessageKind) -> (&str, &str) {
    match kind {
        MessageKind::SignIn => ("POST", path::SIGN_IN),
        MessageKind::Refresh => ("POST", path::REFRESH),
        MessageKind::Profile => ("GET", path::PROFILE),
        MessageKind::Delta { .. } => ("GET", path::DELTA),
        MessageKind::Selection => ("POST", path::SELECTION),
        MessageKind::Push { .. } => ("POST", path::PUSH),
        MessageKind::Other { summary } => summary.split_once(' ').unwrap_or(("GET", "/")),
        _ => ("GET", "/"),
    }
}

fn query(kind: &MessageKind) -> Vec<(&'static str, &str)> {
    let MessageKind::Delta { cursor, since, digest } = kind else { return Vec::new() };
    let pairs = [("cursor", cursor.as_deref()), ("since", since.as_deref()), ("digest", digest.then_some("1"))];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Tls;

    fn message(exchange: u64, bytes: u64, status: u16, kind: MessageKind) -> Message {
        let (device, connection) = ("maria".to_owned(), 3);
        Message { device, connection, exchange, bytes, status, delivered: true, retry_after: None, kind }
    }

    /// A pull that is answered after 70 ms, and a request that is not.
    fn events() -> Vec<Event> {
        let (epoch, tls) = ("2025-11-08T06:00:00Z".to_owned(), Tls::None);
        let (scenario, world) = ("s".to_owned(), "simulated".to_owned());
        let begun = What::RunStarted { scenario, seed: 1, world, epoch, tls, sealed: Vec::new() };
        let pull = MessageKind::Delta { cursor: Some("c1".to_owned()), since: None, digest: false };
        let page = MessageKind::Other { summary: "text/html".to_owned() };
        let alone = MessageKind::Other { summary: "PUT /alone".to_owned() };
        let whats = [
            (0, begun),
            (1_500, What::Request(message(7, 300, 0, pull))),
            (1_570, What::Answer(message(7, 900, 503, page))),
            (2_000, What::Request(message(8, 20, 0, alone))),
        ];
        (0..).zip(whats).map(|(seq, (at_ms, what))| Event { seq, at_ms, what }).collect()
    }

    #[track_caller]
    fn holds(archive: &str, base: &str) -> Value {
        let archive: Value = serde_json::from_str(archive).unwrap();
        let [pull, alone] = archive["log"]["entries"].as_array().unwrap().as_slice() else { panic!("{archive}") };
        assert_eq!((&pull["startedDateTime"], &pull["time"]), (&json!("2025-11-08T06:00:01.500Z"), &json!(70)));
        assert_eq!(pull["timings"], json!({ "send": 0, "wait": 70, "receive": 0 }));
        let (asked, answered) = (&pull["request"], &pull["response"]);
        assert_eq!(asked["url"], format!("{base}{}?cursor=c1", path::DELTA));
        assert_eq!((&asked["method"], &asked["bodySize"]), (&json!("GET"), &json!(300)));
        assert_eq!(asked["queryString"], json!([{ "name": "cursor", "value": "c1" }]));
        assert_eq!((&answered["status"], &answered["bodySize"]), (&json!(503), &json!(900)));
        assert_eq!((&answered["content"]["mimeType"], &pull["comment"]), (&json!("text/html"), &json!("")));
        assert_eq!((&alone["request"]["method"], &alone["response"]["status"]), (&json!("PUT"), &json!(0)));
        assert_eq!((&alone["time"], &alone["comment"]), (&json!(0), &json!("no answer reached the network")));
        archive
    }

    #[test]
    fn exchanges_are_entries_with_their_times_and_sizes() {
        let archives = har(&History(events()));
        assert_eq!(archives.keys().collect::<Vec<_>>(), ["maria"]);
        holds(&archives["maria"], SERVER);
    }

    #[test]
    fn an_archive_that_is_written_as_it_goes_holds_the_same() {
        let mut out = Vec::new();
        let mut archive = Archive::begin(&mut out, "http://s:1", "2025-11-08T06:00:00Z".parse().unwrap()).unwrap();
        events().iter().for_each(|event| archive.note(event).unwrap());
        archive.end().unwrap();
        drop(archive);
        let archive = holds(std::str::from_utf8(&out).unwrap(), "http://s:1");
        assert_eq!(archive["log"]["entries"][1]["_proxy"], "maria");
    }
}
