//! Who is signed in: tokens, and calls that carry them (spec 8.2, 8.3, decision m).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::answer::{self, Failure, Tagged};
use super::keychain::{DEVICE_KEY, Keychain, KeychainError, REFRESH_TOKEN};
use super::proof::DeviceKey;
use super::transport::{Method, Request, Response, Transport};
use crate::base::{Stream, WallClock};
use crate::protocol::gzip;
use crate::protocol::{DPOP, DPOP_NONCE, ErrorCode, RefreshRequest, SignInRequest, Tokens, path};

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
    /// The device's key pair, once it was needed.
    key: RefCell<Option<Rc<DeviceKey>>>,
    clock: WallClock,
    random: RefCell<Stream>,
    /// There is no refresh token, or the server refused it: only a sign-in helps.
    refused: Cell<bool>,
    /// What the latest tokens said of sealed fields, until it is taken down.
    announced: RefCell<Option<Vec<String>>>,
}

#[derive(Clone, Debug)]
struct Access {
    token: String,
    generation: u64,
    /// By the monotonic time: a wall clock may be wrong.
    expires: Instant,
}

impl Session {
    pub(super) fn new(
        transport: Rc<dyn Transport>,
        keychain: Rc<dyn Keychain>,
        clock: WallClock,
        random: Stream,
    ) -> Self {
        Self {
            transport,
            keychain,
            access: RefCell::default(),
            generation: Cell::new(0),
            refreshing: Mutex::new(()),
            key: RefCell::default(),
            clock,
            random: RefCell::new(random),
            refused: Cell::new(false),
            announced: RefCell::default(),
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
        let tokens = self.prove(&post(path::SIGN_IN, request)?).await?;
        self.keep(tokens)
    }

    /// Makes sure that there is an access token.
    pub(super) async fn renew(&self) -> Result<(), Failure> {
        self.fresh_access().await.map(drop)
    }

    /// The fields that the server takes sealed alone, if it has said so since this was last asked.
    pub(super) fn take_announced(&self) -> Option<Vec<String>> {
        self.announced.borrow_mut().take()
    }

    /// Forgets all tokens, and the key to which they are bound.
    pub(super) fn forget(&self) -> Result<(), KeychainError> {
        self.keychain.remove(REFRESH_TOKEN)?;
        self.keychain.remove(DEVICE_KEY)?;
        *self.key.borrow_mut() = None;
        *self.access.borrow_mut() = None;
        self.generation.set(self.generation.get() + 1);
        Ok(())
    }

    /// A GET of what is known under the tag `known`, unless it has changed (spec 6.4).
    pub(super) async fn get_tagged<T: DeserializeOwned>(
        &self,
        target: String,
        known: Option<&str>,
    ) -> Result<Tagged<T>, Failure> {
        Ok(self.get_cached(target, known).await?.0)
    }

    /// The same, with what the answer's `Cache-Control` says.
    pub(super) async fn get_cached<T: DeserializeOwned>(
        &self,
        target: String,
        known: Option<&str>,
    ) -> Result<(Tagged<T>, String), Failure> {
        let mut request = Request::new(Method::Get, target);
        request.headers.extend(known.map(|tag| ("if-none-match", tag.to_owned())));
        let read = |response: Response| {
            let control = response.header("cache-control").to_owned();
            Ok((answer::tagged(response)?, control))
        };
        let (answer, control) = self.signed(request, read).await?;
        match &answer {
            Tagged::Same { tag } if known != Some(tag.as_str()) => {
                Err(Failure::network(format!("what is the same as {tag} was not asked for")))
            }
            Tagged::Same { .. } | Tagged::New { .. } => Ok((answer, control)),
        }
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

    /// A request for a file, or a part of it.
    pub(super) async fn file(&self, request: Request) -> Result<Response, Failure> {
        self.signed(request, answer::file).await
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
        match self.prove(&request).await {
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
        *self.announced.borrow_mut() = Some(tokens.sealed);
        self.refused.set(false);
        Ok(())
    }

    /// Asks for tokens, with a proof that this device does. A server that cannot go by the device's clock names a nonce
    /// for the proof, and is asked once more.
    async fn prove<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        let key = self.device_key()?;
        let proven = |nonce: Option<&str>| {
            let proof = key.prove(&request.target, self.clock.now().as_second(), nonce);
            Request { headers: vec![(DPOP, proof)], ..request.clone() }
        };
        let response = self.transport.send(proven(None)).await?;
        let nonce = response.header(DPOP_NONCE);
        if nonce.is_empty() {
            return answer::read(response);
        }
        answer::read(self.transport.send(proven(Some(nonce))).await?)
    }

    fn device_key(&self) -> Result<Rc<DeviceKey>, KeychainError> {
        if let Some(key) = self.key.borrow().as_ref() {
            return Ok(Rc::clone(key));
        }
        let key = Rc::new(DeviceKey::of(&*self.keychain, &mut self.random.borrow_mut())?);
        *self.key.borrow_mut() = Some(Rc::clone(&key));
        Ok(key)
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
