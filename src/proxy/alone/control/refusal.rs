//! What the control API says when it refuses, in Toxiproxy's form: `{"error": …, "status": …}`.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::proxy::alone::gates::GateError;
use crate::proxy::alone::toxic::ToxicError;

/// Largest body that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Whoever sends more than this is cut off.
const THROWN_AWAY: usize = 64 << 20;

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: String,
}

impl Refusal {
    /// With this status, for this reason.
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }

    /// The body is not what it should be.
    pub(super) fn bad_body(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("bad request body: {why}"))
    }

    /// The body lacks something.
    pub(super) fn missing(field: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("missing required field: {field}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "status": self.status.as_u16() });
        (self.status, Json(body)).into_response()
    }
}

impl From<GateError> for Refusal {
    fn from(error: GateError) -> Self {
        let (status, text) = match error {
            GateError::NoGate => (StatusCode::NOT_FOUND, "proxy not found".to_owned()),
            GateError::GateExists => (StatusCode::CONFLICT, "proxy already exists".to_owned()),
            GateError::NoToxic => (StatusCode::NOT_FOUND, "toxic not found".to_owned()),
            GateError::ToxicExists => (StatusCode::CONFLICT, "toxic already exists".to_owned()),
            GateError::Toxic(ToxicError::Type) => (StatusCode::BAD_REQUEST, "invalid toxic type".to_owned()),
            GateError::Toxic(ToxicError::Stream) => {
                (StatusCode::BAD_REQUEST, "stream was invalid, can be either upstream or downstream".to_owned())
            }
            GateError::Toxic(ToxicError::Attribute(why)) => return Self::bad_body(why),
            GateError::Listen(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        Self::new(status, text)
    }
}

/// A JSON body, whatever its content type says.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        serde_json::from_slice(&whole(request).await?).map(Self).map_err(Refusal::bad_body)
    }
}

/// The whole body. Of one that is too large the rest is read and thrown away, so that its sender hears the answer.
async fn whole(request: Request) -> Result<Bytes, Refusal> {
    let mut body = request.into_body();
    let (mut read, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Refusal::bad_body)?.into_data() else { continue };
        length += data.len();
        if length <= MOST_BYTES {
            read.extend_from_slice(&data);
        } else if length > THROWN_AWAY {
            break;
        }
    }
    if length <= MOST_BYTES {
        return Ok(read.freeze());
    }
    let limit = format!("request body too large: at most {} MiB are read", MOST_BYTES >> 20);
    Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, limit))
}

/// No such route.
pub(super) async fn unknown_route(uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

/// No such method.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} cannot be asked by {method}", uri.path()))
}
