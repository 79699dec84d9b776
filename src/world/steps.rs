//! One small function a step. A step that cannot be done says so in the history; whether that matters, the checks say.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::account::look_up;
use super::device::{Ask, DeviceError, Reply};
use super::stage::{Label, Member, World};
use crate::base::{CrashHow, Span};
use crate::history::{
    Circumstance, DeviceState, Edit, Fault, LinkState, OperationRecord, Phase, StepOutcome, SyncOutcome, What,
};
use crate::protocol::{EntityType, OperationKind, Record, TEMPORARY_ID_PREFIX};
use crate::proxy::{Act, Moment};
use crate::scenario::{self, Action, Aim, CrashWhen, Exchange, Scenario};

/// How often it is looked, while a step lasts, whether there is much to search.
const SEARCHED_EVERY: Duration = Duration::from_secs(3600);

/// Why a step was not done as asked.
pub(super) enum StepError {
    Crashed,
    /// It went wrong as things go wrong in the field.
    Failed(String),
    /// The scenario asks for what cannot be done.
    Impossible(String),
}

impl From<DeviceError> for StepError {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::Crashed => Self::Crashed,
            DeviceError::Locked => Self::Failed(error.to_string()),
            DeviceError::NotRunning | DeviceError::Broken(_) => Self::Impossible(error.to_string()),
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashed => f.write_str("the device crashed"),
            Self::Failed(why) | Self::Impossible(why) => f.write_str(why),
        }
    }
}

async fn wait(span: Span) -> Done {
    tokio::time::sleep(span.duration()).await;
    Ok(())
}

pub(super) fn impossible(why: impl fmt::Display) -> StepError {
    StepError::Impossible(why.to_string())
}

pub(super) type Done = Result<(), StepError>;

impl World {
    /// Plays the story, one step after the other.
    pub async fn play(&self, scenario: &Scenario) {
        for (index, step) in scenario.steps.iter().enumerate() {
            self.recorder.record(What::StepStarted { index, line: step.line, text: step.text() });
            let outcome = match self.search_beside(self.act(scenario, index, &step.action)).await {
                Ok(()) => StepOutcome::Done,
                Err(StepError::Crashed) => StepOutcome::Crashed,
                Err(StepError::Failed(detail)) => StepOutcome::Failed { detail },
                Err(StepError::Impossible(detail)) => StepOutcome::Impossible { detail },
            };
            self.recorder.record(What::StepEnded { index, outcome });
            self.search_if_much();
            if self.given_up() {
                return;
            }
        }
    }

    /// Searches now and then while a step lasts: a fleet writes more in a week than one wants to keep.
    async fn search_beside(&self, act: impl Future<Output = Done>) -> Done {
        let mut act = pin!(act);
        loop {
            match timeout(SEARCHED_EVERY, &mut act).await {
                Ok(done) => return done,
                Err(_) => self.search_if_much(),
            }
        }
    }

    async fn act(&self, scenario: &Scenario, index: usize, action: &Action) -> Done {
        let all = |name: &str| -> Vec<&Member> {
            scenario.devices_named(name).iter().filter_map(|name| self.members.get(name)).collect()
        };
        match action {
            Action::Sync(name) => together(all(name), async |member| self.sync(member).await).await,
            Action::Offline(_) | Action::Online(_) | Action::Link(_) | Action::Handover(_) | Action::Flap(_) => {
                self.change_network(&all, action).await
            }
            Action::Edit(step) => together(all(&step.device), async |member| self.edit(member, step).await).await,
            Action::EditMany(step) => {
                together(all(&step.device), async |member| self.edit_many(member, step).await).await
            }
            Action::Create(step) => together(all(&step.device), async |member| self.create(member, step).await).await,
            Action::Delete(step) => together(all(&step.device), async |member| self.delete(member, step).await).await,
            Action::Resolve(step) => together(all(&step.device), async |member| self.resolve(member, step).await).await,
            Action::Prefer(step) => together(all(&step.device), async |member| self.prefer(member, step).await).await,
            Action::Undo(step) => together(all(&step.device), async |member| self.undo(member, step).await).await,
            Action::OfficeEdit(_) | Action::OfficeEditMany(_) | Action::OfficeCreate(_) | Action::OfficeDelete(_) => {
                self.office_acts(action).await
            }
            Action::Launch(name) => together(all(name), async |member| self.launch(member).await).await,
            Action::Background(name) => self.tell(all(name), Circumstance::Background).await,
            Action::Foreground(name) => self.tell(all(name), Circumstance::Foreground).await,
            Action::Battery(step) => {
                let what = Circumstance::Battery { percent: step.percent, charging: step.charging };
                self.tell(all(&step.device), what).await
            }
            Action::DataSaver(step) => self.tell(all(&step.device), Circumstance::DataSaver { on: step.on }).await,
            Action::Attach(_) | Action::FileSettings(_) | Action::Network(_) | Action::DiskSpace(_) => {
                self.about_files(&all, action).await
            }
            Action::LoseFiles(_) | Action::OpenFile(_) | Action::SyncEvery(_) => self.about_files(&all, action).await,
            Action::Look(claim) => together(all(&claim.device), async |member| self.look(member, index).await).await,
            Action::SearchDisk(step) => together(all(&step.device), async |member| self.search_disk(member)).await,
            Action::Work(step) => together(all(&step.device), async |member| self.work(member, step).await).await,
            Action::Wait(span) => wait(*span).await,
            Action::Crash(step) => together(all(&step.device), async |member| self.crash(member, step).await).await,
            Action::Restart(name) => together(all(name), async |member| self.restart(member).await).await,
            Action::ClearCache(_)
            | Action::Logout(_)
            | Action::SignIn(_)
            | Action::Select(_)
            | Action::EditCached(_) => self.use_account(scenario, &all, action).await,
            Action::LookUp(step) => together(all(&step.device), async |it| look_up(it, step).await).await,
            Action::Clock(step) => together(all(&step.device), async |member| self.set_clock(member, step).await).await,
            Action::Lose(_)
            | Action::Answer(_)
            | Action::Spoil(_)
            | Action::Slow(_)
            | Action::Duplicate(_)
            | Action::Garble(_)
            | Action::Replay(_)
            | Action::Refuse(_)
            | Action::CaptivePortal(_)
            | Action::Server(_) => self.spoil_exchanges(&all, action).await,
            Action::Mitm(_) | Action::Handshake(_) | Action::Certificate(_) | Action::OldClient(_) => {
                self.meddle_with_tls(&all, action).await
            }
            Action::Revoke(_) | Action::Retry(_) | Action::Discard(_) | Action::ChangePassword(_) => {
                self.act_on_failure(&all, action).await
            }
            Action::CrashServer(step) => self.crash_server(step),
            Action::ServerClock(step) => self.set_server_clock(step),
            Action::Tamper(step) => together(all(&step.device), async |member| self.tamper(member, step).await).await,
            Action::Lock(_) | Action::Unlock(_) | Action::Install(_) | Action::Uninstall(_) | Action::Steal(_) => {
                self.act_on_platform(&all, action).await
            }
        }
    }

    async fn set_clock(&self, member: &Member, step: &scenario::SetClock) -> Done {
        simply(member, Ask::Clock { skew_ms: step.by.millis() }).await
    }

    async fn sync(&self, member: &Member) -> Done {
        if !member.device.is_running() {
            return Err(StepError::Failed("the device is not running".into()));
        }
        match synced(member.device.ask(Ask::Sync).await?)? {
            SyncOutcome::Done => Ok(()),
            SyncOutcome::Offline => Err(StepError::Failed("the device is offline".into())),
            SyncOutcome::Failed { code, detail } => Err(StepError::Failed(format!("{code}: {detail}"))),
        }
    }

    /// Brings the link up, and tells the device if it knew that it was down.
    pub(super) async fn reconnect(&self, member: &Member) -> Result<(), DeviceError> {
        if let Some(portal) = member.portal.take() {
            self.faults.disarm(portal);
        }
        member.flaps.calm();
        if let (Some(impostor), Some(security)) = (member.impostor.take(), &self.security) {
            security.terminator().greetings.disarm(impostor);
        }
        if member.link.state() != LinkState::Up {
            self.set_link(member, LinkState::Up);
        }
        if member.told_offline.take() && member.device.is_running() {
            member.device.ask(Ask::Connectivity { online: true }).await?;
        }
        Ok(())
    }

    pub(super) fn set_link(&self, member: &Member, state: LinkState) {
        member.link.set_state(state);
        self.recorder.record(What::LinkChanged { device: member.name.clone(), state });
    }

    async fn edit(&self, member: &Member, step: &scenario::Edit) -> Done {
        let order = self.order(&step.order).await?;
        self.edit_one(member, order, &step.set).await
    }

    async fn edit_many(&self, member: &Member, step: &scenario::EditMany) -> Done {
        let count = usize::try_from(step.orders).unwrap_or(usize::MAX);
        let state = state(member).await?;
        let orders: Vec<String> = state.work_orders.into_keys().take(count).collect();
        if orders.len() < count {
            return Err(impossible(format!("{} holds {} orders, not {count}", member.name, orders.len())));
        }
        for order in orders {
            self.edit_one(member, order, &step.set).await?;
        }
        Ok(())
    }

    pub(super) async fn edit_one(&self, member: &Member, order: String, set: &Record) -> Done {
        let set = self.with_ids(Some(&member.name), set).await?;
        self.attempt(member, OperationKind::Update, Some(order.clone()), &set);
        self.made(member, Ask::Edit { order, set }).await.map(drop)
    }

    async fn create(&self, member: &Member, step: &scenario::Create) -> Done {
        let set = self.with_ids(Some(&member.name), &step.set).await?;
        self.attempt(member, OperationKind::Create, None, &set);
        let id = self.made(member, Ask::Create { set }).await?;
        let label = Label { maker: Some(member.name.clone()), id };
        self.labels.borrow_mut().insert(step.label.clone(), label);
        Ok(())
    }

    async fn delete(&self, member: &Member, step: &scenario::Delete) -> Done {
        let order = self.order(&step.order).await?;
        self.attempt(member, OperationKind::Delete, Some(order.clone()), &Record::new());
        self.made(member, Ask::Delete { order }).await.map(drop)
    }

    pub(super) fn attempt(&self, member: &Member, action: OperationKind, entity_id: Option<String>, fields: &Record) {
        let edit = Edit { entity_type: EntityType::WorkOrder, entity_id, action, fields: fields.clone() };
        self.recorder.record(What::Attempted { device: member.name.clone(), edit });
    }

    /// Asks for a change and records what became of it; returns the order's id.
    pub(super) async fn made(&self, member: &Member, ask: Ask) -> Result<String, StepError> {
        let device = member.name.clone();
        match member.device.ask(ask).await? {
            Reply::Made(operation) => {
                self.recorder.record(What::Acknowledged { device, operation: *operation.clone() });
                self.read_back(member, &operation).await;
                Ok(operation.entity_id)
            }
            Reply::Refused(detail) => {
                self.recorder.record(What::Refused { device, detail: detail.clone() });
                Err(impossible(detail))
            }
            reply @ (Reply::Done | Reply::Synced(_) | Reply::Unsynced(_) | Reply::Row(_) | Reply::State(_)) => {
                Err(unexpected(&reply))
            }
        }
    }

    /// Whoever changes an order sees at once what became of it. A device that died in the meantime shows nothing.
    async fn read_back(&self, member: &Member, made: &OperationRecord) {
        let (device, entity_id) = (member.name.clone(), made.entity_id.clone());
        if let Ok(Reply::Row(row)) = member.device.ask(Ask::Read { order: entity_id.clone() }).await {
            let row = row.map(|row| row.into_iter().filter(|(field, _)| made.payload.contains_key(field)).collect());
            self.recorder.record(What::Read { device, entity_id, row });
        }
    }

    async fn look(&self, member: &Member, step: usize) -> Done {
        let state = Box::new(state(member).await?);
        self.recorder.record(What::Looked { device: member.name.clone(), step, state });
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the office's steps here")]
    async fn office_acts(&self, action: &Action) -> Done {
        match action {
            Action::OfficeEdit(step) => self.office_edit(&step.order, &step.set).await,
            Action::OfficeEditMany(step) => self.office_edit_many(step).await,
            Action::OfficeCreate(step) => self.office_create(step).await,
            Action::OfficeDelete(step) => self.office_delete(&step.order).await,
            other => Err(impossible(format!("`{other}` is nothing that the office does"))),
        }
    }

    async fn office_edit(&self, order: &str, set: &Record) -> Done {
        let order = self.order(order).await?;
        let set = self.with_ids(None, set).await?;
        self.office.edit(&order, &set).await.map_err(impossible)
    }

    async fn office_edit_many(&self, step: &scenario::OfficeEditMany) -> Done {
        let count = usize::try_from(step.orders).unwrap_or(usize::MAX);
        let set = self.with_ids(None, &step.set).await?;
        for order in self.office.first_orders(count).await.map_err(impossible)? {
            self.office.edit(&order, &set).await.map_err(impossible)?;
        }
        Ok(())
    }

    async fn office_create(&self, step: &scenario::OfficeCreate) -> Done {
        let set = self.with_ids(None, &step.set).await?;
        let id = self.office.create(&set).await.map_err(impossible)?;
        self.labels.borrow_mut().insert(step.label.clone(), Label { maker: None, id });
        Ok(())
    }

    async fn office_delete(&self, order: &str) -> Done {
        let order = self.order(order).await?;
        self.office.delete(&order).await.map_err(impossible)
    }

    async fn crash(&self, member: &Member, step: &scenario::Crash) -> Done {
        let moment = match step.when {
            CrashWhen::Now => {
                if !member.device.is_running() {
                    return Err(impossible(format!("{} is down already", member.name)));
                }
                member.device.crash(step.how);
                return Ok(());
            }
            CrashWhen::DiskOperation => {
                let id = self.arm_fault(&member.name, Fault::Crash, false);
                let can = member.device.crash_at_disk_operation(step.operation.unwrap_or(1), step.how, Some(id));
                return if can { Ok(()) } else { Err(impossible("this device's disk cannot be cut at an operation")) };
            }
            CrashWhen::BeforeRequest => Moment::BeforeRequest,
            CrashWhen::AfterCommit => Moment::AfterCommit,
            CrashWhen::AfterAnswer => Moment::AfterAnswer,
        };
        let of = match step.of {
            Phase::Push => Exchange::Push,
            Phase::Pull => Exchange::Pull,
            Phase::Files => Exchange::Upload,
        };
        let aim = Aim { device: &step.device, of, nth: step.nth, times: 1, only: &step.only };
        let id = self.arm(member, Fault::Crash, aim, Act::Crash(moment)).await?;
        self.doomed.doom(id, step.how);
        Ok(())
    }

    pub(super) fn arm_fault(&self, device: &str, fault: Fault, may_miss: bool) -> u64 {
        let id = self.next_fault.replace(self.next_fault.get() + 1);
        self.recorder.record(What::FaultArmed { id, device: device.to_owned(), fault, may_miss });
        id
    }

    /// The user closes the app, if it runs, and opens it again.
    async fn launch(&self, member: &Member) -> Done {
        if member.device.is_running() {
            member.device.crash(CrashHow::Kill);
        }
        Ok(self.start_again(member).await?)
    }

    async fn tell(&self, members: Vec<&Member>, what: Circumstance) -> Done {
        let tell = async |member: &Member| {
            member.hampered.set(true);
            self.recorder.record(What::Told { device: member.name.clone(), what });
            simply(member, Ask::Told { what }).await
        };
        together(members, tell).await
    }

    async fn restart(&self, member: &Member) -> Done {
        if member.device.is_running() {
            return Err(impossible(format!("{} has not crashed", member.name)));
        }
        Ok(self.start_again(member).await?)
    }

    pub(super) async fn start_again(&self, member: &Member) -> Result<(), DeviceError> {
        member.device.start(!member.told_offline.get()).await?;
        self.recorder.record(What::Restarted { device: member.name.clone() });
        Ok(())
    }

    /// The id of an order that the story names by id or by label. The maker of a labelled one knows its real id first.
    pub(super) async fn order(&self, name: &str) -> Result<String, StepError> {
        let label = self.labels.borrow().get(name).cloned();
        let Some(Label { maker, id }) = label else { return Ok(name.to_owned()) };
        let maker = maker.and_then(|maker| self.members.get(&maker));
        let (Some(maker), Some(local_id)) = (maker, id.strip_prefix(TEMPORARY_ID_PREFIX)) else { return Ok(id) };
        if !maker.device.is_running() {
            return Ok(id);
        }
        let orders = state(maker).await?.work_orders;
        let own = |record: &Record| record.get("_localId").and_then(|value| value.as_str()) == Some(local_id);
        Ok(orders.into_iter().find(|(_, record)| own(record)).map_or(id, |(id, _)| id))
    }
}

/// Does the same on all `members` at once; fails as the first that fails.
pub(super) async fn together<'a>(members: Vec<&'a Member>, act: impl AsyncFn(&'a Member) -> Done) -> Done {
    join_all(members.into_iter().map(|member| act(member))).await.into_iter().collect()
}

/// Asks for something that has no answer of its own.
pub(super) async fn simply(member: &Member, ask: Ask) -> Done {
    let reply = member.device.ask(ask).await?;
    if reply == Reply::Done { Ok(()) } else { Err(unexpected(&reply)) }
}

/// How the sync that was asked for ended.
fn synced(reply: Reply) -> Result<SyncOutcome, StepError> {
    let Reply::Synced(outcome) = reply else { return Err(unexpected(&reply)) };
    Ok(outcome)
}

pub(super) async fn state(member: &Member) -> Result<DeviceState, DeviceError> {
    let reply = member.device.ask(Ask::State).await?;
    let Reply::State(state) = reply else {
        return Err(DeviceError::Broken(format!("asked for its state, it answered {reply:?}")));
    };
    Ok(*state)
}

pub(super) fn unexpected(reply: &Reply) -> StepError {
    match reply {
        Reply::Refused(detail) => impossible(detail),
        Reply::Done | Reply::Made(_) | Reply::Synced(_) | Reply::Unsynced(_) | Reply::Row(_) | Reply::State(_) => {
            impossible(format!("the device gave an answer to something else: {reply:?}"))
        }
    }
}
