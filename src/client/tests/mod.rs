//! A small language for stories about one engine: a wire whose answers are scripted, and virtual time.

mod bandwidth;
mod conflicts;
mod crash;
mod files;
mod pull;
mod push;
mod schedule;
mod sealing;
mod session;
mod tables;
mod upgrade;
mod whole;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::store::meta;
use super::{
    EditRequest, Engine, EngineError, KeyCost, MemoryKeychain, Parts, Request, Response, Settings, Transport,
    TransportError,
};
use crate::base::{Clock, Seed, WallClock};
use crate::disk::{SimDisk, Storage};
use crate::history::{DeviceEvent, OperationRecord, QueueStatus, SyncOutcome};
use crate::protocol::{Problem, Record, path};

pub(super) const RTT: Duration = Duration::from_millis(100);

/// What the wire does with the next request of a kind.
pub(super) enum Reply {
    /// An agreeable server's answer.
    Agree,
    /// That answer, 200.
    Json(Value),
    /// That answer under an entity tag and with `Cache-Control`, 200.
    Tagged(&'static str, &'static str, Value),
    /// What is known under that entity tag is still so, 304.
    Same(&'static str),
    /// A problem document of the server.
    Problem(u16, &'static str),
    /// The same with `Retry-After`, in seconds.
    Busy(u16, &'static str, u64),
    /// Somebody else's page.
    Page(u16, &'static str),
    /// The server does its work, and the answer is lost.
    Lost,
    /// Something happens while the request is out, then that.
    During(Box<dyn FnOnce()>, Box<Reply>),
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) target: String,
    pub(super) json: Value,
    pub(super) bearer: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) wire_bytes: usize,
}

/// A transport with a script for each path; what is not scripted, an agreeable server answers.
#[derive(Default)]
pub(super) struct Wire {
    script: RefCell<BTreeMap<&'static str, VecDeque<Reply>>>,
    pub(super) sent: RefCell<Vec<Sent>>,
    versions: RefCell<BTreeMap<String, i64>>,
    out: Cell<u32>,
    tokens: Cell<u32>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// The next request to `path` gets `reply`.
    pub(super) fn next(&self, path: &'static str, reply: Reply) {
        self.script.borrow_mut().entry(path).or_default().push_back(reply);
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.sent.borrow().iter().filter(|sent| sent.target.starts_with(path)).count()
    }

    /// The batches pushed so far, as lists of operations.
    pub(super) fn pushes(&self) -> Vec<Vec<Value>> {
        let sent = self.sent.borrow();
        let pushes = sent.iter().filter(|sent| sent.target == path::PUSH);
        pushes.map(|sent| sent.json["operations"].as_array().unwrap().clone()).collect()
    }

    /// Whoever waited for an answer is gone.
    pub(super) fn forget_what_is_out(&self) {
        self.out.set(0);
    }

    pub(super) fn last(&self) -> Sent {
        self.sent.borrow().last().unwrap().clone()
    }

    fn agree(&self, sent: &Sent) -> Value {
        match sent.target.split('?').next().unwrap() {
            path::SIGN_IN | path::REFRESH => {
                self.tokens.set(self.tokens.get() + 1);
                let n = self.tokens.get();
                json!({"accessToken": format!("access-{n}"), "refreshToken": format!("refresh-{n}"), "expiresIn": 900})
            }
            path::PROFILE => json!({"userId": "maria", "email": "m@x", "firstName": "M", "lastName": "S",
                "role": "technician", "skills": [], "siteIds": ["S1"]}),
            path::PUSH => {
                let operations = sent.json["operations"].as_array().unwrap();
                json!({"results": operations.iter().map(|it| self.success(it)).collect::<Vec<_>>()})
            }
            _ => page("c1", false, json!({})),
        }
    }

    /// Success, one version further; a created record becomes `WO-9` and the end of its temporary id.
    pub(super) fn success(&self, operation: &Value) -> Value {
        let id = operation["entityId"].as_str().unwrap();
        let mut versions = self.versions.borrow_mut();
        let version = versions.entry(id.to_owned()).or_insert(i64::from(operation["operation"] != "create"));
        *version += 1;
        let mut result = json!({"queueId": operation["queueId"], "status": "success", "newVersion": *version});
        if id.starts_with("tmp-") {
            result["entityId"] = format!("WO-9{}", &id[id.len() - 5..]).into();
        }
        result
    }

    fn answer(&self, reply: Reply, sent: &Sent) -> Result<Response, TransportError> {
        let json_200 = |value: &Value| response(200, "application/json", value.to_string());
        match reply {
            Reply::Agree => Ok(json_200(&self.agree(sent))),
            Reply::Json(value) => Ok(json_200(&value)),
            Reply::Tagged(tag, cache, value) => {
                let headers =
                    [("etag", tag), ("cache-control", cache)].map(|(name, it)| (name.to_owned(), it.to_owned()));
                Ok(Response { headers: headers.into(), ..json_200(&value) })
            }
            Reply::Same(tag) => {
                let headers = [("etag".to_owned(), tag.to_owned())].into();
                Ok(Response { status: 304, headers, ..Response::default() })
            }
            Reply::Problem(status, code) => Ok(problem(status, code)),
            Reply::Busy(status, code, after) => Ok(Response { retry_after: Some(after), ..problem(status, code) }),
            Reply::Page(status, content_type) => Ok(response(status, content_type, "<html>".into())),
            Reply::Lost => {
                let _ = self.agree(sent);
                Err(TransportError { surely_not_sent: false, detail: "no answer for 30 s".into() })
            }
            Reply::During(what, then) => {
                what();
                self.answer(*then, sent)
            }
        }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let wire_bytes = request.target.len() + request.body.as_ref().map_or(0, Vec::len);
            let json = request.body.as_ref().map_or(Value::Null, |body| inflate(body, request.gzip));
            let known = request.headers.iter().find(|(name, _)| *name == "if-none-match");
            let if_none_match = known.map(|(_, tag)| tag.clone());
            let sent = Sent { target: request.target, json, bearer: request.bearer, if_none_match, wire_bytes };
            self.sent.borrow_mut().push(sent.clone());
            self.out.set(self.out.get() + 1);
            assert_eq!(self.out.get(), 1, "two requests at once");
            sleep(RTT).await;
            self.out.set(self.out.get() - 1);
            let path = sent.target.split('?').next().unwrap_or_default();
            let reply = self.script.borrow_mut().get_mut(path).and_then(VecDeque::pop_front);
            self.answer(reply.unwrap_or(Reply::Agree), &sent)
        })
    }
}

fn inflate(body: &[u8], gzip: bool) -> Value {
    if gzip {
        serde_json::from_reader(flate2::read::GzDecoder::new(body)).unwrap()
    } else {
        serde_json::from_slice(body).unwrap()
    }
}

fn response(status: u16, content_type: &str, body: String) -> Response {
    Response { status, content_type: content_type.into(), body: body.into_bytes(), ..Response::default() }
}

fn problem(status: u16, code: &str) -> Response {
    let body = json!({"type": "about:blank", "title": "t", "status": status, "code": code, "detail": "as scripted"});
    response(status, Problem::MEDIA_TYPE, body.to_string())
}

/// A page of a pull.
pub(super) fn page(cursor: &str, has_more: bool, changes: Value) -> Value {
    json!({"syncTimestamp": "2025-11-08T06:00:00.000Z", "nextCursor": cursor, "hasMore": has_more, "changes": changes})
}

/// A whole work order.
pub(super) fn order(id: &str, version: i64) -> Value {
    json!({"workOrderId": id, "siteId": "S1", "type": "repair", "title": "Pump", "priority": "high",
        "status": "assigned", "assignedTo": "maria", "updatedAt": "2025-11-08T05:00:00.000Z", "_version": version})
}

pub(super) fn record(value: Value) -> Record {
    value.as_object().unwrap().clone()
}

/// One device.
pub(super) struct Device {
    pub(super) engine: Rc<Engine>,
    pub(super) wire: Rc<Wire>,
    pub(super) keychain: MemoryKeychain,
    pub(super) events: Rc<RefCell<Vec<DeviceEvent>>>,
    pub(super) folder: Folder,
}

/// A directory that goes with its owner.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn fresh() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("deadzone-client-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

static FOLDERS: AtomicU64 = AtomicU64::new(0);

impl Device {
    /// Freshly installed: no user, no rows.
    pub(super) fn fresh() -> Self {
        let folder = Folder::fresh();
        let (wire, keychain) = (Rc::new(Wire::default()), MemoryKeychain::default());
        let events = Rc::<RefCell<Vec<DeviceEvent>>>::default();
        let engine = open(&folder.0, &wire, &keychain, &events, 1);
        Self { engine, wire, keychain, events, folder }
    }

    /// On a simulated disk, whatever is on it.
    pub(super) fn on(disk: &SimDisk, keychain: &MemoryKeychain) -> Result<Self, EngineError> {
        let wire = Rc::new(Wire::default());
        let events = Rc::<RefCell<Vec<DeviceEvent>>>::default();
        let engine = try_open(&Storage::Simulated(disk.clone()), &wire, keychain, &events, 1)?;
        Ok(Self { engine, wire, keychain: keychain.clone(), events, folder: Folder::fresh() })
    }

    /// Signed in, with work orders `WO-1` to `WO-3` at version 1.
    pub(super) async fn ready() -> Self {
        Self::fresh().signed_in().await
    }

    /// See [`Device::ready`].
    pub(super) async fn signed_in(self) -> Self {
        let device = self;
        device.engine.sign_in("maria", "secret", None).await.unwrap();
        let orders = json!({"workOrders": [order("WO-1", 1), order("WO-2", 1), order("WO-3", 1)]});
        device.wire.next(path::DELTA, Reply::Json(page("c1", false, orders)));
        assert_eq!(device.sync().await, SyncOutcome::Done);
        device.wire.sent.borrow_mut().clear();
        device.events.borrow_mut().clear();
        device
    }

    /// The process dies and starts again on what is on the disk.
    pub(super) fn restart(self) -> Self {
        let Self { engine, wire, keychain, events, folder } = self;
        assert_eq!(Rc::strong_count(&engine), 1, "somebody still holds the engine");
        drop(engine);
        wire.forget_what_is_out();
        let engine = open(&folder.0, &wire, &keychain, &events, 2);
        Self { engine, wire, keychain, events, folder }
    }

    pub(super) async fn sync(&self) -> SyncOutcome {
        self.engine.refresh().await
    }

    pub(super) fn edit(&self, id: &str, set: Value) -> OperationRecord {
        self.engine.edit(EditRequest { id: id.into(), set: record(set) }).unwrap()
    }

    /// A reply during which `what` is done to the engine.
    pub(super) fn during(&self, what: impl FnOnce(&Engine) + 'static, then: Reply) -> Reply {
        let engine = Rc::downgrade(&self.engine);
        Reply::During(Box::new(move || what(&engine.upgrade().unwrap())), Box::new(then))
    }

    /// The background loop runs for so long.
    pub(super) async fn live(&self, how_long: Duration) {
        tokio::select! {
            biased;
            () = Rc::clone(&self.engine).run() => {}
            () = sleep(how_long) => {}
        }
    }

    /// A field that the user sees.
    pub(super) fn shows(&self, id: &str, field: &str) -> Value {
        let state = self.engine.state().unwrap();
        state.work_orders.get(id).and_then(|row| row.get(field)).cloned().unwrap_or(Value::Null)
    }

    /// Ids of the queue with where they stand.
    pub(super) fn queue(&self) -> Vec<(String, QueueStatus)> {
        self.engine.state().unwrap().queue.into_iter().map(|row| (row.queue_id, row.status)).collect()
    }

    pub(super) fn cursor(&self) -> Option<String> {
        meta::get(self.engine.store.read(), meta::CURSOR).unwrap()
    }

    /// Waits of the backoff so far, in milliseconds.
    pub(super) fn waits(&self) -> Vec<u64> {
        let events = self.events.borrow();
        let wait =
            |event: &DeviceEvent| if let DeviceEvent::Backoff { wait_ms, .. } = event { Some(*wait_ms) } else { None };
        events.iter().filter_map(wait).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let left: usize = self.script.borrow().values().map(VecDeque::len).sum();
            assert_eq!(left, 0, "scripted replies that nothing asked for");
        }
    }
}

fn open(
    folder: &std::path::Path,
    wire: &Rc<Wire>,
    keychain: &MemoryKeychain,
    events: &Rc<RefCell<Vec<DeviceEvent>>>,
    run: u64,
) -> Rc<Engine> {
    try_open(&Storage::Directory(folder.to_owned()), wire, keychain, events, run).unwrap()
}

fn try_open(
    storage: &Storage,
    wire: &Rc<Wire>,
    keychain: &MemoryKeychain,
    events: &Rc<RefCell<Vec<DeviceEvent>>>,
    run: u64,
) -> Result<Rc<Engine>, EngineError> {
    let told = Rc::clone(events);
    let parts = Parts {
        transport: Rc::clone(wire) as Rc<dyn Transport>,
        keychain: Rc::new(keychain.clone()),
        clock: WallClock::new(Clock::simulated(), 0),
        random: Seed(run).stream("device"),
        observer: Rc::new(move |event| told.borrow_mut().push(event)),
        settings: Settings { jitter: false, page_limit: 50, key_cost: KeyCost::CHEAPEST, ..Settings::default() },
        online: true,
    };
    Engine::open(storage, parts)
}
