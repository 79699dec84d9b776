//! The reference engine as a device in this process: simulated disk, simulated link, crashes at any instant.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::timeout;

use super::device::{Ask, Device, DeviceError, DiskContent, Reply};
use super::http::HttpClient;
use super::network::SERVER;
use super::platform::Platform;
use super::session::Session;
use super::tls::{OpenTls, Secured};
use crate::base::{Clock, CrashHow, Seed, WallClock};
use crate::client::{Engine, EngineError, FILE_PREFIX, KeychainError, MemoryKeychain, Parts, Settings};
use crate::disk::{SimDisk, Storage};
use crate::history::{DeviceEvent, Recorder, What};
use crate::proxy::{ByteStream, Upstream};

/// A device that has not answered after this long of virtual time will not: it runs in circles.
const ANSWER_WITHIN: Duration = Duration::from_secs(2 * 3600);

/// What an in-process device is made of.
pub(super) struct Build {
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) skew_ms: i64,
    pub(super) seed: Seed,
    pub(super) settings: Settings,
    pub(super) recorder: Recorder,
    pub(super) network: Rc<dyn Upstream>,
    pub(super) tls: Option<OpenTls>,
}

/// The device. Its disk and keychain outlive a crash; all else is in [`Running`] and does not.
pub(super) struct InProcess(Rc<Shell>);

pub(super) struct Shell {
    pub(super) build: Build,
    pub(super) wall: WallClock,
    pub(super) disk: SimDisk,
    pub(super) keychain: Rc<MemoryKeychain>,
    /// What the disk had been asked for when the device was locked.
    pub(super) locked_at: Cell<u64>,
    boots: Cell<u64>,
    /// The fault that the disk's own cut will be.
    armed: Cell<Option<(Option<u64>, CrashHow)>>,
    running: RefCell<Option<Running>>,
}

struct Running {
    session: Session,
    tasks: Vec<AbortHandle>,
}

impl InProcess {
    pub(super) fn new(build: Build) -> Self {
        let wall = WallClock::new(build.clock, build.skew_ms);
        let disk = SimDisk::new();
        let keychain = Rc::new(MemoryKeychain::default());
        Self(Rc::new(Shell {
            build,
            wall,
            disk,
            keychain,
            locked_at: Cell::new(0),
            boots: Cell::new(0),
            armed: Cell::new(None),
            running: RefCell::new(None),
        }))
    }
}

impl InProcess {
    pub(super) fn shell(&self) -> &Shell {
        &self.0
    }
}

impl Shell {
    fn boot(self: &Rc<Self>, online: bool) -> Result<(), DeviceError> {
        self.disk.power_up();
        self.boots.set(self.boots.get() + 1);
        let Build { name, clock, seed, settings, recorder, network, tls, .. } = &self.build;
        let observer = {
            let (disk, recorder, device) = (self.disk.clone(), recorder.clone(), name.clone());
            // Between its disk's cut and its task's end a dead device says nothing.
            Rc::new(move |event: DeviceEvent| {
                if !disk.is_cut() {
                    recorder.record(What::Device { device: device.clone(), event });
                }
            })
        };
        let powered = Rc::new(Powered { disk: self.disk.clone(), network: network.clone() });
        let network = Secured::over(powered, tls.as_ref(), &self.wall);
        let network = network.map_err(|error| DeviceError::Broken(error.to_string()))?;
        let parts = Parts {
            transport: Rc::new(HttpClient::new(*clock, SERVER, network)),
            keychain: self.keychain.clone(),
            clock: self.wall.clone(),
            random: seed.stream(&format!("device/{name}/boot-{}", self.boots.get())),
            observer,
            settings: settings.clone(),
            online,
        };
        let storage = Storage::Simulated(self.disk.clone());
        let engine = Engine::open(&storage, parts).map_err(|error| {
            let locked = error == EngineError::Keychain(KeychainError::Locked);
            if locked { DeviceError::Locked } else { DeviceError::Broken(error.to_string()) }
        })?;
        let session = Session { engine: engine.clone(), clock: self.wall.clone() };
        let schedule = spawn_local(async move { engine.run().await }).abort_handle();
        let watch = spawn_local(Self::watch_disk(self.clone())).abort_handle();
        *self.running.borrow_mut() = Some(Running { session, tasks: vec![schedule, watch] });
        Ok(())
    }

    /// A disk that cuts itself takes its device down.
    async fn watch_disk(shell: Rc<Self>) {
        shell.disk.until_cut().await;
        if let Some((fault, how)) = shell.armed.take() {
            if let Some(id) = fault {
                let device = shell.build.name.clone();
                shell.build.recorder.record(What::FaultFired { id, device, exchange: None });
            }
            shell.fall(how);
        }
    }

    /// Rule of the simulated world: the disk is cut first, so that nothing a destructor writes survives.
    pub(super) fn fall(&self, how: CrashHow) {
        let Some(running) = self.running.borrow_mut().take() else { return };
        let mut stream = self.build.seed.stream(&format!("device/{}/crash-{}", self.build.name, self.boots.get()));
        self.disk.cut(how, &mut stream);
        for task in &running.tasks {
            task.abort();
        }
        let device = self.build.name.clone();
        self.build.recorder.record(What::Crashed { device, how, disk_operations: self.disk.operations() });
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, DeviceError> {
        let Some(session) = self.running.borrow().as_ref().map(|running| running.session.clone()) else {
            return Err(DeviceError::NotRunning);
        };
        // A task of its own, so that a crash takes it down wherever it waits.
        let task = spawn_local(async move { session.answer(ask).await });
        if let Some(running) = self.running.borrow_mut().as_mut() {
            running.tasks.retain(|task| !task.is_finished());
            running.tasks.push(task.abort_handle());
        }
        let Ok(answer) = timeout(ANSWER_WITHIN, task).await else {
            return Err(DeviceError::Broken(format!("it gave no answer within {} h", ANSWER_WITHIN.as_secs() / 3600)));
        };
        match answer {
            Ok(_) if self.disk.is_cut() => Err(DeviceError::Crashed),
            Ok(reply) => Ok(reply),
            Err(error) if error.is_cancelled() => Err(DeviceError::Crashed),
            Err(error) => Err(DeviceError::Broken(format!("the engine panicked: {error}"))),
        }
    }
}

/// A network that a device without power does not reach.
struct Powered {
    disk: SimDisk,
    network: Rc<dyn Upstream>,
}

impl Upstream for Powered {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        if self.disk.is_cut() {
            return Box::pin(async { Err(io::ErrorKind::NetworkDown.into()) });
        }
        self.network.connect()
    }
}

impl Device for InProcess {
    fn ask(&self, ask: Ask) -> LocalBoxFuture<'_, Result<Reply, DeviceError>> {
        Box::pin(self.0.ask(ask))
    }

    fn crash(&self, how: CrashHow) {
        self.0.fall(how);
    }

    fn crash_at_disk_operation(&self, after: u64, how: CrashHow, fault: Option<u64>) -> bool {
        let stream =
            self.0.build.seed.stream(&format!("device/{}/cut-{}", self.0.build.name, self.0.disk.operations()));
        self.0.armed.set(Some((fault, how)));
        self.0.disk.arm(after, how, stream);
        true
    }

    fn disk(&self) -> Option<DiskContent> {
        Some(DiskContent { written: self.0.disk.take_written(), secrets: self.0.keychain.secrets_ever() })
    }

    fn inside(&self) -> Option<Vec<u8>> {
        self.0.running.borrow().as_ref()?.session.engine.contents().ok()
    }

    fn unsearched(&self) -> usize {
        self.0.disk.unread()
    }

    fn limit_disk(&self, free: Option<usize>) -> bool {
        self.0.disk.limit(free);
        true
    }

    fn lose_files(&self) -> bool {
        let storage = Storage::Simulated(self.0.disk.clone());
        let names = storage.files_with(FILE_PREFIX).unwrap_or_default();
        names.iter().all(|name| storage.remove_file(name).is_ok())
    }

    fn platform(&self) -> Option<&dyn Platform> {
        Some(self)
    }

    fn disk_operations(&self) -> Option<u64> {
        Some(self.0.disk.operations())
    }

    fn disarm(&self) {
        self.0.armed.set(None);
        self.0.disk.disarm();
    }

    fn start(&self, online: bool) -> LocalBoxFuture<'_, Result<(), DeviceError>> {
        Box::pin(async move { self.0.boot(online) })
    }

    fn is_running(&self) -> bool {
        self.0.running.borrow().is_some()
    }
}
