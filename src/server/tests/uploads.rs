//! Uploads by tus 1.0: what comes stays, and nothing else is taken for it.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use sha2::{Digest, Sha256};

use super::*;
use crate::base::hex;
use crate::protocol::{AttachmentsAnswer, MAX_UPLOAD, StoredAttachment};

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes that are not all alike.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut stream = Seed(7).stream("noise");
    (0..length).map(|_| stream.bytes::<1>()[0]).collect()
}

pub(super) fn at(id: &str) -> String {
    format!("{}/{id}", path::ATTACHMENTS)
}

pub(super) fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
    pairs.join(",")
}

impl Device {
    pub(super) fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("authorization", format!("Bearer {}", self.tokens.access_token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).unwrap()
    }

    pub(super) async fn tus(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let headers = [&[("tus-resumable", "1.0.0")], headers].concat();
        let reply = send(&self.server, self.request(method, target, &headers, body.into())).await;
        assert_eq!(reply.header("tus-resumable"), "1.0.0", "each answer names the version");
        reply
    }

    pub(super) async fn begin(&self, id: &str, length: usize, more: &[(&str, &str)]) -> Reply {
        self.post((id, length, more), &[], "").await
    }

    /// Begins an upload and sends the first of its bytes along.
    async fn begin_with(&self, id: &str, length: usize, more: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        self.post((id, length, &[]), more, body).await
    }

    async fn post(
        &self,
        (id, length, said): (&str, usize, &[(&str, &str)]),
        more: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let metadata = metadata(&[&[("attachmentId", id)], said].concat());
        let length = length.to_string();
        let headers = [("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
        self.tus("POST", path::ATTACHMENTS, &[&headers, more].concat(), body).await
    }

    pub(super) async fn add(&self, id: &str, offset: usize, bytes: &[u8]) -> Reply {
        self.add_with(id, offset, &[], bytes.to_vec()).await
    }

    async fn add_with(&self, id: &str, offset: usize, more: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        let body: Body = body.into();
        let length = hyper::body::Body::size_hint(&body).exact().map(|length| length.to_string());
        let offset = offset.to_string();
        let mut headers = vec![("upload-offset", offset.as_str()), ("content-type", "application/offset+octet-stream")];
        headers.extend(length.as_deref().map(|length| ("content-length", length)));
        headers.extend(more);
        self.tus("PATCH", &at(id), &headers, body).await
    }

    /// Where the upload stands; `None` when there is none.
    pub(super) async fn stands(&self, id: &str) -> Option<usize> {
        let reply = self.tus("HEAD", &at(id), &[], "").await;
        match reply.status.as_u16() {
            200 => {
                assert_eq!(reply.header("cache-control"), "no-store");
                Some(reply.header("upload-offset").parse().unwrap())
            }
            status => {
                assert_eq!(status, 404);
                None
            }
        }
    }

    /// Uploads a whole file.
    pub(super) async fn upload(&self, id: &str, bytes: &[u8], more: &[(&str, &str)]) {
        let made = self.begin(id, bytes.len(), more).await;
        assert_eq!(made.status.as_u16(), 201, "{}", String::from_utf8_lossy(&made.body));
        assert_eq!(self.add(id, 0, bytes).await.status.as_u16(), 204);
    }

    pub(super) async fn uploads(&self) -> Vec<StoredAttachment> {
        let answer: AttachmentsAnswer = self.call(Method::GET, path::ATTACHMENTS, None).await.ok();
        answer.attachments
    }

    async fn file(&self, id: &str) -> Vec<u8> {
        let reply = self.call(Method::GET, &at(id), None).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.body
    }
}

/// A body that ends as a cut connection does, after `bytes`.
fn cut(bytes: &[u8]) -> Body {
    let pieces = [Ok(Bytes::copy_from_slice(bytes)), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test(start_paused = true)]
async fn a_file_comes_in_pieces_and_is_read_back_whole() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let file = noise(300_000);
    let more = [("fileName", "seal.jpg"), ("workOrderId", "WO-000001"), ("sha256", &*sha256(&file))];
    let made = maria.begin("a-1", file.len(), &more).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, at("a-1")));
    assert_eq!(maria.stands("a-1").await, Some(0));
    for piece in [0..1, 1..100_000, 100_000..250_000, 250_000..300_000] {
        let reply = maria.add("a-1", piece.start, &file[piece.clone()]).await;
        assert_eq!((reply.status.as_u16(), reply.header("upload-offset")), (204, piece.end.to_string()));
        assert_eq!(maria.stands("a-1").await, Some(piece.end));
    }
    assert_eq!(maria.file("a-1").await, file);
    let told = maria.uploads().await.remove(0);
    assert_eq!((told.complete, told.offset, told.length, told.referenced), (true, 300_000, 300_000, false));
    assert_eq!((told.sha256, told.work_order_id.as_deref()), (Some(sha256(&file)), Some("WO-000001")));
    assert_eq!(world.sign_in("audit", "desk").await.uploads().await.len(), 1, "an auditor sees all");
    assert_eq!(world.sign_in("jonas", "desk").await.uploads().await, [], "nobody else does");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_cut_stays_and_the_offset_never_goes_back() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let file = noise(200_000);
    maria.begin("a-1", file.len(), &[("sha256", &*sha256(&file))]).await;
    assert_eq!(maria.add_with("a-1", 0, &[], cut(&file[..70_000])).await.status.as_u16(), 400);
    assert_eq!(maria.stands("a-1").await, Some(70_000));
    // A connection that simply dies takes the request's task with it.
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(&file[70_000..90_000]))]);
    let hangs = Body::from_stream(pieces.chain(stream::pending()));
    let headers =
        [("tus-resumable", "1.0.0"), ("upload-offset", "70000"), ("content-type", "application/offset+octet-stream")];
    let request = maria.request("PATCH", &at("a-1"), &headers, hangs);
    assert!(tokio::time::timeout(MINUTE, send(&world.server, request)).await.is_err());
    assert_eq!(maria.stands("a-1").await, Some(90_000));
    assert_eq!(maria.add("a-1", 90_000, &file[90_000..]).await.status.as_u16(), 204);
    assert_eq!(maria.file("a-1").await, file);
}

#[tokio::test(start_paused = true)]
async fn a_creation_again_is_the_same_upload_and_another_file_is_refused() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    maria.begin("a-1", 10, &[]).await;
    maria.add("a-1", 0, b"01234").await;
    let again = maria.begin("a-1", 10, &[]).await;
    assert_eq!(
        (again.status.as_u16(), again.header("location"), again.header("upload-offset")),
        (201, at("a-1"), "5".into())
    );
    assert_eq!(maria.begin("a-1", 11, &[]).await.status.as_u16(), 409);
    maria.add("a-1", 5, b"56789").await;
    assert_eq!(maria.begin("a-1", 10, &[("sha256", &*sha256(b"other"))]).await.status.as_u16(), 409);
    assert_eq!(maria.begin("a-1", 10, &[]).await.header("upload-offset"), "10");
    assert_eq!(maria.uploads().await.len(), 1);
    let nameless = maria.tus("POST", path::ATTACHMENTS, &[("upload-length", "0")], "").await;
    let id = nameless.header("location").rsplit('/').next().unwrap().to_owned();
    assert_eq!(maria.file(&id).await, b"", "a client that says nothing gets an id, and an empty file is whole at once");
}

const STREAM: (&str, &str) = ("content-type", "application/offset+octet-stream");

#[tokio::test(start_paused = true)]
async fn a_creation_takes_the_first_bytes_along() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let said = |reply: &Reply| (reply.status.as_u16(), reply.header("location"), reply.header("upload-offset"));
    let whole = maria.begin_with("a-1", 5, &[STREAM], "01234").await;
    assert_eq!(said(&whole), (201, at("a-1"), "5".into()));
    assert_eq!(whole.header("upload-expires"), "", "what is whole stays");
    assert_eq!(maria.file("a-1").await, b"01234");
    let part = maria.begin_with("a-2", 10, &[STREAM], "012").await;
    assert_eq!(said(&part), (201, at("a-2"), "3".into()));
    // A repeat goes on from where the upload stands: bytes from its start are not wanted again.
    let again = maria.begin_with("a-2", 10, &[STREAM], "01234").await;
    assert_eq!(said(&again), (201, at("a-2"), "3".into()));
    let too_much = maria.begin_with("a-2", 10, &[STREAM, ("content-length", "11")], "0123456789x").await;
    assert_eq!((too_much.status.as_u16(), maria.stands("a-2").await), (413, Some(3)));
    assert_eq!(maria.add("a-2", 3, b"3456789").await.status.as_u16(), 204);
    assert_eq!(maria.file("a-2").await, b"0123456789");
}

#[tokio::test(start_paused = true)]
async fn a_creation_with_wrong_bytes_keeps_none_of_them() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let announced = [STREAM, ("content-length", "6")];
    assert_eq!(maria.begin_with("a-1", 5, &announced, "012345").await.status.as_u16(), 413);
    assert_eq!(maria.stands("a-1").await, Some(0));
    let wrong = format!("sha256 {}", STANDARD.encode(Sha256::digest(b"other")));
    let checked = [STREAM, ("upload-checksum", wrong.as_str())];
    assert_eq!(maria.begin_with("a-2", 5, &checked, "01234").await.status.as_u16(), 460);
    assert_eq!(maria.stands("a-2").await, Some(0));
    for media_type in ["text/plain", ""] {
        assert_eq!(maria.begin_with("a-3", 5, &[("content-type", media_type)], "01234").await.status.as_u16(), 415);
    }
    let packed = [STREAM, ("content-encoding", "gzip")];
    assert_eq!(maria.begin_with("a-3", 5, &packed, "01234").await.status.as_u16(), 415);
    assert_eq!(maria.stands("a-3").await, None, "what is refused for its form makes nothing");
}

#[tokio::test(start_paused = true)]
async fn of_a_creation_that_breaks_off_what_came_stays() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let pieces = [Ok(Bytes::from_static(b"012")), Err(std::io::Error::other("the link went"))];
    let broken = maria.begin_with("a-1", 10, &[STREAM], Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(broken.status.as_u16(), 400);
    assert_eq!(maria.stands("a-1").await, Some(3));
    assert_eq!(maria.begin("a-1", 10, &[]).await.header("upload-offset"), "3");
}

#[tokio::test(start_paused = true)]
async fn a_patch_goes_on_where_the_upload_stands_and_nowhere_else() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    maria.begin("a-1", 10, &[]).await;
    maria.add("a-1", 0, b"01234").await;
    for offset in [0, 4, 6] {
        assert_eq!(maria.add("a-1", offset, b"x").await.status.as_u16(), 409, "{offset}");
    }
    for length in [6, 100] {
        assert_eq!(maria.add("a-1", 5, &vec![b'x'; length]).await.status.as_u16(), 413, "{length}");
    }
    let pieces = [b"567".as_slice(), b"89x"].map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
    let unannounced = Body::from_stream(stream::iter(pieces));
    assert_eq!(maria.add_with("a-1", 5, &[], unannounced).await.status.as_u16(), 413);
    assert_eq!(maria.stands("a-1").await, Some(5), "nothing of what was refused is kept");
    assert_eq!(maria.add("a-1", 5, b"56789").await.status.as_u16(), 204);
    let again = maria.add("a-1", 5, b"56789").await;
    assert_eq!((again.status.as_u16(), again.header("upload-offset")), (204, "10".into()), "its answer was lost");
    assert_eq!(maria.add("a-1", 5, b"567").await.status.as_u16(), 409, "that was no last one");
    assert_eq!(maria.file("a-1").await, b"0123456789");
}

#[tokio::test(start_paused = true)]
async fn two_patches_at_once_do_not_mix() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    maria.begin("a-1", 8, &[]).await;
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"01"))]);
    let rest = stream::once(async move {
        let _ = told.await;
        Ok(Bytes::from_static(b"23"))
    });
    let slow = maria.add_with("a-1", 0, &[], Body::from_stream(first.chain(rest)));
    let quick = async {
        tokio::task::yield_now().await;
        let reply = maria.add("a-1", 2, b"ab").await;
        tell.send(()).unwrap();
        reply
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!((quick.status.as_u16(), slow.status.as_u16()), (204, 409));
    assert_eq!(maria.add("a-1", 4, b"cdef").await.status.as_u16(), 204);
    assert_eq!(maria.file("a-1").await, b"01abcdef");
}

#[tokio::test(start_paused = true)]
async fn a_checksum_that_does_not_hold_keeps_nothing() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    maria.begin("a-1", 9, &[]).await;
    let sha1 = "sha1 hjN0RlSvSJ0fPMkfMHNVSQYEWDQ=";
    let sha256 = |bytes: &[u8]| format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)));
    let add = async |offset: usize, checksum: &str, bytes: &'static [u8]| {
        maria.add_with("a-1", offset, &[("upload-checksum", checksum)], bytes).await.status.as_u16()
    };
    assert_eq!(add(0, &sha256(b"abd"), b"abc").await, 460);
    assert_eq!(add(0, sha1, b"abc").await, 460);
    assert_eq!(add(0, "md5 AAAA", b"abc").await, 400);
    assert_eq!(add(0, "sha1 !", b"abc").await, 400);
    assert_eq!(maria.stands("a-1").await, Some(0));
    assert_eq!(add(0, &sha256(b"abc"), b"abc").await, 204);
    assert_eq!(add(3, "sha1 WJwiM1o4HxItEpIl9cC6MFbtWBE=", b"def").await, 204);
    assert_eq!(add(6, &sha256(b"gh"), b"ghi").await, 460);
    assert_eq!(maria.stands("a-1").await, Some(6));
    assert_eq!(add(6, &sha256(b"ghi"), b"ghi").await, 204);
    assert_eq!(maria.file("a-1").await, b"abcdefghi");
}

#[tokio::test(start_paused = true)]
async fn a_whole_that_is_not_what_was_declared_begins_anew() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    maria.begin("a-1", 6, &[("sha256", &*sha256(b"abcdef"))]).await;
    maria.add("a-1", 0, b"abX").await;
    let wrong = maria.add("a-1", 3, b"def").await;
    assert_eq!((wrong.status.as_u16(), wrong.problem().kind.as_str()), (460, "/problems/checksum-mismatch"));
    assert_eq!(maria.stands("a-1").await, Some(0));
    assert_eq!(maria.uploads().await[0].generation, 2);
    assert_eq!(maria.call(Method::GET, &at("a-1"), None).await.status.as_u16(), 404, "half a file is none");
    maria.add("a-1", 0, b"abcdef").await;
    assert_eq!(maria.file("a-1").await, b"abcdef");
    assert_eq!(maria.begin("a-2", 0, &[("sha256", &*sha256(b"x"))]).await.status.as_u16(), 460);
    assert_eq!(maria.stands("a-2").await, None);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_an_upload_is_refused_before_a_byte() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let begin = async |length: &str, metadata: &str| {
        let headers = [("upload-length", length), ("upload-metadata", metadata)];
        maria.tus("POST", path::ATTACHMENTS, &headers, "").await.problem().status
    };
    let order = |id: &str| metadata(&[("workOrderId", id)]);
    assert_eq!(begin(&(5_u64 << 30).to_string(), "").await, 413);
    assert_eq!(begin(&(MAX_UPLOAD + 1).to_string(), "").await, 413);
    for length in ["", "-1", "+1", "1e3", "99999999999999999999"] {
        assert_eq!(begin(length, "").await, 400, "{length}");
    }
    assert_eq!(begin("1", &metadata(&[("attachmentId", "../../etc/passwd")])).await, 400);
    assert_eq!(begin("1", "fileName !").await, 400);
    assert_eq!((begin("1", &order("WO-000003")).await, begin("1", &order("WO-999999")).await), (404, 404));
    let audit = world.sign_in("audit", "desk").await;
    assert_eq!(audit.begin("a-9", 1, &[]).await.status.as_u16(), 403);
    assert_eq!(maria.uploads().await, []);
    maria.begin("a-1", 5, &[]).await;
    let patch = |headers: &[(&str, &str)]| maria.request("PATCH", &at("a-1"), headers, Body::from("abc"));
    let stream = ("content-type", "application/offset+octet-stream");
    let version = ("tus-resumable", "1.0.0");
    for (headers, status) in [
        (vec![stream, ("upload-offset", "0")], 412),
        (vec![("tus-resumable", "0.2.2"), stream, ("upload-offset", "0")], 412),
        (vec![version, ("upload-offset", "0")], 415),
        (vec![version, stream, ("content-encoding", "gzip"), ("upload-offset", "0")], 415),
        (vec![version, stream], 400),
    ] {
        let reply = send(&world.server, patch(&headers)).await;
        assert_eq!(reply.status.as_u16(), status, "{headers:?}");
        assert_eq!(reply.headers.contains_key("tus-version"), status == 412);
    }
    assert_eq!(maria.stands("a-1").await, Some(0));
    let post = [version, stream, ("upload-offset", "0"), ("x-http-method-override", "PATCH")];
    assert_eq!(
        send(&world.server, maria.request("POST", &at("a-1"), &post, Body::from("abc"))).await.status.as_u16(),
        204
    );
}

#[tokio::test(start_paused = true)]
async fn anothers_upload_is_not_there() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let jonas = world.sign_in("jonas", "phone").await;
    maria.upload("a-1", b"hers", &[]).await;
    for method in ["HEAD", "PATCH", "DELETE", "GET"] {
        let headers =
            [("upload-offset", "0"), ("content-type", "application/offset+octet-stream"), ("tus-resumable", "1.0.0")];
        let ask = async |id: &str| send(&world.server, jonas.request(method, &at(id), &headers, Body::from("x"))).await;
        let (theirs, none) = (ask("a-1").await, ask("a-2").await);
        let heads = |reply: &Reply| -> HeaderMap { reply.headers.clone() };
        assert_eq!((theirs.status.as_u16(), heads(&theirs)), (404, heads(&none)), "{method}");
        let body = |reply: &Reply| String::from_utf8_lossy(&reply.body).replace("a-1", "a-2");
        assert_eq!(body(&theirs), body(&none), "{method}");
    }
    jonas.upload("a-1", b"his own", &[]).await;
    assert_eq!((maria.file("a-1").await, jonas.file("a-1").await), (b"hers".to_vec(), b"his own".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_nobody_goes_on_with_is_forgotten_after_a_week() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let made = maria.begin("a-1", 10, &[]).await;
    assert_eq!(made.header("upload-expires"), "Sat, 15 Nov 2025 06:00:00 GMT");
    pass(5 * DAY).await;
    maria.refresh().await;
    maria.add("a-1", 0, b"01234").await;
    pass(6 * DAY).await;
    maria.refresh().await;
    assert_eq!(maria.stands("a-1").await, Some(5), "each byte prolongs it");
    pass(DAY).await;
    maria.refresh().await;
    assert_eq!((maria.stands("a-1").await, maria.uploads().await), (None, Vec::new()));
    assert_eq!(maria.begin("a-1", 7, &[]).await.header("upload-offset"), "0");
}

#[tokio::test(start_paused = true)]
async fn a_terminated_upload_is_gone() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    maria.upload("a-1", b"whole", &[]).await;
    assert_eq!(maria.tus("DELETE", &at("a-1"), &[], "").await.status.as_u16(), 204);
    assert_eq!(maria.stands("a-1").await, None);
    assert_eq!(maria.tus("DELETE", &at("a-1"), &[], "").await.status.as_u16(), 404);
    assert_eq!(maria.call(Method::GET, &at("a-1"), None).await.status.as_u16(), 404);
}

#[tokio::test(start_paused = true)]
async fn the_server_says_what_of_tus_it_knows() {
    let world = World::new();
    let request = Request::builder().method("OPTIONS").uri(path::ATTACHMENTS).body(Body::empty()).unwrap();
    let reply = send(&world.server, request).await;
    assert_eq!((reply.status.as_u16(), reply.header("tus-version")), (204, "1.0.0".into()));
    assert_eq!(reply.header("tus-extension"), "creation,creation-with-upload,termination,expiration,checksum");
    assert_eq!(reply.header("tus-checksum-algorithm"), "sha1,sha256");
    assert_eq!(reply.header("tus-max-size"), MAX_UPLOAD.to_string());
}
