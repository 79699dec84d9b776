//! HTTP faults of the proxy alone: over the control API, and from a scenario file.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{PATIENCE, Proxy, connect, echo, hello, round, server, until};

const FAULTS: &str = "/deadzone/v1/proxies/app/faults";

/// Asks for `/things/7` and reads one answer: its head and its body.
fn ask(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    stream.write_all(b"GET /things/7 HTTP/1.1\r\nhost: s\r\n\r\n")?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

/// The status of an exchange on a connection of its own; the error's kind where there is no answer.
fn outcome(proxy: &Proxy) -> Result<u16, ErrorKind> {
    let (head, _) = ask(&mut proxy.connect()).map_err(|error| error.kind())?;
    Ok(head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"))
}

/// Arms a fault; its number.
fn arm(proxy: &Proxy, step: &Value) -> u64 {
    let (status, body) = proxy.ask("POST", FAULTS, &step.to_string());
    assert_eq!(status, 201, "{step}: {body}");
    body["armed"][0].as_u64().expect("a number")
}

fn fault(proxy: &Proxy, id: u64) -> Value {
    let (status, body) = proxy.ask("GET", &format!("{FAULTS}/{id}"), "");
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn each_fault_strikes_as_often_as_it_says_and_is_counted() {
    let proxy = Proxy::before(&hello(), &[]);
    for (step, expected) in [
        (json!({ "answer": { "status": 503, "retry-after": "7s" } }), Ok(503)),
        (json!({ "answer": { "status": 429, "page": "nothing", "when": "after-commit" } }), Ok(429)),
        (json!({ "lose": { "what": "request" } }), Err(ErrorKind::UnexpectedEof)),
        (json!({ "lose": { "what": "answer", "how": "reset" } }), Err(ErrorKind::ConnectionReset)),
        (json!({ "spoil": { "how": "cut-off", "at": "2B" } }), Err(ErrorKind::UnexpectedEof)),
        (json!({ "spoil": { "how": "cut-in-head" } }), Err(ErrorKind::UnexpectedEof)),
        (json!({ "slow": { "what": "head", "by": "1ms", "bytes": "9B" } }), Ok(200)),
        (json!({ "duplicate": {} }), Ok(200)),
    ] {
        let id = arm(&proxy, &step);
        assert_eq!((fault(&proxy, id)["struck"].clone(), fault(&proxy, id)["left"].clone()), (json!(0), json!(1)));
        assert_eq!(outcome(&proxy), expected, "{step}");
        let after = fault(&proxy, id);
        assert_eq!((after["struck"].clone(), after["left"].clone(), &after["step"]), (json!(1), json!(0), &step));
        assert_eq!(outcome(&proxy), Ok(200), "after {step}");
    }
}

#[test]
fn what_the_server_sees_is_as_the_fault_has_it() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let counting = server(move |mut stream| {
        let mut request = Vec::new();
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|read| read > 0) {
            request.push(byte[0]);
            if request.ends_with(b"\r\n\r\n") {
                request.clear();
                let seen = count.fetch_add(1, Ordering::SeqCst) + 1;
                let body = format!("answer {seen}");
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                if stream.write_all((head + &body).as_bytes()).is_err() {
                    return;
                }
            }
        }
    });
    let proxy = Proxy::before(&counting, &[]);
    arm(&proxy, &json!({ "duplicate": {} }));
    let (_, body) = ask(&mut proxy.connect()).expect("an answer");
    assert_eq!((&body[..], seen.load(Ordering::SeqCst)), (&b"answer 2"[..], 2));
    arm(&proxy, &json!({ "answer": { "status": 504, "when": "after-commit" } }));
    assert_eq!((outcome(&proxy), seen.load(Ordering::SeqCst)), (Ok(504), 3));
    arm(&proxy, &json!({ "answer": { "status": 504 } }));
    assert_eq!((outcome(&proxy), seen.load(Ordering::SeqCst)), (Ok(504), 3));
}

#[test]
fn faults_are_narrowed_changed_and_removed() {
    let proxy = Proxy::before(&hello(), &["--inspect"]);
    let mut open = proxy.connect();
    assert!(ask(&mut open).expect("an answer").0.starts_with("http/1.1 200"));
    let elsewhere = json!({ "answer": { "status": 418, "times": 9, "only": { "path": "/others/*" } } });
    let id = arm(&proxy, &elsewhere);
    assert_eq!(outcome(&proxy), Ok(200));
    let here = json!({ "answer": { "status": 418, "times": 2, "only": { "path": "/things/*", "method": "GET" } } });
    let (status, changed) = proxy.ask("PUT", &format!("{FAULTS}/{id}"), &here.to_string());
    assert_eq!((status, &changed["id"], &changed["step"], &changed["left"]), (200, &json!(id), &here, &json!(2)));
    // Connections that were open while they were followed are struck, too.
    assert!(ask(&mut open).expect("an answer").0.starts_with("http/1.1 418"));
    let (_, list) = proxy.ask("GET", FAULTS, "");
    assert_eq!((list.as_array().map(Vec::len), list[0]["struck"].as_u64()), (Some(1), Some(1)), "{list}");
    assert_eq!(proxy.ask("DELETE", &format!("{FAULTS}/{id}"), "").0, 204);
    assert_eq!(outcome(&proxy), Ok(200));
    for (method, path) in [("GET", "7"), ("DELETE", "7"), ("PUT", "7"), ("DELETE", "x")] {
        assert_eq!(proxy.ask(method, &format!("{FAULTS}/{path}"), &here.to_string()).0, 404, "{method} {path}");
    }
    arm(&proxy, &here);
    assert_eq!(proxy.ask("DELETE", FAULTS, "").0, 204);
    assert_eq!((outcome(&proxy), proxy.ask("GET", FAULTS, "").1), (Ok(200), json!([])));
}

#[test]
fn a_portal_and_an_outage_stay_until_something_takes_their_place() {
    let proxy = Proxy::before(&hello(), &["--profile", "perfect"]);
    arm(&proxy, &json!({ "captive-portal": { "how": "redirect" } }));
    assert_eq!([outcome(&proxy), outcome(&proxy)], [Ok(302); 2]);
    arm(&proxy, &json!({ "captive-portal": { "how": "forbidden" } }));
    assert_eq!([outcome(&proxy), outcome(&proxy)], [Ok(403); 2]);
    let schedule = json!([{ "online": "app" }, { "server": "overloaded" }]).to_string();
    assert_eq!(proxy.ask("PUT", "/deadzone/v1/proxies/app/schedule", &schedule).0, 200);
    assert_eq!([outcome(&proxy), outcome(&proxy)], [Ok(503); 2]);
    let (status, body) = proxy.ask("POST", FAULTS, r#"{"server":"up"}"#);
    assert_eq!((status, &body["armed"]), (201, &json!([])));
    assert_eq!(outcome(&proxy), Ok(200));
}

#[test]
fn what_is_no_fault_is_refused() {
    let proxy = Proxy::before(&hello(), &[]);
    for (body, part) in [
        (r#"{"answer":{"status":99}}"#, "99 is no status"),
        (r#"{"answer":{"status":503,"times":0}}"#, "`times` must be at least 1"),
        (r#"{"answer":{"status":503,"warp":1}}"#, "warp"),
        (r#"{"slow":{"what":"body","by":"1s"}}"#, "needs `bytes`"),
        (r#"{"slow":{"what":"answer","by":"-1s"}}"#, "step 1"),
        (r#"{"lose":{"what":"answer","only":{"percent":NaN}}}"#, "bad request body"),
        (r#"{"offline":{"how":"dead-zone"}}"#, "is no fault"),
        (r#"{"wait":"1s"}"#, "arms no fault"),
        (r#"{"sync":"app"}"#, "needs the world"),
        ("[]", "step 1"),
        ("7", "step 1"),
    ] {
        let (status, answer) = proxy.ask("POST", FAULTS, body);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(status == 400 && error.contains(part), "{body}: {status} {answer}");
    }
    assert_eq!(proxy.ask("GET", FAULTS, "").1, json!([]));
}

#[test]
fn the_same_seed_strikes_the_same_exchanges() {
    let upstream = hello();
    let pattern = |seed: &str| {
        let proxy = Proxy::before(&upstream, &["--seed", seed]);
        arm(&proxy, &json!({ "answer": { "status": 500, "times": 1000, "only": { "percent": 40 } } }));
        (0..24).map(|_| outcome(&proxy) == Ok(500)).collect::<Vec<bool>>()
    };
    let first = pattern("11");
    assert_eq!(first, pattern("11"));
    assert_ne!(first, pattern("12"));
    assert!(first.contains(&true) && first.contains(&false));
}

#[test]
fn arming_and_striking_are_in_the_history_under_one_numbering() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let proxy = Proxy::before(&hello(), &["--inspect", "--history", path.to_str().expect("a path")]);
    assert_eq!(outcome(&proxy), Ok(200));
    arm(&proxy, &json!({ "answer": { "status": 500 } }));
    assert_eq!([outcome(&proxy), outcome(&proxy)], [Ok(500), Ok(200)]);
    let other = json!({ "name": "other", "listen": "127.0.0.1:0", "upstream": hello() }).to_string();
    let listen = proxy.ask("POST", "/proxies", &other).1["listen"].as_str().expect("an address").to_owned();
    assert_eq!(proxy.ask("PATCH", "/deadzone/v1/proxies/other", r#"{"inspect":true}"#).0, 200);
    ask(&mut connect(&listen)).expect("an answer");
    assert_eq!(proxy.end().0, Some(0));
    let text = std::fs::read_to_string(&path).expect("a history");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let of = |kind: &str, key: &str| {
        events.iter().filter_map(|event| event["what"].get(kind)?.get(key)?.as_u64()).collect::<Vec<u64>>()
    };
    let sorted = |kind: &str, key: &str| {
        let mut all = of(kind, key);
        all.sort_unstable();
        all
    };
    assert_eq!((of("fault-armed", "id"), of("fault-fired", "id")), (vec![1], vec![1]), "{text}");
    assert_eq!(of("fault-fired", "exchange"), [2], "{text}");
    assert_eq!(
        (sorted("request", "exchange"), sorted("answer", "exchange")),
        (vec![1, 2, 3, 4], vec![1, 2, 3, 4]),
        "{text}"
    );
    let connections = (sorted("connection-opened", "connection"), sorted("connection-closed", "connection"));
    assert_eq!(connections, (vec![1, 2, 3, 4], vec![1, 2, 3, 4]), "{text}");
}

/// A scenario file for a proxy, in a folder that lives as long as the first of these.
fn story(steps: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("faults.yaml");
    let text = format!("name: A bad day\ncovers: []\ndevices: {{ app: {{ link: perfect }} }}\nsteps:\n{steps}");
    std::fs::write(&path, text).expect("a file");
    (folder, path)
}

#[test]
fn a_scenario_file_arms_faults_and_names_those_that_never_struck() {
    let (_folder, path) = story(
        "  - answer: { device: app, status: 503 }\n  - lose: { device: app, what: answer, nth: 9 }\n  - wait: 1h\n  \
         - spoil: { device: app, how: garbage }\n  - slow: { device: app, what: answer, by: 1s, only: { may-miss: true } }\n",
    );
    let proxy = Proxy::before(&hello(), &["--scenario", path.to_str().expect("a path")]);
    assert_eq!([outcome(&proxy), outcome(&proxy)], [Ok(503), Ok(200)]);
    let (code, said) = proxy.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it never struck: app will lose answer 9"), "{said}");
    assert!(said.contains("its time, 3600 s, never came: app will get answer 1 as garbage"), "{said}");
    assert_eq!(said.matches("error: ").count(), 2, "{said}");
}

#[test]
fn a_scenario_file_whose_faults_all_struck_ends_well() {
    let (_folder, path) = story("  - answer: { device: app, status: 503 }\n");
    let proxy = Proxy::before(&hello(), &["--scenario", path.to_str().expect("a path")]);
    assert_eq!(outcome(&proxy), Ok(503));
    let (code, said) = proxy.end();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_link_of_ones_own_shapes_fades_and_hands_over() {
    const LINK: &str = "/deadzone/v1/proxies/app/link";
    let proxy = Proxy::before(&echo(), &[]);
    let own = json!({ "down": "10Mbps", "up": "10Mbps", "rtt": "120ms" });
    let (status, shown) = proxy.ask("PUT", LINK, &own.to_string());
    assert_eq!((status, &shown["own"]["rtt"], &shown["state"]), (200, &json!("120ms"), &json!("up")), "{shown}");
    let mut stream = proxy.connect();
    round(&mut stream, b"over a round trip to connect and one to send");
    let took = round(&mut stream, b"over a round trip");
    assert!((118..400).contains(&took.as_millis()), "{took:?}");
    assert_eq!(proxy.ask("PUT", LINK, r#"{"profile":"wifi"}"#).1, json!({ "profile": "wifi", "state": "up" }));
    let took = round(&mut stream, b"over the new one, on the same connection");
    assert!(took < Duration::from_millis(100), "{took:?}");
    for (body, part) in [
        (r#"{"down":"1Mbps"}"#, "needs `down` and `up`"),
        (r#"{"down":"1Mbps","up":"1Mbps","profile":"3g"}"#, "not both"),
        (r#"{"down":"1Mbps","up":"1Mbps","loss":"NaN%"}"#, "NaN"),
        (r#"{"trace":{"down":"/etc/passwd","up":"/etc/passwd"}}"#, "trace"),
    ] {
        let (status, answer) = proxy.ask("PUT", LINK, body);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(status == 400 && error.contains(part), "{body}: {status} {answer}");
    }
    let schedule = |steps: Value| proxy.ask("PUT", "/deadzone/v1/proxies/app/schedule", &steps.to_string()).0;
    assert_eq!(schedule(json!([{ "handover": "app" }])), 200);
    stream.write_all(b"from an address that is no more").expect("sent");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    assert!(stream.read(&mut [0; 1]).is_err(), "its connection is dead, and nobody is told");
    round(&mut proxy.connect(), b"from the new one");
    assert_eq!(schedule(json!([{ "flap": { "down": "300ms", "up": "10s" } }])), 200);
    let (begun, mut stream) = (Instant::now(), proxy.connect());
    round(&mut stream, b"once it is up again");
    assert!(begun.elapsed() > Duration::from_millis(250) && begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    until("the link's state", || proxy.ask("GET", LINK, "").1["state"] == "up");
}
