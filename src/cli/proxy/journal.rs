//! What a proxy that stands alone leaves behind and shows while it works: its history and an archive of exchanges, and lines, or a table
//! where somebody watches.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval};

use super::super::tell;
use super::ProxyArguments;
use crate::base::Clock;
use crate::history::{Event, Tls, What};
use crate::proxy::{Alone, Glance};
use crate::report::Archive;

/// How often what has come in is written, and the table drawn.
const EVERY: Duration = Duration::from_millis(500);
/// Events of different workers may come in as much apart as this, in milliseconds; they are put in order before.
const SETTLED_MS: u64 = 400;
/// Connections that the table shows of each gate.
const SHOWN: usize = 8;

/// The journal.
pub(super) struct Journal {
    clock: Clock,
    file: Option<BufWriter<File>>,
    archive: Option<Archive<BufWriter<File>>>,
    written: u64,
    waiting: Vec<Event>,
    /// Drawn where somebody watches; none where lines are told.
    table: Option<ProgressBar>,
}

impl Journal {
    /// A journal that writes to the files that `arguments` name, if any.
    ///
    /// # Errors
    /// When one cannot be made; the text says why.
    pub(super) fn open(arguments: &ProxyArguments, clock: Clock, seed: u64) -> Result<Self, String> {
        let file = made("--history", arguments.history.as_deref())?;
        let server = arguments.upstream.as_deref().map_or_else(|| "http://server".to_owned(), base_url);
        let archive = made("--har", arguments.har.as_deref())?.map(|out| Archive::begin(out, &server, clock.wall()));
        let archive = archive.transpose().map_err(|error| format!("--har: {error}"))?;
        let table = io::stderr().is_terminal().then(ProgressBar::new_spinner);
        let begun = What::RunStarted {
            scenario: "deadzone proxy".into(),
            seed,
            world: "live".into(),
            epoch: clock.wall().to_string(),
            tls: Tls::None,
            sealed: Vec::new(),
        };
        let waiting = vec![Event { seq: 0, at_ms: 0, what: begun }];
        Ok(Self { clock, file, archive, written: 0, waiting, table })
    }

    /// Takes down all events until there are no more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) async fn keep(mut self, mut events: UnboundedReceiver<Vec<Event>>, proxy: &Alone) -> io::Result<()> {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                batch = events.recv() => match batch {
                    Some(batch) => self.waiting.extend(batch),
                    None => return self.write(u64::MAX),
                },
                _ = tick.tick() => {
                    let settled = self.clock.now_ms().saturating_sub(SETTLED_MS);
                    self.write(settled)?;
                    if let Some(table) = &self.table {
                        table.set_message(draw(&proxy.glance()));
                    }
                }
            }
        }
    }

    /// Writes what happened before `until_ms`, in order.
    fn write(&mut self, until_ms: u64) -> io::Result<()> {
        self.waiting.sort_by_key(|event| event.at_ms);
        let settled = self.waiting.partition_point(|event| event.at_ms < until_ms);
        for event in self.waiting.drain(..settled) {
            if self.table.is_none()
                && let Some(line) = line(&event)
            {
                tell(&line);
            }
            if let Some(archive) = &mut self.archive {
                archive.note(&event)?;
            }
            if let Some(file) = &mut self.file {
                serde_json::to_writer(&mut *file, &Event { seq: self.written, ..event })?;
                file.write_all(b"\n")?;
                self.written += 1;
            }
        }
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever ends the program gets what there is; a disk that is full has been told of before.
        let _ = self.write(u64::MAX);
        let _ = self.archive.as_mut().map(Archive::end);
    }
}

/// The file that an option names, made anew.
fn made(option: &str, path: Option<&Path>) -> Result<Option<BufWriter<File>>, String> {
    let make = |path: &Path| File::create(path).map_err(|error| format!("{option} {}: {error}", path.display()));
    path.map(make).transpose().map(|file| file.map(BufWriter::new))
}

/// How an archive calls the server.
fn base_url(upstream: &str) -> String {
    let whole = upstream.contains("://");
    if whole { upstream.trim_end_matches('/').to_owned() } else { format!("http://{upstream}") }
}

/// What a log says of an event: of those that somebody asked for.
#[expect(clippy::wildcard_enum_match_arm, reason = "connections and exchanges are in the history")]
fn line(event: &Event) -> Option<String> {
    let seconds = Duration::from_millis(event.at_ms).as_secs_f64();
    match &event.what {
        What::FaultFired { id, device, exchange } => {
            let exchange = exchange.map_or(String::new(), |exchange| format!(", exchange {exchange}"));
            Some(format!("{seconds:9.3} s  {device}: fault {id} struck{exchange}"))
        }
        What::LinkChanged { device, state } => Some(format!("{seconds:9.3} s  {device}: the link is {state:?} now")),
        _ => None,
    }
}

/// The table: a line for each gate, for its faults, and for its latest connections.
fn draw(gates: &[Glance]) -> String {
    let mut lines = Vec::new();
    for gate in gates {
        let open = gate.open.len();
        let Glance { name, listen, upstream, connections, .. } = gate;
        lines.push(format!("{name}: {listen} -> {upstream}, {open} open of {connections} connections"));
        lines.extend(gate.faults.iter().map(|fault| format!("  fault  {fault}")));
        for (client, age, to_server, to_client) in gate.open.iter().rev().take(SHOWN) {
            let age = age.as_secs();
            lines.push(format!("  {client:<22} {age:>6} s  {to_server:>12} B up  {to_client:>12} B down"));
        }
    }
    lines.join("\n")
}
