//! Who is signed in: tokens, and calls that carry them (spec 8.2, 8.3, decision m).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::answer::{self, Failure};
use super::keychain::{Keychain, KeychainError, REFRESH_TOKEN};
use super::transport::{Method, Request, Response, Transport};
use crate::protocol::gzip;
use crate::protocol::{ErrorCode, RefreshRequest, SignInRequest, Tokens, path};

/// The tokens of one device, and the way to the server.
#[derive(Debug)]
pub(super) struct Session {
    transport: Rc<dyn Transport>,
    keychain: Rc<dyn Keychain>,
    /// In memory only: gone after a restart (spec 8.2).
    access: RefCell<Option<Access>>,
    /// Grows with every new access token, so that a 401 for an older one just retries.
    generation: Cell<u64>,
    refreshing: Mutex<()>,
    /// There is no refresh token, or the server refused it: only a sign-in helps.
    refused: Cell<bool>,
}

#[derive(Clone, Debug)]
struct Access {
    token: String,
    generation: u64,
    /// By the monotonic time: a wall clock may be wrong.
    expires: Instant,
}

impl Session {
    pub(super) fn new(transport: Rc<dyn Transport>, keychain: Rc<dyn Keychain>) -> Self {
        Self {
            transport,
            keychain,
            access: RefCell::default(),
            generation: Cell::new(0),
            refreshing: Mutex::new(()),
            refused: Cell::new(false),
        }
    }

    /// Whether there is a refresh token to go on with.
    pub(super) fn has_refresh_token(&self) -> Result<bool, Failure> {
        Ok(self.keychain.get(REFRESH_TOKEN)?.is_some())
    }

    /// Whether nothing but a sign-in can help.
    pub(super) fn needs_sign_in(&self) -> bool {
        self.refused.get()
    }

    /// Signs in and keeps the tokens.
    pub(super) async fn sign_in(&self, request: &SignInRequest) -> Result<(), Failure> {
        let _alone = self.refreshing.lock().await;
        let tokens = self.call(&post(path::SIGN_IN, request)?, None).await?;
        self.keep(tokens)
    }

    /// Forgets all tokens.
    pub(super) fn forget(&self) -> Result<(), KeychainError> {
        self.keychain.remove(REFRESH_TOKEN)?;
        *self.access.borrow_mut() = None;
        self.generation.set(self.generation.get() + 1);
        Ok(())
    }

    /// A GET that carries the bearer token.
    pub(super) async fn get<T: DeserializeOwned>(&self, target: String) -> Result<T, Failure> {
        self.call_signed(Request::new(Method::Get, target)).await
    }

    /// A POST of JSON that carries the bearer token.
    pub(super) async fn post_json<T: DeserializeOwned>(&self, target: &str, json: Vec<u8>) -> Result<T, Failure> {
        self.call_signed(post_bytes(target, json)?).await
    }

    /// A request of the upload protocol, which answers in headers.
    pub(super) async fn tus(&self, request: Request) -> Result<Response, Failure> {
        self.signed(request, answer::tus).await
    }

    async fn call_signed<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        self.signed(request, answer::read).await
    }

    /// One 401 leads to one refresh and one more try; a second 401 is the caller's to report.
    async fn signed<T>(&self, request: Request, read: fn(Response) -> Result<T, Failure>) -> Result<T, Failure> {
        let access = self.fresh_access().await?;
        match self.send(&request, Some(access.token)).await.and_then(read) {
            Err(failure) if rejects_token(&failure) => {
                self.refresh(access.generation).await?;
                let access = self.fresh_access().await?;
                self.send(&request, Some(access.token)).await.and_then(read)
            }
            result => result,
        }
    }

    /// The access token; refreshed first when it is known to be over, which saves a round trip that must fail.
    async fn fresh_access(&self) -> Result<Access, Failure> {
        let generation = self.generation.get();
        if let Some(access) = self.living_access() {
            return Ok(access);
        }
        self.refresh(generation).await?;
        self.access.borrow().clone().ok_or_else(|| Failure::sign_in_needed("nobody is signed in"))
    }

    fn living_access(&self) -> Option<Access> {
        self.access.borrow().clone().filter(|access| Instant::now() < access.expires)
    }

    /// Gets a new access token, unless somebody got one since `stale`.
    async fn refresh(&self, stale: u64) -> Result<(), Failure> {
        let _alone = self.refreshing.lock().await;
        if self.generation.get() != stale {
            return Ok(());
        }
        let Some(refresh_token) = self.keychain.get(REFRESH_TOKEN)? else {
            self.refused.set(true);
            return Err(Failure::sign_in_needed("nobody is signed in"));
        };
        let request = post(path::REFRESH, &RefreshRequest { refresh_token })?;
        match self.call(&request, None).await {
            Ok(tokens) => self.keep(tokens),
            Err(failure) => {
                self.refused.set(rejects_token(&failure));
                // It says nothing about the request that wanted the token.
                Err(Failure { ours: false, status: 0, ..failure })
            }
        }
    }

    /// The refresh token is stored before the access token is used: after a crash the successor is known.
    fn keep(&self, tokens: Tokens) -> Result<(), Failure> {
        self.keychain.set(REFRESH_TOKEN, &tokens.refresh_token)?;
        let generation = self.generation.get() + 1;
        let expires = Instant::now() + Duration::from_secs(tokens.expires_in);
        self.generation.set(generation);
        *self.access.borrow_mut() = Some(Access { token: tokens.access_token, generation, expires });
        self.refused.set(false);
        Ok(())
    }

    async fn call<T: DeserializeOwned>(&self, request: &Request, bearer: Option<String>) -> Result<T, Failure> {
        answer::read(self.send(request, bearer).await?)
    }

    async fn send(&self, request: &Request, bearer: Option<String>) -> Result<Response, Failure> {
        Ok(self.transport.send(Request { bearer, ..request.clone() }).await?)
    }
}

/// Only our server's word counts: a captive portal's bare 401 is no reason to refresh.
fn rejects_token(failure: &Failure) -> bool {
    failure.ours && failure.status == 401 && failure.code == ErrorCode::AuthError
}

fn post(target: &str, body: &impl Serialize) -> Result<Request, Failure> {
    post_bytes(target, serde_json::to_vec(body).map_err(|error| Failure::network(error.to_string()))?)
}

fn pack(json: &[u8]) -> Result<Vec<u8>, Failure> {
    gzip::pack(json).map_err(|error| Failure::network(format!("the body cannot be compressed: {error}")))
}

fn post_bytes(target: &str, json: Vec<u8>) -> Result<Request, Failure> {
    let gzip = json.len() >= gzip::WORTH_PACKING;
    let body = Some(if gzip { pack(&json)? } else { json });
    Ok(Request { body, gzip, ..Request::new(Method::Post, target) })
}
