//! One event of a run: what happened, to whom, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::capability::Capability;
use super::circumstance::Circumstance;
use super::device::{DeviceEvent, DeviceState, Side};
use super::edit::{Edit, OperationRecord};
use super::fault::Fault;
use super::link::LinkState;
use super::message::Message;
use super::outcome::{Decision, StepOutcome, Wait};
use super::secret::{Guarded, Sighting};
use super::tls::{Certificate, Tls};
use crate::base::CrashHow;
use crate::protocol::{ConflictRecord, DeadLetter, Profile, Record};

/// One entry of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Position in the history, from 0.
    pub seq: u64,
    /// Virtual milliseconds since the run began.
    pub at_ms: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The run began.
    RunStarted {
        /// The scenario's name.
        scenario: String,
        /// Its seed.
        seed: u64,
        /// `simulated` or `live`.
        world: String,
        /// The wall time at virtual 0.
        epoch: String,
        /// What lies between devices and server beside the network.
        #[serde(default, skip_serializing_if = "Tls::is_none")]
        tls: Tls,
        /// The fields of work orders that are sealed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sealed: Vec<String>,
    },
    /// A user the server knows from the start.
    UserSeeded {
        /// Who.
        profile: Profile,
    },
    /// A device of the scenario.
    DeviceAdded {
        /// Its name.
        device: String,
        /// Whose it is.
        user: String,
        /// Its link's profile.
        link: String,
        /// Whether its waits between tries are drawn, or exactly the table's (decision l).
        jitter: bool,
        /// How often it syncs by itself, in milliseconds; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sync_every_ms: Option<u64>,
    },
    /// A client of the team's said what it cannot do or tell.
    Lacks {
        /// On which device.
        device: String,
        /// What.
        capabilities: Vec<Capability>,
    },
    /// A client of the team's does not keep to the device protocol, and was given up.
    Broke {
        /// On which device.
        device: String,
        /// In words.
        why: String,
    },
    /// A record the server holds from the start.
    RecordSeeded {
        /// `work-orders`, `assets` or `inventory`.
        kind: String,
        /// The record, with its id and `_version`.
        record: Record,
    },
    /// A step of the scenario began.
    StepStarted {
        /// Its position, from 0.
        index: usize,
        /// Its line in the scenario file; 0 when there is none.
        line: u64,
        /// The step in words.
        text: String,
    },
    /// A step ended.
    StepEnded {
        /// Its position, from 0.
        index: usize,
        /// How.
        outcome: StepOutcome,
    },
    /// A user set out to change something. Whether it holds, [`What::Acknowledged`] says.
    Attempted {
        /// Who.
        device: String,
        /// What.
        edit: Edit,
    },
    /// The change is the user's to rely on: stored on the device, or accepted by the server for a user without an engine.
    Acknowledged {
        /// Who.
        device: String,
        /// The operation, with the id that it will carry for ever.
        operation: OperationRecord,
    },
    /// A user attached a file to an order. What is kept of it, the device says.
    Captured {
        /// Who.
        device: String,
        /// To which order.
        entity_id: String,
        /// The file's media type.
        mime_type: String,
        /// Bytes in it.
        bytes: u64,
        /// Its hash, in small hexadecimal digits.
        sha256: String,
    },
    /// A user sets how files are synced (spec 6.2); what is absent stays as it is.
    FileSettings {
        /// Who.
        device: String,
        /// Files go up over WiFi alone.
        wifi_only: Option<bool>,
        /// Thumbnails are fetched on a cellular network, too.
        thumbnails_on_cellular: Option<bool>,
        /// Whole pictures are fetched on a cellular network, too.
        full_images_on_cellular: Option<bool>,
        /// Photos are made smaller before they go up.
        compress_photos: Option<bool>,
    },
    /// The files of a device vanish from its disk.
    FilesLost {
        /// Whose.
        device: String,
    },
    /// A user opened a file of an order. What they are shown, the device says.
    Opening {
        /// Who.
        device: String,
        /// Of which order.
        entity_id: String,
        /// As users know it; the order's latest when absent.
        file: Option<String>,
    },
    /// A user sets how often the device syncs by itself.
    SyncEvery {
        /// Who.
        device: String,
        /// In milliseconds; never when absent.
        every_ms: Option<u64>,
    },
    /// A user chose a side of a conflict. What came of it, [`DeviceEvent::Chosen`] says.
    Choosing {
        /// Who.
        device: String,
        /// On which record.
        entity_id: String,
        /// On which field; on all that wait when absent.
        field: Option<String>,
        /// Which side.
        with: Side,
    },
    /// A user saved which side to keep in later conflicts, or forgot it.
    Preferring {
        /// Who.
        device: String,
        /// On which record; on all when absent.
        entity_id: Option<String>,
        /// On which field.
        field: String,
        /// Which side; to be asked again when absent.
        with: Option<Side>,
    },
    /// The change was refused, and the user was told.
    Refused {
        /// Who.
        device: String,
        /// Why.
        detail: String,
    },
    /// A device refused to log its user out, and said how much would be lost.
    Warned {
        /// Who.
        device: String,
        /// So many changes that the server does not have.
        changes: u64,
        /// Whether the user says: so be it.
        accepted: bool,
    },
    /// Somebody signed in on a device in the course of the story.
    SignedIn {
        /// Where.
        device: String,
        /// Who.
        user: String,
    },
    /// A device said something of itself.
    Device {
        /// Who.
        device: String,
        /// What.
        event: DeviceEvent,
    },
    /// Somebody sent operations, or called, in the name of a device's user, past the device.
    Tampered {
        /// Whose user's.
        device: String,
        /// What became of each: `success`, `conflict` or the code of the error, one text for a push that was refused; then
        /// of each call the HTTP status, and `told` where its answer held what it must not.
        answers: Vec<String>,
    },
    /// A device's platform told it something.
    Told {
        /// Whom.
        device: String,
        /// What.
        what: Circumstance,
    },
    /// A device's link changed.
    LinkChanged {
        /// Whose.
        device: String,
        /// To what.
        state: LinkState,
    },
    /// The server went, or came back, for everybody.
    ServerChanged {
        /// To what.
        state: ServerState,
    },
    /// A user decided what becomes of a failed change (spec 7.2).
    Decided {
        /// At which device.
        device: String,
        /// Of which order.
        order: String,
        /// What.
        decision: Decision,
    },
    /// The proxy accepted a connection.
    ConnectionOpened {
        /// Whose.
        device: String,
        /// Its number in the run.
        connection: u64,
    },
    /// A connection is secured: device and proxy have shaken hands.
    Secured {
        /// Whose.
        device: String,
        /// Its number in the run.
        connection: u64,
        /// `TLS 1.3`, or `modelled`; anything else should not be.
        version: String,
        /// The truth of the certificate that the device has accepted; none where TLS is modelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<Certificate>,
        /// Bytes of the handshake from the device.
        up: u64,
        /// Bytes of the handshake to the device.
        down: u64,
    },
    /// A connection came to nothing before a byte of HTTP.
    HandshakeFailed {
        /// Whose.
        device: String,
        /// Its number in the run.
        connection: u64,
        /// Why, as the proxy's side has it.
        detail: String,
    },
    /// A connection ended.
    ConnectionClosed {
        /// Whose.
        device: String,
        /// Its number in the run.
        connection: u64,
    },
    /// The proxy read a whole request.
    Request(Message),
    /// The server's answer reached the proxy.
    Answer(Message),
    /// A fault was armed.
    FaultArmed {
        /// Its number in the run.
        id: u64,
        /// Whose traffic or disk it waits for.
        device: String,
        /// What it will do.
        fault: Fault,
        /// It may happen that it never does.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_miss: bool,
    },
    /// All that was ever written to a device's disk was searched; what was found stands before it.
    DiskSearched {
        /// Whose.
        device: String,
        /// Bytes written since the run began, in all files.
        bytes: u64,
    },
    /// The server's database was searched for what nobody but devices may know.
    ServerSearched {
        /// Bytes of text in it.
        bytes: u64,
    },
    /// All that passed the proxy was searched; what was found stands before it.
    WireSearched {
        /// Bytes since the run began, heads and bodies without their coding.
        bytes: u64,
    },
    /// Something happened to what guards a device's data.
    Guarded {
        /// Whose.
        device: String,
        /// What.
        event: Guarded,
    },
    /// A secret was seen somewhere. Each kind is told once for each device and place, rightful places included.
    Sighted {
        /// On whose disk, or in whose messages.
        device: String,
        /// What, and where.
        sighting: Sighting,
    },
    /// An armed fault struck.
    FaultFired {
        /// Its number in the run.
        id: u64,
        /// Whom.
        device: String,
        /// The exchange that it struck, if it struck one.
        exchange: Option<u64>,
    },
    /// A device's process and memory are gone; its disk holds what the model leaves.
    Crashed {
        /// Who.
        device: String,
        /// By which model.
        how: CrashHow,
        /// Operations that its disk had seen.
        disk_operations: u64,
    },
    /// A crashed device started again.
    Restarted {
        /// Who.
        device: String,
    },
    /// The faults are over: every link is up, every device runs, nothing stays armed.
    Healed,
    /// Everything came to rest.
    Settled,
    /// The bound passed and something still waits.
    NotSettled {
        /// Who waits for what.
        waits: Vec<Wait>,
    },
    /// What a user read of an order right after changing it.
    Read {
        /// On which device.
        device: String,
        /// The order, as the change named it.
        entity_id: String,
        /// The fields that the change set; `None` when the device shows no such order.
        row: Option<Record>,
    },
    /// A user looked at the device in the middle of the story.
    Looked {
        /// On which device.
        device: String,
        /// The step, from 0.
        step: usize,
        /// All that the device shows.
        state: Box<DeviceState>,
    },
    /// A device's state at the end.
    DeviceState {
        /// Whose.
        device: String,
        /// It.
        state: Box<DeviceState>,
    },
    /// What a device did to its disk over the whole run; of simulated disks alone.
    DiskUsed {
        /// Whose.
        device: String,
        /// Operations that changed it: writes, syncs, truncations, files made and removed.
        operations: u64,
    },
    /// What the server gives a user on a full pull at the end.
    UserView {
        /// Who.
        user_id: String,
        /// Ids by kind: `work-orders`, `assets`, `inventory`.
        work_orders: Vec<String>,
        /// Assets.
        assets: Vec<String>,
        /// Inventory.
        inventory: Vec<String>,
    },
    /// The updates that came too late, as the auditor reads them at the end.
    DeadLetters {
        /// They, oldest first.
        letters: Vec<DeadLetter>,
    },
    /// A record on the server at the end, as the auditor reads it.
    ServerRecord {
        /// `work-orders`, `assets` or `inventory`.
        kind: String,
        /// It.
        record: Record,
    },
    /// A file on the server at the end, as the auditor reads it byte by byte.
    ServerFile {
        /// It.
        attachment_id: String,
        /// Bytes in it.
        bytes: u64,
        /// Their hash, in small hexadecimal digits.
        sha256: String,
        /// Bytes and hash of its thumbnail, if a device shows one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thumbnail: Option<(u64, String)>,
    },
    /// An audit record of a conflict on the server at the end, as the auditor reads it.
    ServerConflict {
        /// It.
        record: Box<ConflictRecord>,
    },
    /// The run was interrupted; nothing after it is known.
    Interrupted,
    /// Time stood still because somebody never waited, and the run was given up.
    Frozen {
        /// Steps taken at that instant.
        steps: u32,
    },
    /// The run ended.
    RunEnded,
}

/// Whether the server is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServerState {
    /// It answers.
    Up,
    /// Connections end at once.
    Down,
    /// Connections stay open, and nothing comes.
    Silent,
    /// It answers 503 to everything.
    Overloaded,
}
