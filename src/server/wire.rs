//! Bodies: JSON in and out, gzip both ways, with limits (decision n).

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;
use crate::protocol::gzip::{self, UnpackError};
use crate::protocol::{MAX_WIRE_BODY, Problem, Record};

/// Reads a request's body, at most `limit` bytes after inflating.
pub(super) async fn read_json<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T, Refusal> {
    let (head, body) = request.into_parts();
    let gzip = check_head(&head.headers)?;
    let body = collect(body).await?;
    let json = if gzip { inflate(&body, limit)? } else { body };
    if json.len() > limit {
        return Err(Refusal::too_large(format!("the body is larger than {limit} bytes")));
    }
    let read = serde_json::from_slice(&json).and_then(of_object);
    read.map_err(|error| Refusal::malformed(format!("the body is not as expected: {error}")))
}

/// Reads a structure from an object alone: serde would take an array for its fields, in their order.
pub(super) fn of_object<T: DeserializeOwned>(object: Record) -> serde_json::Result<T> {
    serde_json::from_value(Value::Object(object))
}

/// Whether the body is gzip'd. A missing content type is taken for JSON: this API speaks nothing else.
fn check_head(headers: &HeaderMap) -> Result<bool, Refusal> {
    let media_type = text(headers, &CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::unsupported(format!("the content type is `{media_type}`, not application/json")));
    }
    match text(headers, &CONTENT_ENCODING).trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" => Ok(true),
        other => Err(Refusal::unsupported(format!("the content coding `{other}` is not gzip"))),
    }
}

async fn collect(body: Body) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::too_large(format!("the body is larger than {MAX_WIRE_BODY} bytes on the wire"));
    // What is announced need not be waited for.
    if body.size_hint().lower() > MAX_WIRE_BODY as u64 {
        return Err(too_large());
    }
    match Limited::new(body, MAX_WIRE_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Refusal::malformed(format!("the body ended early: {error}"))),
    }
}

fn inflate(body: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    gzip::unpack(body, limit).map_err(|error| match error {
        UnpackError::TooLarge(_) => Refusal::too_large(error.to_string()),
        UnpackError::Broken(_) | UnpackError::Trailing => Refusal::malformed(error.to_string()),
    })
}

/// How one request wants its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    gzip: bool,
}

impl Answer {
    /// What `headers` ask for.
    pub(super) fn to(headers: &HeaderMap) -> Self {
        let gzip = text(headers, &ACCEPT_ENCODING).split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>() == Ok(0.0)));
            coding.eq_ignore_ascii_case("gzip") && !refused
        });
        Self { gzip }
    }

    /// `result` as a response: 200, or the problem document.
    pub(super) fn with<T: Serialize>(self, result: Result<T, Refusal>) -> Response {
        match result {
            Ok(value) => self.json(StatusCode::OK, "application/json", &value),
            Err(refusal) => {
                let mut response = self.json(refusal.status, Problem::MEDIA_TYPE, &refusal.problem());
                response.headers_mut().extend(refusal.header.map(|header| *header));
                if refusal.status == StatusCode::UNAUTHORIZED {
                    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                }
                response
            }
        }
    }

    /// `value` under its entity tag, or a 304 for those who have it already (RFC 9110, 15.4.5).
    pub(super) fn tagged<T: Serialize>(self, value: &T, tag: &str, known: bool) -> Response {
        let mut response = if known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            self.json(StatusCode::OK, "application/json", value)
        };
        if let Ok(tag) = HeaderValue::from_str(tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }

    fn json<T: Serialize>(self, status: StatusCode, media_type: &'static str, value: &T) -> Response {
        // Our own types serialise: their keys are text.
        let plain = serde_json::to_vec(value).unwrap_or_default();
        let deflated = (self.gzip && plain.len() >= gzip::WORTH_PACKING).then(|| gzip::pack(&plain).ok()).flatten();
        let gzip = deflated.is_some();
        let mut response = Response::new(Body::from(deflated.unwrap_or(plain)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if gzip {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
