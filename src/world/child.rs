//! A device in a process of its own, driven by JSON lines over standard input and output (`docs/DEVICE_PROTOCOL.md`).
//! A crash is a SIGKILL.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::device::{Ask, Device, DeviceError, DiskContent, Reply};
use super::tls::OpenTls;
use crate::base::CrashHow;
use crate::history::{DeviceEvent, Recorder, What};

/// A device that has not answered after this long will not: longer than the longest sync on a link of any use.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The version of the protocol.
pub(super) const PROTOCOL: u32 = 1;

/// A line to the device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ToDevice {
    /// The first line: who the device is and where it finds things.
    Open(Open),
    /// A request; its answer carries the same number.
    Ask { id: u64, what: Ask },
}

/// A line from the device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FromDevice {
    /// Answer to [`ToDevice::Open`]: ready.
    Opened,
    /// Answer to [`ToDevice::Open`]: cannot start, and why.
    Failed(String),
    /// Something that the device did or showed, at the moment it did.
    Event(DeviceEvent),
    /// Answer to a request.
    Reply { id: u64, what: Reply },
}

/// See [`ToDevice::Open`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Open {
    /// Version of the protocol.
    pub(super) protocol: u32,
    /// The device's name.
    pub(super) name: String,
    /// Address of the server as this device reaches it, `host:port`.
    pub(super) server: String,
    /// A directory that is the device's own and outlives a crash.
    pub(super) directory: PathBuf,
    /// Seed for what the device draws.
    pub(super) seed: u64,
    /// Starts so far, 1 for the first.
    pub(super) boot: u64,
    /// Whether the operating system says that there is a network.
    pub(super) online: bool,
    /// How far its wall clock is ahead of the truth, in milliseconds.
    pub(super) skew_ms: i64,
    /// Interval of the periodic sync in milliseconds; none when absent.
    pub(super) sync_every_ms: Option<u64>,
    /// Whether waits between tries are drawn or exactly the table's.
    pub(super) jitter: bool,
    /// Records a page; the client's own choice when absent.
    pub(super) page: Option<u32>,
    /// How the server is reached over TLS; in plain HTTP when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<OpenTls>,
}

/// The device as its parent sees it.
pub(super) struct ChildDevice(Rc<Shell>);

struct Shell {
    open: Open,
    command: (PathBuf, Vec<String>),
    recorder: Recorder,
    boots: Cell<u64>,
    next_id: Cell<u64>,
    running: RefCell<Option<Running>>,
    waiting: RefCell<BTreeMap<u64, oneshot::Sender<Reply>>>,
    killed: Cell<bool>,
}

struct Running {
    child: Child,
    input: Rc<tokio::sync::Mutex<ChildStdin>>,
    listener: JoinHandle<()>,
}

impl ChildDevice {
    /// A device that `command` will run.
    pub(super) fn new(open: Open, command: (PathBuf, Vec<String>), recorder: Recorder) -> Self {
        Self(Rc::new(Shell {
            open,
            command,
            recorder,
            boots: Cell::new(0),
            next_id: Cell::new(0),
            running: RefCell::new(None),
            waiting: RefCell::default(),
            killed: Cell::new(false),
        }))
    }
}

fn broken(why: impl ToString) -> DeviceError {
    DeviceError::Broken(why.to_string())
}

impl Shell {
    async fn boot(self: &Rc<Self>, online: bool) -> Result<(), DeviceError> {
        let old = self.running.borrow_mut().take();
        if let Some(mut old) = old {
            // Its lock on the database ends with it.
            old.child.wait().await.map_err(broken)?;
            old.listener.await.map_err(broken)?;
        }
        self.boots.set(self.boots.get() + 1);
        self.killed.set(false);
        let (program, arguments) = &self.command;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).process_group(0);
        let mut child = command.spawn().map_err(|error| broken(format!("{}: {error}", program.display())))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(broken("it has no standard input or output"));
        };
        let input = Rc::new(tokio::sync::Mutex::new(input));
        let mut output = BufReader::new(output).lines();
        let open = ToDevice::Open(Open { boot: self.boots.get(), online, ..self.open.clone() });
        write_line(&input, &open).await?;
        let opened = timeout(ANSWER_WITHIN, self.opened(&mut output)).await;
        opened.unwrap_or_else(|_| Err(broken(format!("it did not open within {} s", ANSWER_WITHIN.as_secs()))))?;
        let listener = spawn_local(Self::listen(self.clone(), output));
        *self.running.borrow_mut() = Some(Running { child, input, listener });
        Ok(())
    }

    async fn opened(&self, output: &mut tokio::io::Lines<BufReader<ChildStdout>>) -> Result<(), DeviceError> {
        loop {
            match next_line(output).await? {
                Some(FromDevice::Opened) => return Ok(()),
                Some(FromDevice::Event(event)) => self.observe(event),
                Some(FromDevice::Failed(why)) => return Err(DeviceError::Broken(why)),
                Some(FromDevice::Reply { .. }) => return Err(broken("a reply before it was opened")),
                None => return Err(broken("it ended before it was opened")),
            }
        }
    }

    /// Hands replies to who waits and events to the history, until the device ends.
    async fn listen(shell: Rc<Self>, mut output: tokio::io::Lines<BufReader<ChildStdout>>) {
        while let Ok(Some(line)) = next_line(&mut output).await {
            match line {
                FromDevice::Event(event) => shell.observe(event),
                FromDevice::Reply { id, what } => {
                    if let Some(waiting) = shell.waiting.borrow_mut().remove(&id) {
                        // Nobody waits any more when the run is being torn down.
                        let _ = waiting.send(what);
                    }
                }
                FromDevice::Opened | FromDevice::Failed(_) => break,
            }
        }
        shell.waiting.borrow_mut().clear();
        if !shell.killed.replace(true) {
            // It ended by itself: as good as a crash, and nobody ordered it.
            shell.recorder.record(shell.crashed(CrashHow::Kill));
        }
    }

    fn crashed(&self, how: CrashHow) -> What {
        What::Crashed { device: self.open.name.clone(), how, disk_operations: 0 }
    }

    /// What it had written before it was killed is history, but no longer its own.
    fn observe(&self, event: DeviceEvent) {
        if self.killed.get() {
            return;
        }
        self.recorder.record(What::Device { device: self.open.name.clone(), event });
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, DeviceError> {
        let Some(input) = self.running.borrow().as_ref().map(|running| running.input.clone()) else {
            return Err(DeviceError::NotRunning);
        };
        if self.killed.get() {
            return Err(DeviceError::NotRunning);
        }
        let id = self.next_id.replace(self.next_id.get() + 1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, sender);
        let written = write_line(&input, &ToDevice::Ask { id, what: ask }).await;
        if written.is_err() {
            // Nobody will answer: the receiver is to hear so.
            self.waiting.borrow_mut().remove(&id);
        }
        let reply = timeout(ANSWER_WITHIN, receiver).await;
        self.waiting.borrow_mut().remove(&id);
        match reply {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) if self.killed.get() => Err(DeviceError::Crashed),
            Ok(Err(_)) => Err(broken("it ended by itself, or answered with something that is not of the protocol")),
            Err(_) => Err(broken(format!("it gave no answer within {} s", ANSWER_WITHIN.as_secs()))),
        }
    }

    fn kill(&self, how: CrashHow) {
        let mut running = self.running.borrow_mut();
        let Some(running) = running.as_mut() else { return };
        if !self.killed.replace(true) {
            // Fails only when the process has ended already.
            let _ = running.child.start_kill();
            self.recorder.record(self.crashed(how));
        }
    }
}

async fn write_line(input: &tokio::sync::Mutex<ChildStdin>, line: &ToDevice) -> Result<(), DeviceError> {
    let mut text = serde_json::to_vec(line).map_err(broken)?;
    text.push(b'\n');
    let mut input = input.lock().await;
    input.write_all(&text).await.map_err(broken)?;
    input.flush().await.map_err(broken)
}

async fn next_line(output: &mut tokio::io::Lines<BufReader<ChildStdout>>) -> Result<Option<FromDevice>, DeviceError> {
    let Some(line) = output.next_line().await.map_err(broken)? else { return Ok(None) };
    serde_json::from_str(&line).map(Some).map_err(|error| broken(format!("`{line}` is not of the protocol: {error}")))
}

impl Device for ChildDevice {
    fn ask(&self, ask: Ask) -> LocalBoxFuture<'_, Result<Reply, DeviceError>> {
        Box::pin(self.0.ask(ask))
    }

    fn crash(&self, how: CrashHow) {
        self.0.kill(how);
    }

    fn crash_at_disk_operation(&self, _after: u64, _how: CrashHow, _fault: Option<u64>) -> bool {
        false
    }

    /// What a process of its own wrote, and where it keeps its secrets, only itself knows.
    fn disk(&self) -> Option<DiskContent> {
        None
    }

    fn limit_disk(&self, _: Option<usize>) -> bool {
        false
    }

    fn disk_operations(&self) -> Option<u64> {
        None
    }

    fn unsearched(&self) -> usize {
        0
    }

    fn disarm(&self) {}

    fn start(&self, online: bool) -> LocalBoxFuture<'_, Result<(), DeviceError>> {
        Box::pin(self.0.boot(online))
    }

    fn is_running(&self) -> bool {
        self.0.running.borrow().is_some() && !self.0.killed.get()
    }
}
