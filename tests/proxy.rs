//! `deadzone proxy` over real sockets: bytes, toxics, HTTP faults, the control API, and what comes of bad input. Nothing
//! sleeps: reads block, and what must come is asked for again until it does.

#![expect(clippy::disallowed_methods, reason = "the proxy lives in real time, and so do its clients")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running proxy. It ends with the test.
struct Proxy {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Where the app connects to; empty without an app.
    app: String,
    control: String,
}

impl Proxy {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_deadzone"))
            .args(["proxy", "--control", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut proxy = Self { child, lines, app: String::new(), control: String::new() };
        loop {
            let mut line = String::new();
            assert!(proxy.lines.read_line(&mut line).expect("a line") > 0, "the proxy ended");
            if let Some(rest) = line.strip_prefix("listening on ") {
                proxy.app = rest.split(' ').next().expect("an address").to_owned();
            }
            if let Some(rest) = line.strip_prefix("control API on http://") {
                proxy.control = rest.trim().to_owned();
            }
            if line.starts_with("Ctrl-C") {
                return proxy;
            }
        }
    }

    /// Before `upstream`, with more arguments.
    fn before(upstream: &str, arguments: &[&str]) -> Self {
        Self::start(&[&["--listen", "127.0.0.1:0", "--upstream", upstream], arguments].concat())
    }

    fn connect(&self) -> TcpStream {
        connect(&self.app)
    }

    /// Asks the control API; status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = http(&self.control, &request);
        (answer.0, serde_json::from_str(&answer.1).unwrap_or(Value::Null))
    }

    fn metric(&self, name: &str) -> u64 {
        let text = http(&self.control, "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").1;
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().expect("a value").parse().expect("a number")
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its descriptors").count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Sends `request` and reads all that comes; status and body.
fn http(address: &str, request: &str) -> (u16, String) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), body.unwrap_or_default())
}

/// Asks again until `holds`.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        thread::yield_now();
    }
}

/// A server on a port of its own; every connection is handed to `serve` on a thread of its own.
fn server(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Sends back what comes.
fn echo() -> String {
    server(|mut stream| {
        let mut copy = stream.try_clone().expect("a copy");
        let _ = std::io::copy(&mut stream, &mut copy);
        let _ = copy.shutdown(Shutdown::Write);
    })
}

/// Answers every request with `hello`, on connections that stay.
fn hello() -> String {
    server(|stream| {
        let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
        let mut stream = stream;
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).unwrap_or(0) == 0 {
                    return;
                }
            }
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
            if reader.read_exact(&mut body).is_err() || stream.write_all(answer).is_err() {
                return;
            }
        }
    })
}

/// One echo, and how long it took.
fn round(stream: &mut TcpStream, bytes: &[u8]) -> Duration {
    let begun = Instant::now();
    stream.write_all(bytes).expect("sent");
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).expect("an echo");
    assert_eq!(back, bytes);
    begun.elapsed()
}

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

/// What an inspecting proxy answers to `request`, and that it then closes.
fn refused(proxy: &Proxy, request: &[u8]) -> u16 {
    let mut stream = proxy.connect();
    // It may close before all of it is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer but {text:?}"))
}

#[test]
fn what_is_no_http_is_refused_and_nothing_leaks() {
    let proxy = Proxy::before(&hello(), &["--inspect"]);
    let begun = proxy.descriptors();
    let endless = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat();
    let both = b"POST / HTTP/1.1\r\nhost: s\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    for _ in 0..5 {
        assert_eq!(refused(&proxy, b"\x16\x03\x01\x02\x00 this is no request\r\n\r\n"), 400);
        assert_eq!(refused(&proxy, both), 400);
        assert_eq!(refused(&proxy, &endless), 431);
    }
    until("as many descriptors as before", || proxy.descriptors() <= begun);
    assert_eq!(proxy.ask("GET", "/version", "").0, 200);
}

#[test]
fn a_server_that_is_not_there_closes_the_connection() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").to_string();
    for more in [&[][..], &["--inspect"], &["--profile", "wifi"]] {
        let proxy = Proxy::before(&nobody, more);
        let mut stream = proxy.connect();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: s\r\n\r\n");
        assert_eq!(stream.read(&mut [0; 9]).unwrap_or(0), 0, "{more:?}");
        until("the end of it", || proxy.metric("deadzone_connections_open{") == 0);
    }
}

#[test]
fn a_client_that_gives_up_on_a_silent_server_leaves_nothing() {
    let silent = server(|stream| {
        let mut rest = Vec::new();
        let _ = (&stream).read_to_end(&mut rest);
    });
    for more in [&[][..], &["--inspect"]] {
        let proxy = Proxy::before(&silent, more);
        let begun = proxy.descriptors();
        let mut streams: Vec<TcpStream> = (0..50).map(|_| proxy.connect()).collect();
        for stream in &mut streams {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: s\r\n\r\n").expect("sent");
        }
        until("all of them", || proxy.metric("deadzone_connections_open{") == 50);
        drop(streams);
        until("the end of all", || proxy.metric("deadzone_connections_open{") == 0);
        until("as many descriptors as before", || proxy.descriptors() <= begun + 1);
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
        ("PUT", "/deadzone/v1/proxies/app/link", r#"{"profile":"5g"}"#.to_owned(), 400, "no profile `5g`"),
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

#[test]
fn thousands_of_connections_at_once_are_served_or_closed() {
    let proxy = Proxy::before(&server(drop), &[]);
    let begun = proxy.descriptors();
    let app = proxy.app.clone();
    let workers: Vec<_> = (0..20)
        .map(|_| {
            let app = app.clone();
            thread::spawn(move || {
                let one = |_: i32| TcpStream::connect(&app).ok();
                let open: Vec<TcpStream> = (0..200).filter_map(one).collect();
                open.len()
            })
        })
        .collect();
    let made: usize = workers.into_iter().map(|worker| worker.join().expect("a count")).sum();
    assert!(made >= 400, "only {made} connections were made");
    until("the end of all", || proxy.metric("deadzone_connections_open{") == 0);
    until("as many descriptors as before", || proxy.descriptors() <= begun + 1);
    assert_eq!(proxy.connect().read(&mut [0; 1]).unwrap_or(0), 0, "it is still there, and its server closes");
}

#[test]
fn wrong_options_are_told_with_2() {
    let told = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
        let output = command.arg("proxy").args(arguments).output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = told(&["--listen", "127.0.0.1:0", "--upstream", "s:1", "--profile", "5g"]);
    assert!(code == Some(2) && text.contains("there is no such profile"), "{text}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken_at = taken.local_addr().expect("an address").to_string();
    let (code, text) = told(&["--control", &taken_at]);
    assert!(code == Some(2) && text.contains("in use"), "{text}");
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
