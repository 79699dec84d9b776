//! The routes. Each handler asks who calls before it looks at the body (decision n).

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit;
use super::auth::{self, Caller};
use super::openapi::{self, Endpoint};
use super::record::{self, Kind};
use super::refusal::Refusal;
use super::settings::STATIC_FRESH;
use super::store::Store;
use super::wire::{Answer, read_json};
use super::{attachment, dead_letter, delta, etag, push, sealing, selection, view};
use crate::base::WallClock;
use crate::protocol::{
    ConflictsAnswer, DPOP, DeadLetters, DeadLettersQuery, DeltaAnswer, DeltaQuery, MAX_BATCH_BYTES,
    MAX_BATCH_OPERATIONS, MAX_INFLATED_BODY, NewPasswordRequest, Profile, PushAnswer, PushRequest, Record,
    RefreshRequest, RevokeRequest, Revoked, SelectionAnswer, SelectionRequest, SignInRequest, Tokens, path,
};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    clock: WallClock,
    store: Mutex<Store>,
}

impl Shared {
    /// A store, and the clock that it goes by.
    pub(super) fn new(clock: WallClock, store: Store) -> Self {
        Self { clock, store: Mutex::new(store) }
    }

    /// A transaction that a panic cut short was rolled back, so that the store is whole even then.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

type App = State<Arc<Shared>>;

/// All routes of the API.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let routes = routes().into_iter().fold(Router::new(), |router, (at, handler)| router.route(at.path, handler));
    routes.fallback(unknown_route).method_not_allowed_fallback(wrong_method).with_state(shared)
}

/// The API as a document.
pub(super) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> =
        LazyLock::new(|| openapi::document(routes().iter().map(|(endpoint, _)| endpoint)));
    &DOCUMENT
}

/// Every endpoint: what is said of it, and who answers.
fn routes() -> Vec<(Endpoint, MethodRouter<Arc<Shared>>)> {
    let sign_in_at = Endpoint::post::<SignInRequest, Tokens>(path::SIGN_IN, "signIn", "Sign a user in on a device.");
    let refresh_at =
        Endpoint::post::<RefreshRequest, Tokens>(path::REFRESH, "refresh", "Exchange a refresh token for new tokens.");
    let revoke_at = Endpoint::post::<RevokeRequest, Revoked>(
        path::REVOKE,
        "revoke",
        "End all sessions of a user; for supervisors.",
    );
    let password_at = Endpoint::post::<NewPasswordRequest, Revoked>(
        path::PASSWORD,
        "changePassword",
        "Give a user another password, which ends their sessions; for supervisors.",
    );
    let profile_at = Endpoint::get::<Profile>(path::PROFILE, "profile", "The user's own profile.");
    let asset_at = Endpoint::get::<Record>(path::ASSET, "asset", "The specs of an asset in the user's view.");
    let delta_at =
        Endpoint::get::<DeltaAnswer>(path::DELTA, "delta", "What changed in the user's view since a position.");
    let push_at =
        Endpoint::post::<PushRequest, PushAnswer>(path::PUSH, "push", "Apply queued operations, each with its result.");
    let conflicts_at = Endpoint::get::<ConflictsAnswer>(
        path::CONFLICTS,
        "conflicts",
        "The audit of conflicts: one's own, or all for an auditor.",
    );
    let selection_at = Endpoint::post::<SelectionRequest, SelectionAnswer>(
        path::SELECTION,
        "selection",
        "Pick further work orders to sync, or give them up.",
    );
    let letters_at = Endpoint::get::<DeadLetters>(
        path::DEAD_LETTERS,
        "deadLetters",
        "Updates that came after their order was deleted.",
    );
    let openapi_at = Endpoint::get::<Record>(path::OPENAPI, "openapi", "This document.");
    let mut routes = vec![
        (sign_in_at.addition().open().problems(&[429]), post(sign_in)),
        (refresh_at.addition().open(), post(refresh)),
        (revoke_at.addition().problems(&[403]), post(revoke)),
        (password_at.addition().problems(&[403]), post(change_password)),
        (profile_at.addition().conditional(), get(profile)),
        (asset_at.addition().conditional().problems(&[404]), get(asset)),
        (delta_at.query::<DeltaQuery>().conditional().problems(&[410]), get(pull)),
        (push_at, post(push)),
        (conflicts_at.addition(), get(conflicts)),
        (selection_at.addition().problems(&[403]), post(select)),
        (letters_at.addition().query::<DeadLettersQuery>().problems(&[403]), get(dead_letters)),
        (openapi_at.addition().open(), get(openapi_document)),
    ];
    routes.extend(sealing::routes());
    routes.extend(attachment::routes());
    routes
}

async fn select(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let selection = async {
        let caller = caller(&shared, request.headers())?;
        let request: SelectionRequest = read_json(request, MAX_INFLATED_BODY).await?;
        selection::select(&mut shared.store(), shared.now_ms(), &caller, &request)
    };
    answer.with::<SelectionAnswer>(selection.await)
}

async fn openapi_document(headers: HeaderMap) -> Response {
    Answer::to(&headers).with(Ok(document()))
}

async fn sign_in(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let tokens = async {
        let proofs = proofs(request.headers());
        let request: SignInRequest = read_json(request, MAX_INFLATED_BODY).await?;
        let mut store = shared.store();
        let tokens = auth::sign_in(&mut store, shared.now_ms(), &request, &proofs)?;
        Ok(Tokens { sealed: store.sealed.fields(), ..tokens })
    };
    answer.with::<Tokens>(tokens.await)
}

async fn refresh(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let tokens = async {
        let proofs = proofs(request.headers());
        let request: RefreshRequest = read_json(request, MAX_INFLATED_BODY).await?;
        let mut store = shared.store();
        let tokens = auth::refresh(&mut store, shared.now_ms(), &request.refresh_token, &proofs)?;
        Ok(Tokens { sealed: store.sealed.fields(), ..tokens })
    };
    answer.with::<Tokens>(tokens.await)
}

/// The proofs of possession that came along (RFC 9449); there should be one at the most.
fn proofs(headers: &HeaderMap) -> Vec<Vec<u8>> {
    headers.get_all(DPOP).iter().map(|value| value.as_bytes().to_vec()).collect()
}

async fn revoke(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let revoked = async {
        let caller = caller(&shared, request.headers())?;
        let request: RevokeRequest = read_json(request, MAX_INFLATED_BODY).await?;
        auth::revoke(&shared.store(), &caller, &request.user_id)
    };
    answer.with::<Revoked>(revoked.await)
}

async fn change_password(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let revoked = async {
        let caller = caller(&shared, request.headers())?;
        let request: NewPasswordRequest = read_json(request, MAX_INFLATED_BODY).await?;
        auth::change_password(&mut shared.store(), &caller, &request)
    };
    answer.with::<Revoked>(revoked.await)
}

async fn profile(State(shared): App, headers: HeaderMap) -> Response {
    let profile = caller(&shared, &headers).map(|caller| caller.profile.as_ref().clone());
    seldom_changing::<Profile>(&headers, profile)
}

async fn asset(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let asset = || {
        let caller = caller(&shared, &headers)?;
        let store = shared.store();
        let seen = view::holds(&store.connection, caller.user(), Kind::Asset, &id)?;
        let found = if seen { record::catalogue(&store.connection, Kind::Asset, &id)? } else { None };
        found.ok_or_else(|| Refusal::not_found(format!("there is no asset {id}")))
    };
    seldom_changing::<Record>(&headers, asset())
}

/// An answer that its user alone may keep, for a while, and then ask for by its tag (spec 6.4).
fn seldom_changing<T: Serialize>(headers: &HeaderMap, result: Result<T, Refusal>) -> Response {
    let answer = Answer::to(headers);
    let value = match result {
        Ok(value) => value,
        Err(refusal) => return answer.with::<T>(Err(refusal)),
    };
    let tag = etag::of_content(&value);
    let known = etag::matches(headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok()), &tag);
    let mut response = answer.tagged(&value, &tag, known);
    let control = format!("private, max-age={}", STATIC_FRESH.as_secs());
    for (name, value) in [(CACHE_CONTROL, control.as_str()), (VARY, "authorization, accept-encoding")] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn pull(State(shared): App, uri: Uri, headers: HeaderMap) -> Response {
    let page = || {
        let caller = caller(&shared, &headers)?;
        let query = Query::<DeltaQuery>::try_from_uri(&uri).map_err(|error| Refusal::malformed(error.body_text()))?;
        delta::pull(&mut shared.store(), shared.now_ms(), &caller, &query.0)
    };
    let answer = Answer::to(&headers);
    match page() {
        Ok(delta::Page { answer: page, tag: Some(tag), idle }) => {
            let known = idle && etag::matches(headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok()), &tag);
            answer.tagged(&page, &tag, known)
        }
        page => answer.with::<DeltaAnswer>(page.map(|page| page.answer)),
    }
}

async fn dead_letters(State(shared): App, uri: Uri, headers: HeaderMap) -> Response {
    let letters = || {
        let caller = caller(&shared, &headers)?;
        let query =
            Query::<DeadLettersQuery>::try_from_uri(&uri).map_err(|error| Refusal::malformed(error.body_text()))?;
        dead_letter::read(&shared.store(), &caller, &query.0)
    };
    Answer::to(&headers).with::<DeadLetters>(letters())
}

/// A push as it arrives: one malformed operation must not spoil the others (decision h).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    operations: Vec<Value>,
}

async fn push(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let results = async {
        let caller = caller(&shared, request.headers())?;
        let batch: Batch = read_json(request, MAX_BATCH_BYTES).await?;
        if batch.operations.len() > MAX_BATCH_OPERATIONS {
            return Err(Refusal::too_large(format!("a push holds at most {MAX_BATCH_OPERATIONS} operations")));
        }
        Ok(PushAnswer { results: push::push(&mut shared.store(), shared.now_ms(), &caller, batch.operations) })
    };
    answer.with::<PushAnswer>(results.await)
}

async fn conflicts(State(shared): App, headers: HeaderMap) -> Response {
    let list = || {
        let caller = caller(&shared, &headers)?;
        let conflicts = audit::list(&shared.store().connection, &caller.profile)?;
        Ok(ConflictsAnswer { conflicts })
    };
    Answer::to(&headers).with::<ConflictsAnswer>(list())
}

async fn unknown_route(uri: Uri, headers: HeaderMap) -> Response {
    Answer::to(&headers).with::<()>(Err(Refusal::unknown_route(format!("there is no {}", uri.path()))))
}

async fn wrong_method(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let refusal = Refusal::wrong_method(format!("{} is not to be had with {method}", uri.path()));
    Answer::to(&headers).with::<()>(Err(refusal))
}

/// Who calls, by the bearer token (spec 8.3).
pub(super) fn caller(shared: &Shared, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let credentials = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match credentials.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            auth::authenticate(&shared.store(), shared.now_ms(), token.trim())
        }
        Some(_) | None => Err(Refusal::unauthenticated("a bearer token is needed")),
    }
}
