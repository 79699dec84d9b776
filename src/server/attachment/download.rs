//! Files on their way out: ETag, conditional requests and ranges (RFC 9110, 13 and 14). A file never changes, so that
//! what was fetched once need never be fetched again.

use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::super::auth::Caller;
use super::super::etag;
use super::super::refusal::Refusal;
use super::super::store::Store;
use super::blob::{self, Blob};
use super::range::{self, Asked};
use super::route::Reply;
use super::thumbnail;
use crate::base::unhex;
use crate::protocol::{REPR_DIGEST, repr_digest};

/// What is percent-encoded in a file's name: a little more than RFC 8187 asks for (3.2.1, `attr-char`).
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// What is private to its reader, and for ever as it is.
const FOR_EVER: &str = "private, max-age=31536000, immutable";

/// What a browser may show in its window; everything else it saves, so that no uploaded page runs in the server's name.
const SHOWN: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"];

/// The file, or the part of it that is asked for.
pub(super) fn file(
    store: &Store,
    now_ms: i64,
    caller: &Caller,
    id: &str,
    headers: &HeaderMap,
) -> Result<Reply, Refusal> {
    let blob = readable(store, now_ms, caller, id)?;
    let told = &blob.told;
    let sha256 = told.sha256.as_deref().unwrap_or_default();
    let tag = etag::strong(sha256);
    let reply = |status| {
        Reply::new(status)
            .with(ETAG.as_str(), &tag)
            .with(CACHE_CONTROL.as_str(), FOR_EVER)
            .with(ACCEPT_RANGES.as_str(), "bytes")
            .with(REPR_DIGEST, repr_digest(&unhex(sha256).unwrap_or_default()))
    };
    if etag::matches(text(headers, &IF_NONE_MATCH), &tag) {
        return Ok(reply(StatusCode::NOT_MODIFIED));
    }
    let current = text(headers, &IF_RANGE).is_none_or(|condition| condition.trim() == tag);
    let part = match range::asked(text(headers, &RANGE).filter(|_| current), told.length) {
        Asked::Outside => {
            let size = format!("bytes */{}", told.length);
            return Err(Refusal::unsatisfiable("the range lies outside of the file").with(CONTENT_RANGE, &size));
        }
        Asked::Whole => None,
        Asked::Part(from, to) => Some((from, to)),
    };
    let (from, to) = part.unwrap_or((0, told.length));
    let reply = match part {
        None => reply(StatusCode::OK),
        Some(_) => reply(StatusCode::PARTIAL_CONTENT)
            .with(CONTENT_RANGE.as_str(), format!("bytes {from}-{}/{}", to.saturating_sub(1), told.length)),
    };
    let reply = reply
        .with(CONTENT_TYPE.as_str(), &told.mime_type)
        .with(CONTENT_DISPOSITION.as_str(), disposition(&blob))
        .with(X_CONTENT_TYPE_OPTIONS.as_str(), "nosniff");
    Ok(reply.body(blob::read(&store.connection, blob.entry, from, to)?))
}

/// Its thumbnail.
pub(super) fn thumbnail(
    store: &Store,
    now_ms: i64,
    caller: &Caller,
    id: &str,
    headers: &HeaderMap,
) -> Result<Reply, Refusal> {
    let blob = readable(store, now_ms, caller, id)?;
    let tag = etag::strong(&format!("{}-small", blob.told.sha256.as_deref().unwrap_or_default()));
    let reply = |status| Reply::new(status).with(ETAG.as_str(), &tag).with(CACHE_CONTROL.as_str(), FOR_EVER);
    if etag::matches(text(headers, &IF_NONE_MATCH), &tag) {
        return Ok(reply(StatusCode::NOT_MODIFIED));
    }
    let jpeg = thumbnail::of(&store.connection, &blob)?
        .ok_or_else(|| Refusal::not_found(format!("the attachment {id} has no thumbnail: it is no picture")))?;
    let digest = repr_digest(&Sha256::digest(&jpeg));
    Ok(reply(StatusCode::OK).with(REPR_DIGEST, digest).with(CONTENT_TYPE.as_str(), "image/jpeg").body(jpeg))
}

fn readable(store: &Store, now_ms: i64, caller: &Caller, id: &str) -> Result<Blob, Refusal> {
    blob::readable(&store.connection, caller, id, now_ms)?
        .ok_or_else(|| Refusal::not_found(format!("there is no attachment {id}")))
}

/// How a browser is to take it; the name in UTF-8 (RFC 8187).
fn disposition(blob: &Blob) -> String {
    let how = if SHOWN.contains(&blob.told.mime_type.as_str()) { "inline" } else { "attachment" };
    format!("{how}; filename*=UTF-8''{}", utf8_percent_encode(&blob.told.file_name, NAME))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
