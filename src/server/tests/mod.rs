//! A small language for the server's tests: people sign in, push and pull through the router.

mod conflicts;
mod creates;
mod files;
mod hostile;
mod openapi;
mod pages;
mod proofs;
mod random;
mod replays;
mod retention;
mod sealing;
mod stock;
mod tokens;
mod uploads;
mod views;
mod wire;

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Seeded, SeededUser, Server};
use crate::base::{Clock, Seed, WallClock};
use crate::protocol::{
    Changes, DeltaAnswer, ErrorCode, OperationResult, Problem, Profile, PushAnswer, Record, ResultStatus, Tokens,
    ViewDigest, path,
};

/// A server with a few people and a few work orders, and its clock.
struct World {
    server: Server,
    clock: WallClock,
}

impl World {
    /// Maria and Jonas work at S1, Jonas at S2 too; the office looks after S1, the chief after all sites.
    fn new() -> Self {
        Self::with(vec![
            order("WO-000001", json!({ "assignedTo": "maria" })),
            order("WO-000002", json!({ "assignedTo": "maria", "assetId": "A-2" })),
            order("WO-000003", json!({ "assignedTo": "jonas", "siteId": "S2" })),
        ])
    }

    fn with(work_orders: Vec<Record>) -> Self {
        Self::sealing(work_orders, &[])
    }

    fn sealing(work_orders: Vec<Record>, sealed: &[&str]) -> Self {
        let clock = WallClock::new(Clock::simulated(), 0);
        let seeded = Seeded {
            users: vec![
                user("maria", "technician", &["S1"]),
                user("jonas", "technician", &["S1", "S2"]),
                user("office", "supervisor", &["S1"]),
                user("chief", "supervisor", &[]),
                user("audit", "auditor", &[]),
            ],
            work_orders,
            assets: vec![
                record(json!({ "assetId": "A-1", "siteId": "S1", "status": "running" })),
                record(json!({ "assetId": "A-2", "siteId": "S2", "status": "failed" })),
            ],
            inventory: vec![
                record(json!({ "partId": "P-1", "siteId": "S1", "quantityAvailable": 4, "unit": "pc", "price": 9 })),
                record(json!({ "partId": "P-2", "siteId": "S2", "quantityAvailable": 5, "unit": "m" })),
            ],
            sealed: sealed.iter().map(|field| (*field).to_owned()).collect(),
        };
        let server = Server::new(clock.clone(), Seed(1).stream("server"), seeded).unwrap();
        Self { server, clock }
    }

    async fn sign_in(&self, user: &str, device: &str) -> Device {
        let body = json!({ "userId": user, "password": format!("{user}'s"), "deviceId": device });
        let tokens: Tokens = self.call(Method::POST, path::SIGN_IN, None, Some(&body)).await.ok();
        Device { server: self.server.clone(), user: user.to_owned(), tokens, cursor: None, fresh: 0 }
    }

    async fn call(&self, method: Method, target: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
        call(&self.server, method, target, token, body).await
    }
}

/// Somebody's device, signed in.
struct Device {
    server: Server,
    user: String,
    tokens: Tokens,
    cursor: Option<String>,
    fresh: u32,
}

impl Device {
    async fn refresh(&mut self) {
        let body = json!({ "refreshToken": self.tokens.refresh_token });
        self.tokens = self.call(Method::POST, path::REFRESH, Some(&body)).await.ok();
    }

    /// One page from where the last one ended.
    async fn page(&mut self, limit: usize) -> DeltaAnswer {
        let from = self.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let target = format!("{}?limit={limit}{from}", path::DELTA);
        let answer: DeltaAnswer = self.call(Method::GET, &target, None).await.ok();
        self.cursor = Some(answer.next_cursor.clone());
        answer
    }

    /// All pages, of `limit` rows each, laid together.
    async fn pull_by(&mut self, limit: usize) -> Changes {
        let mut all = Changes::default();
        loop {
            let page = self.page(limit).await;
            all.work_orders.extend(page.changes.work_orders);
            all.assets.extend(page.changes.assets);
            all.inventory.extend(page.changes.inventory);
            all.deleted_ids.work_orders.extend(page.changes.deleted_ids.work_orders);
            all.removed.work_orders.extend(page.changes.removed.work_orders);
            all.removed.assets.extend(page.changes.removed.assets);
            if !page.has_more {
                return all;
            }
        }
    }

    async fn pull(&mut self) -> Changes {
        self.pull_by(1000).await
    }

    /// The work order `id` as a fresh snapshot has it.
    async fn look(&self, id: &str) -> Option<Record> {
        let mut fresh = Self {
            server: self.server.clone(),
            user: String::new(),
            cursor: None,
            fresh: 0,
            tokens: self.tokens.clone(),
        };
        fresh.pull().await.work_orders.into_iter().find(|record| record["workOrderId"] == id)
    }

    async fn push(&self, operations: Value) -> Vec<OperationResult> {
        let answer: PushAnswer =
            self.call(Method::POST, path::PUSH, Some(&json!({ "operations": operations }))).await.ok();
        answer.results
    }

    async fn push_one(&self, operation: Value) -> OperationResult {
        self.push(json!([operation])).await.remove(0)
    }

    async fn update(&mut self, id: &str, version: i64, fields: Value) -> OperationResult {
        let operation = self.operation("update", id, version, fields);
        self.push_one(operation).await
    }

    async fn delete(&mut self, id: &str, version: i64) -> OperationResult {
        let operation = self.operation("delete", id, version, json!({}));
        self.push_one(operation).await
    }

    async fn create(&mut self, local_id: &str, fields: Value) -> OperationResult {
        let operation = self.creation(local_id, fields);
        self.push_one(operation).await
    }

    fn operation(&mut self, kind: &str, id: &str, version: i64, mut fields: Value) -> Value {
        fields["_version"] = version.into();
        json!({ "queueId": self.queue_id(), "entityType": "work-order", "entityId": id, "operation": kind,
            "payload": fields })
    }

    fn creation(&mut self, local_id: &str, fields: Value) -> Value {
        let mut payload =
            json!({ "siteId": "S1", "type": "corrective", "title": "Leak", "priority": "low", "status": "assigned" });
        payload.as_object_mut().unwrap().extend(record(fields));
        payload["_localId"] = local_id.into();
        json!({ "queueId": self.queue_id(), "entityType": "work-order", "entityId": format!("tmp-{local_id}"),
            "operation": "create", "payload": payload })
    }

    fn queue_id(&mut self) -> String {
        self.fresh += 1;
        format!("{}-{}", self.user, self.fresh)
    }

    async fn call(&self, method: Method, target: &str, body: Option<&Value>) -> Reply {
        call(&self.server, method, target, Some(&self.tokens.access_token), body).await
    }
}

/// An answer, read to its end.
struct Reply {
    status: StatusCode,
    content_type: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// A header's value; empty when it is not there.
    fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    fn ok<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.content_type, "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem document that it must be.
    fn problem(&self) -> Problem {
        assert_eq!(self.content_type, "application/problem+json");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }
}

async fn call(server: &Server, method: Method, target: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
    let mut request = Request::builder().method(method).uri(target);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = match body {
        Some(json) => Body::from(json.to_string()),
        None => Body::empty(),
    };
    send(server, request.header("content-type", "application/json").body(body).unwrap()).await
}

async fn send(server: &Server, request: Request<Body>) -> Reply {
    let response = server.router().oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    let content_type = headers.get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    Reply { status, content_type, headers, body }
}

/// A work order of S1 on asset A-1, with `fields` laid over it.
fn order(id: &str, fields: Value) -> Record {
    let mut order = record(json!({
        "workOrderId": id, "siteId": "S1", "assetId": "A-1", "type": "inspection", "title": "Check", "priority": "low",
        "status": "assigned", "tasks": [{ "taskId": "T1", "status": "pending", "note": null }], "_version": 1
    }));
    order.extend(record(fields));
    order
}

fn user(id: &str, role: &str, sites: &[&str]) -> SeededUser {
    let profile = Profile {
        user_id: id.into(),
        email: format!("{id}@example.org"),
        first_name: id.into(),
        last_name: "Test".into(),
        role: role.into(),
        skills: Vec::new(),
        site_ids: sites.iter().map(|site| (*site).to_owned()).collect(),
    };
    SeededUser { profile, password: format!("{id}'s"), authenticators: Vec::new() }
}

fn record(json: Value) -> Record {
    json.as_object().unwrap().clone()
}

fn ids(records: &[Record]) -> Vec<&str> {
    let id =
        |record: &'_ Record| ["workOrderId", "assetId", "partId"].iter().find_map(|key| record.get(*key)).is_some();
    assert!(records.iter().all(id));
    let text = |record| ["workOrderId", "assetId", "partId"].iter().find_map(|key| Record::get(record, *key)?.as_str());
    records.iter().filter_map(text).collect()
}

fn code(result: &OperationResult) -> ErrorCode {
    assert_eq!(result.status, ResultStatus::Error, "{result:?}");
    result.error.as_ref().unwrap().code
}

async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
