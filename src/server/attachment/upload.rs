//! The uploads: tus 1.0 with creation (with upload), termination, expiration and checksum.

use axum::body::{Body, HttpBody};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use rusqlite::Connection;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::auth::Caller;
use super::super::http::Shared;
use super::super::refusal::Refusal;
use super::super::role::Role;
use super::super::store::Store;
use super::super::view;
use super::blob::{self, Blob};
use super::metadata::Metadata;
use super::route::Reply;
use crate::protocol::{MAX_UPLOAD, OFFSET_STREAM, TUS_VERSION, path, tus};

/// The extensions that are here.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,termination,expiration,checksum";
/// The checksums that are here.
pub(super) const ALGORITHMS: &str = "sha1,sha256";

/// Whether the request speaks the version that the server does.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    match text(headers, tus::RESUMABLE) {
        Some(TUS_VERSION) => Ok(()),
        Some(other) => Err(Refusal::other_version(format!("Tus-Resumable is `{other}`, not {TUS_VERSION}"))),
        None => Err(Refusal::other_version(format!("Tus-Resumable is missing: say {TUS_VERSION}"))),
    }
}

/// Makes an upload, or finds the one that a creation whose answer was lost has made, and takes the bytes that come with it.
pub(super) async fn create(
    shared: &Shared,
    caller: &Caller,
    request: axum::extract::Request,
) -> Result<Reply, Refusal> {
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    let carries = !body.is_end_stream() && announced(headers) != Some(0);
    if carries {
        check_body(headers)?;
    }
    let made = make(&mut shared.store(), shared.now_ms(), caller, headers)?;
    let id = made.told.attachment_id.clone();
    let made = match made.told.offset {
        0 if carries => receive(shared, caller.user(), made, 0, (headers, body)).await?,
        // What was made before goes on from where it stands, and not from the start.
        _ if announced(headers).is_some_and(|bytes| bytes > made.told.length) => {
            return Err(too_many(made.told.length));
        }
        _ => {
            drain(body, made.told.length).await;
            made
        }
    };
    let reply = Reply::new(StatusCode::CREATED)
        .with(LOCATION.as_str(), format!("{}/{id}", path::ATTACHMENTS))
        .with(tus::UPLOAD_OFFSET, made.told.offset);
    Ok(expiring(reply, &made))
}

/// Reads a body of at most so many bytes to its end, so that the connection goes on after it.
async fn drain(body: Body, most: u64) {
    let mut body = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX));
    while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_LENGTH.as_str())?.parse().ok()
}

fn make(store: &mut Store, now_ms: i64, caller: &Caller, headers: &HeaderMap) -> Result<Blob, Refusal> {
    if Role::of(&caller.profile) == Role::Auditor {
        return Err(Refusal::denied("an auditor changes nothing"));
    }
    if text(headers, "upload-defer-length").is_some() {
        return Err(Refusal::malformed("Upload-Defer-Length is not supported: say Upload-Length"));
    }
    let length = number(headers, tus::UPLOAD_LENGTH)?;
    if length > MAX_UPLOAD {
        return Err(Refusal::too_large(format!("the file has {length} bytes, and {MAX_UPLOAD} is the most")));
    }
    let metadata = Metadata::parse(text(headers, tus::UPLOAD_METADATA).unwrap_or_default())?;
    let Store { connection, random, .. } = store;
    let tx = connection.transaction()?;
    let minted = || random.uuid_v7(u64::try_from(now_ms).unwrap_or(0)).to_string();
    let id = metadata.id.clone().unwrap_or_else(minted);
    let user = caller.user();
    match blob::own(&tx, user, &id, now_ms)? {
        Some(known) => check_repeat(&known, length, &metadata)?,
        None => {
            check_order(&tx, user, &metadata)?;
            blob::create(&tx, user, &id, length, &metadata, now_ms)?;
        }
    }
    let made = find(&tx, user, &id, now_ms)?;
    let made = if length == 0 && !made.told.complete { finish(&tx, made, user, now_ms)? } else { made };
    tx.commit()?;
    Ok(made)
}

/// A repeat means the same file.
fn check_repeat(known: &Blob, length: u64, metadata: &Metadata) -> Result<(), Refusal> {
    let told = &known.told;
    let other = metadata.sha256.is_some() && told.sha256.is_some() && metadata.sha256 != told.sha256;
    if told.length != length || other {
        let id = &told.attachment_id;
        return Err(Refusal::conflict(format!("`attachmentId` {id} was used for another file")));
    }
    Ok(())
}

/// The work order must be one in the user's view, or one that they have yet to create. Of what is not there and what may
/// not be seen the answer is the same.
fn check_order(db: &Connection, user: &str, metadata: &Metadata) -> Result<(), Refusal> {
    let Some(named) = &metadata.work_order else { return Ok(()) };
    match blob::real_id(db, user, named)? {
        Some(order) if !view::sees(db, user, &order)? => {
            Err(Refusal::not_found(format!("there is no work order {named}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Where an upload stands.
pub(super) fn offset(store: &Store, now_ms: i64, user: &str, id: &str) -> Result<Reply, Refusal> {
    let found = find(&store.connection, user, id, now_ms)?;
    let reply = Reply::new(StatusCode::OK)
        .with(tus::UPLOAD_OFFSET, found.told.offset)
        .with(tus::UPLOAD_LENGTH, found.told.length)
        .with(CACHE_CONTROL.as_str(), "no-store");
    Ok(expiring(reply, &found))
}

/// Ends an upload. A file that a record refers to stays.
pub(super) fn terminate(store: &mut Store, now_ms: i64, user: &str, id: &str) -> Result<Reply, Refusal> {
    let tx = store.connection.transaction()?;
    let found = find(&tx, user, id, now_ms)?;
    if found.told.referenced {
        return Err(Refusal::conflict(format!("a work order refers to the attachment {id}")));
    }
    blob::remove(&tx, found.entry)?;
    tx.commit()?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

/// Adds the bytes of a PATCH.
pub(super) async fn patch(
    shared: &Shared,
    user: &str,
    id: &str,
    request: axum::extract::Request,
) -> Result<Reply, Refusal> {
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    check_body(headers)?;
    let offset = number(headers, tus::UPLOAD_OFFSET)?;
    let found = find(&shared.store().connection, user, id, shared.now_ms())?;
    let now = receive(shared, user, found, offset, (headers, body)).await?;
    Ok(expiring(Reply::new(StatusCode::NO_CONTENT).with(tus::UPLOAD_OFFSET, now.told.offset), &now))
}

/// Takes bytes as they arrive, so that those stay that came before a cut.
async fn receive(
    shared: &Shared,
    user: &str,
    found: Blob,
    offset: u64,
    (headers, mut body): (&HeaderMap, Body),
) -> Result<Blob, Refusal> {
    let mut checksum = Checksum::of(headers)?;
    let length = found.told.length;
    let end = announced(headers).map(|announced| offset.saturating_add(announced));
    if end.is_some_and(|end| end > length) {
        return Err(too_many(length));
    }
    if found.told.complete && end == Some(length) {
        // The answer to the last PATCH was lost.
        drain(body, length).await;
        return Ok(found);
    }
    if found.told.complete || offset != found.told.offset {
        let stands = found.told.offset;
        return Err(Refusal::conflict(format!("the upload stands at {stands}, not at {offset}")));
    }
    let mut at = offset;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::malformed(format!("the body ended early: {error}")))?;
        let Ok(bytes) = frame.into_data() else { continue };
        let store = shared.store();
        if at + bytes.len() as u64 > length {
            blob::take_back(&store.connection, &found, at, offset)?;
            return Err(too_many(length));
        }
        let tx = store.connection.unchecked_transaction()?;
        if !blob::append(&tx, &found, at, &bytes, shared.now_ms())? {
            return Err(Refusal::conflict("another request has moved the upload on"));
        }
        tx.commit()?;
        checksum.update(&bytes);
        at += bytes.len() as u64;
    }
    settle(&mut shared.store(), shared.now_ms(), user, &found, checksum, (offset, at))
}

/// All of a body has come, from one place in the file to another.
fn settle(
    store: &mut Store,
    now_ms: i64,
    user: &str,
    found: &Blob,
    checksum: Checksum,
    (from, at): (u64, u64),
) -> Result<Blob, Refusal> {
    let tx = store.connection.transaction()?;
    if !checksum.holds() {
        blob::take_back(&tx, found, at, from)?;
        tx.commit()?;
        return Err(Refusal::checksum_mismatch("the bytes are not those of Upload-Checksum; none of them was kept"));
    }
    let now = find(&tx, user, &found.told.attachment_id, now_ms)?;
    let whole = now.told.offset == now.told.length && !now.told.complete;
    let now = if whole {
        match finish(&tx, now, user, now_ms) {
            // It begins anew, and that must be kept.
            Err(refusal) if refusal.is_checksum_mismatch() => {
                tx.commit()?;
                return Err(refusal);
            }
            finished => finished?,
        }
    } else {
        now
    };
    tx.commit()?;
    Ok(now)
}

/// The last byte is there: the file is what it was declared to be, or the upload begins anew.
fn finish(db: &Connection, blob: Blob, user: &str, now_ms: i64) -> Result<Blob, Refusal> {
    let digest = blob::digest(db, blob.entry)?;
    if blob.told.sha256.as_ref().is_some_and(|declared| *declared != digest) {
        blob::restart(db, blob.entry)?;
        return Err(Refusal::checksum_mismatch(
            "the whole is not what `sha256` of its creation says; the upload begins anew at offset 0",
        ));
    }
    blob::complete(db, blob.entry, &digest, now_ms)?;
    find(db, user, &blob.told.attachment_id, now_ms)
}

/// Another user's upload is not there, and nothing tells it from one that never was.
fn find(db: &Connection, user: &str, id: &str, now_ms: i64) -> Result<Blob, Refusal> {
    blob::own(db, user, id, now_ms)?.ok_or_else(|| Refusal::not_found(format!("there is no attachment {id}")))
}

fn expiring(reply: Reply, blob: &Blob) -> Reply {
    let at = blob.expires_ms.filter(|_| !blob.told.complete).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    match at.and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()) {
        Some(date) => reply.with(tus::UPLOAD_EXPIRES, date),
        None => reply,
    }
}

fn too_many(length: u64) -> Refusal {
    Refusal::too_large(format!("more bytes than the {length} that Upload-Length declared"))
}

fn check_body(headers: &HeaderMap) -> Result<(), Refusal> {
    let media_type = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    if !media_type.eq_ignore_ascii_case(OFFSET_STREAM) {
        return Err(Refusal::unsupported(format!("the content type is `{media_type}`, not {OFFSET_STREAM}")));
    }
    match text(headers, CONTENT_ENCODING.as_str()) {
        None | Some("identity") => Ok(()),
        Some(coding) => {
            Err(Refusal::unsupported(format!("the bytes of an upload travel as they are, not as {coding}")))
        }
    }
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64, Refusal> {
    let digits = text(headers, name).filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Refusal::malformed(format!("`{name}` must be a number of bytes")))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The checksum of a body, as it is computed.
enum Checksum {
    None,
    Sha1(Sha1, Vec<u8>),
    Sha256(Sha256, Vec<u8>),
}

impl Checksum {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let Some(header) = text(headers, tus::UPLOAD_CHECKSUM) else { return Ok(Self::None) };
        let (algorithm, value) = header.split_once(' ').unwrap_or((header, ""));
        let value = STANDARD
            .decode(value.trim())
            .map_err(|_| Refusal::malformed("the value of Upload-Checksum is not base64"))?;
        match algorithm {
            "sha1" => Ok(Self::Sha1(Sha1::new(), value)),
            "sha256" => Ok(Self::Sha256(Sha256::new(), value)),
            _ => Err(Refusal::malformed(format!("Upload-Checksum must be one of {ALGORITHMS}"))),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha1(hash, _) => hash.update(bytes),
            Self::Sha256(hash, _) => hash.update(bytes),
        }
    }

    fn holds(self) -> bool {
        match self {
            Self::None => true,
            Self::Sha1(hash, expected) => hash.finalize()[..] == expected[..],
            Self::Sha256(hash, expected) => hash.finalize()[..] == expected[..],
        }
    }
}
