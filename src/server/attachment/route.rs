//! The endpoints of attachments. As everywhere, who calls is asked before anything else.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, head, options, patch, post};

use super::super::http::{Shared, caller};
use super::super::openapi::Endpoint;
use super::super::refusal::Refusal;
use super::super::role::Role;
use super::super::wire::Answer;
use super::{blob, download, upload};
use crate::protocol::{AttachmentsAnswer, MAX_UPLOAD, OFFSET_STREAM, TUS_VERSION, path, tus};

type App = State<Arc<Shared>>;

/// An answer that is no JSON.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// An empty one.
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Vec::new() }
    }

    /// With a header. What cannot stand in one is left off.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Ok(value) = HeaderValue::try_from(value.to_string()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With a body.
    pub(super) fn body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    fn response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// The endpoints, and who answers.
pub(in crate::server) fn routes() -> Vec<(Endpoint, MethodRouter<Arc<Shared>>)> {
    let list_at = Endpoint::get::<AttachmentsAnswer>(
        path::ATTACHMENTS,
        "attachments",
        "The uploads: one's own, or all for an auditor.",
    );
    let file_at = Endpoint::plain("get", path::ATTACHMENT, "attachment", "The file, or a range of it.")
        .headers(&[("range", false), ("if-range", false), ("if-none-match", false)])
        .binary()
        .problems(&[404, 416]);
    let thumbnail_at = Endpoint::plain("get", path::THUMBNAIL, "thumbnail", "A small JPEG of it, if it is a picture.")
        .headers(&[("if-none-match", false)])
        .binary()
        .problems(&[404]);
    let own = [(list_at, get(list)), (file_at, get(file)), (thumbnail_at, get(thumbnail))];
    own.into_iter().chain(tus_routes()).map(|(endpoint, handler)| (endpoint.addition(), handler)).collect()
}

fn tus_routes() -> Vec<(Endpoint, MethodRouter<Arc<Shared>>)> {
    const PATCH_HEADERS: &[(&str, bool)] =
        &[(tus::RESUMABLE, true), (tus::UPLOAD_OFFSET, true), (tus::UPLOAD_CHECKSUM, false)];
    const CREATE_HEADERS: &[(&str, bool)] = &[
        (tus::RESUMABLE, true),
        (tus::UPLOAD_LENGTH, true),
        (tus::UPLOAD_METADATA, false),
        (tus::UPLOAD_CHECKSUM, false),
    ];
    const HEADERS: &[(&str, bool)] = &[(tus::RESUMABLE, true)];
    let summary = "Begin an upload (tus 1.0, creation), its first bytes with it (creation-with-upload).";
    let create_at = Endpoint::plain("post", path::ATTACHMENTS, "createUpload", summary)
        .headers(CREATE_HEADERS)
        .bytes(OFFSET_STREAM, false)
        .answers(201, "Made, or made before: its URL is in `Location`, how far it has come in `Upload-Offset`.")
        .problems(&[403, 404, 409, 412, 413, 415, 460]);
    let options_at = Endpoint::plain("options", path::ATTACHMENTS, "uploadOptions", "What of tus the server knows.")
        .open()
        .answers(204, "The headers say it.");
    let offset_at = Endpoint::plain("head", path::ATTACHMENT, "uploadOffset", "How far an upload has come.")
        .headers(HEADERS)
        .answers(200, "The headers say it.")
        .problems(&[404, 412]);
    let patch_at = Endpoint::plain("patch", path::ATTACHMENT, "upload", "Add bytes to an upload (tus 1.0, checksum).")
        .headers(PATCH_HEADERS)
        .bytes(OFFSET_STREAM, true)
        .answers(204, "They are kept.")
        .problems(&[404, 409, 412, 413, 415, 460]);
    let summary = "What X-HTTP-Method-Override says: PATCH or DELETE.";
    let post_at = Endpoint::plain("post", path::ATTACHMENT, "uploadOverride", summary)
        .headers(PATCH_HEADERS)
        .bytes(OFFSET_STREAM, true)
        .answers(204, "It is done.")
        .problems(&[404, 409, 412, 413, 415, 460]);
    let delete_at =
        Endpoint::plain("delete", path::ATTACHMENT, "terminateUpload", "End an upload (tus 1.0, termination).")
            .headers(HEADERS)
            .answers(204, "It is gone.")
            .problems(&[404, 409, 412]);
    vec![
        (create_at, post(create)),
        (options_at, options(capabilities)),
        (offset_at, head(offset)),
        (patch_at, patch(append)),
        (post_at, post(overridden)),
        (delete_at, delete(terminate)),
    ]
}

async fn list(State(shared): App, headers: HeaderMap) -> Response {
    let list = || {
        let caller = caller(&shared, &headers)?;
        let all = Role::of(&caller.profile) == Role::Auditor;
        let user = Some(caller.user()).filter(|_| !all);
        let attachments = blob::list(&shared.store().connection, user, shared.now_ms())?;
        Ok(AttachmentsAnswer { attachments })
    };
    Answer::to(&headers).with::<AttachmentsAnswer>(list())
}

async fn create(State(shared): App, request: Request) -> Response {
    let headers = request.headers().clone();
    let created = async {
        let caller = caller(&shared, &headers)?;
        upload::check_version(&headers)?;
        upload::create(&shared, &caller, request).await
    };
    spoken(&headers, created.await)
}

async fn capabilities() -> Response {
    let reply = Reply::new(StatusCode::NO_CONTENT)
        .with(tus::RESUMABLE, TUS_VERSION)
        .with(tus::VERSION, TUS_VERSION)
        .with(tus::EXTENSION, upload::EXTENSIONS)
        .with(tus::CHECKSUM_ALGORITHM, upload::ALGORITHMS)
        .with(tus::MAX_SIZE, MAX_UPLOAD);
    reply.response()
}

async fn offset(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let offset = || {
        let caller = caller(&shared, &headers)?;
        upload::check_version(&headers)?;
        upload::offset(&shared.store(), shared.now_ms(), caller.user(), &id)
    };
    spoken(&headers, offset())
}

async fn append(State(shared): App, Path(id): Path<String>, request: Request) -> Response {
    let headers = request.headers().clone();
    let appended = async {
        let caller = caller(&shared, &headers)?;
        upload::check_version(&headers)?;
        upload::patch(&shared, caller.user(), &id, request).await
    };
    spoken(&headers, appended.await)
}

async fn terminate(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let terminated = || {
        let caller = caller(&shared, &headers)?;
        upload::check_version(&headers)?;
        upload::terminate(&mut shared.store(), shared.now_ms(), caller.user(), &id)
    };
    spoken(&headers, terminated())
}

/// What stands between may let no other method through than POST (tus, `X-HTTP-Method-Override`).
async fn overridden(state: App, id: Path<String>, request: Request) -> Response {
    let headers = request.headers().clone();
    match headers.get("x-http-method-override").and_then(|method| method.to_str().ok()) {
        Some("PATCH") => append(state, id, request).await,
        Some("DELETE") => terminate(state, id, headers).await,
        Some(_) | None => {
            let why = "X-HTTP-Method-Override must say PATCH or DELETE";
            spoken(&headers, caller(&state, &headers).and(Err(Refusal::wrong_method(why))))
        }
    }
}

async fn file(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let file = || {
        let caller = caller(&shared, &headers)?;
        download::file(&shared.store(), shared.now_ms(), &caller, &id, &headers)
    };
    answered(&headers, file())
}

async fn thumbnail(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let thumbnail = || {
        let caller = caller(&shared, &headers)?;
        download::thumbnail(&shared.store(), shared.now_ms(), &caller, &id, &headers)
    };
    answered(&headers, thumbnail())
}

/// An answer of tus, which names its version in each.
fn spoken(headers: &HeaderMap, result: Result<Reply, Refusal>) -> Response {
    let mut response = answered(headers, result);
    response.headers_mut().insert(tus::RESUMABLE, HeaderValue::from_static(TUS_VERSION));
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(tus::VERSION, HeaderValue::from_static(TUS_VERSION));
    }
    response
}

fn answered(headers: &HeaderMap, result: Result<Reply, Refusal>) -> Response {
    match result {
        Ok(reply) => reply.response(),
        Err(refusal) => Answer::to(headers).with::<()>(Err(refusal)),
    }
}
