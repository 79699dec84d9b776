//! Our part of the API: links, HTTP faults, schedules and the state of it all, under `/deadzone/v1`. Its words are those
//! of the scenario files.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::refusal::{Body, Refusal};
use crate::history::LinkState;
use crate::net::PROFILES;
use crate::proxy::alone::deed::{Deed, Timed, millis};
use crate::proxy::alone::gate::Gate;
use crate::proxy::alone::gates::Gates;

/// All routes, without what they share.
pub(super) fn routes() -> Router<Arc<Gates>> {
    let routes = Router::new()
        .route("/state", get(state))
        .route("/profiles", get(profiles))
        .route("/proxies/{proxy}", get(show).patch(change))
        .route("/proxies/{proxy}/link", get(show_link).put(set_link).delete(remove_link))
        .route("/proxies/{proxy}/faults", get(list_faults).post(arm).delete(clear))
        .route("/proxies/{proxy}/faults/{id}", get(show_fault).put(change_fault).delete(disarm))
        .route("/proxies/{proxy}/schedule", get(show_schedule).put(set_schedule).delete(end_schedule));
    Router::new().nest("/deadzone/v1", routes)
}

async fn state(State(gates): App) -> Json<Value> {
    let ground = &gates.ground;
    let mut shown = Vec::new();
    for gate in gates.all() {
        shown.push(describe(&gate).await);
    }
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"), "seed": ground.seed.0,
        "up_ms": millis(ground.clock.elapsed()), "proxies": shown,
    }))
}

async fn profiles() -> Json<Value> {
    let shown = PROFILES.iter().map(|profile| {
        json!({
            "name": profile.name, "down": profile.down, "up": profile.up, "delay-down": profile.delay_down,
            "delay-up": profile.delay_up, "source": profile.source,
        })
    });
    Json(shown.collect())
}

async fn show(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    Ok(Json(describe(&gate).await))
}

/// What can be changed of a gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    inspect: bool,
}

async fn change(
    State(gates): App,
    Path(name): Path<String>,
    Body(change): Body<Change>,
) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    gate.set_inspected(change.inspect);
    Ok(Json(describe(&gate).await))
}

async fn show_link(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(link(&*gates.get(&name)?).await))
}

/// A link by its profile or its numbers, or its state, or both.
async fn set_link(
    State(gates): App,
    Path(name): Path<String>,
    Body(mut asked): Body<Map<String, Value>>,
) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    let state: Option<LinkState> = match asked.remove("state") {
        Some(state) => Some(serde_json::from_value(state).map_err(Refusal::bad_body)?),
        None => None,
    };
    let named = asked.remove("profile");
    let written = match (named, asked.is_empty()) {
        (Some(name), true) => Some(name),
        (Some(_), false) => return Err(Refusal::bad_body("a link has a `profile`, or numbers of its own, not both")),
        (None, false) => Some(Value::Object(asked)),
        (None, true) if state.is_none() => return Err(Refusal::missing("profile, or down and up, or state")),
        (None, true) => None,
    };
    match written {
        Some(written) => gate.set_link(Some((gates.ground.words.link)(&written).map_err(Refusal::bad_body)?)),
        None => must_have_link(&gate)?,
    }
    if let Some(state) = state {
        gate.set_link_state(state);
    }
    Ok(Json(link(&gate).await))
}

fn must_have_link(gate: &Gate) -> Result<(), Refusal> {
    match gate.manner().link {
        Some(_) => Ok(()),
        None => Err(Refusal::bad_body("there is no link yet: put one first, for example {\"profile\": \"perfect\"}")),
    }
}

async fn remove_link(State(gates): App, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    gates.get(&name)?.set_link(None);
    Ok(StatusCode::NO_CONTENT)
}

async fn list_faults(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(faults(&gates.get(&name)?).await))
}

/// A fault is a step of a scenario that arms one.
async fn arm(
    State(gates): App,
    Path(name): Path<String>,
    Body(step): Body<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let gate = gates.get(&name)?;
    let step = fault_step(&gates, step)?;
    let armed = gate.carry_out(&step);
    Ok((StatusCode::CREATED, Json(json!({ "armed": armed, "faults": faults(&gate).await }))))
}

/// The one step that a body holds, if faults are all that it is about.
fn fault_step(gates: &Gates, step: Value) -> Result<Timed, Refusal> {
    let mut steps = read(gates, &json!([step]))?;
    let step = steps.pop().ok_or_else(|| Refusal::bad_body("a `wait` arms no fault; a schedule has them"))?;
    match step.deeds.iter().find(|deed| !matches!(deed, Deed::Arm(_) | Deed::Instead(..) | Deed::Show(_))) {
        None => Ok(step),
        Some(_) => Err(Refusal::bad_body(format!("`{}` is no fault but a change of the link", step.text))),
    }
}

async fn show_fault(State(gates): App, Path((name, id)): Path<(String, String)>) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    one_fault(&gate, id.parse().unwrap_or_default()).await.map(Json)
}

/// Another fault takes its place and its number.
async fn change_fault(
    State(gates): App,
    Path((name, id)): Path<(String, String)>,
    Body(step): Body<Value>,
) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    let step = fault_step(&gates, step)?;
    let arming = match step.deeds.as_slice() {
        [Deed::Arm(arming)] => arming,
        _ => return Err(Refusal::bad_body("a fault that stays is put in place by POST, and takes the other's place")),
    };
    let id = id.parse().unwrap_or_default();
    // What has struck until now counts for the one before.
    gate.faults_left().await;
    if !gate.rearm(id, arming, &step) {
        return Err(no_fault());
    }
    one_fault(&gate, id).await.map(Json)
}

async fn clear(State(gates): App, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    let gate = gates.get(&name)?;
    for id in gate.faults().into_keys() {
        gate.disarm(id);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn disarm(State(gates): App, Path((name, id)): Path<(String, String)>) -> Result<StatusCode, Refusal> {
    let gate = gates.get(&name)?;
    match id.parse() {
        Ok(id) if gate.disarm(id) => Ok(StatusCode::NO_CONTENT),
        Ok(_) | Err(_) => Err(no_fault()),
    }
}

fn no_fault() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "fault not found")
}

async fn show_schedule(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(gates.get(&name)?.schedule()))
}

async fn set_schedule(
    State(gates): App,
    Path(name): Path<String>,
    Body(steps): Body<Value>,
) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    let steps = read(&gates, &steps)?;
    let mut deeds = steps.iter().flat_map(|step| &step.deeds);
    let first = deeds.find(|deed| deed.needs_link() || matches!(deed, Deed::Link(_)));
    if first.is_some_and(Deed::needs_link) {
        must_have_link(&gate)?;
    }
    gate.begin(steps);
    Ok(Json(gate.schedule()))
}

async fn end_schedule(State(gates): App, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    gates.get(&name)?.end_schedule();
    Ok(StatusCode::NO_CONTENT)
}

fn read(gates: &Gates, steps: &Value) -> Result<Vec<Timed>, Refusal> {
    let steps = (gates.ground.words.steps)(steps).map_err(Refusal::bad_body)?;
    if gates.ground.secure.faces.is_some() {
        return Ok(steps);
    }
    steps.into_iter().map(|step| step.without_tls().map_err(Refusal::bad_body)).collect()
}

/// A gate's link: its profile or its numbers, and what state it is in.
async fn link(gate: &Gate) -> Value {
    let name = Arc::clone(&gate.name);
    let state = gate.ask_home(move |field| field.link(&name).map(|link| link.state())).await;
    match gate.manner().link {
        Some(numbers @ Value::Object(_)) => json!({ "own": numbers, "state": state.flatten() }),
        named => json!({ "profile": named, "state": state.flatten() }),
    }
}

async fn faults(gate: &Arc<Gate>) -> Value {
    let left = gate.faults_left().await;
    let struck = gate.ground.journal.struck();
    let shown = gate.faults().into_iter().map(|(id, known)| {
        json!({
            "id": id, "does": known.text, "step": known.written,
            "struck": struck.get(&id).copied().unwrap_or_default(),
            "left": match left.get(&id) { Some(&u32::MAX) => Value::Null, left => json!(left.copied().unwrap_or_default()) },
        })
    });
    shown.collect()
}

async fn one_fault(gate: &Arc<Gate>, id: u64) -> Result<Value, Refusal> {
    let Value::Array(all) = faults(gate).await else { return Err(no_fault()) };
    all.into_iter().find(|fault| fault["id"] == id).ok_or_else(no_fault)
}

async fn describe(gate: &Arc<Gate>) -> Value {
    let (now, totals) = (gate.ground.clock.elapsed(), gate.totals());
    let connections: Vec<Value> = gate.connections().iter().map(|connection| {
        let [from_client, to_server, from_server, to_client] = connection.bytes();
        json!({
            "id": connection.number, "client": connection.peer.to_string(),
            "open_ms": millis(now.saturating_sub(connection.since)),
            "bytes": { "from-client": from_client, "to-server": to_server, "from-server": from_server, "to-client": to_client },
        })
    }).collect();
    json!({
        "name": *gate.name, "listen": gate.listen(), "upstream": gate.upstream(), "enabled": gate.is_open(),
        "inspect": gate.manner().inspected, "link": link(gate).await, "faults": faults(gate).await,
        "schedule": gate.schedule(), "connections-total": totals.connections, "connections": connections,
    })
}
