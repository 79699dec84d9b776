//! The control API.

use std::io::Read;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::harness::{Proxy, connect, echo, http, round, server, until};

#[test]
fn a_proxys_life_over_the_control_api() {
    let (proxy, upstream) = (Proxy::start(&[]), echo());
    let body = json!({ "name": "db", "listen": "127.0.0.1:0", "upstream": upstream }).to_string();
    let (status, made) = proxy.ask("POST", "/proxies", &body);
    assert_eq!((status, made["enabled"].as_bool(), made["toxics"].clone()), (201, Some(true), json!([])));
    let listen = made["listen"].as_str().expect("an address").to_owned();
    assert!(!listen.ends_with(":0"));
    round(&mut connect(&listen), b"hello");

    assert_eq!(proxy.ask("POST", "/proxies", &body).0, 409);
    assert_eq!(proxy.ask("GET", "/proxies", "").1["db"], made);
    let mut open = connect(&listen);
    round(&mut open, b"hello");
    let (status, off) = proxy.ask("POST", "/proxies/db", r#"{"enabled":false}"#);
    assert_eq!((status, off["enabled"].as_bool()), (200, Some(false)));
    assert_eq!(open.read(&mut [0; 1]).unwrap_or(0), 0, "its connections are closed with it");
    until("a closed port", || TcpStream::connect(&listen).is_err());
    assert_eq!(proxy.ask("PATCH", "/proxies/db", r#"{"enabled":true}"#).0, 200);
    round(&mut connect(&listen), b"hello");
    assert_eq!(proxy.ask("DELETE", "/proxies/db", "").0, 204);
    assert_eq!(proxy.ask("GET", "/proxies/db", ""), (404, json!({ "error": "proxy not found", "status": 404 })));
}

#[test]
fn an_open_proxy_is_moved_to_another_server_and_back() {
    let (mute, talking) = (server(drop), echo());
    let proxy = Proxy::before(&mute, &[]);
    let to = |upstream: &str| json!({ "name": "app", "listen": proxy.app, "upstream": upstream });
    let asked = [("/proxies/app", to(&talking), 200), ("/populate", json!([to(&mute)]), 201)];
    let asked = asked.into_iter().chain([("/populate", json!([to(&talking)]), 201)]);
    for (path, body, expected) in asked {
        let (status, answer) = proxy.ask("POST", path, &body.to_string());
        assert_eq!(status, expected, "{answer}");
        if body.to_string().contains(&talking) {
            round(&mut connect(&proxy.app), b"hello");
        } else {
            assert_eq!(connect(&proxy.app).read(&mut [0; 1]).unwrap_or(0), 0, "its server closes");
        }
    }
}

#[test]
fn the_control_api_refuses_what_makes_no_sense() {
    let proxy = Proxy::before(&echo(), &[]);
    let toxic = |attributes: Value| json!({ "type": "bandwidth", "attributes": attributes }).to_string();
    let huge = format!("[{}]", "1,".repeat(5_000_000));
    for (method, path, body, status, part) in [
        ("POST", "/proxies", "{".to_owned(), 400, "bad request body"),
        ("POST", "/proxies", "{}".to_owned(), 400, "missing required field: name"),
        ("POST", "/proxies", r#"{"name":"x"}"#.to_owned(), 400, "missing required field: upstream"),
        ("POST", "/proxies/app/toxics", r#"{"type":"warp"}"#.to_owned(), 400, "invalid toxic type"),
        ("POST", "/proxies/app/toxics", r#"{"type":"latency","stream":"x"}"#.to_owned(), 400, "stream was invalid"),
        ("POST", "/proxies/app/toxics", toxic(json!({ "rate": -1 })), 400, "rate must be"),
        (
            "POST",
            "/proxies/app/toxics",
            r#"{"type":"bandwidth","attributes":{"rate":NaN}}"#.to_owned(),
            400,
            "bad request",
        ),
        ("POST", "/proxies/app/toxics", r#"{"type":"latency","toxicity":2}"#.to_owned(), 400, "toxicity"),
        ("POST", "/proxies", huge, 413, "too large"),
        ("GET", "/proxies/none", String::new(), 404, "proxy not found"),
        ("GET", "/proxies/app/toxics/none", String::new(), 404, "toxic not found"),
        ("GET", "/nothing", String::new(), 404, "nothing at"),
        ("PUT", "/proxies", String::new(), 405, "PUT"),
        ("PUT", "/deadzone/v1/proxies/app/link", r#"{"profile":"5g"}"#.to_owned(), 400, "no network profile `5g`"),
        ("PUT", "/deadzone/v1/proxies/app/schedule", r#"[{"sync":"app"}]"#.to_owned(), 400, "step 1"),
    ] {
        let (got, body) = proxy.ask(method, path, &body);
        let error = body["error"].as_str().unwrap_or_default();
        assert!(got == status && error.contains(part) && body["status"] == status, "{method} {path}: {got} {body}");
    }
    let taken = json!({ "name": "again", "listen": proxy.app, "upstream": "localhost:1" }).to_string();
    let (status, body) = proxy.ask("POST", "/proxies", &taken);
    assert_eq!(status, 500);
    assert!(body["error"].as_str().is_some_and(|error| error.contains("in use")), "{body}");
}

#[test]
fn web_pages_are_kept_out_of_the_control_api() {
    let proxy = Proxy::start(&[]);
    let asked = |fields: &str| {
        http(
            &proxy.control,
            &format!("POST /reset HTTP/1.1\r\n{fields}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        )
        .0
    };
    assert_eq!(asked("host: localhost"), 204);
    assert_eq!(asked("host: localhost\r\norigin: https://evil.example"), 403);
    assert_eq!(asked("host: evil.example"), 403);
}
