//! What counts as an answer. Only a 2xx of JSON that parses into the expected shape does; a captive portal's page, a
//! proxy's error and a cut body are all the same as silence (decisions h, k).

use serde::de::DeserializeOwned;

use super::keychain::KeychainError;
use super::store::StoreError;
use super::transport::{Response, TransportError};
use crate::protocol::gzip;
use crate::protocol::{ErrorCode, Problem, REPR_DIGEST};

/// The status of an answer that says: you have it.
const NOT_MODIFIED: u16 = 304;
/// Largest answer after inflating, in bytes: a page of the largest work orders is far below.
const MAX_ANSWER: usize = 64 << 20;

/// Why a call, and with it a sync, stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The code of spec 7.1.
    pub(super) code: ErrorCode,
    /// In words.
    pub(super) detail: String,
    /// Not sooner than after this many seconds.
    pub(super) retry_after: Option<u64>,
    /// The HTTP status; 0 without an answer.
    pub(super) status: u16,
    /// A problem document of our server said so, and nobody on the way.
    pub(super) ours: bool,
}

impl Failure {
    /// Nothing usable came back: the outcome is unknown.
    pub(super) fn network(detail: impl Into<String>) -> Self {
        Self { code: ErrorCode::NetworkError, detail: detail.into(), retry_after: None, status: 0, ours: false }
    }

    /// The user has to sign in.
    pub(super) fn sign_in_needed(detail: impl Into<String>) -> Self {
        Self { code: ErrorCode::AuthError, ..Self::network(detail) }
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::network(error.to_string())
    }
}

// 7.1 has no code for a device that fails by itself; SERVER_ERROR has the handling that fits: retry, then escalate.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { code: ErrorCode::ServerError, ..Self::network(error.to_string()) }
    }
}

impl From<KeychainError> for Failure {
    fn from(error: KeychainError) -> Self {
        Self { code: ErrorCode::ServerError, ..Self::network(error.to_string()) }
    }
}

/// The answer's content, if it is one.
///
/// # Errors
/// The problem document, or whatever else came instead.
pub(super) fn read<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let body = plain_body(&response)?;
    let media_type = media_type(&response);
    if (200..300).contains(&response.status) && media_type == "application/json" {
        return serde_json::from_slice(&body)
            .map_err(|error| Failure::network(format!("the answer has not the expected shape: {error}")));
    }
    Err(refusal(&response, &media_type, &body))
}

/// What came of a question under the condition that the answer has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tagged<T> {
    /// Something else than was known, and its entity tag if it has one.
    New { value: T, tag: Option<String> },
    /// What is known under this tag.
    Same { tag: String },
}

/// The answer's content, unless it is a 304, which only our server gives under a tag.
///
/// # Errors
/// Those of [`read`].
pub(super) fn tagged<T: DeserializeOwned>(response: Response) -> Result<Tagged<T>, Failure> {
    let tag = Some(response.header("etag").to_owned()).filter(|tag| !tag.is_empty());
    match tag {
        Some(tag) if response.status == NOT_MODIFIED => Ok(Tagged::Same { tag }),
        tag => Ok(Tagged::New { value: read(response)?, tag }),
    }
}

/// The answer of an upload, which is in its head alone. Whoever does not speak the protocol is not our server.
///
/// # Errors
/// The problem document, a status without one, or whatever else came instead.
pub(super) fn tus(response: Response) -> Result<Response, Failure> {
    let ours = response.header("tus-resumable") == "1.0.0";
    if ours && (200..300).contains(&response.status) {
        return Ok(response);
    }
    let body = plain_body(&response)?;
    let failure = refusal(&response, &media_type(&response), &body);
    // The answer to a HEAD has no body to say more in.
    let code = match response.status {
        401 => ErrorCode::AuthError,
        403 => ErrorCode::PermissionDenied,
        404 | 410 => ErrorCode::NotFound,
        429 | 500.. => ErrorCode::ServerError,
        _ => ErrorCode::ValidationError,
    };
    let silent = ours && !failure.ours && response.status >= 400;
    Err(if silent { Failure { code, ours: true, ..failure } } else { failure })
}

/// A file, or a part of it. Our server names the tag and the digest of the whole (RFC 9530); a page of a portal has neither.
///
/// # Errors
/// The problem document, or whatever else came instead.
pub(super) fn file(response: Response) -> Result<Response, Failure> {
    let named = !response.header("etag").is_empty() && !response.header(REPR_DIGEST).is_empty();
    if matches!(response.status, 200 | 206) && named && !response.gzip {
        return Ok(response);
    }
    let body = plain_body(&response)?;
    Err(refusal(&response, &media_type(&response), &body))
}

fn media_type(response: &Response) -> String {
    response.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn refusal(response: &Response, media_type: &str, body: &[u8]) -> Failure {
    let (status, retry_after) = (response.status, response.retry_after);
    if media_type == Problem::MEDIA_TYPE
        && status >= 400
        && let Ok(problem) = serde_json::from_slice::<Problem>(body)
    {
        return Failure { code: problem.code, detail: problem.detail, retry_after, status, ours: true };
    }
    let code = if status >= 500 { ErrorCode::ServerError } else { ErrorCode::NetworkError };
    let detail = format!("status {status} with `{media_type}` is no answer of the server");
    Failure { code, detail, retry_after, status, ours: false }
}

fn plain_body(response: &Response) -> Result<Vec<u8>, Failure> {
    // The answer to a HEAD tells of a coding that a body would have, and has none.
    if !response.gzip || response.body.is_empty() {
        return Ok(response.body.clone());
    }
    gzip::unpack(&response.body, MAX_ANSWER)
        .map_err(|error| Failure::network(format!("the answer cannot be inflated: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::PushAnswer;

    fn response(status: u16, content_type: &str, body: &str) -> Response {
        Response { status, content_type: content_type.into(), body: body.into(), ..Response::default() }
    }

    #[test]
    fn success_on_any_200_is_refused() {
        for other in [
            response(200, "text/html", r#"{"results":[]}"#),
            response(200, "", r#"{"results":[]}"#),
            response(200, "application/json", "<html>"),
            response(200, "application/json", r#"{"ok":true}"#),
            response(302, "application/json", r#"{"results":[]}"#),
            Response { gzip: true, ..response(200, "application/json", r#"{"results":[]}"#) },
        ] {
            let failure = read::<PushAnswer>(other).unwrap_err();
            assert_eq!((failure.code, failure.ours), (ErrorCode::NetworkError, false), "{failure:?}");
        }
        assert!(read::<PushAnswer>(response(200, "Application/JSON; charset=utf-8", r#"{"results":[]}"#)).is_ok());
    }

    #[test]
    fn a_bare_error_page_is_not_our_server() {
        let failure = read::<PushAnswer>(response(404, "text/html", "gone")).unwrap_err();
        assert_eq!((failure.code, failure.ours), (ErrorCode::NetworkError, false));
        let failure = read::<PushAnswer>(response(502, "text/html", "bad gateway")).unwrap_err();
        assert_eq!((failure.code, failure.ours), (ErrorCode::ServerError, false));
        let problem = r#"{"type":"about:blank","title":"t","status":403,"code":"PERMISSION_DENIED","detail":"no"}"#;
        let failure = read::<PushAnswer>(response(403, Problem::MEDIA_TYPE, problem)).unwrap_err();
        assert_eq!((failure.code, failure.ours), (ErrorCode::PermissionDenied, true));
    }

    #[test]
    fn the_answer_to_a_head_has_no_body_to_inflate() {
        let headers = [("tus-resumable", "1.0.0")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let gone = Response { gzip: true, headers, ..response(404, Problem::MEDIA_TYPE, "") };
        let failure = tus(gone).unwrap_err();
        assert_eq!((failure.code, failure.status, failure.ours), (ErrorCode::NotFound, 404, true));
    }
}
