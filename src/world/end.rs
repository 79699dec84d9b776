//! The end of a run: the network heals, everything must come to rest by itself, everybody looks once more, and the
//! auditor reads what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::api::{ApiError, ApiUser};
use super::device::{Ask, Device, DeviceError, Reply};
use super::http::HttpClient;
use super::network::SERVER;
use super::stage::{AUDITOR, Member, World, credentials};
use super::steps::state;
use crate::base::hex;
use crate::history::{Circumstance, DeviceState, QueueStatus, ServerState, Status, SyncOutcome, Wait, What};
use crate::protocol::{ErrorCode, Record, SignInRequest};

/// The longest pause between two looks at who still waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl World {
    /// Ends all faults: nothing stays armed, every device runs, every link is up.
    pub async fn heal(&self) {
        self.faults.clear();
        self.renew_certificate();
        let restarted = self.machine.as_ref().is_some_and(|machine| machine.restart());
        if self.outage.take().is_some() || restarted {
            self.recorder.record(What::ServerChanged { state: ServerState::Up });
        }
        self.doomed.pardon();
        self.recorder.record(What::Healed);
        for member in self.members.values() {
            let healed = match self.make_whole(member).await {
                Ok(()) => self.heal_one(member).await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            if let Err(detail) = healed {
                self.recorder.record(What::Refused { device: member.name.clone(), detail });
            }
        }
    }

    /// Everybody has their device unlocked in the end, and the app on it.
    async fn make_whole(&self, member: &Member) -> Result<(), String> {
        if member.locked.get() {
            self.unlock(member).await.map_err(|error| error.to_string())?;
        }
        if member.removed.get() {
            self.install(member).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn heal_one(&self, member: &Member) -> Result<(), super::DeviceError> {
        member.device.disarm();
        member.device.limit_disk(None);
        if !member.device.is_running() {
            self.start_again(member).await?;
        }
        if member.hampered.take() {
            let charged = Circumstance::Battery { percent: 100, charging: false };
            for what in [charged, Circumstance::DataSaver { on: false }, Circumstance::Network { wifi: true }] {
                self.recorder.record(What::Told { device: member.name.clone(), what });
                member.device.ask(Ask::Told { what }).await?;
            }
        }
        member.link.wrap_traces();
        self.reconnect(member).await
    }

    /// Waits until nobody waits for anything, `bound` at most, then lets every user look once more.
    pub async fn settle(&self, bound: Duration) {
        if self.live {
            // Nobody wants to wait for a period in real time.
            self.refresh_all().await;
        }
        let limit = self.clock.elapsed() + bound;
        let mut pause = Duration::from_secs(1);
        let mut waits = self.waits().await;
        while !waits.is_empty() && self.clock.elapsed() < limit && !self.given_up() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            waits = self.waits().await;
        }
        if waits.is_empty() {
            self.recorder.record(What::Settled);
            waits = self.refresh_all().await;
        }
        if !waits.is_empty() {
            self.recorder.record(What::NotSettled { waits });
        }
    }

    /// Who waits for what.
    async fn waits(&self) -> Vec<Wait> {
        let mut waits = Vec::new();
        for member in self.members.values() {
            let what = match state(member).await {
                Ok(state) => unfinished(&state),
                Err(error) => Some(error.to_string()),
            };
            waits.extend(what.map(|what| Wait { device: member.name.clone(), what }));
        }
        waits
    }

    /// Every user pulls to refresh; returns those for whom that failed.
    async fn refresh_all(&self) -> Vec<Wait> {
        join_all(self.members.values().map(|member| self.refresh(member))).await.into_iter().flatten().collect()
    }

    async fn refresh(&self, member: &Member) -> Option<Wait> {
        let (device, name) = (&member.device, &member.name);
        let wait = |what: String| Some(Wait { device: name.clone(), what });
        let mut came = self.try_to_refresh(member).await;
        // Some learn only as they sync that their session is over.
        if refused(&came) && asks_for_sign_in(device.as_ref()).await {
            came = self.try_to_refresh(member).await;
        }
        match came {
            Ok(Reply::Synced(SyncOutcome::Done)) => None,
            // Who logged out has nothing to refresh.
            came if refused(&came) && signed_out(device.as_ref()).await => None,
            Ok(reply) => wait(format!("a refresh on a healed network ended as {reply:?}")),
            Err(error) => wait(error.to_string()),
        }
    }

    /// Where only a sign-in helps, the user is asked for it, and does so.
    async fn try_to_refresh(&self, member: &Member) -> Result<Reply, DeviceError> {
        if asks_for_sign_in(member.device.as_ref()).await {
            member.device.ask(self.sign_in_on(member).await).await?;
        }
        member.device.ask(Ask::Sync).await
    }

    /// Records what every device and the server hold.
    ///
    /// # Errors
    /// When the server cannot be read.
    pub async fn audit(&self) -> Result<(), ApiError> {
        // Thumbnails that are shown somewhere.
        let mut small = BTreeSet::new();
        for member in self.members.values() {
            let device = member.name.clone();
            self.recorder.record(match state(member).await {
                Ok(state) => {
                    let shown = state.files.iter().filter(|file| file.thumbnail);
                    small.extend(shown.map(|file| file.attachment_id.clone()));
                    What::DeviceState { device, state: Box::new(state) }
                }
                Err(error) => What::NotSettled { waits: vec![Wait { device, what: error.to_string() }] },
            });
            if let Some(operations) = member.device.disk_operations() {
                self.recorder.record(What::DiskUsed { device: member.name.clone(), operations });
            }
        }
        let auditor = self.reader(AUDITOR);
        for page in auditor.pull().await?.pages {
            let kinds = [("work-orders", page.work_orders), ("assets", page.assets), ("inventory", page.inventory)];
            for (kind, records) in kinds {
                for record in records {
                    let record = self.as_read(kind, record);
                    self.recorder.record(What::ServerRecord { kind: kind.to_owned(), record });
                }
            }
        }
        for (attachment_id, file) in auditor.files().await? {
            let hashed = |file: &[u8]| (file.len() as u64, hex(&Sha256::digest(file)));
            let (bytes, sha256) = hashed(&file);
            let thumbnail = match small.contains(&attachment_id) {
                true => Some(hashed(&auditor.thumbnail(&attachment_id).await?)),
                false => None,
            };
            self.recorder.record(What::ServerFile { attachment_id, bytes, sha256, thumbnail });
        }
        for record in auditor.conflicts().await? {
            let record = match &self.sealing {
                Some(sealing) => sealing.read_conflict(record),
                None => record,
            };
            self.recorder.record(What::ServerConflict { record: Box::new(record) });
        }
        let mut letters = auditor.dead_letters().await?;
        if let Some(sealing) = &self.sealing {
            letters = letters.into_iter().map(|letter| sealing.read_letter(letter)).collect();
        }
        self.recorder.record(What::DeadLetters { letters });
        let users: BTreeSet<String> = self.members.values().map(|member| member.user.borrow().clone()).collect();
        for user in &users {
            self.record_view(user).await?;
        }
        Ok(())
    }

    /// A record as the auditor reads it.
    fn as_read(&self, kind: &str, record: Record) -> Record {
        let id = record.get("workOrderId").and_then(Value::as_str).map(str::to_owned);
        match (&self.sealing, id) {
            (Some(sealing), Some(id)) if kind == "work-orders" => sealing.read_record(&id, record),
            _ => record,
        }
    }

    async fn record_view(&self, user: &str) -> Result<(), ApiError> {
        let pages = self.reader(user).pull().await?.pages;
        let work_orders = pages.iter().flat_map(|page| ids(&page.work_orders, "workOrderId")).collect();
        let assets = pages.iter().flat_map(|page| ids(&page.assets, "assetId")).collect();
        let inventory = pages.iter().flat_map(|page| ids(&page.inventory, "partId")).collect();
        self.recorder.record(What::UserView { user_id: user.to_owned(), work_orders, assets, inventory });
        Ok(())
    }

    /// The orders that the story made, label to the id that each had when it was made.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.labels.borrow().iter().map(|(name, label)| (name.clone(), label.id.clone())).collect()
    }

    /// A user at a terminal of the server's own, off the devices' network.
    pub(super) fn reader(&self, user: &str) -> ApiUser {
        let http = HttpClient::new(self.clock, SERVER, self.upstream.clone());
        let credentials = SignInRequest { password: self.password_of(user), ..credentials(user, "audit") };
        ApiUser::new(http, self.clock, credentials, self.authenticators.clone())
    }
}

async fn asks_for_sign_in(device: &dyn Device) -> bool {
    matches!(device.ask(Ask::State).await, Ok(Reply::State(state)) if state.needs_sign_in && state.user_id.is_some())
}

fn refused(came: &Result<Reply, DeviceError>) -> bool {
    matches!(came, Ok(Reply::Synced(SyncOutcome::Failed { code: ErrorCode::AuthError, .. })))
}

async fn signed_out(device: &dyn Device) -> bool {
    matches!(device.ask(Ask::State).await, Ok(Reply::State(state)) if state.user_id.is_none())
}

fn ids(records: &[Record], key: &str) -> Vec<String> {
    records.iter().filter_map(|record| record.get(key).and_then(Value::as_str)).map(str::to_owned).collect()
}

/// What a device still has to do by itself. Failed operations, and what queues behind them, wait for the user.
fn unfinished(state: &DeviceState) -> Option<String> {
    let mut blocked = BTreeSet::new();
    let mut waiting = Vec::new();
    for row in &state.queue {
        match row.status {
            QueueStatus::Failed => drop(blocked.insert(row.entity_id.as_str())),
            QueueStatus::Pending | QueueStatus::InProgress
                if row.behind.as_deref().is_some_and(|named| blocked.contains(named)) =>
            {
                blocked.insert(&row.entity_id);
            }
            QueueStatus::Pending | QueueStatus::InProgress if !blocked.contains(row.entity_id.as_str()) => {
                waiting.push(format!("{} of {}", row.operation, row.entity_id));
            }
            QueueStatus::Pending | QueueStatus::InProgress | QueueStatus::Completed => {}
        }
    }
    if state.needs_sign_in {
        // The user's turn, see [`World::refresh_all`].
        return None;
    }
    let why = state.waits_for.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let Some(first) = waiting.first() else { return unsynced(state.status.as_ref()?, &why) };
    let more = if waiting.len() > 1 { format!(" and {} more", waiting.len() - 1) } else { String::new() };
    Some(format!("{first}{more} still queued{why}"))
}

/// A pull that failed is tried again like a push; only the user can sign in again.
fn unsynced(status: &Status, why: &str) -> Option<String> {
    match status {
        Status::Syncing => Some(format!("it syncs{why}")),
        Status::Failed { code: ErrorCode::AuthError, .. } => None,
        Status::Failed { code, .. } => Some(format!("its last sync failed with {code}{why}")),
        Status::Synced | Status::Queued | Status::Offline => None,
    }
}
