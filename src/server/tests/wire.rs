//! Bodies, limits, routes, and a connection.

use std::io::{Read, Write};

use axum::http::request::Builder;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn push_of(maria: &Device) -> Builder {
    Request::builder()
        .method("POST")
        .uri(path::PUSH)
        .header("authorization", format!("bearer {}", maria.tokens.access_token))
        .header("content-type", "application/json; charset=utf-8")
}

fn sign_in_with(body: Vec<u8>) -> Request<Body> {
    Request::builder().method("POST").uri(path::SIGN_IN).body(Body::from(body)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_a_problem_document_and_changes_nothing() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let operation = maria.operation("update", "WO-000001", 1, json!({ "title": "x" }));
    let good = json!({ "operations": [operation] }).to_string();
    let before = maria.look("WO-000001").await;
    let mut cut = gzip(good.as_bytes());
    cut.truncate(cut.len() - 5);
    let trailing = [gzip(good.as_bytes()), b"more".to_vec()].concat();
    let padded = good.replace("\"x\"", &format!("\"{}\"", "x".repeat(256 * 1024)));
    let too_many = json!({ "operations": vec![operation; 101] }).to_string();
    let push = || push_of(&maria);
    let zipped = || push().header("content-encoding", "gzip");
    let cases: Vec<(&str, u16, Request<Body>)> = vec![
        ("bad JSON", 400, push().body(Body::from(good.replace('}', ""))).unwrap()),
        ("no body", 400, push().body(Body::empty()).unwrap()),
        ("not a batch", 400, push().body(Body::from("[]")).unwrap()),
        ("a batch as an array", 400, push().body(Body::from("[[]]")).unwrap()),
        (
            "an unknown key",
            400,
            push().body(Body::from(good.replace("{\"operations\"", "{\"a\":1,\"operations\""))).unwrap(),
        ),
        ("not gzip", 400, zipped().body(Body::from(good.clone())).unwrap()),
        ("cut gzip", 400, zipped().body(Body::from(cut)).unwrap()),
        ("more than gzip", 400, zipped().body(Body::from(trailing)).unwrap()),
        ("a gzip bomb", 413, zipped().body(Body::from(gzip(&vec![b' '; 64 << 20]))).unwrap()),
        ("too large", 413, push().body(Body::from(padded)).unwrap()),
        ("too large on the wire", 413, sign_in_with(vec![b' '; (1 << 20) + 1])),
        ("too many", 413, push().body(Body::from(too_many)).unwrap()),
        ("another coding", 415, push().header("content-encoding", "br").body(Body::from(good.clone())).unwrap()),
    ];
    for (what, status, request) in cases {
        let reply = send(&world.server, request).await;
        assert_eq!((reply.status.as_u16(), reply.problem().code), (status, ErrorCode::ValidationError), "{what}");
    }
    assert_eq!(maria.look("WO-000001").await, before);
    let reply = send(&world.server, zipped().body(Body::from(gzip(good.as_bytes()))).unwrap()).await;
    assert_eq!(reply.ok::<PushAnswer>().results[0].status, ResultStatus::Success, "the good one was good");
}

#[tokio::test(start_paused = true)]
async fn another_content_type_is_refused_and_none_is_taken_for_json() {
    let world = World::new();
    let body = json!({ "userId": "maria", "password": "maria's", "deviceId": "phone" }).to_string();
    let sign_in = |content_type: Option<&str>| {
        let request = Request::builder().method("POST").uri(path::SIGN_IN);
        let request = content_type
            .map_or(Request::builder().method("POST").uri(path::SIGN_IN), |it| request.header("content-type", it));
        request.body(Body::from(body.clone())).unwrap()
    };
    let reply = send(&world.server, sign_in(Some("text/html"))).await;
    assert_eq!((reply.status.as_u16(), reply.problem().code), (415, ErrorCode::ValidationError));
    assert_eq!(send(&world.server, sign_in(None)).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn who_calls_is_asked_before_the_body_is_read() {
    let world = World::new();
    let request = Request::builder().method("POST").uri(path::PUSH).header("content-type", "text/html");
    let reply = send(&world.server, request.body(Body::from(vec![0; 2 << 20])).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.problem().code), (401, ErrorCode::AuthError));
}

#[tokio::test(start_paused = true)]
async fn unknown_routes_wrong_methods_and_bad_queries_are_problem_documents() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let query = |query: &str| format!("{}?{query}", path::DELTA);
    for (method, target, status) in [
        (Method::GET, "/api/v2/sync/delta".to_owned(), 404),
        (Method::GET, path::PUSH.to_owned(), 405),
        (Method::POST, path::DELTA.to_owned(), 405),
        (Method::GET, query("since=yesterday"), 400),
        (Method::GET, query("cursor=guess"), 400),
        (Method::GET, query("cursor=7-1-1-99"), 400),
        (Method::GET, query("limit=0"), 400),
        (Method::GET, query("limit=-1"), 400),
        (Method::GET, query("entities=planets"), 400),
        (Method::GET, query("color=red"), 400),
    ] {
        let reply = maria.call(method, &target, None).await;
        assert_eq!((reply.status.as_u16(), reply.problem().code), (status, ErrorCode::ValidationError), "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_gzipped_only_when_asked_for_and_worth_it() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let get = |target: &str, accept: &str| {
        Request::builder()
            .uri(target)
            .header("authorization", format!("Bearer {}", maria.tokens.access_token))
            .header("accept-encoding", accept)
            .body(Body::empty())
            .unwrap()
    };
    let plain = send(&world.server, get(path::DELTA, "br, gzip;q=0")).await;
    let zipped = send(&world.server, get(path::DELTA, "br, GZIP;q=0.5")).await;
    let mut unzipped = Vec::new();
    GzDecoder::new(zipped.body.as_slice()).read_to_end(&mut unzipped).unwrap();
    assert_eq!(unzipped, plain.body);
    assert!(zipped.body.len() < plain.body.len());
    let none = send(&world.server, get("/nowhere", "gzip")).await;
    let mut problem = Vec::new();
    GzDecoder::new(none.body.as_slice()).read_to_end(&mut problem).unwrap();
    assert_eq!(serde_json::from_slice::<Problem>(&problem).unwrap().status, 404);
    maria.pull().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_is_a_problem_document_too() {
    let world = World::new();
    let long_head = format!("GET / HTTP/1.1\r\n{}\r\n", "x-a: b\r\n".repeat(200));
    let cases = [
        ("garbage", 400, "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        ("no version", 400, "GET /api/v1/profile\r\n\r\n".to_owned()),
        ("a header without a name", 400, "GET / HTTP/1.1\r\n: x\r\n\r\n".to_owned()),
        ("two lengths", 400, "POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned()),
        ("too many headers", 431, long_head),
        ("after a good one", 400, format!("GET {} HTTP/1.1\r\nhost: server\r\n\r\n?\r\n\r\n", path::PROFILE)),
    ];
    for (what, status, request) in cases {
        let answer = raw(&world, request.as_bytes()).await;
        let last = answer.rfind("HTTP/1.1 4").unwrap_or_else(|| panic!("{what}: no answer"));
        let (head, body) = answer[last..].split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {answer}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{what}: {head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{what}: {head}");
        let problem: Problem = serde_json::from_str(body).expect("a problem document");
        assert_eq!((problem.status, problem.kind.as_str()), (status, "/problems/malformed"), "{what}");
    }
}

/// All that the server writes on a connection on which `bytes` come.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let (mut near, far) = duplex(1 << 20);
    let server = world.server.clone();
    let serving = tokio::spawn(async move { server.serve(far).await });
    near.write_all(bytes).await.expect("room for the request");
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.expect("the answer");
    // The server says of such a connection what was wrong with it.
    assert!(serving.await.expect("it ends").is_err());
    String::from_utf8_lossy(&answer).into_owned()
}

/// What the server writes to a peer that sends `bytes` and no more, and after how many seconds it has enough.
async fn after_silence(bytes: &str) -> (String, u64) {
    let world = World::new();
    let (mut near, far) = duplex(1 << 20);
    let begun = tokio::time::Instant::now();
    let serving =
        tokio::spawn(async move { world.server.serve_within(far, Some(Duration::from_secs(30))).await.map_err(drop) });
    near.write_all(bytes.as_bytes()).await.expect("room for the request");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(300), near.read_to_end(&mut answer)).await;
    read.expect("it has enough one day").expect("the answer");
    let _ = serving.await.expect("it ends");
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_come_is_not_waited_for_for_ever() {
    let head = "POST /api/v1/auth/sign-in HTTP/1.1\r\nhost: server\r\n";
    assert_eq!(after_silence("").await, (String::new(), 30));
    assert_eq!(after_silence(head).await, (String::new(), 30));
    let (answer, seconds) = after_silence(&format!("{head}content-length: 20\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("nothing of it came for 30 s"), "{answer}");
    assert_eq!(seconds, 30);
    let (answer, seconds) = after_silence(&format!("{head}content-length: 4000000000\r\n\r\n{{")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(seconds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_one_exchange_after_the_other_and_its_heads_are_lean() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let (near, far) = duplex(4096);
    let server = world.server.clone();
    let serving = tokio::spawn(async move { server.serve(far).await });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let driving = tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::builder()
            .uri(path::PROFILE)
            .header("host", "server")
            .header("authorization", format!("Bearer {}", maria.tokens.access_token));
        let response = sender.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
        let headers: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
        assert_eq!(headers, ["content-type", "etag", "cache-control", "vary", "content-length"]);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<Profile>(&body).unwrap().user_id, "maria");
    }
    drop(sender);
    driving.await.unwrap().unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_a_304_and_something_new_never_is() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut office = world.sign_in("office", "desk").await;
    let ask = async |device: &Device, cursor: &str, tag: &str, more: &str| {
        let target = format!("{}?cursor={cursor}{more}", path::DELTA);
        send(&device.server, device.request("GET", &target, &[("if-none-match", tag)], Body::empty())).await
    };
    maria.pull().await;
    let cursor = maria.cursor.clone().unwrap();
    let first = ask(&maria, &cursor, "", "").await;
    let tag = first.header("etag");
    assert_eq!((first.status.as_u16(), tag.starts_with("W/\"")), (200, true));
    let same = ask(&maria, &cursor, &tag, "").await;
    assert_eq!((same.status.as_u16(), same.body.len(), same.header("etag")), (304, 0, tag.clone()));
    assert_eq!(ask(&maria, &cursor, "\"other\"", "").await.status.as_u16(), 200);
    assert_eq!(ask(&maria, &cursor, &tag, "&digest=1").await.status.as_u16(), 200, "it was asked for more");
    office.update("WO-000003", 1, json!({ "title": "not hers" })).await;
    assert_eq!(ask(&maria, &cursor, &tag, "").await.status.as_u16(), 304, "nothing that she sees");
    office.update("WO-000001", 1, json!({ "title": "hers" })).await;
    let news = ask(&maria, &cursor, &tag, "").await;
    assert_eq!(news.ok::<DeltaAnswer>().changes.work_orders.len(), 1);
    let later = news.header("etag");
    assert_ne!(later, tag);
    // A tag that is right by chance tells nothing to a cursor that lags behind.
    assert_eq!(ask(&maria, &cursor, &later, "").await.status.as_u16(), 200);
    let cursor = news.ok::<DeltaAnswer>().next_cursor;
    maria.update("WO-000001", 2, json!({ "title": "mine" })).await;
    let own = ask(&maria, &cursor, &later, "").await;
    let (next, own_tag) = (own.ok::<DeltaAnswer>().next_cursor, own.header("etag"));
    assert_eq!(ask(&maria, &next, &own_tag, "").await.status.as_u16(), 304, "after one's own change, too");
}

/// A device that never hears of anything new must not come to hold a cursor that the server has forgotten.
#[tokio::test(start_paused = true)]
async fn a_cursor_that_grows_old_is_renewed_although_nothing_is_new() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut chief = world.sign_in("chief", "desk").await;
    maria.pull().await;
    let cursor = maria.cursor.clone().unwrap();
    let target = format!("{}?cursor={cursor}", path::DELTA);
    let tag = send(&world.server, maria.request("GET", &target, &[], Body::empty())).await.header("etag");
    pass(DAY).await;
    maria.refresh().await;
    chief.refresh().await;
    let ask = || maria.request("GET", &target, &[("if-none-match", &tag)], Body::empty());
    assert_eq!(send(&world.server, ask()).await.status.as_u16(), 304, "nobody has done anything");
    chief.update("WO-000003", 1, json!({ "title": "not hers" })).await;
    let renewed = send(&world.server, ask()).await.ok::<DeltaAnswer>();
    assert_eq!((renewed.changes == Changes::default(), renewed.next_cursor == cursor), (true, false));
}

#[tokio::test(start_paused = true)]
async fn what_seldom_changes_may_be_kept_by_its_user() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let jonas = world.sign_in("jonas", "phone").await;
    let ask = async |device: &Device, target: &str, tag: &str| {
        send(&device.server, device.request("GET", target, &[("if-none-match", tag)], Body::empty())).await
    };
    let asset = |id: &str| path::ASSET.replace("{assetId}", id);
    let mut tags = Vec::new();
    for target in [path::PROFILE.to_owned(), asset("A-1")] {
        let first = ask(&maria, &target, "").await;
        assert_eq!((first.status.as_u16(), first.header("cache-control")), (200, "private, max-age=604800".into()));
        assert_eq!(first.header("vary"), "authorization, accept-encoding");
        let again = ask(&maria, &target, &first.header("etag")).await;
        assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, first.header("etag")));
        tags.push(first.header("etag"));
    }
    let theirs = ask(&jonas, path::PROFILE, &tags[0]).await;
    assert_eq!(theirs.ok::<Profile>().user_id, "jonas", "another user's tag fits nobody else");
    for id in ["A-9", "P-1", "A-3"] {
        assert_eq!(ask(&maria, &asset(id), "").await.problem().status, 404, "{id}");
    }
    assert_eq!(ask(&jonas, &asset("A-2"), "").await.problem().status, 404, "none of his orders refers to it");
}
