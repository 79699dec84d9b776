//! The proxy in virtual time, between a shaped link and a tiny server.

mod faults;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::future::LocalBoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use super::*;
use crate::base::{Clock, Seed};
use crate::history::{Event, History, Message, MessageKind, Recorder, What};
use crate::net::{DeviceEnd, Link, profile};
use crate::protocol::path;

const REFRESH: &str = "POST /api/v1/auth/refresh HTTP/1.1\r\nhost: s\r\ncontent-length: 2\r\n\r\n{}";
const REFRESHED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\ndone";
const MINUTE: Duration = Duration::from_secs(60);

/// A server that remembers the targets it was asked for and answers as told.
struct Server {
    asked: RefCell<Vec<String>>,
    answer: Box<dyn Fn() -> Response<Full<Bytes>>>,
}

impl Server {
    fn new(answer: impl Fn() -> Response<Full<Bytes>> + 'static) -> Rc<Self> {
        Rc::new(Self { asked: RefCell::default(), answer: Box::new(answer) })
    }
}

struct Way(Rc<Server>);

impl Upstream for Way {
    fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let server = Rc::clone(&self.0);
        let service = service_fn(move |request: Request<Incoming>| {
            let server = Rc::clone(&server);
            async move {
                server.asked.borrow_mut().push(request.uri().to_string());
                request.into_body().collect().await.unwrap();
                Ok::<_, Infallible>((server.answer)())
            }
        });
        spawn_local(async move {
            let _ = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(far), service).await;
        });
        Box::pin(async move { Ok(Box::new(near) as Box<dyn ByteStream>) })
    }
}

/// All that a story needs, on a 3G link.
struct Stage {
    link: Link,
    recorder: Recorder,
    proxy: Proxy,
    faults: Faults,
    server: Rc<Server>,
    crashes: Rc<RefCell<Vec<(String, Moment, u64)>>>,
}

impl Stage {
    fn new(answer: impl Fn() -> Response<Full<Bytes>> + 'static) -> Self {
        let (clock, faults, server) = (Clock::simulated(), Faults::default(), Server::new(answer));
        let recorder = Recorder::new(clock);
        let proxy = Proxy::new(recorder.clone(), Rc::new(Way(Rc::clone(&server))), faults.clone());
        let crashes = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&crashes);
        proxy.on_crash(Rc::new(move |device, _, moment| {
            seen.borrow_mut().push((device.into(), moment, clock.now_ms()))
        }));
        let link = Link::new(profile("3g").unwrap(), clock, Seed(1), "maria");
        Self { link, recorder, proxy, faults, server, crashes }
    }

    fn plain() -> Self {
        Self::new(|| {
            let answer = Response::builder().header("content-type", "text/plain");
            answer.body(Full::from("done")).unwrap()
        })
    }

    fn arm(&self, act: Act) {
        let (device, target) = (Some("maria".into()), Target::Refresh);
        self.faults.arm(Rule { id: 9, device, target, nth: 1, times: 1, only: Only::default(), act });
    }

    async fn connect(&self) -> DeviceEnd {
        let (device, end) = self.link.connect().await.unwrap();
        let proxy = self.proxy.clone();
        spawn_local(async move { proxy.serve("maria", end).await });
        device
    }

    fn asked(&self) -> usize {
        self.server.asked.borrow().len()
    }

    /// The history so far, in short words.
    fn story(&self) -> Vec<String> {
        let History(events) = self.recorder.take();
        events.into_iter().map(|Event { what, .. }| told(what)).collect()
    }
}

fn told(what: What) -> String {
    if let What::ConnectionOpened { connection, .. } = what {
        format!("open {connection}")
    } else if let What::ConnectionClosed { connection, .. } = what {
        format!("close {connection}")
    } else if let What::Request(Message { exchange, bytes, delivered, .. }) = what {
        format!("request {exchange} {bytes} {delivered}")
    } else if let What::Answer(Message { exchange, bytes, delivered, status, .. }) = what {
        format!("answer {exchange} {bytes} {delivered} {status}")
    } else if let What::FaultFired { id, exchange, .. } = what {
        format!("fault {id} {exchange:?}")
    } else {
        format!("{what:?}")
    }
}

fn simulate<T>(story: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    // Where nothing more can happen, virtual time runs to this bound at once.
    let bounded = async { timeout(Duration::from_secs(1_000_000), story).await.expect("the story hangs") };
    LocalSet::new().block_on(&runtime, bounded)
}

/// Sends `request` and reads `length` bytes of an answer.
async fn ask(device: &mut DeviceEnd, request: &str, length: usize) -> io::Result<String> {
    device.write_all(request.as_bytes()).await?;
    let mut answer = vec![0; length];
    device.read_exact(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

fn request_line(delivered: bool) -> String {
    format!("request 1 {} {delivered}", REFRESH.len())
}

fn answer_line(delivered: bool) -> String {
    format!("answer 1 {} {delivered} 200", REFRESHED.len())
}

#[test]
fn exchanges_pass_and_are_recorded_with_their_bytes() {
    simulate(async {
        let stage = Stage::plain();
        let mut device = stage.connect().await;
        for _ in 0..2 {
            assert_eq!(ask(&mut device, REFRESH, REFRESHED.len()).await.unwrap(), REFRESHED);
        }
        drop(device);
        tokio::time::sleep(MINUTE).await;
        let again = format!("request 2 {} true", REFRESH.len());
        let answer = format!("answer 2 {} true 200", REFRESHED.len());
        assert_eq!(stage.story(), ["open 1", &request_line(true), &answer_line(true), &again, &answer, "close 1"]);
        assert_eq!(*stage.server.asked.borrow(), [path::REFRESH, path::REFRESH]);
    });
}

#[test]
fn a_lost_request_never_reaches_the_server() {
    for how in [LoseHow::Cut, LoseHow::Silence] {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(Act::LoseRequest(how));
            let mut device = stage.connect().await;
            let answer = timeout(MINUTE, ask(&mut device, REFRESH, 1)).await;
            assert_eq!(answer.is_err(), how == LoseHow::Silence);
            drop(device);
            tokio::time::sleep(MINUTE).await;
            assert_eq!(stage.story(), ["open 1", &request_line(false), "fault 9 Some(1)", "close 1"]);
            assert_eq!(stage.asked(), 0);
        });
    }
}

#[test]
fn a_lost_answer_leaves_the_work_done() {
    for how in [LoseHow::Cut, LoseHow::Silence] {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(Act::LoseAnswer(how));
            let mut device = stage.connect().await;
            let answer = timeout(MINUTE, ask(&mut device, REFRESH, 1)).await;
            assert_eq!(answer.is_err(), how == LoseHow::Silence);
            drop(device);
            tokio::time::sleep(MINUTE).await;
            let story = ["open 1", &request_line(true), &answer_line(false), "fault 9 Some(1)", "close 1"];
            assert_eq!(stage.story(), story);
            assert_eq!(stage.asked(), 1);
        });
    }
}

#[test]
fn an_answer_in_the_servers_place_is_told_apart_from_the_servers() {
    let canned = Canned { status: 503, page: Page::Nothing, retry_after: Some(RetryAfter::Date(60)) };
    for (act, asked) in [(Act::Answer(canned), 0), (Act::AnswerAfter(canned), 1)] {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(act);
            let mut device = stage.connect().await;
            let expected = "HTTP/1.1 503 Service Unavailable\r\ndate: Sat, 08 Nov 2025 06:00:00 GMT\r\n\
                            retry-after: Sat, 08 Nov 2025 06:01:00 GMT\r\ncontent-length: 0\r\n\r\n";
            assert_eq!(ask(&mut device, REFRESH, expected.len()).await.unwrap(), expected);
            let History(events) = stage.recorder.take();
            let answers: Vec<&Message> =
                events.iter().filter_map(|e| if let What::Answer(m) = &e.what { Some(m) } else { None }).collect();
            let told: Vec<(u16, bool, Option<u64>)> =
                answers.iter().map(|m| (m.status, m.delivered, m.retry_after)).collect();
            let made_up = (503, true, Some(60));
            assert_eq!(told, if asked == 0 { vec![made_up] } else { vec![(200, false, None), made_up] });
            assert_eq!(stage.asked(), asked);
        });
    }
}

#[test]
fn a_spoilt_answer_arrives_as_the_fault_has_it() {
    let head =
        |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n");
    let cases = [
        (Spoil::Empty, head(0), false),
        (Spoil::Half(At::Middle), head(2) + "do", false),
        (Spoil::CutOff(At::Middle), head(4) + "do", true),
        (Spoil::CutOff(At::Byte(3)), head(4) + "don", true),
        (Spoil::Stalled(At::Middle), head(4) + "do", false),
        (Spoil::Overlong(At::Byte(1)), head(1) + "done", false),
        (Spoil::CutInHead(At::Byte(20)), head(4)[..20].to_owned(), true),
        (
            Spoil::BadChunk,
            head(4).replace("content-length: 4", "transfer-encoding: chunked") + "2\r\ndo\r\nzz\r\nne",
            true,
        ),
        (Spoil::Mislabelled, head(4).replace("plain", "html") + "done", false),
    ];
    for (spoil, expected, closed) in cases {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(Act::Spoil(spoil));
            let mut device = stage.connect().await;
            assert_eq!(ask(&mut device, REFRESH, expected.len()).await.unwrap(), expected, "{spoil:?}");
            let more = timeout(MINUTE, device.read_to_end(&mut Vec::new())).await;
            assert_eq!(more.is_ok(), closed, "{spoil:?}");
            assert_eq!(stage.asked(), 1);
        });
    }
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "one kind of event is looked for")]
fn a_refused_operation_never_reaches_the_server() {
    simulate(async {
        let stage = Stage::new(|| {
            let answer = Response::builder().header("content-type", "application/json");
            answer.body(Full::from(r#"{"results":[{"queueId":"q2","status":"success","newVersion":2}]}"#)).unwrap()
        });
        let refuse =
            Refuse { orders: vec!["WO-1".into()], code: crate::protocol::ErrorCode::ServerError, retry_after: None };
        let (device, act) = (Some("maria".to_owned()), Act::Refuse(refuse));
        stage.faults.arm(Rule { id: 9, device, target: Target::Push, nth: 1, times: 1, only: Only::default(), act });
        let operation = |queue_id: &str, order: &str| {
            format!(
                r#"{{"queueId":"{queue_id}","entityType":"work-order","entityId":"{order}","operation":"update","payload":{{}}}}"#
            )
        };
        let body = format!(r#"{{"operations":[{},{}]}}"#, operation("q1", "WO-1"), operation("q2", "WO-2"));
        let mut device = stage.connect().await;
        let head = format!("POST {} HTTP/1.1\r\nhost: s\r\ncontent-length: {}\r\n\r\n", path::PUSH, body.len());
        ask(&mut device, &format!("{head}{body}"), 100).await.unwrap();
        let History(events) = stage.recorder.take();
        let results = events.iter().find_map(|event| match &event.what {
            What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) => Some(results.clone()),
            _ => None,
        });
        let fates: Vec<(String, bool)> =
            results.unwrap().into_iter().map(|result| (result.queue_id, result.error.is_some())).collect();
        assert_eq!(fates, [("q1".to_owned(), true), ("q2".to_owned(), false)]);
    });
}

#[test]
fn a_crash_calls_back_at_its_moment() {
    for (moment, asked) in [(Moment::BeforeRequest, 0), (Moment::AfterCommit, 1), (Moment::AfterAnswer, 1)] {
        simulate(async move {
            let stage = Stage::plain();
            stage.arm(Act::Crash(moment));
            let mut device = stage.connect().await;
            let answer = timeout(MINUTE, ask(&mut device, REFRESH, REFRESHED.len())).await;
            assert_eq!(answer.is_ok(), moment == Moment::AfterAnswer, "{moment:?}");
            // A round trip to connect, half of one for the request with its headers; the rest costs no time.
            assert_eq!(*stage.crashes.borrow(), [("maria".to_owned(), moment, 453)]);
            assert_eq!(stage.asked(), asked, "{moment:?}");
            assert_eq!(stage.story().last().unwrap(), "fault 9 Some(1)");
        });
    }
}

#[test]
fn an_answer_that_the_link_cannot_take_at_once_is_handed_over_when_its_last_byte_is() {
    simulate(async {
        let stage = Stage::new(|| Response::new(Full::from(vec![7; 300_000])));
        stage.arm(Act::Crash(Moment::AfterAnswer));
        let mut device = stage.connect().await;
        ask(&mut device, REFRESH, 300_000).await.unwrap();
        let (_, _, at_ms) = stage.crashes.borrow()[0].clone();
        // 1.6 Mbit/s: about 1.55 s for all of it, of which the window takes the last 0.5 s or so.
        assert!((1_400..1_800).contains(&at_ms), "{at_ms}");
    });
}

#[test]
fn other_devices_pass_untouched() {
    simulate(async {
        let stage = Stage::plain();
        stage.faults.arm(Rule {
            id: 9,
            device: Some("office".into()),
            target: Target::Any,
            nth: 1,
            times: 1,
            only: Only::default(),
            act: Act::LoseRequest(LoseHow::Cut),
        });
        let mut device = stage.connect().await;
        assert_eq!(ask(&mut device, REFRESH, REFRESHED.len()).await.unwrap(), REFRESHED);
        assert_eq!(stage.faults.armed(), [9]);
    });
}

#[test]
fn a_server_that_cannot_be_reached_closes_the_connection() {
    struct Nowhere;
    impl Upstream for Nowhere {
        fn connect(&self) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        }
    }
    simulate(async {
        let stage = Stage::plain();
        let proxy = Proxy::new(stage.recorder.clone(), Rc::new(Nowhere), Faults::default());
        let (mut device, end) = stage.link.connect().await.unwrap();
        spawn_local(async move { proxy.serve("maria", end).await });
        let error = timeout(MINUTE, ask(&mut device, REFRESH, 1)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn the_recorded_size_of_an_answer_is_what_was_written() {
    let answers: [fn() -> Response<Full<Bytes>>; 5] = [
        || Response::new(Full::from("")),
        || Response::builder().status(204).body(Full::from("")).unwrap(),
        || Response::builder().status(304).header("etag", "\"1\"").body(Full::from("")).unwrap(),
        || Response::builder().status(503).header("retry-after", "7").body(Full::from("later")).unwrap(),
        || Response::builder().status(299).header("connection", "close").body(Full::from("odd")).unwrap(),
    ];
    for answer in answers {
        for request in ["GET /x HTTP/1.1\r\nhost: s\r\n\r\n", "GET /x HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n"]
        {
            simulate(async move {
                let stage = Stage::new(answer);
                let mut device = stage.connect().await;
                device.write_all(request.as_bytes()).await.unwrap();
                let mut received = Vec::new();
                let closed = timeout(MINUTE, device.read_to_end(&mut received)).await.is_ok();
                assert_eq!(closed, request.contains("close"));
                let text = String::from_utf8_lossy(&received).into_owned();
                let History(events) = stage.recorder.take();
                let What::Answer(message) = &events[2].what else { panic!("{events:?}") };
                assert_eq!(message.bytes, received.len() as u64, "{text}");
            });
        }
    }
}

#[test]
fn a_gzipped_push_is_read_into_its_operations() {
    simulate(async {
        let operation =
            r#"{"queueId":"q1","entityType":"work-order","entityId":"WO-1","operation":"update","payload":{}}"#;
        let mut coder = GzEncoder::new(Vec::new(), Compression::default());
        write!(coder, "{{\"operations\":[{operation}]}}").unwrap();
        let body = coder.finish().unwrap();
        let stage = Stage::plain();
        let mut device = stage.connect().await;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: s\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            path::PUSH,
            body.len()
        );
        device.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        device.read_exact(&mut vec![0; REFRESHED.len()]).await.unwrap();
        let History(events) = stage.recorder.take();
        let What::Request(message) = &events[1].what else { panic!("{events:?}") };
        let MessageKind::Push { operations } = &message.kind else { panic!("{message:?}") };
        assert_eq!(operations[0].queue_id, "q1");
        assert_eq!(message.bytes, (head.len() + body.len()) as u64);
    });
}

#[test]
fn what_is_not_http_gets_a_400_and_is_closed() {
    simulate(async {
        let stage = Stage::plain();
        let mut device = stage.connect().await;
        device.write_all(b"\x16\x03\x01 no http at all\r\n\r\n").await.unwrap();
        let mut received = String::new();
        device.read_to_string(&mut received).await.unwrap();
        assert!(received.starts_with("HTTP/1.1 400 "), "{received}");
        assert_eq!(stage.story(), ["open 1", "close 1"]);
        assert_eq!(stage.asked(), 0);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn no_bytes_make_the_proxy_panic_or_hang(
        start in prop::sample::select(vec![
            "", "GET / HTTP/1.1\r\n", "POST /api/v1/sync/push HTTP/1.1\r\ncontent-length: 9\r\n\r\n",
            "POST /api/v1/sync/push HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            "POST /api/v1/sync/push HTTP/1.1\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n",
            "GET /api/v1/sync/delta?cursor=%ff&limit=x HTTP/1.1\r\nhost: s\r\n\r\n",
        ]),
        garbage in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        simulate(async move {
            let stage = Stage::plain();
            let mut device = stage.connect().await;
            device.write_all(&[start.as_bytes(), &garbage].concat()).await.unwrap();
            device.shutdown().await.unwrap();
            timeout(MINUTE, device.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
            assert_eq!(stage.story().last().unwrap(), "close 1");
        });
    }
}
