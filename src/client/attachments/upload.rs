//! One file on its way up: the tus protocol 1.0, from the offset that the server names (decision s).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::time::Instant;

use super::download::Downloads;
use super::pace::ChunkPace;
use crate::client::answer::Failure;
use crate::client::engine::Engine;
use crate::client::priority::URGENT;
use crate::client::push::{self, Pushed};
use crate::client::settle;
use crate::client::store::files::{self, Pending};
use crate::client::store::queue::{self, Queued};
use crate::client::transport::{Method, Request, Response};
use crate::history::DeviceEvent;
use crate::protocol::{ErrorCode, OFFSET_STREAM, OperationError, OperationResult, TUS_VERSION, path, tus};

/// So many answers that leave a file no further than it ever was count as one failed attempt.
const MOST_STRIKES: u32 = 3;

/// How the uploads of this run of the app stand.
#[derive(Debug, Default)]
pub(in crate::client) struct Progress {
    /// The offset that the server named last, of the file that was last on its way. Whatever goes wrong makes it unknown.
    known: Option<(String, u64)>,
    /// How far each file has come.
    reached: BTreeMap<String, Reached>,
    pace: ChunkPace,
    /// And the downloads.
    pub(in crate::client) down: Downloads,
}

/// How far a file has come.
#[derive(Debug, Default)]
struct Reached {
    /// The farthest that the server said, in bytes.
    offset: u64,
    /// Answers since then that did not help it on.
    strikes: u32,
}

impl Progress {
    /// The server names an offset. Only what lies beyond every one before is a help: a file that never comes out whole
    /// begins anew for ever, and each of its parts goes well.
    fn stands(&mut self, id: &str, offset: u64) {
        let reached = self.reached.entry(id.to_owned()).or_default();
        if offset > reached.offset {
            *reached = Reached { offset, strikes: 0 };
        }
        self.known = Some((id.to_owned(), offset));
    }

    /// Whatever link comes, nothing is known of it.
    pub(in crate::client) fn another_link(&mut self) {
        self.pace = ChunkPace::default();
        self.down.another_link();
    }
}

/// What a step of an upload came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Advance {
    /// A part more is with the server, or it is known where to go on.
    Further,
    /// Something more urgent goes first, or the network is none for it any more.
    GaveWay,
    /// The server has all of it.
    Complete,
    /// The server, or the device itself, refused the file for now.
    Judged,
}

/// What asking for an upload came to.
enum Begun {
    /// It is there.
    At(String),
    /// And has the first part, of several.
    Further,
    /// Something more urgent goes first.
    GaveWay,
}

/// Why a part did not go up.
enum Trouble {
    /// The way to the server, or its answer.
    Call(Failure),
    /// The file on the device.
    File(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

impl From<crate::client::store::StoreError> for Trouble {
    fn from(error: crate::client::store::StoreError) -> Self {
        Self::Call(error.into())
    }
}

impl Engine {
    /// Takes the upload behind the operation at `row` one part further.
    ///
    /// # Errors
    /// What ends the sync: no network, no session, a server that cannot cope.
    pub(super) async fn upload(&self, row: i64, pushed: &mut Pushed) -> Result<Advance, Failure> {
        let queued = queue::load(self.store.read(), row)?;
        let attachment_id = queued.attachment_id.clone().unwrap_or_default();
        let pending = files::pending(self.store.read(), &attachment_id)?;
        let now = self.clock.now_text();
        self.store.write(|tx| queue::send(tx, &queued.queue_id, &now))?;
        self.show()?;
        let went = match &pending {
            Some(pending) => self.part(pending, pushed).await,
            None => Err(Trouble::File("the device has lost it".into())),
        };
        match went {
            Ok(Advance::GaveWay) => {
                self.store.write(|tx| queue::wait(tx, &queued.queue_id))?;
                Ok(Advance::GaveWay)
            }
            Ok(advance) => Ok(advance),
            Err(trouble) => {
                self.uploads.borrow_mut().known = None;
                self.store.write(queue::release)?;
                let along = pending.is_some_and(|pending| pending.is_untried());
                self.after_trouble(&queued, (&attachment_id, along), trouble, pushed)
            }
        }
    }

    /// The next part; before it, whatever must be known for it.
    async fn part(&self, pending: &Pending, pushed: &Pushed) -> Result<Advance, Trouble> {
        let id = pending.attachment_id.as_str();
        let url = match &pending.upload_url {
            Some(url) => url.clone(),
            None => match self.begin(pending, pushed).await? {
                Begun::At(url) => url,
                Begun::Further => return Ok(Advance::Further),
                Begun::GaveWay => return Ok(Advance::GaveWay),
            },
        };
        let known = self.uploads.borrow().known.clone().filter(|(of, _)| of == id);
        let offset = match known {
            Some((_, offset)) => offset,
            None => self.ask_offset(&url, pending).await?,
        };
        let size = pending.kept.size;
        if offset < size {
            let bytes = self.next_bytes(pending, offset)?;
            let len = bytes.len() as u64;
            let Some(answer) = self.send_part(id, offset, patch(&url, offset, bytes), pushed).await? else {
                return Ok(Advance::GaveWay);
            };
            let there = upload_offset(&answer)?;
            if there != offset + len {
                return Err(Failure::network(format!("{len} bytes at {offset} went up, and {there} are there")).into());
            }
            self.uploads.borrow_mut().stands(id, there);
            if there < size {
                return Ok(Advance::Further);
            }
        }
        self.complete(id)
    }

    fn complete(&self, id: &str) -> Result<Advance, Trouble> {
        // The server names the whole length only once it has found the file to be what was announced.
        self.store.write(|tx| files::uploaded(tx, id))?;
        let mut uploads = self.uploads.borrow_mut();
        uploads.known = None;
        uploads.reached.remove(id);
        drop(uploads);
        self.emit(DeviceEvent::Uploaded { attachment_id: id.to_owned() });
        Ok(Advance::Complete)
    }

    fn next_bytes(&self, pending: &Pending, offset: u64) -> Result<Vec<u8>, Trouble> {
        let pace = self.uploads.borrow().pace.bytes();
        let read = self.file_store.read(&pending.kept, offset, pace);
        let bytes = read.map_err(|error| Trouble::File(error.to_string()))?;
        if bytes.is_empty() && offset < pending.kept.size {
            return Err(Trouble::File("it is shorter than it was".into()));
        }
        Ok(bytes)
    }

    /// Sends a request with bytes of a file; `None` when it gave way, and nobody knows how many of them arrived.
    async fn send_part(
        &self,
        id: &str,
        offset: u64,
        request: Request,
        pushed: &Pushed,
    ) -> Result<Option<Response>, Trouble> {
        let bytes = request.body.as_ref().map_or(0, |body| body.len() as u64);
        self.emit(DeviceEvent::Uploading { attachment_id: id.to_owned(), offset, bytes });
        let started = Instant::now();
        let sending = self.session.tus(request);
        let Some(answer) = self.unless_disturbed(sending, pushed, || self.uploads_allowed()).await else {
            self.uploads.borrow_mut().known = None;
            return Ok(None);
        };
        let answer = answer?;
        self.uploads.borrow_mut().pace.note(bytes, started.elapsed());
        Ok(Some(answer))
    }

    /// Has the server make the upload. The first bytes go along at the first try alone (tus, creation-with-upload): after
    /// that there may be an upload that has some of them, and it is asked.
    async fn begin(&self, pending: &Pending, pushed: &Pushed) -> Result<Begun, Trouble> {
        let id = pending.attachment_id.as_str();
        let first = if pending.is_untried() { self.next_bytes(pending, 0)? } else { Vec::new() };
        let len = first.len() as u64;
        let now = self.clock.now_text();
        self.store.write(|tx| files::trying(tx, id, &now))?;
        let answer = if len > 0 {
            match self.send_part(id, 0, create(pending, first), pushed).await? {
                Some(answer) => answer,
                None => return Ok(Begun::GaveWay),
            }
        } else {
            self.session.tus(create(pending, first)).await?
        };
        // An answer of before, or of another's making, would have this file go where another one lies.
        let url = answer.header("location").to_owned();
        if !(url.starts_with('/') && url.ends_with(&format!("/{id}"))) {
            return Err(Failure::network(format!("`{url}` is no upload of {id}")).into());
        }
        self.store.write(|tx| files::upload_at(tx, id, Some(&url)))?;
        // An upload that the server had already is asked where it stands; a server that takes no bytes along says none or 0.
        let there = answer.header(tus::UPLOAD_OFFSET).parse().unwrap_or(0);
        if answer.status == 201 && (there == 0 || there == len) {
            self.uploads.borrow_mut().stands(id, there);
        }
        let more = len > 0 && there == len && len < pending.kept.size;
        Ok(if more { Begun::Further } else { Begun::At(url) })
    }

    async fn ask_offset(&self, url: &str, pending: &Pending) -> Result<u64, Failure> {
        let answer = self.session.tus(tus(Method::Head, url)).await?;
        let (there, size) = (upload_offset(&answer)?, pending.kept.size);
        let length = answer.header(tus::UPLOAD_LENGTH);
        if there > size || !(length.is_empty() || length == size.to_string()) {
            return Err(Failure::network(format!("{there} bytes of `{length}` are there, and the file has {size}")));
        }
        self.uploads.borrow_mut().stands(&pending.attachment_id, there);
        Ok(there)
    }

    /// What `sending` brings, unless something more urgent has to go first or files may not travel any more (`allowed`):
    /// then it is broken off, wherever it is. Either side keeps what it got.
    pub(super) async fn unless_disturbed<T>(
        &self,
        sending: impl Future<Output = T>,
        pushed: &Pushed,
        allowed: impl Fn() -> bool,
    ) -> Option<T> {
        tokio::pin!(sending);
        loop {
            tokio::select! {
                biased;
                answer = &mut sending => return Some(answer),
                () = self.disturb.notified() => {
                    let urgent = push::due(self, &pushed.held).is_ok_and(|due| due.first().is_some_and(|it| it.level <= URGENT));
                    if urgent || !allowed() {
                        return None;
                    }
                }
            }
        }
    }

    /// What comes of trouble with a file, whose first bytes may have gone `along` with the creation.
    fn after_trouble(
        &self,
        queued: &Queued,
        (attachment_id, along): (&str, bool),
        trouble: Trouble,
        pushed: &mut Pushed,
    ) -> Result<Advance, Failure> {
        let failure = match trouble {
            Trouble::File(why) => return self.judge(queued, ErrorCode::ValidationError, &why, None, pushed),
            Trouble::Call(failure) if !failure.ours => return Err(failure),
            Trouble::Call(failure) => failure,
        };
        let strikes = {
            let mut uploads = self.uploads.borrow_mut();
            let reached = uploads.reached.entry(attachment_id.to_owned()).or_default();
            reached.strikes += u32::from(matches!(failure.status, 404 | 409 | 410 | 460));
            reached.strikes
        };
        let begun = files::pending(self.store.read(), attachment_id)?.is_some_and(|it| it.upload_url.is_some());
        match failure.status {
            // A server need not take a body along with a creation (tus, creation-with-upload): the next one has none.
            400 | 411 | 415 if along => Ok(Advance::Further),
            // Its upload is gone: another one is made.
            404 | 410 if begun && strikes < MOST_STRIKES => {
                self.store.write(|tx| files::upload_at(tx, attachment_id, None))?;
                Ok(Advance::Further)
            }
            // It stands elsewhere than was thought, or what came was damaged on the way: the server is asked.
            409 | 460 if strikes < MOST_STRIKES => Ok(Advance::Further),
            404 | 409 | 410 | 460 if begun => {
                if let Some(reached) = self.uploads.borrow_mut().reached.get_mut(attachment_id) {
                    reached.strikes = 0;
                }
                self.judge(queued, ErrorCode::ServerError, &failure.detail, failure.retry_after, pushed)
            }
            413 => self.judge(queued, ErrorCode::ValidationError, &failure.detail, None, pushed),
            500 => {
                self.judge(queued, ErrorCode::ServerError, &failure.detail, failure.retry_after, pushed)?;
                Err(failure)
            }
            _ if matches!(
                failure.code,
                ErrorCode::ValidationError | ErrorCode::NotFound | ErrorCode::PermissionDenied
            ) =>
            {
                self.judge(queued, failure.code, &failure.detail, None, pushed)
            }
            _ => Err(failure),
        }
    }

    /// A file is judged as an operation is (decision k): its line is that operation.
    fn judge(
        &self,
        queued: &Queued,
        code: ErrorCode,
        detail: &str,
        retry_after: Option<u64>,
        pushed: &mut Pushed,
    ) -> Result<Advance, Failure> {
        let error = OperationError { code, detail: detail.to_owned(), retry_after, tombstone: false };
        let result = OperationResult::refused(queued.queue_id.clone(), error);
        pushed.add(settle::apply(self, std::slice::from_ref(queued), &[result])?);
        Ok(Advance::Judged)
    }
}

fn tus(method: Method, target: &str) -> Request {
    Request { headers: vec![(tus::RESUMABLE, TUS_VERSION.to_owned())], ..Request::new(method, target) }
}

fn create(pending: &Pending, first: Vec<u8>) -> Request {
    let mut request = tus(Method::Post, path::ATTACHMENTS);
    if !first.is_empty() {
        request.headers.push(offset_stream());
        request.body = Some(first);
    }
    request.headers.push((tus::UPLOAD_LENGTH, pending.kept.size.to_string()));
    let fields = [
        ("attachmentId", Some(&pending.attachment_id)),
        ("workOrderId", Some(&pending.work_order_id)),
        ("fileName", Some(&pending.file_name)),
        ("mimeType", Some(&pending.mime_type)),
        ("sha256", Some(&pending.sha256)),
        ("attachmentType", Some(&pending.attachment_type)),
        ("capturedAt", Some(&pending.captured_at)),
        ("location", pending.location.as_ref()),
        ("description", pending.description.as_ref()),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", BASE64.encode(value?))));
    request.headers.push((tus::UPLOAD_METADATA, fields.collect::<Vec<_>>().join(",")));
    request
}

fn patch(url: &str, offset: u64, bytes: Vec<u8>) -> Request {
    let mut request = tus(Method::Patch, url);
    request.headers.push((tus::UPLOAD_OFFSET, offset.to_string()));
    request.headers.push(offset_stream());
    Request { body: Some(bytes), ..request }
}

fn offset_stream() -> (&'static str, String) {
    ("content-type", OFFSET_STREAM.to_owned())
}

fn upload_offset(answer: &Response) -> Result<u64, Failure> {
    let offset = answer.header(tus::UPLOAD_OFFSET);
    offset.parse().map_err(|_| Failure::network(format!("`{offset}` is no offset of an upload")))
}
