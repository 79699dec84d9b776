//! Toxiproxy's part of the API, as of its version 2.12: the same routes, statuses and words.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::refusal::{Body, Refusal};
use crate::proxy::alone::gate::Gate;
use crate::proxy::alone::gates::{GateError, Gates};
use crate::proxy::alone::toxic::{Description, Toxic};

/// The version whose API this is.
const VERSION: &str = "2.12.0";

/// A proxy as a request describes it; what is absent keeps its value, or gets its default.
#[derive(Debug, Default, Deserialize)]
struct Proxy {
    #[serde(default)]
    name: String,
    listen: Option<String>,
    upstream: Option<String>,
    enabled: Option<bool>,
}

/// All routes, without what they share.
pub(super) fn routes() -> Router<Arc<Gates>> {
    Router::new()
        .route("/proxies", get(list).post(create))
        .route("/populate", post(populate))
        .route("/reset", post(reset))
        .route("/version", get(version))
        .route("/proxies/{proxy}", changed_by(update).get(show).delete(delete))
        .route("/proxies/{proxy}/toxics", get(toxics).post(add_toxic))
        .route("/proxies/{proxy}/toxics/{toxic}", changed_by(change_toxic).get(show_toxic).delete(remove_toxic))
}

/// PATCH, and POST as it was before.
fn changed_by<H, T>(handler: H) -> MethodRouter<Arc<Gates>>
where
    H: axum::handler::Handler<T, Arc<Gates>>,
    T: 'static,
{
    post(handler.clone()).patch(handler)
}

async fn version() -> Json<Value> {
    Json(json!({ "version": VERSION }))
}

async fn list(State(gates): App) -> Json<Value> {
    let shown: Map<String, Value> = gates.all().iter().map(|gate| (gate.name.to_string(), shown(gate))).collect();
    Json(Value::Object(shown))
}

async fn create(State(gates): App, Body(proxy): Body<Proxy>) -> Result<(StatusCode, Json<Value>), Refusal> {
    let (listen, upstream) = proxy.ends("")?;
    let gate = gates.create(&proxy.name, listen, upstream, proxy.enabled.unwrap_or(true))?;
    Ok((StatusCode::CREATED, Json(shown(&gate))))
}

async fn populate(State(gates): App, Body(proxies): Body<Vec<Proxy>>) -> Result<(StatusCode, Json<Value>), Refusal> {
    for (index, proxy) in proxies.iter().enumerate() {
        proxy.ends(&format!(" at proxy {}", index + 1))?;
    }
    let mut made = Vec::new();
    for proxy in &proxies {
        let (listen, upstream) = proxy.ends("")?;
        let gate = gates.populate(&proxy.name, listen, upstream, proxy.enabled.unwrap_or(true))?;
        made.push(shown(&gate));
    }
    Ok((StatusCode::CREATED, Json(json!({ "proxies": made }))))
}

async fn reset(State(gates): App) -> Result<StatusCode, Refusal> {
    gates.reset()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn show(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(shown(gates.get(&name)?.as_ref())))
}

async fn update(State(gates): App, Path(name): Path<String>, Body(proxy): Body<Proxy>) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    let (listen, upstream) = (proxy.listen.unwrap_or_else(|| gate.listen()), proxy.upstream);
    let upstream = upstream.unwrap_or_else(|| gate.upstream());
    gate.relocate(&listen, &upstream).map_err(GateError::from)?;
    match proxy.enabled {
        Some(true) => gate.open().map_err(GateError::from)?,
        Some(false) => gate.close(),
        None => {}
    }
    Ok(Json(shown(&gate)))
}

async fn delete(State(gates): App, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    gates.remove(&name)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn toxics(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(gates.get(&name)?.toxics().iter().map(Toxic::to_json).collect()))
}

async fn add_toxic(
    State(gates): App,
    Path(name): Path<String>,
    Body(description): Body<Description>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(gates.add_toxic(&name, description)?.to_json()))
}

async fn show_toxic(State(gates): App, Path((gate, toxic)): Path<(String, String)>) -> Result<Json<Value>, Refusal> {
    Ok(Json(gates.toxic(&gate, &toxic)?.to_json()))
}

async fn change_toxic(
    State(gates): App,
    Path((gate, toxic)): Path<(String, String)>,
    Body(change): Body<Description>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(gates.change_toxic(&gate, &toxic, change)?.to_json()))
}

async fn remove_toxic(State(gates): App, Path((gate, toxic)): Path<(String, String)>) -> Result<StatusCode, Refusal> {
    gates.remove_toxic(&gate, &toxic)?;
    Ok(StatusCode::NO_CONTENT)
}

impl Proxy {
    /// Where it listens and leads, of a proxy to be made; `place` says which one lacks something.
    fn ends(&self, place: &str) -> Result<(&str, &str), Refusal> {
        let upstream = self.upstream.as_deref().unwrap_or_default();
        if self.name.is_empty() {
            return Err(Refusal::missing(&format!("name{place}")));
        }
        if upstream.is_empty() {
            return Err(Refusal::missing(&format!("upstream{place}")));
        }
        Ok((self.listen.as_deref().unwrap_or_default(), upstream))
    }
}

/// A gate as the API shows it.
fn shown(gate: &Gate) -> Value {
    let toxics: Vec<Value> = gate.toxics().iter().map(Toxic::to_json).collect();
    json!({
        "name": *gate.name, "listen": gate.listen(), "upstream": gate.upstream(),
        "enabled": gate.is_open(), "toxics": toxics,
    })
}
