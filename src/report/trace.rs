//! The run as a trace that Chrome (`chrome://tracing`) and Perfetto open: a process for each device, one for the server's
//! outages, with syncs, exchanges, outages, marks, and the length of each queue.
#![expect(clippy::wildcard_enum_match_arm, reason = "a view picks few of the many kinds of events")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::words::event as sentence;
use crate::history::{DeviceEvent, Event, History, LinkState, Message, ServerState, What};

/// The threads of a process, as the viewers name them.
const SYNCS: u64 = 1;
const EXCHANGES: u64 = 2;
const LINK: u64 = 3;
/// The process of what is nobody's device.
const EVERYBODY: u64 = 1;

/// The document.
#[must_use]
pub fn trace(history: &History) -> String {
    let mut trace = Trace::default();
    trace.process(EVERYBODY, "server");
    for event in &history.0 {
        trace.follow(event);
    }
    let end_ms = history.0.last().map_or(0, |event| event.at_ms);
    for ((process, thread), (from_ms, name)) in std::mem::take(&mut trace.open) {
        trace.span(process, thread, from_ms, end_ms, &name);
    }
    for (began_ms, message) in std::mem::take(&mut trace.asked).into_values() {
        let process = trace.process_of(&message.device);
        trace.span(process, EXCHANGES, began_ms, end_ms, "no answer");
    }
    let document = json!({ "displayTimeUnit": "ms", "traceEvents": trace.events });
    format!("{document}\n")
}

#[derive(Default)]
struct Trace<'a> {
    events: Vec<Value>,
    processes: BTreeMap<String, u64>,
    /// What has begun, by process and thread.
    open: BTreeMap<(u64, u64), (u64, String)>,
    asked: BTreeMap<u64, (u64, &'a Message)>,
}

impl<'a> Trace<'a> {
    fn follow(&mut self, event: &'a Event) {
        let at_ms = event.at_ms;
        match &event.what {
            What::DeviceAdded { device, .. } => drop(self.process_of(device)),
            What::Request(message) => drop(self.asked.insert(message.exchange, (at_ms, message))),
            What::Answer(message) => {
                let process = self.process_of(&message.device);
                if let Some((began_ms, _)) = self.asked.remove(&message.exchange) {
                    self.span(process, EXCHANGES, began_ms, at_ms, &sentence(event));
                }
            }
            What::LinkChanged { device, state } => {
                let process = self.process_of(device);
                self.end(process, LINK, at_ms);
                if *state != LinkState::Up {
                    self.open.insert((process, LINK), (at_ms, format!("{state:?}")));
                }
            }
            What::ServerChanged { state } => {
                self.end(EVERYBODY, LINK, at_ms);
                if *state != ServerState::Up {
                    self.open.insert((EVERYBODY, LINK), (at_ms, format!("{state:?}")));
                }
            }
            What::Crashed { device, .. } => {
                let process = self.process_of(device);
                self.end(process, SYNCS, at_ms);
                self.mark(process, event);
            }
            What::Acknowledged { device, .. } | What::Restarted { device } | What::FaultFired { device, .. } => {
                let process = self.process_of(device);
                self.mark(process, event);
            }
            What::StepStarted { .. } | What::Healed | What::Settled => self.mark(EVERYBODY, event),
            What::Device { device, event: said } => self.said(device, said, event),
            _ => {}
        }
    }

    fn said(&mut self, device: &str, said: &DeviceEvent, event: &Event) {
        let process = self.process_of(device);
        match said {
            DeviceEvent::SyncStarted { trigger } => {
                self.open.insert((process, SYNCS), (event.at_ms, format!("sync ({trigger:?})")));
            }
            DeviceEvent::SyncEnded { .. } => self.end(process, SYNCS, event.at_ms),
            DeviceEvent::Conflict(_) | DeviceEvent::Noticed(_) => self.mark(process, event),
            DeviceEvent::Shown { queued, .. } => self.events.push(json!({
                "ph": "C", "name": "queued", "pid": process, "ts": event.at_ms * 1_000, "args": { "changes": queued },
            })),
            _ => {}
        }
    }

    fn process_of(&mut self, device: &str) -> u64 {
        if let Some(process) = self.processes.get(device) {
            return *process;
        }
        let process = EVERYBODY + 1 + self.processes.len() as u64;
        self.processes.insert(device.to_owned(), process);
        self.process(process, device);
        process
    }

    fn process(&mut self, process: u64, name: &str) {
        self.events.push(json!({ "ph": "M", "name": "process_name", "pid": process, "args": { "name": name } }));
        for (thread, name) in [(SYNCS, "syncs"), (EXCHANGES, "exchanges"), (LINK, "outages")] {
            let args = json!({ "name": name });
            self.events.push(json!({ "ph": "M", "name": "thread_name", "pid": process, "tid": thread, "args": args }));
        }
    }

    fn end(&mut self, process: u64, thread: u64, to_ms: u64) {
        if let Some((from_ms, name)) = self.open.remove(&(process, thread)) {
            self.span(process, thread, from_ms, to_ms, &name);
        }
    }

    fn span(&mut self, process: u64, thread: u64, from_ms: u64, to_ms: u64, name: &str) {
        let (ts, dur) = (from_ms * 1_000, (to_ms - from_ms) * 1_000);
        self.events.push(json!({ "ph": "X", "name": name, "pid": process, "tid": thread, "ts": ts, "dur": dur }));
    }

    fn mark(&mut self, process: u64, event: &Event) {
        let (ts, name) = (event.at_ms * 1_000, sentence(event));
        self.events.push(json!({ "ph": "i", "s": "p", "name": name, "pid": process, "tid": SYNCS, "ts": ts }));
    }
}
