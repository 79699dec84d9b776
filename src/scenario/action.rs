//! The alphabet of a story: what a step can ask for.
//!
//! In the file a step is one action, named by its only key: `- sync: maria`.

use super::account::{EditCached, Logout, LookUp, Select, SignIn};
use super::faults::{
    Answer, CaptivePortal, Duplicate, FailedChange, Garble, Lose, RefuseChange, Replay, Slow, SpoilAnswer,
};
use super::files_step::{Attach, DiskSpace, FileSettings, Network, OpenFile};
use super::link::{ChangeLink, Flap};
use super::period::SyncEvery;
use super::platform::{Battery, DataSaver};
use super::security::{Steal, Uninstall};
use super::server_step::{CrashServer, SearchDisk, ServerClock, Tamper};
use super::step::{
    Crash, Create, Delete, Edit, EditMany, OfficeCreate, OfficeDelete, OfficeEdit, OfficeEditMany, Offline, Prefer,
    Resolve, SetClock, Undo,
};
use super::tls_step::{Handshake, Mitm, NewCertificate};
use super::work_step::Work;
use crate::base::Span;
use crate::check::ShownClaim;
use crate::history::ServerState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const TAMPER: &str = "- tamper:
    device: jo
    push:
      - { queueId: t-8, entityType: work-order, entityId: WO-000002, operation: update, payload: { status: 5, _version: 1 } }
      - { queueId: t-9, entityType: work-order, entityId: WO-000004, operation: delete, payload: { _version: 1 } }";

/// What a step does. A device's name may be a group's: then all of the group do it, in turn. An order is named by its id
/// or by the label under which the story created it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The user pulls to refresh; the step lasts until the sync has ended.
    #[schemars(example = "- sync: maria")]
    Sync(String),
    /// The device loses its network. `airplane`: it knows and connects fail at once; `dead-zone`: packets vanish and
    /// nobody is told; `no-uplink`, `no-downlink`: they do one way; `no-dns`: a new connection fails after the
    /// resolver's five seconds.
    #[schemars(example = "- offline: { device: maria, how: dead-zone }")]
    Offline(Offline),
    /// The network is back; it ends flapping, a captive portal and a man in the middle, too.
    #[schemars(example = "- online: maria")]
    Online(String),
    /// The link becomes another, a profile or one's own; with `over`, rates, delays and losses get there bit by bit.
    #[schemars(example = "- link: { device: maria, to: edge, over: 10s }")]
    Link(ChangeLink),
    /// The device gets another address: connections that are open are dead, and nobody is told.
    #[schemars(example = "- handover: maria")]
    Handover(String),
    /// The network comes and goes, like dead zones of `down` and times of `up`, until the device is `online`.
    #[schemars(example = "- flap: { device: maria, down: 7s, up: 3s }")]
    Flap(Flap),
    /// A user changes fields of an order on a device.
    #[schemars(example = "- edit: { device: maria, order: WO-000008, set: { status: completed } }")]
    Edit(Edit),
    /// A user changes fields of the first so many `orders` of the device, in one edit each.
    #[schemars(example = "- edit-many: { device: maria, orders: 3, set: { completionNotes: Checked } }")]
    EditMany(EditMany),
    /// A user makes an order, called by the label `as` from here on.
    #[schemars(
        example = "- create: { device: maria, as: leak, set: { siteId: SITE-1, type: corrective, title: Oil, priority: high, status: assigned } }"
    )]
    Create(Create),
    /// A user deletes an order.
    #[schemars(example = "- delete: { device: maria, order: leak }")]
    Delete(Delete),
    /// A user decides: keep `mine` or the `server`'s side of a conflict; without `field`, of all that wait for a choice; of a line,
    /// `field: partsUsed/L-1`.
    #[schemars(example = "- resolve: { device: maria, order: WO-000001, field: rootCause, with: mine }")]
    Resolve(Resolve),
    /// A user saves `mine`, `server` or `ask` for later conflicts on a field; of one `order`, or of all.
    #[schemars(example = "- prefer: { device: maria, field: rootCause, with: mine }")]
    Prefer(Prefer),
    /// A user takes the latest choice back, of one `field` or any, until it has gone out.
    #[schemars(example = "- undo: { device: maria, order: WO-000001 }")]
    Undo(Undo),
    /// The office changes an order through the API, over a link that never fails.
    #[schemars(example = "- office-edit: { order: WO-000001, set: { status: on-hold } }")]
    OfficeEdit(OfficeEdit),
    /// The office changes fields of the first so many `orders` of the server.
    #[schemars(example = "- office-edit-many: { orders: 10, set: { priority: urgent } }")]
    OfficeEditMany(OfficeEditMany),
    /// The office makes an order, called by the label `as` from here on.
    #[schemars(
        example = "- office-create: { as: allowed, set: { siteId: SITE-2, type: repair, title: Allowed, priority: low, status: scheduled } }"
    )]
    OfficeCreate(OfficeCreate),
    /// The office deletes an order.
    #[schemars(example = "- office-delete: { order: WO-000002 }")]
    OfficeDelete(OfficeDelete),
    /// The user opens the app, which was closed or is closed first.
    #[schemars(example = "- launch: maria")]
    Launch(String),
    /// The app goes to the background.
    #[schemars(example = "- background: maria")]
    Background(String),
    /// The app comes to the foreground.
    #[schemars(example = "- foreground: maria")]
    Foreground(String),
    /// How full the battery is, and whether it is `charging`.
    #[schemars(example = "- battery: { device: maria, percent: 11, charging: true }")]
    Battery(Battery),
    /// The network is kept for the foreground, or free.
    #[schemars(example = "- data-saver: { device: maria, on: true }")]
    DataSaver(DataSaver),
    /// A user attaches a `photo` of about so many bytes, or a `document` of exactly so many; `times` how many (default 1); a
    /// photo may be `broken`: `truncated`, `bomb`, `empty`, `no-picture`, which the device must refuse.
    /// What is `critical` comes by itself to whoever sees the order.
    #[schemars(example = "- attach: { device: maria, order: WO-000003, photo: 300kB }")]
    Attach(Attach),
    /// A user opens a `file` of an order, its latest one unless it is named: it is shown, now or when it has come.
    #[schemars(example = "- open-file: { device: maria, order: WO-000003, file: photo-0.jpg }")]
    OpenFile(OpenFile),
    /// A user sets how often the device syncs by itself, or `never`.
    #[schemars(example = "- sync-every: { device: maria, every: 1h }")]
    SyncEvery(SyncEvery),
    /// A user sets how files are synced, on or off: `wifi-only`, `thumbnails-on-cellular`, `full-images-on-cellular`,
    /// `compress-photos`; what is absent stays.
    #[schemars(example = "- file-settings: { device: maria, wifi-only: true }")]
    FileSettings(FileSettings),
    /// The platform says which `kind` of network it is now: `wifi` or `cellular` (until told).
    #[schemars(example = "- network: { device: maria, kind: wifi }")]
    Network(Network),
    /// Only so much can still be written to the device's disk; without `free`, any amount again.
    #[schemars(example = "- disk-space: { device: maria, free: 50kB }")]
    DiskSpace(DiskSpace),
    /// The device's files vanish from its disk, and only they: a cleaner took them, or a card fails.
    #[schemars(example = "- lose-files: maria")]
    LoseFiles(String),
    /// What is claimed must be on the device's screen at this moment; it takes the keys of the claim `shown`.
    #[schemars(example = "- look: { device: maria, order: WO-000001, icon: queued }")]
    Look(ShownClaim),
    /// Days of changes at drawn times; with `dead-zone`, once a day no signal for a drawn time.
    #[schemars(
        example = "- work: { device: maria, days: 7, edits-a-day: 12, dead-zone: { at-least: 1h, at-most: 6h } }"
    )]
    Work(Work),
    /// Somebody reads every byte that was ever written to the device's disk; neither the words named here nor any
    /// secret may be found there. (All that was written, and all that passed the proxy, is searched for secrets after
    /// every run, too.)
    #[schemars(example = "- search-disk: { device: maria, for: [Gearbox opened] }")]
    SearchDisk(SearchDisk),
    /// Time passes.
    #[schemars(example = "- wait: 15min")]
    Wait(Span),
    /// The `request` or the `answer` is lost; `how`: `cut` closes the connection (default), `reset` resets it,
    /// `silence` leaves it open.
    #[schemars(example = "- lose: { device: maria, what: answer, of: push, times: 2 }")]
    Lose(Lose),
    /// The device dies, `when`: `now`; `before-request`, `after-commit`, `after-answer` of a push, a pull or a
    /// request of an upload (`of`: `push` (default), `pull`, `files`; `nth` and `only` as in other faults);
    /// `disk-operation`, at the write to the disk that `operation` counts. `how`: `kill` (default), `power`, `torn`.
    #[schemars(example = "- crash: { device: maria, when: disk-operation, operation: 2, how: torn }")]
    Crash(Crash),
    /// A device that died starts again.
    #[schemars(example = "- restart: maria")]
    Restart(String),
    /// The device's wall clock is set so far from the truth; `0s` sets it right.
    #[schemars(example = "- clock: { device: maria, by: 365d }")]
    Clock(SetClock),
    /// An answer that the server did not give; `page`: `problem` (default), `html`, `nothing`; `code` of a problem;
    /// `retry-after`, `as-date`; `when`: `instead` (default) or `after-commit`.
    #[schemars(example = "- answer: { device: maria, of: push, status: 503 }")]
    Answer(Answer),
    /// The answer arrives damaged, `how`: `empty`, `half`, `cut-off`, `stalled`, `overlong`, `cut-in-head` (these but
    /// `empty` at a byte that `at` names); `cut-in-chunk`, `bad-chunk`, `garbage`, `bad-gzip`, `mislabelled`; of a pull
    /// alone `short-of-one`.
    #[schemars(example = "- spoil: { device: maria, of: push, how: cut-in-head, at: 30B }")]
    Spoil(SpoilAnswer),
    /// An exchange takes its time, `what`: the `request` or the `answer` waits so long, `by`; the `head` or the `body` of the answer comes by so
    /// many `bytes` each time.
    #[schemars(example = "- slow: { device: maria, what: body, of: pull, by: 20s, bytes: 100B }")]
    Slow(Slow),
    /// The server sees the request twice: at once, and the device gets the second answer; or the copy comes `late`,
    /// and its answer goes nowhere.
    #[schemars(example = "- duplicate: { device: maria, of: push, late: 10min }")]
    Duplicate(Duplicate),
    /// A byte of the request's body arrives as another, in the middle or `at` a byte from its start; a request
    /// without a body arrives as it was sent, and counts.
    #[schemars(example = "- garble: { device: maria, of: upload, at: 1kB }")]
    Garble(Garble),
    /// In place of the server's an answer comes that the device has had before, to the same kind of request, `back`
    /// (default 1, the last) to 3; `when` as in `answer`.
    #[schemars(example = "- replay: { device: maria, of: pull, back: 2 }")]
    Replay(Replay),
    /// The server fails on single changes inside a good answer: those of `order`, or of each push's first; `with`
    /// `SERVER_ERROR` (default), `VALIDATION_ERROR` or `VERSION_CONFLICT`; `retry-after`.
    #[schemars(example = "- refuse: { device: maria, order: typo, with: VALIDATION_ERROR }")]
    Refuse(RefuseChange),
    /// A portal answers in the server's place until the device is `online`, `how`: `login-page` (default), `redirect`,
    /// `forbidden`, `not-found`.
    #[schemars(example = "- captive-portal: { device: maria, how: redirect }")]
    CaptivePortal(CaptivePortal),
    /// For everybody the server is `down` (connections end), `silent` (nothing comes), `overloaded` (503), `up`.
    #[schemars(example = "- server: down")]
    Server(ServerState),
    /// The office ends all sessions of the device's user.
    #[schemars(example = "- revoke: maria")]
    Revoke(String),
    /// A user has the failed change of an order tried again, at once.
    #[schemars(example = "- retry: { device: maria, order: WO-000001 }")]
    Retry(FailedChange),
    /// A user gives the failed change of an order up, into the rescue log.
    #[schemars(example = "- discard: { device: maria, order: typo }")]
    Discard(FailedChange),
    /// The user clears the cache; what it held is pulled anew.
    #[schemars(example = "- clear-cache: maria")]
    ClearCache(String),
    /// The user logs out; with `force`, in spite of the warning.
    #[schemars(example = "- logout: { device: maria, force: true }")]
    Logout(Logout),
    /// The user signs in again; with `as`, the user of that device does.
    #[schemars(example = "- sign-in: { device: maria, as: jo }")]
    SignIn(SignIn),
    /// The user picks orders to sync beyond one's own, by `orders` or by `from` and `to`; `give-up` ends picks.
    #[schemars(example = "- select: { device: maria, from: \"2025-11-10\", to: \"2025-11-17\" }")]
    Select(Select),
    /// The user looks up `profile`, their own, or an asset by its id: what seldom changes, and is kept for as long as
    /// the server says.
    #[schemars(example = "- look-up: { device: maria, what: AST-0001 }")]
    LookUp(LookUp),
    /// A user tries to change an asset or a part, which the device must refuse.
    #[schemars(example = "- edit-cached: { device: maria, record: P-201, set: { description: Mine } }")]
    EditCached(EditCached),
    /// The server's power fails right after its so-manieth commit from now on, before it answers; it stays away until
    /// `server: up`.
    #[schemars(example = "- crash-server: { after-commit: 1 }")]
    CrashServer(CrashServer),
    /// The server's wall clock is set so far from the truth; `0s` sets it right.
    #[schemars(example = "- server-clock: { by: -10min }")]
    ServerClock(ServerClock),
    /// The device is locked: its app ends and the keychain gives nothing. `launch` on a locked device is the system's try to wake the app, which must fail.
    #[schemars(example = "- lock: maria")]
    Lock(String),
    /// The device is unlocked, and the app starts.
    #[schemars(example = "- unlock: maria")]
    Unlock(String),
    /// The app is removed with all its files, unsynced work included; `keychain-stays` as on platforms that leave its
    /// entries behind.
    #[schemars(example = "- uninstall: { device: maria }")]
    Uninstall(Uninstall),
    /// The app is installed again, and its user signs in.
    #[schemars(example = "- install: maria")]
    Install(String),
    /// Somebody tries elsewhere `what` they stole: the `password`, the password and a `used-code`, the password and
    /// `guessed-codes`, the `refresh-token`; or a copy of the `disk`, the disk beside the keychain of a
    /// `locked-device`, the `disk-and-other-keys`. It must give them nothing, and a copy must stay as it is.
    #[schemars(example = "- steal: { from: maria, what: password }")]
    Steal(Steal),
    /// The office gives the user of the device another password; their sessions end, and from then on they sign in
    /// with the new one.
    #[schemars(example = "- change-password: maria")]
    ChangePassword(String),
    /// Somebody with the password of the device's user pushes whatever they like, and calls what they like.
    #[schemars(example = TAMPER)]
    Tamper(Tamper),
    /// Somebody plays the server before the device, until it is `online`, `with` a certificate of `other-authority`
    /// (default), which nobody trusts, or of the trusted one for an `other-key`.
    #[schemars(example = "- mitm: { device: maria, with: other-key }")]
    Mitm(Mitm),
    /// Handshakes come to nothing, `how`: `stalled`, `cut`, or `downgraded` to TLS 1.2 with the right certificate;
    /// `nth` and `times` count connections.
    #[schemars(example = "- handshake: { device: maria, how: stalled }")]
    Handshake(Handshake),
    /// The server gets another certificate, for its `first` (default), `backup` or an `unknown` `key`, in the `name`
    /// of another host, or one that `lasts` so long; connections that are open stay.
    #[schemars(example = "- certificate: { lasts: 2h }")]
    Certificate(NewCertificate),
    /// Somebody tries the server in the device's place with a client that speaks TLS 1.2 at most; it must get
    /// nothing.
    #[schemars(example = "- old-client: maria")]
    OldClient(String),
}
