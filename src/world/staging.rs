//! A story's users and records on a server that is not in this process: they are put there before the story begins, over
//! HTTP like everything else. The reference server takes them likewise, when it is told to.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method as HttpMethod, Request as HttpRequest, Response as HttpResponse, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::ServiceExt;

use super::http::HttpClient;
use super::speak::Tcp;
use super::stage::StageError;
use crate::base::{Clock, Seed, WallClock};
use crate::client::{Method, Request, Response, Transport};
use crate::protocol::{Profile, Record};
use crate::server::{Awaited, Seeded, SeededUser, Server, http_within};

/// The path at which a server takes a story's beginning.
const WORLD: &str = "/deadzone/v1/world";
/// The version of what is put there.
const VERSION: u32 = 1;
/// The largest world that the reference server takes, in bytes.
const LARGEST: usize = 256 << 20;

/// A server of the team's, reached over HTTP alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `host:port`.
    pub(super) address: String,
    /// It takes fields sealed (spec 8.3), which is an option.
    seals: bool,
}

/// Why a server cannot be tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTarget {
    /// It cannot be reached, or is no such thing: in words.
    Unreachable(String),
    /// It does not take a story's beginning: in words.
    NoStage(String),
}

impl Target {
    /// The server at `url`, which must answer.
    ///
    /// # Errors
    /// When it does not, or does not take a story's beginning.
    pub fn find(url: &str) -> Result<Self, NoTarget> {
        let target = Self::named(url).map_err(NoTarget::Unreachable)?;
        let failed = |why: &dyn fmt::Display| NoTarget::Unreachable(format!("{url}: {why}"));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        let asked = Request::new(Method::Get, WORLD);
        let tasks = tokio::task::LocalSet::new();
        let answer = tasks.block_on(&runtime, target.send(asked)).map_err(|why| failed(&why))?;
        let offered = serde_json::from_slice::<Offer>(&answer.body).ok();
        match (answer.status, offered) {
            (200, Some(Offer { world: VERSION, sealing: seals })) => Ok(Self { seals, ..target }),
            (200, Some(Offer { world: other, .. })) => Err(NoTarget::NoStage(format!(
                "the server takes worlds of version {other}, and these are of {VERSION}"
            ))),
            (status, _) => {
                let why =
                    format!("the server does not offer {WORLD} (HTTP {status}), where a story's users and records");
                Err(NoTarget::NoStage(format!("{why} are put: see docs/TEST_YOUR_OWN.md")))
            }
        }
    }

    fn named(url: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{url}: {why}; write http://host:port");
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(wrong("only plain HTTP is spoken to a server under test"));
        };
        let address = rest.strip_suffix('/').unwrap_or(rest);
        match address.rsplit_once(':') {
            _ if address.is_empty() || address.contains(['/', '?', '#', '@']) => Err(wrong("it is no origin")),
            Some((_, port)) if port.parse::<u16>().is_ok() => Ok(Self { address: address.to_owned(), seals: false }),
            Some(_) => Err(wrong("it has no port")),
            None => Ok(Self { address: format!("{address}:80"), seals: false }),
        }
    }

    /// Whether it says that it takes fields sealed.
    #[must_use]
    pub fn seals(&self) -> bool {
        self.seals
    }

    /// Puts a story's beginning there, in place of all that was.
    pub(super) async fn stage(&self, seeded: &Seeded) -> Result<(), StageError> {
        let body = serde_json::to_vec(&Beginning::of(seeded)).map_err(|error| StageError(error.to_string()))?;
        let answer = self.send(Request { body: Some(body), ..Request::new(Method::Post, WORLD) }).await;
        let answer = answer.map_err(|why| StageError(format!("the server at {}: {why}", self.address)))?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        Err(StageError(format!("the server does not take the story's beginning: HTTP {}: {said}", answer.status)))
    }

    async fn send(&self, request: Request) -> Result<Response, String> {
        let http = HttpClient::new(Clock::system(), &self.address, Rc::new(Tcp(self.address.clone())));
        http.send(request).await.map_err(|error| error.detail)
    }
}

/// The answer to a GET of [`WORLD`].
#[derive(Serialize, Deserialize)]
struct Offer {
    world: u32,
    #[serde(default)]
    sealing: bool,
}

/// The body of a POST to [`WORLD`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Beginning {
    users: Vec<Beginner>,
    work_orders: Vec<Record>,
    assets: Vec<Record>,
    inventory: Vec<Record>,
    /// Fields that the server is to take sealed alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sealed: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginner {
    profile: Profile,
    password: String,
    /// What authenticators share with the server (RFC 6238), in base64.
    authenticators: Vec<String>,
}

impl Beginning {
    fn of(seeded: &Seeded) -> Self {
        let user = |user: &SeededUser| Beginner {
            profile: user.profile.clone(),
            password: user.password.clone(),
            authenticators: user.authenticators.iter().map(|secret| BASE64.encode(secret)).collect(),
        };
        Self {
            users: seeded.users.iter().map(user).collect(),
            work_orders: seeded.work_orders.clone(),
            assets: seeded.assets.clone(),
            inventory: seeded.inventory.clone(),
            sealed: seeded.sealed.clone(),
        }
    }

    fn seeded(self) -> Result<Seeded, String> {
        let user = |user: Beginner| {
            let secrets = user.authenticators.iter().map(|secret| BASE64.decode(secret));
            let authenticators = secrets.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            Ok(SeededUser { profile: user.profile, password: user.password, authenticators })
        };
        let users = self.users.into_iter().map(user).collect::<Result<_, String>>()?;
        let Self { work_orders, assets, inventory, sealed, .. } = self;
        Ok(Seeded { users, work_orders, assets, inventory, sealed })
    }
}

/// The reference server, whose world can be replaced where that is allowed.
#[derive(Debug)]
pub struct Staged {
    current: RefCell<Server>,
    clock: Clock,
    seed: Seed,
    allowed: bool,
    begun: Cell<u64>,
}

impl Staged {
    /// `server`, until another world is put there.
    #[must_use]
    pub fn new(server: Server, clock: Clock, seed: Seed, allowed: bool) -> Self {
        Self { current: RefCell::new(server), clock, seed, allowed, begun: Cell::new(0) }
    }

    /// Serves one connection until it ends, or until its peer has kept a request waiting for longer than `patience`.
    ///
    /// # Errors
    /// When the peer breaks the connection or does not speak HTTP/1.
    pub async fn serve(&self, io: impl AsyncRead + AsyncWrite + Unpin, patience: Duration) -> Result<(), hyper::Error> {
        let patience = Some(patience);
        if !self.allowed {
            let server = self.current.borrow().clone();
            return server.serve_within(io, patience).await;
        }
        let service =
            service_fn(|request: HttpRequest<Incoming>| self.answer(request.map(|body| Awaited::new(body, patience))));
        http_within(patience).serve_connection(TokioIo::new(io), service).await
    }

    async fn answer(&self, request: HttpRequest<Awaited>) -> Result<HttpResponse<Body>, axum::Error> {
        if request.uri().path() != WORLD {
            let router = self.current.borrow().router();
            let Ok(answer) = router.oneshot(request).await;
            return Ok(answer);
        }
        if request.method() != HttpMethod::POST {
            let offer = serde_json::to_vec(&Offer { world: VERSION, sealing: true }).unwrap_or_default();
            return Ok(HttpResponse::new(Body::from(offer)));
        }
        let body = to_bytes(Body::new(request.into_body()), LARGEST).await?;
        let mut answer = HttpResponse::new(Body::empty());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        if let Err(why) = self.begin(&body) {
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            *answer.body_mut() = Body::from(why);
        }
        Ok(answer)
    }

    fn begin(&self, body: &Bytes) -> Result<(), String> {
        let beginning: Beginning = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        self.begun.set(self.begun.get() + 1);
        let random = self.seed.stream(&format!("server/{}", self.begun.get()));
        let server = Server::new(WallClock::new(self.clock, 0), random, beginning.seeded()?);
        *self.current.borrow_mut() = server.map_err(|error| error.to_string())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_asked_for_and_nothing_else() {
        let address = |url: &str| Target::named(url).map(|target| target.address);
        assert_eq!(address("http://127.0.0.1:8080/"), Ok("127.0.0.1:8080".to_owned()));
        assert_eq!(address("http://sync.test"), Ok("sync.test:80".to_owned()));
        for wrong in ["https://sync.test", "sync.test:80", "http://", "http://a/b", "http://a:x", "http://u@a:1"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_put_there_is_what_arrives() {
        let seeded = Seeded {
            users: vec![SeededUser { profile: profile(), password: "p".into(), authenticators: vec![vec![0, 255]] }],
            sealed: vec!["rootCause".into()],
            ..Seeded::default()
        };
        let arrived = Beginning::of(&seeded).seeded().expect("the same");
        assert_eq!(arrived.users[0].authenticators, seeded.users[0].authenticators);
        assert_eq!(arrived.users[0].profile, seeded.users[0].profile);
        assert_eq!(arrived.sealed, seeded.sealed);
    }

    fn profile() -> Profile {
        super::super::cast::profile("maria", "technician", Vec::new())
    }
}
