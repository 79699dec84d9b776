//! What passes, and how: bytes, metrics, toxics, links, the history, the end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{PATIENCE, Proxy, echo, hello, round, until};

#[test]
fn bytes_pass_both_ways_and_halves_close_by_themselves() {
    let proxy = Proxy::before(&echo(), &[]);
    let mut stream = proxy.connect();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|byte| (byte * 7) as u8).collect();
    let (mut writer, bytes) = (stream.try_clone().expect("a copy"), sent.clone());
    let writing = thread::spawn(move || {
        writer.write_all(&bytes).expect("sent");
        writer.shutdown(Shutdown::Write).expect("closed");
    });
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("all of it");
    writing.join().expect("sent");
    assert!(got == sent, "{} bytes came back", got.len());
}

#[test]
fn metrics_move_while_a_connection_is_open() {
    let proxy = Proxy::before(&echo(), &[]);
    let mut stream = proxy.connect();
    round(&mut stream, &[1; 100]);
    let name = "toxiproxy_proxy_received_bytes_total{direction=\"upstream\"";
    assert_eq!(proxy.metric(name), 100);
    round(&mut stream, &[1; 50]);
    assert_eq!((proxy.metric(name), proxy.metric("deadzone_connections_open{")), (150, 1));
    drop(stream);
    until("the end of the connection", || proxy.metric("deadzone_connections_open{") == 0);
    assert_eq!((proxy.metric(name), proxy.metric("deadzone_connections_total{")), (150, 1));
}

#[test]
fn a_latency_comes_and_goes_while_the_connection_is_open() {
    let proxy = Proxy::before(&echo(), &[]);
    let mut stream = proxy.connect();
    round(&mut stream, b"warm");
    let toxic = json!({ "type": "latency", "attributes": { "latency": 200 } }).to_string();
    let (status, made) = proxy.ask("POST", "/proxies/app/toxics", &toxic);
    assert_eq!((status, made["name"].as_str()), (200, Some("latency_downstream")));
    let slow = round(&mut stream, b"slow");
    assert!((195..1_000).contains(&slow.as_millis()), "{slow:?}");
    assert_eq!(proxy.ask("DELETE", "/proxies/app/toxics/latency_downstream", "").0, 204);
    let quick = round(&mut stream, b"quick");
    assert!(quick < Duration::from_millis(150), "{quick:?}");
}

#[test]
fn a_bandwidth_is_kept() {
    let proxy = Proxy::before(&echo(), &[]);
    let toxic = json!({ "type": "bandwidth", "stream": "upstream", "attributes": { "rate": 200 } }).to_string();
    assert_eq!(proxy.ask("POST", "/proxies/app/toxics", &toxic).0, 200);
    let took = round(&mut proxy.connect(), &vec![3; 100_000]);
    assert!((495..700).contains(&took.as_millis()), "100 kB at 200 kB/s took {took:?}");
}

#[test]
fn connections_end_as_toxics_have_it() {
    let proxy = Proxy::before(&echo(), &[]);
    let with = |kind: &str, attributes: Value| {
        assert_eq!(proxy.ask("POST", "/reset", "").0, 204);
        let toxic = json!({ "type": kind, "name": "it", "attributes": attributes }).to_string();
        assert_eq!(proxy.ask("POST", "/proxies/app/toxics", &toxic).0, 200);
        let mut stream = proxy.connect();
        stream.write_all(&[7; 10]).expect("sent");
        let mut got = Vec::new();
        let ended = stream.read_to_end(&mut got).map_err(|error| error.kind());
        (got.len(), ended)
    };
    assert_eq!(with("limit_data", json!({ "bytes": 4 })), (4, Ok(4)));
    assert_eq!(with("timeout", json!({ "timeout": 50 })), (0, Ok(0)));
    assert_eq!(with("reset_peer", json!({ "timeout": 0 })), (0, Err(ErrorKind::ConnectionReset)));
}

#[test]
fn the_same_seed_decides_the_same_of_the_same_connections() {
    let upstream = echo();
    let pattern = |seed: &str| {
        let proxy = Proxy::before(&upstream, &["--seed", seed]);
        let toxic = json!({ "type": "limit_data", "toxicity": 0.5, "attributes": { "bytes": 1 } }).to_string();
        assert_eq!(proxy.ask("POST", "/proxies/app/toxics", &toxic).0, 200);
        let one = |_| {
            let mut stream = proxy.connect();
            stream.write_all(b"ab").expect("sent");
            stream.shutdown(Shutdown::Write).expect("closed");
            let mut got = Vec::new();
            stream.read_to_end(&mut got).expect("an end");
            got.len() == 1
        };
        (0..24).map(one).collect::<Vec<bool>>()
    };
    let first = pattern("11");
    assert_eq!(first, pattern("11"));
    assert_ne!(first, pattern("12"));
    assert!(first.contains(&true) && first.contains(&false));
}

#[test]
fn a_profile_shapes_connections_and_a_dead_zone_holds_them() {
    let proxy = Proxy::before(&echo(), &["--profile", "3g-regular"]);
    let mut stream = proxy.connect();
    let took = round(&mut stream, b"over a round trip of 100 ms");
    assert!((98..400).contains(&took.as_millis()), "{took:?}");
    let (status, link) = proxy.ask("PUT", "/deadzone/v1/proxies/app/link", r#"{"state":"dead-zone"}"#);
    assert_eq!((status, &link), (200, &json!({ "profile": "3g-regular", "state": "dead-zone" })));
    stream.write_all(b"held").expect("sent");
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    assert!(stream.read(&mut [0; 4]).is_err(), "nothing passes a dead zone");
    assert_eq!(proxy.ask("PUT", "/deadzone/v1/proxies/app/link", r#"{"state":"up"}"#).0, 200);
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut back = [0; 4];
    stream.read_exact(&mut back).expect("what was held");
    assert_eq!(&back, b"held");
}

#[test]
fn exchanges_are_followed_and_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let proxy = Proxy::before(&hello(), &["--inspect", "--history", path.to_str().expect("a path")]);
    let mut stream = proxy.connect();
    for _ in 0..3 {
        stream.write_all(b"POST /a?b HTTP/1.1\r\nhost: s\r\ncontent-length: 3\r\n\r\nabc").expect("sent");
        let mut answer = [0; 69];
        stream.read_exact(&mut answer).expect("an answer");
        assert!(answer.ends_with(b"hello"), "{}", String::from_utf8_lossy(&answer));
    }
    drop(stream);
    let written = || std::fs::read_to_string(&path).unwrap_or_default();
    until("the end of the connection in the history", || written().contains("connection-closed"));
    let text = written();
    assert_eq!(text.matches(r#""summary":"POST /a""#).count(), 3, "{text}");
    assert_eq!(text.matches(r#""status":200"#).count(), 3, "{text}");
}

#[test]
fn being_asked_to_end_is_no_failure() {
    let proxy = Proxy::before(&echo(), &[]);
    let mut stream = proxy.connect();
    round(&mut stream, b"open");
    let pid = proxy.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("a signal").success());
    until("a closed port", || TcpStream::connect(&proxy.app).is_err());
    let mut proxy = proxy;
    let status = proxy.child.wait().expect("an end");
    assert_eq!(status.code(), Some(0));
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn an_archive_holds_every_exchange_with_or_without_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("traffic.har");
    let proxy = Proxy::before(&hello(), &["--har", path.to_str().expect("a path")]);
    let mut stream = proxy.connect();
    for _ in 0..2 {
        stream.write_all(b"GET /a/b HTTP/1.1\r\nhost: s\r\n\r\n").expect("sent");
        stream.read_exact(&mut [0; 69]).expect("an answer");
    }
    let lose = json!({ "lose": { "what": "request" } }).to_string();
    assert_eq!(proxy.ask("POST", "/deadzone/v1/proxies/app/faults", &lose).0, 201);
    stream.write_all(b"GET /lost HTTP/1.1\r\nhost: s\r\n\r\n").expect("sent");
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    assert_eq!(proxy.end().0, Some(0));
    let archive: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    let of = |pointer: &str| {
        let entries = archive["log"]["entries"].as_array().expect("entries");
        entries.iter().map(|entry| entry.pointer(pointer).cloned().unwrap_or_default()).collect::<Vec<Value>>()
    };
    assert_eq!(of("/response/status"), [json!(200), json!(200), json!(0)], "{archive}");
    assert_eq!(of("/response/content/mimeType")[0], "text/plain");
    assert!(of("/request/url")[2].as_str().is_some_and(|url| url.ends_with("/lost")), "{archive}");
    assert_eq!(of("/comment")[2], "the request was lost");
}
