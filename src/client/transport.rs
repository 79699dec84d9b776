//! The seam to the network: the engine hands over requests and knows neither sockets nor servers.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::LocalBoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// Sends one request at a time and waits for its answer. Time-outs are its own: 10 s to connect, 30 s without
/// progress.
pub trait Transport: fmt::Debug {
    /// Sends `request`; resolves with the answer, whatever its status.
    fn send(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>>;
}

/// What the engine asks of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the head alone.
    Head,
    /// Writes.
    Post,
    /// Writes a part.
    Patch,
    /// Ends.
    Delete,
}

/// A request, without the head's wording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, ready for the request line.
    pub target: String,
    /// The bearer token, if the call needs one (spec 8.3).
    pub bearer: Option<String>,
    /// Further headers, names in small letters. Without a `content-type` among them the body is `application/json`.
    pub headers: Vec<(&'static str, String)>,
    /// The body, already in its coding.
    pub body: Option<Vec<u8>>,
    /// Whether `body` is gzip-coded (decision n). The answer may be gzip-coded in any case.
    pub gzip: bool,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), bearer: None, headers: Vec::new(), body: None, gzip: false }
    }
}

/// What RFC 3986 (2.3) leaves reserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `value` as it is written in a query.
pub(super) fn in_query(value: &str) -> PercentEncode<'_> {
    utf8_percent_encode(value, RESERVED)
}

/// An answer, as far as the engine reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, verbatim; empty when there is none.
    pub content_type: String,
    /// `Retry-After` in seconds, if it was given so.
    pub retry_after: Option<u64>,
    /// Whether `body` is gzip-coded.
    pub gzip: bool,
    /// All headers that are text, names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Response {
    /// The header called `name`, in small letters, verbatim; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// No byte of the request left the device; otherwise the server may have done the work.
    pub surely_not_sent: bool,
    /// In words.
    pub detail: String,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.surely_not_sent { "not sent" } else { "sent, but no answer" };
        write!(f, "{what}: {}", self.detail)
    }
}

impl std::error::Error for TransportError {}
