//! A device in a process of its own, driven by JSON lines over standard input and output (`docs/DEVICE_PROTOCOL.md`).
//! A crash is a SIGKILL. A client that does not keep to the protocol is given up, and the run with it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::child_process::{Output, Process, write_line};
use super::device::{Ask, Device, DeviceError, DiskContent, Reply};
use super::platform::Platform;
use super::tls::OpenTls;
use crate::base::CrashHow;
use crate::history::{Capability, DeviceEvent, Recorder, What};

/// The version of the protocol.
pub(super) const PROTOCOL: u32 = 1;

/// A program that plays the devices of a live run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it does not offer, as its greeting says.
    pub lacks: Vec<Capability>,
    /// A device that has not answered after this long will not.
    pub answer_within: Duration,
}

impl Client {
    /// Longer than the longest sync on a link of any use.
    pub const ANSWER_WITHIN: Duration = Duration::from_secs(120);

    /// The reference engine, which is in `program`.
    #[must_use]
    pub fn reference(program: PathBuf) -> Self {
        let (arguments, answer_within) = (vec!["device".to_owned()], Self::ANSWER_WITHIN);
        Self { program, arguments, lacks: Vec::new(), answer_within }
    }
}

/// Starts `client` once, on `directory`, and returns what it does not offer.
///
/// # Errors
/// When it does not greet as the protocol says; in words.
pub fn greet(client: &Client, directory: &Path) -> Result<Vec<Capability>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| why.to_string())?;
    // A port of somebody who does not answer, so that nothing is reached by chance.
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|why| why.to_string())?;
    let server = nobody.local_addr().map_err(|why| why.to_string())?.to_string();
    let open = Open {
        protocol: PROTOCOL,
        name: "greeting".to_owned(),
        server,
        directory: directory.to_owned(),
        seed: 1,
        boot: 1,
        online: false,
        skew_ms: 0,
        sync_every_ms: None,
        jitter: true,
        page: None,
        tls: None,
    };
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (process, mut output) = Process::start(client)?;
        let greeting = greeted(client, &process, &mut output, open, |_| {}).await;
        match greeting {
            Ok(greeting) => {
                process.end().await;
                Ok(greeting.lacks())
            }
            Err(Early::Ended) => Err(format!("it ended before it had opened ({})", process.epitaph().await)),
            Err(Early::Broke(why)) => Err(why),
        }
    })
}

/// Why there was no greeting.
enum Early {
    Ended,
    Broke(String),
}

async fn greeted(
    client: &Client,
    process: &Process,
    output: &mut Output,
    open: Open,
    hear: impl Fn(DeviceEvent),
) -> Result<Greeting, Early> {
    let input = process.input();
    let talk = async {
        // Who does not read the first line ends, or says nothing: either is told below.
        let _ = write_line(&input, &ToDevice::Open(open)).await;
        loop {
            return match output.next().await.map_err(Early::Broke)? {
                Some(FromDevice::Opened(greeting)) if greeting.protocol == PROTOCOL => Ok(greeting),
                Some(FromDevice::Opened(Greeting { protocol, .. })) => {
                    Err(Early::Broke(format!("it speaks protocol {protocol}, and this is {PROTOCOL}")))
                }
                Some(FromDevice::Event(event)) => {
                    hear(event);
                    continue;
                }
                Some(FromDevice::Failed(why)) => Err(Early::Broke(format!("it cannot open: {why}"))),
                Some(FromDevice::Reply { .. }) => Err(Early::Broke("it replies before it has opened".to_owned())),
                None => Err(Early::Ended),
            };
        }
    };
    let late = || Early::Broke(format!("it has not opened within {} s", client.answer_within.as_secs_f64()));
    timeout(client.answer_within, talk).await.unwrap_or_else(|_| Err(late()))
}

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
    Opened(Greeting),
    /// Answer to [`ToDevice::Open`]: cannot start, and why.
    Failed(String),
    /// Something that the device did or showed, at the moment it did.
    Event(DeviceEvent),
    /// Answer to a request.
    Reply { id: u64, what: Reply },
}

/// See [`FromDevice::Opened`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Greeting {
    /// The version of the protocol that it speaks.
    pub(super) protocol: u32,
    /// What it offers beyond what every client must.
    pub(super) can: Vec<Capability>,
}

impl Greeting {
    fn lacks(&self) -> Vec<Capability> {
        Capability::ALL.into_iter().filter(|capability| !self.can.contains(capability)).collect()
    }
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
    client: Client,
    recorder: Recorder,
    boots: Cell<u64>,
    next_id: Cell<u64>,
    running: RefCell<Option<Running>>,
    waiting: RefCell<BTreeMap<u64, oneshot::Sender<Reply>>>,
    killed: Cell<bool>,
    /// Why nobody talks to it any more.
    given_up: RefCell<Option<String>>,
}

struct Running {
    process: Process,
    listener: JoinHandle<()>,
}

impl ChildDevice {
    /// A device that `client` will play.
    pub(super) fn new(open: Open, client: Client, recorder: Recorder) -> Self {
        Self(Rc::new(Shell {
            open,
            client,
            recorder,
            boots: Cell::new(0),
            next_id: Cell::new(0),
            running: RefCell::new(None),
            waiting: RefCell::default(),
            killed: Cell::new(false),
            given_up: RefCell::default(),
        }))
    }
}

/// Whoever takes the device off the stage takes its process, too, though its listener still knows it.
impl Drop for ChildDevice {
    fn drop(&mut self) {
        if let Some(running) = self.0.running.borrow_mut().take() {
            running.listener.abort();
        }
    }
}

impl Shell {
    async fn boot(self: &Rc<Self>, online: bool) -> Result<(), DeviceError> {
        if let Some(why) = self.given_up.borrow().clone() {
            return Err(DeviceError::Broken(why));
        }
        let old = self.running.borrow_mut().take();
        if let Some(old) = old {
            old.listener.abort();
            old.process.end().await;
            self.waiting.borrow_mut().clear();
        }
        self.boots.set(self.boots.get() + 1);
        self.killed.set(false);
        let (process, mut output) = Process::start(&self.client).map_err(|why| self.give_up(why))?;
        let open = Open { boot: self.boots.get(), online, ..self.open.clone() };
        let greeting = match greeted(&self.client, &process, &mut output, open, |event| self.observe(event)).await {
            Ok(greeting) => greeting,
            Err(Early::Ended) => {
                let epitaph = process.epitaph().await;
                return Err(self.give_up(format!("it ended before it had opened ({epitaph})")));
            }
            Err(Early::Broke(why)) => return Err(self.give_up(why)),
        };
        if greeting.lacks() != self.client.lacks {
            return Err(self.give_up("it offers something else at each start".to_owned()));
        }
        let listener = spawn_local(Self::listen(self.clone(), output));
        *self.running.borrow_mut() = Some(Running { process, listener });
        Ok(())
    }

    /// Hands replies to who waits and events to the history, until the device ends.
    async fn listen(shell: Rc<Self>, mut output: Output) {
        let why = loop {
            match output.next().await {
                Ok(Some(FromDevice::Event(event))) => shell.observe(event),
                Ok(Some(FromDevice::Reply { id, what })) => {
                    let Some(waiting) = shell.waiting.borrow_mut().remove(&id) else {
                        break format!("it answered request {id}, which nobody waits for");
                    };
                    // Nobody listens any more when the run is being torn down.
                    let _ = waiting.send(what);
                }
                Ok(Some(FromDevice::Opened(_))) => break "it opened a second time".to_owned(),
                Ok(Some(FromDevice::Failed(why))) => break format!("it failed: {why}"),
                Ok(None) if shell.killed.get() => break String::new(),
                Ok(None) => {
                    let running = shell.running.borrow_mut().take();
                    let epitaph = match running {
                        Some(running) => running.process.epitaph().await,
                        None => String::new(),
                    };
                    break format!("it ended by itself ({epitaph})");
                }
                Err(why) => break why,
            }
        };
        if !shell.killed.get() {
            shell.give_up(why);
        }
        shell.waiting.borrow_mut().clear();
    }

    /// Nobody talks to it from now on, and it ends.
    fn give_up(&self, why: String) -> DeviceError {
        let mut given_up = self.given_up.borrow_mut();
        if given_up.is_none() {
            self.recorder.record(What::Broke { device: self.open.name.clone(), why: why.clone() });
            *given_up = Some(why.clone());
        }
        self.killed.set(true);
        if let Some(running) = self.running.borrow_mut().as_mut() {
            running.process.kill();
        }
        DeviceError::Broken(why)
    }

    /// What it had written before it was killed is history, but no longer its own.
    fn observe(&self, event: DeviceEvent) {
        if !self.killed.get() {
            self.recorder.record(What::Device { device: self.open.name.clone(), event });
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, DeviceError> {
        if let Some(why) = self.given_up.borrow().clone() {
            return Err(DeviceError::Broken(why));
        }
        let Some(input) = self.running.borrow().as_ref().map(|running| running.process.input()) else {
            return Err(DeviceError::NotRunning);
        };
        if self.killed.get() {
            return Err(DeviceError::NotRunning);
        }
        let id = self.next_id.replace(self.next_id.get() + 1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, sender);
        let line = ToDevice::Ask { id, what: ask };
        let talk = async {
            // Who cannot be written to has ended or will not answer: either is told below.
            let _ = write_line(&input, &line).await;
            receiver.await
        };
        let reply = timeout(self.client.answer_within, talk).await;
        self.waiting.borrow_mut().remove(&id);
        let ToDevice::Ask { what: ask, .. } = line else { return Err(DeviceError::NotRunning) };
        match reply {
            Ok(Ok(reply)) if fits(&ask, &reply) => Ok(reply),
            Ok(Ok(reply)) => Err(self.give_up(format!("asked to {}, it answered `{}`", name(&ask), name(&reply)))),
            Ok(Err(_)) => match self.given_up.borrow().clone() {
                Some(why) => Err(DeviceError::Broken(why)),
                None => Err(DeviceError::Crashed),
            },
            Err(_) => {
                let within = self.client.answer_within.as_secs_f64();
                Err(self.give_up(format!("asked to {}, it gave no answer within {within} s", name(&ask))))
            }
        }
    }

    fn kill(&self, how: CrashHow) {
        let mut running = self.running.borrow_mut();
        let Some(running) = running.as_mut() else { return };
        if !self.killed.replace(true) {
            running.process.kill();
            let device = self.open.name.clone();
            self.recorder.record(What::Crashed { device, how, disk_operations: 0 });
        }
    }
}

/// Whether `reply` is one that `ask` can have.
fn fits(ask: &Ask, reply: &Reply) -> bool {
    let done = || matches!(reply, Reply::Done);
    matches!(reply, Reply::Refused(_))
        || match ask {
            Ask::Edit { .. } | Ask::Create { .. } | Ask::Delete { .. } | Ask::Attach { .. } => {
                matches!(reply, Reply::Made(_))
            }
            Ask::Sync => matches!(reply, Reply::Synced(_)),
            Ask::Read { .. } => matches!(reply, Reply::Row(_)),
            Ask::State => matches!(reply, Reply::State(_)),
            Ask::LogOut { .. } => done() || matches!(reply, Reply::Unsynced(_)),
            Ask::SignIn { .. }
            | Ask::Resolve { .. }
            | Ask::Prefer { .. }
            | Ask::Undo { .. }
            | Ask::ClearCache
            | Ask::Select(_)
            | Ask::LookUp { .. }
            | Ask::Connectivity { .. }
            | Ask::Told { .. }
            | Ask::Clock { .. }
            | Ask::Retry { .. }
            | Ask::Discard { .. }
            | Ask::OpenFile { .. }
            | Ask::SyncEvery { .. }
            | Ask::FileSettings(_) => done(),
        }
}

/// What a request or a reply is called in the protocol.
fn name(said: &impl Serialize) -> String {
    match serde_json::to_value(said) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().next().map(|(name, _)| name).unwrap_or_default(),
        _ => String::new(),
    }
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

    fn lose_files(&self) -> bool {
        false
    }

    fn inside(&self) -> Option<Vec<u8>> {
        None
    }

    fn disk_operations(&self) -> Option<u64> {
        None
    }

    fn unsearched(&self) -> usize {
        0
    }

    fn platform(&self) -> Option<&dyn Platform> {
        None
    }

    fn disarm(&self) {}

    fn start(&self, online: bool) -> LocalBoxFuture<'_, Result<(), DeviceError>> {
        Box::pin(self.0.boot(online))
    }

    fn is_running(&self) -> bool {
        self.0.running.borrow().is_some() && !self.0.killed.get()
    }

    fn given_up(&self) -> bool {
        self.0.given_up.borrow().is_some()
    }
}
