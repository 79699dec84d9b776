//! The routes. Each handler asks who calls before it looks at the body (decision n).

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;
use serde_json::Value;

use super::audit;
use super::auth::{self, Caller};
use super::openapi::{self, Endpoint};
use super::refusal::Refusal;
use super::store::Store;
use super::wire::{Answer, read_json};
use super::{attachment, dead_letter, delta, push, selection};
use crate::base::WallClock;
use crate::protocol::{
    ConflictsAnswer, DeadLetters, DeadLettersQuery, DeltaAnswer, DeltaQuery, MAX_BATCH_BYTES, MAX_BATCH_OPERATIONS,
    MAX_INFLATED_BODY, Profile, PushAnswer, PushRequest, Record, RefreshRequest, RevokeRequest, Revoked,
    SelectionAnswer, SelectionRequest, SignInRequest, Tokens, path,
};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    clock: WallClock,
    store: Mutex<Store>,
}

impl Shared {
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
pub(super) fn router(clock: WallClock, store: Store) -> Router {
    let shared = Arc::new(Shared { clock, store: Mutex::new(store) });
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
    let profile_at = Endpoint::get::<Profile>(path::PROFILE, "profile", "The user's own profile.");
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
        (sign_in_at.addition().open(), post(sign_in)),
        (refresh_at.addition().open(), post(refresh)),
        (revoke_at.addition().problems(&[403]), post(revoke)),
        (profile_at.addition(), get(profile)),
        (delta_at.query::<DeltaQuery>().problems(&[410]), get(pull)),
        (push_at, post(push)),
        (conflicts_at.addition(), get(conflicts)),
        (selection_at.addition().problems(&[403]), post(select)),
        (letters_at.addition().query::<DeadLettersQuery>().problems(&[403]), get(dead_letters)),
        (openapi_at.addition().open(), get(openapi_document)),
    ];
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
        let request: SignInRequest = read_json(request, MAX_INFLATED_BODY).await?;
        auth::sign_in(&mut shared.store(), shared.now_ms(), &request)
    };
    answer.with::<Tokens>(tokens.await)
}

async fn refresh(State(shared): App, request: Request) -> Response {
    let answer = Answer::to(request.headers());
    let tokens = async {
        let request: RefreshRequest = read_json(request, MAX_INFLATED_BODY).await?;
        auth::refresh(&mut shared.store(), shared.now_ms(), &request.refresh_token)
    };
    answer.with::<Tokens>(tokens.await)
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

async fn profile(State(shared): App, headers: HeaderMap) -> Response {
    Answer::to(&headers).with::<Profile>(caller(&shared, &headers).map(|caller| caller.profile.as_ref().clone()))
}

async fn pull(State(shared): App, uri: Uri, headers: HeaderMap) -> Response {
    let page = || {
        let caller = caller(&shared, &headers)?;
        let query = Query::<DeltaQuery>::try_from_uri(&uri).map_err(|error| Refusal::malformed(error.body_text()))?;
        delta::pull(&mut shared.store(), shared.now_ms(), &caller, &query.0)
    };
    Answer::to(&headers).with::<DeltaAnswer>(page())
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
