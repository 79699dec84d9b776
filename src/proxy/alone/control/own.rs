//! Our part of the API: links, HTTP faults, schedules and the state of it all, under `/deadzone/v1`. Its words are those
//! of the scenario files.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::refusal::{Body, Refusal};
use crate::history::LinkState;
use crate::net::{PROFILES, profile};
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
        .route("/proxies/{proxy}/faults/{id}", delete(disarm))
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

/// A link, or its state, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    profile: Option<String>,
    state: Option<LinkState>,
}

async fn show_link(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(link(&*gates.get(&name)?).await))
}

async fn set_link(
    State(gates): App,
    Path(name): Path<String>,
    Body(asked): Body<Link>,
) -> Result<Json<Value>, Refusal> {
    let gate = gates.get(&name)?;
    let named = match &asked.profile {
        Some(name) => Some(profile(name).ok_or_else(|| unknown_profile(name))?),
        None if asked.state.is_none() => return Err(Refusal::missing("profile or state")),
        None if gate.manner().link.is_none() => return Err(Refusal::bad_body("there is no link yet: name a profile")),
        None => None,
    };
    if named.is_some() {
        gate.carry_out(&Deed::Link(named), Value::Null);
    }
    if let Some(state) = asked.state {
        gate.carry_out(&Deed::LinkState(state), Value::Null);
    }
    Ok(Json(link(&gate).await))
}

async fn remove_link(State(gates): App, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    gates.get(&name)?.carry_out(&Deed::Link(None), Value::Null);
    Ok(StatusCode::NO_CONTENT)
}

async fn list_faults(State(gates): App, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(faults(&*gates.get(&name)?)))
}

/// A fault is a step of a scenario that arms one.
async fn arm(
    State(gates): App,
    Path(name): Path<String>,
    Body(step): Body<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let gate = gates.get(&name)?;
    let steps = read(&gates, &json!([step]))?;
    let mut armed = Vec::new();
    for Timed { deed, written, .. } in steps {
        match deed {
            Deed::Arm(_) | Deed::Instead(..) => armed.extend(gate.carry_out(&deed, written)),
            Deed::Link(_) | Deed::LinkState(_) => {
                return Err(Refusal::bad_body("this is no fault but a change of the link"));
            }
        }
    }
    Ok((StatusCode::CREATED, Json(json!({ "armed": armed, "faults": faults(&gate) }))))
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
        Ok(_) | Err(_) => Err(Refusal::new(StatusCode::NOT_FOUND, "fault not found")),
    }
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
    gate.begin(steps);
    Ok(Json(gate.schedule()))
}

async fn end_schedule(State(gates): App, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    gates.get(&name)?.end_schedule();
    Ok(StatusCode::NO_CONTENT)
}

fn read(gates: &Gates, steps: &Value) -> Result<Vec<Timed>, Refusal> {
    (gates.ground.read_steps)(steps).map_err(Refusal::bad_body)
}

fn unknown_profile(name: &str) -> Refusal {
    let known: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
    Refusal::bad_body(format!("there is no profile `{name}`; there are {}", known.join(", ")))
}

/// A gate's link: its profile, and what state it is in.
async fn link(gate: &Gate) -> Value {
    let name = Arc::clone(&gate.name);
    let state = gate.ask_home(move |field| field.link(&name).map(|link| link.state())).await;
    json!({ "profile": gate.manner().link, "state": state.flatten() })
}

fn faults(gate: &Gate) -> Value {
    let struck = gate.ground.journal.struck();
    let shown = gate.faults().into_iter().map(
        |(id, written)| json!({ "id": id, "step": written, "struck": struck.get(&id).copied().unwrap_or_default() }),
    );
    shown.collect()
}

async fn describe(gate: &Gate) -> Value {
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
        "inspect": gate.manner().inspected, "link": link(gate).await, "faults": faults(gate),
        "schedule": gate.schedule(), "connections-total": totals.connections, "connections": connections,
    })
}
