//! Sealed fields (spec 8.3, optional; addition): which they are, and to whose keys they are sealed. What is in them the
//! server never learns: it takes envelopes, gives them out, and refuses anything else.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use serde_json::Value;

use super::auth::Caller;
use super::http::{Shared, caller};
use super::openapi::Endpoint;
use super::refusal::Refusal;
use super::role::{Role, oversees};
use super::seed::SetupError;
use super::store::Store;
use super::view;
use super::wire::{Answer, read_json};
use crate::protocol::{
    Envelope, MAX_INFLATED_BODY, Recipient, RecipientsAnswer, RecipientsQuery, Record, SEALABLE, SealingKey,
    SealingKeyRequest, path,
};

type App = State<Arc<Shared>>;

/// The fields of work orders that are taken sealed alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Sealed(Vec<String>);

impl Sealed {
    /// These, each of which must be one that can be.
    pub(super) fn new(fields: Vec<String>) -> Result<Self, SetupError> {
        match fields.iter().find(|field| !SEALABLE.contains(&field.as_str())) {
            Some(field) => Err(SetupError::Record(format!("`{field}` is no field that can be sealed"))),
            None => Ok(Self(fields)),
        }
    }

    /// As sign-ins announce them.
    pub(super) fn fields(&self) -> Vec<String> {
        self.0.clone()
    }

    /// Whether `field` is one.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|sealed| sealed == field)
    }

    /// Whether every sealed field of `payload` comes in an envelope, or empty.
    pub(super) fn check(&self, payload: &Record) -> Result<(), String> {
        let open = |field: &&String| {
            payload.get(*field).is_some_and(|value| *value != Value::Null && Envelope::of(value).is_none())
        };
        match self.0.iter().find(open) {
            Some(field) => {
                Err(format!("`{field}` must come sealed: the server takes no text in it that it could read"))
            }
            None => Ok(()),
        }
    }
}

/// The endpoints, and who answers.
pub(super) fn routes() -> Vec<(Endpoint, MethodRouter<Arc<Shared>>)> {
    let key_at = Endpoint::post::<SealingKeyRequest, SealingKeyRequest>(
        path::SEALING_KEY,
        "sealingKey",
        "Register the key of the device to which fields are sealed.",
    );
    let recipients_at = Endpoint::get::<RecipientsAnswer>(
        path::RECIPIENTS,
        "recipients",
        "The devices to which a field of a work order is to be sealed.",
    );
    vec![
        (key_at.addition(), post(register)),
        (recipients_at.addition().query::<RecipientsQuery>().problems(&[403]), get(recipients)),
    ]
}

async fn register(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let registered = async {
        let caller = caller(&shared, request.headers())?;
        let request: SealingKeyRequest = read_json(request, MAX_INFLATED_BODY).await?;
        keep(&shared.store(), &caller, &request)?;
        Ok(request)
    };
    answer.with::<SealingKeyRequest>(registered.await)
}

async fn recipients(State(shared): App, uri: Uri, headers: HeaderMap) -> Response {
    let found = || {
        let caller = caller(&shared, &headers)?;
        let query =
            Query::<RecipientsQuery>::try_from_uri(&uri).map_err(|error| Refusal::malformed(error.body_text()))?;
        find(&shared.store(), &caller, &query.0)
    };
    Answer::to(&headers).with::<RecipientsAnswer>(found())
}

fn keep(store: &Store, caller: &Caller, request: &SealingKeyRequest) -> Result<(), Refusal> {
    if SealingKey::parse(&request.public_key).is_none() {
        return Err(Refusal::malformed("publicKey is no X25519 key in base64url"));
    }
    let sql = "INSERT OR REPLACE INTO sealing_keys (user, device, public_key) VALUES (?1, ?2, ?3)";
    store.connection.prepare_cached(sql)?.execute([caller.user(), &caller.device, &request.public_key])?;
    Ok(())
}

/// Devices whose sessions have all been ended, such as a lost one, are none any more.
fn find(store: &Store, caller: &Caller, query: &RecipientsQuery) -> Result<RecipientsAnswer, Refusal> {
    let db = &*store.connection;
    let mut users = BTreeSet::from([caller.user().to_owned()]);
    if let Some(order) = &query.order {
        if !view::sees(db, caller.user(), order)? {
            return Err(Refusal::denied(format!("work order {order} is not yours")));
        }
        for profile in store.users.profiles() {
            if view::sees(db, &profile.user_id, order)? {
                users.insert(profile.user_id.clone());
            }
        }
    }
    if let Some(site) = &query.site_id {
        let over = store.users.profiles().filter(|profile| match Role::of(profile) {
            Role::Auditor => true,
            Role::Supervisor => oversees(profile, Some(site)),
            Role::Technician => false,
        });
        users.extend(over.map(|profile| profile.user_id.clone()));
    }
    users.extend(query.assigned_to.clone());
    let mut recipients = Vec::new();
    let mut statement = db.prepare_cached(
        "SELECT device, public_key FROM sealing_keys k WHERE user = ?1 AND EXISTS
           (SELECT 1 FROM sessions s WHERE s.user = k.user AND s.device = k.device AND NOT s.revoked) ORDER BY device",
    )?;
    for user_id in users {
        let rows = statement.query_map([&user_id], |row| {
            Ok(Recipient { user_id: user_id.clone(), device_id: row.get(0)?, public_key: row.get(1)? })
        })?;
        for row in rows {
            recipients.push(row?);
        }
    }
    Ok(RecipientsAnswer { recipients })
}
