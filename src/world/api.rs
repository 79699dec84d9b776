//! A user who works through the API with no engine between: the office's hands and the auditor's eyes.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::authenticators::{Authenticators, TERMINAL};
use super::http::HttpClient;
use crate::base::Clock;
use crate::client::{Method, Request, Response, Transport};
use crate::protocol::{
    AttachmentsAnswer, Changes, ConflictRecord, ConflictsAnswer, DeadLetter, DeadLetters, DeltaAnswer, MAX_PAGE,
    NewPasswordRequest, Operation, OperationResult, PushAnswer, PushRequest, Recipient, RecipientsAnswer, ResultStatus,
    RevokeRequest, Revoked, SealingKey, SealingKeyRequest, SignInRequest, Tokens, gzip, path,
};
use crate::scenario::{Call, CallMethod, Gzip};

/// A token is replaced this long after sign-in, well before it expires.
const SIGN_IN_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Largest answer after inflating, in bytes: an export of a team's own may be large.
const MAX_ANSWER: usize = 256 << 20;

/// The answer to a token that does not count.
const UNAUTHENTICATED: u16 = 401;
/// The answer to whoever tried too often.
const TOO_MANY: u16 = 429;
/// The answer to a position that is too old.
const GONE: u16 = 410;

/// Why the API did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError(pub(super) String);

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ApiError {}

/// Why one exchange failed.
struct SendError {
    /// The answer's status, if one came.
    status: Option<u16>,
    /// After how many seconds the server wants to be asked again, if it says so.
    retry_after: Option<u64>,
    error: ApiError,
}

impl From<ApiError> for SendError {
    fn from(error: ApiError) -> Self {
        Self { status: None, retry_after: None, error }
    }
}

impl From<SendError> for ApiError {
    fn from(SendError { error, .. }: SendError) -> Self {
        error
    }
}

/// What a pull brought.
pub(super) struct Pulled {
    /// It is everything, and not what changed: what it does not name is gone.
    pub(super) whole: bool,
    pub(super) pages: Vec<Changes>,
}

/// One user's session.
pub(super) struct ApiUser {
    http: HttpClient,
    clock: Clock,
    credentials: SignInRequest,
    authenticators: Rc<Authenticators>,
    token: RefCell<Option<String>>,
    signed_in_at: Cell<Duration>,
    cursor: RefCell<Option<String>>,
}

impl ApiUser {
    pub(super) fn new(
        http: HttpClient,
        clock: Clock,
        credentials: SignInRequest,
        authenticators: Rc<Authenticators>,
    ) -> Self {
        let (token, signed_in_at, cursor) = (RefCell::default(), Cell::default(), RefCell::default());
        Self { http, clock, credentials, authenticators, token, signed_in_at, cursor }
    }

    /// Everything that changed since the last pull; everything at the first, and when the server has forgotten so much
    /// since the last that changes alone would not do.
    pub(super) async fn pull(&self) -> Result<Pulled, ApiError> {
        let mut whole = self.cursor.borrow().is_none();
        let mut pages = Vec::new();
        loop {
            let position = self.cursor.borrow().as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let target = format!("{}?limit={MAX_PAGE}{position}", path::DELTA);
            let answer: DeltaAnswer = match self.call(Method::Get, target, None::<&()>).await {
                Err(SendError { status: Some(GONE), .. }) if !whole => {
                    (whole, pages) = (true, Vec::new());
                    *self.cursor.borrow_mut() = None;
                    continue;
                }
                answer => answer?,
            };
            *self.cursor.borrow_mut() = Some(answer.next_cursor);
            pages.push(answer.changes);
            if !answer.has_more {
                return Ok(Pulled { whole, pages });
            }
        }
    }

    /// The audit of conflicts, as far as the user may read it.
    pub(super) async fn conflicts(&self) -> Result<Vec<ConflictRecord>, ApiError> {
        let answer: ConflictsAnswer = self.call(Method::Get, path::CONFLICTS.into(), None::<&()>).await?;
        Ok(answer.conflicts)
    }

    /// All updates that came too late for their orders.
    pub(super) async fn dead_letters(&self) -> Result<Vec<DeadLetter>, ApiError> {
        let mut letters: Vec<DeadLetter> = Vec::new();
        loop {
            let after = letters.last().map_or(0, |letter| letter.number);
            let target = format!("{}?limit={MAX_PAGE}&after={after}", path::DEAD_LETTERS);
            let page: DeadLetters = self.call(Method::Get, target, None::<&()>).await?;
            letters.extend(page.dead_letters);
            if !page.has_more {
                return Ok(letters);
            }
        }
    }

    /// Every whole file that was uploaded, byte by byte, with its id.
    pub(super) async fn files(&self) -> Result<Vec<(String, Vec<u8>)>, ApiError> {
        let answer: AttachmentsAnswer = self.call(Method::Get, path::ATTACHMENTS.into(), None::<&()>).await?;
        let mut files = Vec::new();
        for stored in answer.attachments.into_iter().filter(|stored| stored.complete) {
            let target = format!("{}/{}", path::ATTACHMENTS, stored.attachment_id);
            files.push((stored.attachment_id, self.bytes_at(target).await?));
        }
        Ok(files)
    }

    /// The thumbnail of a file.
    pub(super) async fn thumbnail(&self, attachment_id: &str) -> Result<Vec<u8>, ApiError> {
        self.bytes_at(format!("{}/{attachment_id}/thumbnail", path::ATTACHMENTS)).await
    }

    async fn bytes_at(&self, target: String) -> Result<Vec<u8>, ApiError> {
        let request = Request { bearer: Some(self.token().await?), ..Request::new(Method::Get, target.clone()) };
        let answer = self.http.send(request).await.map_err(|error| ApiError(format!("{target}: {}", error.detail)))?;
        if answer.status != 200 {
            return Err(ApiError(format!("{target}: HTTP {}", answer.status)));
        }
        Ok(answer.body)
    }

    /// Pushes one operation.
    pub(super) async fn push(&self, operation: Operation) -> Result<OperationResult, ApiError> {
        let body = PushRequest { operations: vec![operation] };
        let answer: PushAnswer = self.call(Method::Post, path::PUSH.into(), Some(&body)).await?;
        answer.results.into_iter().next().ok_or_else(|| ApiError("the push was answered without a result".into()))
    }

    /// Registers the key to which what the user may see is sealed.
    pub(super) async fn register(&self, key: &SealingKey) -> Result<(), ApiError> {
        let body = SealingKeyRequest { public_key: key.text() };
        let _: SealingKeyRequest = self.call(Method::Post, path::SEALING_KEY.into(), Some(&body)).await?;
        Ok(())
    }

    /// The keys to which a field is to be sealed; see [`RecipientsQuery`](crate::protocol::RecipientsQuery).
    pub(super) async fn recipients(&self, asks: &[(&str, Option<&str>)]) -> Result<Vec<SealingKey>, ApiError> {
        let asks = asks.iter().filter_map(|(ask, value)| Some(format!("{ask}={}", (*value)?)));
        let target = format!("{}?{}", path::RECIPIENTS, asks.collect::<Vec<_>>().join("&"));
        let answer: RecipientsAnswer = self.call(Method::Get, target, None::<&()>).await?;
        let key = |recipient: &Recipient| SealingKey::parse(&recipient.public_key);
        let keys: Option<Vec<SealingKey>> = answer.recipients.iter().map(key).collect();
        keys.ok_or_else(|| ApiError("the server gives a key that is none".into()))
    }

    /// Ends all sessions of `user`.
    pub(super) async fn revoke(&self, user: &str) -> Result<(), ApiError> {
        let body = RevokeRequest { user_id: user.to_owned() };
        let _: Revoked = self.call(Method::Post, path::REVOKE.into(), Some(&body)).await?;
        Ok(())
    }

    /// Gives `user` another password, which ends all their sessions.
    pub(super) async fn change_password(&self, user: &str, password: &str) -> Result<(), ApiError> {
        let body = NewPasswordRequest { user_id: user.to_owned(), password: password.to_owned() };
        let _: Revoked = self.call(Method::Post, path::PASSWORD.into(), Some(&body)).await?;
        Ok(())
    }

    /// Pushes `operations` as they are; says of each what became of it.
    pub(super) async fn push_anything(&self, operations: &[Value]) -> Result<Vec<String>, ApiError> {
        let body = json!({ "operations": operations });
        let answer: PushAnswer = self.call(Method::Post, path::PUSH.into(), Some(&body)).await?;
        let word = |result: OperationResult| match (result.status, result.error) {
            (_, Some(error)) => error.code.to_string(),
            (ResultStatus::Success, None) => "success".to_owned(),
            (ResultStatus::Conflict, None) => "conflict".to_owned(),
            (ResultStatus::Error, None) => "error".to_owned(),
        };
        Ok(answer.results.into_iter().map(word).collect())
    }

    /// Makes `call` as it is; says the status of its answer, and whether that holds what it must not.
    pub(super) async fn call_anything(&self, call: &Call) -> Result<String, ApiError> {
        let fail = |why: String| ApiError(format!("{} at {}: {why}", self.credentials.user_id, call.path));
        let method = match call.method {
            CallMethod::Get => Method::Get,
            CallMethod::Head => Method::Head,
            CallMethod::Post => Method::Post,
            CallMethod::Patch => Method::Patch,
            CallMethod::Delete => Method::Delete,
        };
        let token = match &call.token {
            Some(token) => token.clone(),
            None => self.token().await?,
        };
        let request = Request {
            bearer: Some(token).filter(|token| !token.is_empty()),
            headers: headers_of(call),
            body: body_of(call).map_err(|error| fail(error.to_string()))?,
            gzip: call.gzip.is_some(),
            ..Request::new(method, call.path.clone())
        };
        let answer = self.http.send(request).await.map_err(|error| fail(error.detail))?;
        let text = plain(&answer).map_err(|error| fail(error.to_string()))?;
        let text = String::from_utf8_lossy(&text);
        let told = call.without.iter().any(|word| text.contains(word));
        Ok(if told { format!("{} told", answer.status) } else { answer.status.to_string() })
    }

    /// A token may die before its time, when the server's clock steps forward: then the user signs in again, once.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        target: String,
        body: Option<&impl Serialize>,
    ) -> Result<T, SendError> {
        let token = self.token().await?;
        match self.send(method, target.clone(), Some(token), body).await {
            Err(SendError { status: Some(UNAUTHENTICATED), .. }) => {
                *self.token.borrow_mut() = None;
                let token = self.token().await?;
                self.send(method, target, Some(token), body).await
            }
            answer => answer,
        }
    }

    async fn token(&self) -> Result<String, ApiError> {
        let kept = self.token.borrow().clone();
        if let Some(token) = kept
            && self.clock.elapsed().saturating_sub(self.signed_in_at.get()) < SIGN_IN_AGAIN
        {
            return Ok(token);
        }
        let code = Some(self.authenticators.code(&self.credentials.user_id, TERMINAL).await);
        let credentials = SignInRequest { code, ..self.credentials.clone() };
        let tokens: Tokens = match self.send(Method::Post, path::SIGN_IN.into(), None, Some(&credentials)).await {
            // Somebody else has tried so often that nobody is heard for a while.
            Err(SendError { status: Some(TOO_MANY), retry_after: Some(seconds), .. }) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                let code = Some(self.authenticators.code(&self.credentials.user_id, TERMINAL).await);
                let credentials = SignInRequest { code, ..credentials };
                self.send(Method::Post, path::SIGN_IN.into(), None, Some(&credentials)).await?
            }
            tokens => tokens?,
        };
        self.signed_in_at.set(self.clock.elapsed());
        *self.token.borrow_mut() = Some(tokens.access_token.clone());
        Ok(tokens.access_token)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        target: String,
        bearer: Option<String>,
        body: Option<&impl Serialize>,
    ) -> Result<T, SendError> {
        let what = format!("{} at {target}", self.credentials.user_id);
        let fail = |why: String| ApiError(format!("{what}: {why}"));
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| fail(error.to_string()))?;
        let request = Request { bearer, body, ..Request::new(method, target) };
        let answer = self.http.send(request).await.map_err(|error| fail(error.detail))?;
        let (status, retry_after) = (answer.status, answer.retry_after);
        let text = plain(&answer).map_err(|error| fail(error.to_string()))?;
        if status != 200 {
            let refused = fail(format!("HTTP {status}: {}", String::from_utf8_lossy(&text)));
            return Err(SendError { status: Some(status), retry_after, error: refused });
        }
        let answer = serde_json::from_slice(&text);
        Ok(answer.map_err(|error| fail(format!("not the answer that the protocol names: {error}")))?)
    }
}

/// The body of `answer` as it was before it was packed. The answer to a HEAD says how its body would be packed, and has none.
fn plain(answer: &Response) -> Result<Cow<'_, [u8]>, gzip::UnpackError> {
    let packed = answer.gzip && !answer.body.is_empty();
    Ok(if packed { gzip::unpack(&answer.body, MAX_ANSWER)?.into() } else { (&answer.body[..]).into() })
}

/// The headers of a tampered call.
fn headers_of(call: &Call) -> Vec<(&'static str, String)> {
    let content_type = call.content_type.iter().map(|kind| ("content-type", kind.clone()));
    let named = Call::HEADERS.iter().filter_map(|name| Some((*name, call.headers.get(*name)?.clone())));
    content_type.chain(named).collect()
}

/// The body that a tampered call has on the wire.
fn body_of(call: &Call) -> std::io::Result<Option<Vec<u8>>> {
    let Some(body) = &call.body else { return Ok(None) };
    let mut bytes = body.as_str().map_or_else(|| body.to_string(), str::to_owned).into_bytes();
    let size = call.fill.map_or(0, |fill| usize::try_from(fill.bytes()).unwrap_or(usize::MAX));
    bytes.resize(bytes.len().max(size), b' ');
    Ok(Some(match call.gzip {
        None => bytes,
        Some(Gzip::Whole) => gzip::pack(&bytes)?,
        Some(Gzip::Cut) => {
            let mut packed = gzip::pack(&bytes)?;
            packed.truncate(packed.len() / 2);
            packed
        }
    }))
}
