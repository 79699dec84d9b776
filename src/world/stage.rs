//! Sets the stage of a scenario: who stands on it, what the server holds, and how they reach each other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use super::Media;
use super::api::ApiUser;
use super::authenticators::Authenticators;
use super::cast::{password_of, record_seeds, records, seeded, users};
use super::child::{ChildDevice, Open, PROTOCOL};
use super::device::{Ask, Device, Reply};
use super::http::HttpClient;
use super::in_process::{Build, InProcess};
use super::links;
use super::machine::Machine;
use super::network::{Listeners, OverLink, SERVER, ToServer};
use super::office::{OFFICE, Office};
use super::sealing::Sealing;
use super::secrets::Secrets;
use super::speak::Tcp;
use super::tls::{self, OpenTls, Security};
use crate::base::{Clock, CrashHow, Seed, WallClock};
use crate::client::{KeyCost, Settings};
use crate::history::{Recorder, What};
use crate::net::{self, Link, Weather};
use crate::protocol::SignInRequest;
use crate::proxy::{Faults, Moment, Proxy, Upstream};
use crate::scenario::{self, Keys, Retry, Scenario};
use crate::server::{Server, SetupError};

/// The auditor's user id: sees everything, changes nothing.
pub(super) const AUDITOR: &str = "auditor";

/// Why a stage could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageError(pub(super) String);

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StageError {}

/// A set stage. Steps are played on it; then it is healed, settled and audited.
pub struct World {
    pub(super) clock: Clock,
    pub(super) seed: Seed,
    pub(super) recorder: Recorder,
    /// The server in this process; none where a team's own is tested.
    pub(super) machine: Option<Rc<Machine>>,
    /// What leads to the server, past the proxy.
    pub(super) upstream: Rc<dyn Upstream>,
    pub(super) server_clock: WallClock,
    pub(super) faults: Faults,
    pub(super) members: BTreeMap<String, Member>,
    pub(super) doomed: Rc<Doomed>,
    pub(super) office: Office,
    pub(super) labels: RefCell<BTreeMap<String, Label>>,
    pub(super) next_fault: Cell<u64>,
    /// Files that were attached so far.
    pub(super) next_file: Cell<u32>,
    /// The fault that is the server's outage.
    pub(super) outage: Cell<Option<u64>>,
    pub(super) live: bool,
    pub(super) proxy: Rc<Proxy>,
    /// Who holds which keys, where the world has real TLS.
    pub(super) security: Option<Security>,
    /// What devices must know to reach the server.
    open_tls: Option<OpenTls>,
    pub(super) secrets: Rc<Secrets>,
    /// Where fields are sealed.
    pub(super) sealing: Option<Rc<Sealing>>,
    pub(super) authenticators: Rc<Authenticators>,
    /// Passwords that are not the first ones any more, by user.
    pub(super) passwords: RefCell<BTreeMap<String, String>>,
    listeners: Listeners,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("devices", &self.members.keys()).finish_non_exhaustive()
    }
}

/// The proxy knows the devices that it may have to kill, and they know the proxy: whoever leaves the stage unties them.
impl Drop for World {
    fn drop(&mut self) {
        self.doomed.devices.borrow_mut().clear();
    }
}

/// A device on the stage.
pub(super) struct Member {
    pub(super) name: String,
    /// Who is signed in, or was last.
    pub(super) user: RefCell<String>,
    pub(super) link: Link,
    pub(super) device: Rc<dyn Device>,
    /// The link becomes another bit by bit.
    pub(super) ramp: Weather,
    /// The link comes and goes.
    pub(super) flaps: Weather,
    /// The device was told that it is offline, and not yet that it is online again.
    pub(super) told_offline: Cell<bool>,
    /// The fault that is the captive portal around it.
    pub(super) portal: Cell<Option<u64>>,
    /// The fault that is the man in the middle before it.
    pub(super) impostor: Cell<Option<u64>>,
    /// Its battery or its network may not be used freely.
    pub(super) hampered: Cell<bool>,
    pub(super) locked: Cell<bool>,
    /// The app was removed from it.
    pub(super) removed: Cell<bool>,
}

/// An order that the story made.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// The device that made it; none when the office did.
    pub(super) maker: Option<String>,
    /// Its id when it was made.
    pub(super) id: String,
}

/// Which fault is to kill its device how when the proxy gives the word.
#[derive(Default)]
pub(super) struct Doomed {
    devices: RefCell<BTreeMap<String, Rc<dyn Device>>>,
    hows: RefCell<BTreeMap<u64, CrashHow>>,
}

impl Doomed {
    /// Those whom `proxy` gives the word for.
    fn by(proxy: &Proxy) -> Rc<Self> {
        let doomed = Rc::new(Self::default());
        let strike = doomed.clone();
        proxy.on_crash(Rc::new(move |device: &str, fault, moment| strike.strike(device, fault, moment)));
        doomed
    }

    pub(super) fn doom(&self, fault: u64, how: CrashHow) {
        self.hows.borrow_mut().insert(fault, how);
    }

    /// From now on nobody is killed.
    pub(super) fn pardon(&self) {
        self.hows.borrow_mut().clear();
    }

    fn strike(&self, device: &str, fault: u64, moment: Moment) {
        let Some(how) = self.hows.borrow_mut().remove(&fault) else { return };
        let Some(device) = self.devices.borrow().get(device).cloned() else { return };
        match moment {
            Moment::BeforeRequest | Moment::AfterCommit => device.crash(how),
            // The answer is on its way; the device dies where it would first note it down.
            Moment::AfterAnswer => drop(device.crash_at_disk_operation(1, how, None)),
        }
    }
}

impl World {
    /// Sets the stage of `scenario` and signs every device in.
    ///
    /// # Errors
    /// When the world's records cannot be read, a device cannot be started, or a sign-in fails.
    pub async fn set(
        scenario: &Scenario,
        seed: Seed,
        media: &Media,
        recorder: Recorder,
        clock: Clock,
    ) -> Result<Self, StageError> {
        let records = records(scenario, seed)?;
        let users = users(scenario, &records.work_orders);
        let secrets = Rc::new(Secrets::of(scenario));
        record_seeds(&recorder, &users, &records);
        let server_clock = WallClock::new(clock, 0);
        let authenticators = Rc::new(Authenticators::enrolled(scenario, &users, seed, server_clock.clone()));
        secrets.know_users(&users, &authenticators);
        let seeded = seeded(users, records, scenario.world.sealed.clone(), |user| authenticators.of(user));
        let faults = Faults::new(seed);
        let listeners = Listeners::default();
        let (machine, upstream) = match media {
            Media::Live { server: Some(target), .. } => {
                target.stage(&seeded).await?;
                (None, Rc::new(Tcp(target.address.clone())) as Rc<dyn Upstream>)
            }
            Media::Simulated | Media::Live { .. } => {
                let server = Server::new(server_clock.clone(), seed.stream("server"), seeded).map_err(unfit)?;
                let machine = Rc::new(Machine::new(server, recorder.clone()));
                let upstream = reached(&machine, media, &listeners).await?;
                (Some(machine), upstream)
            }
        };
        let proxy = Rc::new(Proxy::new(recorder.clone(), upstream.clone(), faults.clone()));
        let doomed = Doomed::by(&proxy);
        let tls = tls::set(scenario.world.tls, seed, &server_clock)?;
        proxy.behind(tls.front);
        secrets.clone().listen(&proxy);
        let sealing = Sealing::of(&scenario.world.sealed, seed, &proxy);
        let office = office(&proxy, &sealing, clock, seed, &recorder, &authenticators)?;
        let mut world = Self {
            clock,
            seed,
            recorder,
            machine,
            upstream,
            server_clock,
            faults,
            members: BTreeMap::new(),
            doomed,
            office,
            labels: RefCell::default(),
            next_fault: Cell::new(0),
            next_file: Cell::new(0),
            outage: Cell::new(None),
            live: matches!(media, Media::Live { .. }),
            proxy,
            security: tls.security,
            open_tls: tls.open,
            secrets,
            sealing,
            authenticators,
            passwords: RefCell::default(),
            listeners,
        };
        world.enrol_readers().await.map_err(|error| StageError(error.to_string()))?;
        for device in &scenario.devices {
            for name in device.members() {
                world.add(device, name, media).await?;
            }
        }
        world.sign_in().await?;
        Ok(world)
    }

    async fn add(&mut self, device: &scenario::Device, name: String, media: &Media) -> Result<(), StageError> {
        let proxy = self.proxy.clone();
        let conditions = links::conditions(&device.link).map_err(|why| StageError(format!("{name}: {why}")))?;
        let link = Link::new(conditions, self.clock, self.seed, &name);
        let built: Rc<dyn Device> = match media {
            Media::Simulated => {
                let network = OverLink { device: name.clone(), link: link.clone(), proxy, inside: false };
                Rc::new(InProcess::new(Build {
                    name: name.clone(),
                    clock: self.clock,
                    skew_ms: device.clock.millis(),
                    seed: self.seed,
                    settings: settings(device),
                    recorder: self.recorder.clone(),
                    network: Rc::new(network),
                    tls: self.open_tls.clone(),
                }))
            }
            Media::Live { client, directory, .. } => {
                let server = self.listen(&name, &link, &proxy).await?;
                let open = open(device, &name, server, directory.join(&name), self.seed)?;
                let open = Open { tls: self.open_tls.clone(), ..open };
                Rc::new(ChildDevice::new(open, client.clone(), self.recorder.clone()))
            }
        };
        let user = device.user_of(&name).to_owned();
        self.recorder.record(What::DeviceAdded {
            device: name.clone(),
            user: user.clone(),
            link: device.link.to_string(),
            jitter: device.retry == Retry::Jitter,
            sync_every_ms: device.sync_every.map(crate::base::Span::millis),
        });
        if let Media::Live { client, .. } = media
            && !client.lacks.is_empty()
        {
            self.recorder.record(What::Lacks { device: name.clone(), capabilities: client.lacks.clone() });
        }
        built.start(true).await.map_err(|error| StageError(format!("{name}: {error}")))?;
        self.doomed.devices.borrow_mut().insert(name.clone(), built.clone());
        let member = Member {
            name: name.clone(),
            user: RefCell::new(user),
            link,
            device: built,
            ramp: Weather::default(),
            flaps: Weather::default(),
            told_offline: Cell::new(false),
            portal: Cell::new(None),
            impostor: Cell::new(None),
            hampered: Cell::new(false),
            locked: Cell::new(false),
            removed: Cell::new(false),
        };
        self.members.insert(name, member);
        Ok(())
    }

    /// A port of the device's own, so that the proxy knows who comes.
    async fn listen(&self, name: &str, link: &Link, proxy: &Rc<Proxy>) -> Result<String, StageError> {
        let (name, link, proxy) = (name.to_owned(), link.clone(), proxy.clone());
        let serve = move |socket| {
            let (name, link, proxy) = (name.clone(), link.clone(), proxy.clone());
            async move {
                if let Ok(end) = link.carry(socket).await {
                    proxy.serve(&name, end).await;
                }
            }
        };
        self.listeners.open(serve).await.map_err(|error| StageError(format!("a port on loopback: {error}")))
    }

    /// The password of `user` at this moment.
    pub(super) fn password_of(&self, user: &str) -> String {
        self.passwords.borrow().get(user).cloned().unwrap_or_else(|| password_of(user))
    }

    /// What the user of a device types to sign in on it.
    pub(super) async fn sign_in_on(&self, member: &Member) -> Ask {
        let user = member.user.borrow().clone();
        let code = Some(self.authenticators.code(&user, &member.name).await);
        Ask::SignIn { password: self.password_of(&user), user, code }
    }

    async fn sign_in(&self) -> Result<(), StageError> {
        let all = self.members.iter().map(|(name, member)| async move {
            let ask = self.sign_in_on(member).await;
            let why = match member.device.ask(ask).await {
                Ok(Reply::Done) => return Ok(()),
                Ok(Reply::Refused(why)) => why,
                Ok(reply) => format!("{reply:?}"),
                Err(error) => error.to_string(),
            };
            if self.live && self.machine.is_some() && !member.device.given_up() {
                let why = format!("it cannot sign in: {why}");
                self.recorder.record(What::Broke { device: name.clone(), why });
            }
            Err(StageError(format!("{name} cannot sign in: {why}")))
        });
        futures_util::future::join_all(all).await.into_iter().collect()
    }

    /// Whether a client under test broke the protocol: nothing that comes after would tell anything.
    #[must_use]
    pub fn given_up(&self) -> bool {
        self.members.values().any(|member| member.device.given_up())
    }
}

fn unfit(error: SetupError) -> StageError {
    StageError(error.to_string())
}

/// What leads to a server in this process: streams in memory, or a port on loopback.
async fn reached(machine: &Rc<Machine>, media: &Media, listeners: &Listeners) -> Result<Rc<dyn Upstream>, StageError> {
    Ok(match media {
        Media::Simulated => Rc::new(ToServer(machine.clone())),
        Media::Live { .. } => Rc::new(Tcp(serve_tcp(machine, listeners).await?)),
    })
}

async fn serve_tcp(machine: &Rc<Machine>, listeners: &Listeners) -> Result<String, StageError> {
    let machine = machine.clone();
    let serve = move |socket| {
        let machine = machine.clone();
        async move { machine.serve(socket).await }
    };
    listeners.open(serve).await.map_err(|error| StageError(format!("a port on loopback: {error}")))
}

fn office(
    proxy: &Rc<Proxy>,
    sealing: &Option<Rc<Sealing>>,
    clock: Clock,
    seed: Seed,
    recorder: &Recorder,
    authenticators: &Rc<Authenticators>,
) -> Result<Office, StageError> {
    let desk = net::profile("perfect").ok_or_else(|| StageError("the profile `perfect` is missing".into()))?;
    let link = Link::new(desk, clock, seed, OFFICE);
    let network = OverLink { device: OFFICE.into(), link, proxy: proxy.clone(), inside: true };
    let credentials = credentials(OFFICE, OFFICE);
    let http = HttpClient::new(clock, SERVER, Rc::new(network));
    let api = ApiUser::new(http, clock, credentials, authenticators.clone());
    Ok(Office::new(api, sealing.clone(), WallClock::new(clock, 0), seed.stream(OFFICE), recorder.clone()))
}

pub(super) fn credentials(user: &str, device: &str) -> SignInRequest {
    SignInRequest { user_id: user.to_owned(), password: password_of(user), code: None, device_id: device.to_owned() }
}

fn settings(device: &scenario::Device) -> Settings {
    let default = Settings::default();
    Settings {
        sync_every: device.sync_every.map(crate::base::Span::duration),
        jitter: device.retry == Retry::Jitter,
        page_limit: device.page.unwrap_or(default.page_limit),
        // Thousands of simulated sign-ins need no protection from guessing.
        key_cost: if device.keys == Keys::Real { KeyCost::REAL } else { KeyCost::CHEAPEST },
    }
}

fn open(
    device: &scenario::Device,
    name: &str,
    server: String,
    directory: PathBuf,
    seed: Seed,
) -> Result<Open, StageError> {
    fs::create_dir_all(&directory).map_err(|error| StageError(format!("{}: {error}", directory.display())))?;
    Ok(Open {
        protocol: PROTOCOL,
        name: name.to_owned(),
        server,
        directory,
        seed: seed.0,
        boot: 0,
        online: true,
        skew_ms: device.clock.millis(),
        sync_every_ms: device.sync_every.map(crate::base::Span::millis),
        jitter: device.retry == Retry::Jitter,
        page: device.page,
        tls: None,
    })
}
