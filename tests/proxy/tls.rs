//! TLS that ends at the proxy, TLS to the server behind it, and what can be wrong with either.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use deadzone::base::{Clock, WallClock};
use deadzone::tls::{Authority, Key, Validity, Versions, server_settings, trusting};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConnection, Stream};
use serde_json::{Value, json};

use crate::harness::{Proxy, hello, until};

const NAME: &str = "api.example.test";

fn wall() -> WallClock {
    WallClock::new(Clock::system(), 0)
}

/// What `deadzone proxy ca` prints of the authority in `folder`.
fn authority(folder: &Path) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    let output = command.args(["proxy", "ca", "--dir"]).arg(folder).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A proxy that ends TLS with the authority in `folder`, and a client that trusts it.
fn terminating(folder: &Path, upstream: &str, more: &[&str]) -> (Proxy, Arc<ClientConfig>) {
    let trust = trusting(&authority(folder), &wall()).expect("an authority");
    let tls = ["--tls-terminate", "--ca", folder.to_str().expect("a path")];
    (Proxy::before(upstream, &[&tls[..], more].concat()), trust)
}

/// Shakes hands for `name` and asks for `/`: the version of TLS and the status.
fn ask(proxy: &Proxy, settings: &Arc<ClientConfig>, name: &str) -> io::Result<(Option<ProtocolVersion>, u16)> {
    let name = name.to_owned().try_into().expect("a name");
    let mut tls = ClientConnection::new(Arc::clone(settings), name).expect("a client");
    let mut socket = proxy.connect();
    let mut stream = Stream::new(&mut tls, &mut socket);
    stream.write_all(b"GET / HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((tls.protocol_version(), status.ok_or(io::ErrorKind::UnexpectedEof)?))
}

fn fails(proxy: &Proxy, settings: &Arc<ClientConfig>) -> String {
    ask(proxy, settings, NAME).map_or_else(|error| error.to_string(), |(_, status)| format!("answered with {status}"))
}

fn arm(proxy: &Proxy, step: &Value) {
    let (status, body) = proxy.ask("POST", "/deadzone/v1/proxies/app/faults", &step.to_string());
    assert_eq!(status, 201, "{step}: {body}");
}

#[test]
fn tls_ends_at_the_proxy_for_whatever_name_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("history.jsonl");
    let history_at = history.to_str().expect("a path").to_owned();
    let (proxy, trust) = terminating(folder.path(), &hello(), &["--history", &history_at, "--profile", "wifi"]);
    for name in [NAME, "other.example.test", "127.0.0.1", "10.0.2.2"] {
        assert_eq!(ask(&proxy, &trust, name).expect(name), (Some(ProtocolVersion::TLSv1_3), 200));
    }
    arm(&proxy, &json!({ "answer": { "status": 503 } }));
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer").1, 503);
    assert!(proxy.connect().write_all(b"GET / HTTP/1.1\r\n\r\n").is_ok(), "what is no TLS is closed");
    assert_eq!(proxy.end().0, Some(0));
    let text = std::fs::read_to_string(&history).expect("a history");
    assert_eq!((text.matches(r#""secured""#).count(), text.matches(r#""summary":"GET /""#).count()), (5, 5), "{text}");
    assert_eq!(authority(folder.path()), authority(folder.path()), "the authority stays");
}

#[test]
fn handshakes_go_wrong_as_they_are_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (proxy, trust) = terminating(folder.path(), &hello(), &[]);
    let schedule = |steps: Value| proxy.ask("PUT", "/deadzone/v1/proxies/app/schedule", &steps.to_string()).0;
    arm(&proxy, &json!({ "mitm": {} }));
    // The impostor's authority goes by the name of ours, so that its signature gives it away.
    assert!(fails(&proxy, &trust).contains("BadSignature"), "{}", fails(&proxy, &trust));
    assert_eq!(schedule(json!([{ "handshake": { "how": "cut" } }])), 200);
    assert!(fails(&proxy, &trust).contains("BadSignature"), "the one before strikes first");
    assert_eq!(proxy.ask("DELETE", "/deadzone/v1/proxies/app/faults", "").0, 204);
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer").1, 200);
    arm(&proxy, &json!({ "handshake": { "how": "cut" } }));
    assert!(!fails(&proxy, &trust).contains("answered"));
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer").1, 200);
    arm(&proxy, &json!({ "handshake": { "how": "downgraded" } }));
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer"), (Some(ProtocolVersion::TLSv1_2), 200));
    arm(&proxy, &json!({ "handshake": { "how": "stalled" } }));
    let name = NAME.try_into().expect("a name");
    let (mut silent, mut tls) = (proxy.connect(), ClientConnection::new(Arc::clone(&trust), name).expect("a client"));
    tls.write_tls(&mut silent).expect("all of the first words");
    silent.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    assert!(silent.read(&mut [0; 1]).is_err(), "nobody says anything");
    arm(&proxy, &json!({ "certificate": { "name": "somebody.else.test" } }));
    assert!(fails(&proxy, &trust).contains("not valid for name"), "{}", fails(&proxy, &trust));
    arm(&proxy, &json!({ "certificate": { "lasts": "1s" } }));
    until("the certificate's end", || fails(&proxy, &trust).contains("expired"));
    arm(&proxy, &json!({ "certificate": {} }));
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer").1, 200);
}

#[test]
fn what_is_about_tls_is_refused_where_tls_passes() {
    let proxy = Proxy::before(&hello(), &[]);
    let (status, body) = proxy.ask("POST", "/deadzone/v1/proxies/app/faults", r#"{"mitm":{}}"#);
    assert_eq!(status, 400);
    assert!(body["error"].as_str().is_some_and(|error| error.contains("--tls-terminate")), "{body}");
}

/// A server that speaks TLS with a certificate of `authority` for `localhost`, and answers each connection once: with what it
/// was called.
fn secure_server(authority: &Authority) -> String {
    let key = Key::random().expect("a key");
    let validity = Validity::from_now(Clock::system().wall(), jiff::SignedDuration::from_hours(24));
    let certified = authority.issue(&key, &["localhost"], validity).expect("a certificate");
    let settings = server_settings(Arc::new(certified), Versions::Only13, &wall()).expect("settings");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = move |mut socket: TcpStream| -> io::Result<()> {
        let mut tls = ServerConnection::new(Arc::clone(&settings)).map_err(io::Error::other)?;
        let mut stream = Stream::new(&mut tls, &mut socket);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("nobody");
        let length = host.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{host}")?;
        tls.send_close_notify();
        tls.complete_io(&mut socket).map(drop)
    };
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            // Whoever does not trust it goes away.
            let _ = serve(socket);
        }
    });
    format!("https://localhost:{port}")
}

/// What comes of a request without TLS; nothing where the connection is closed.
fn asked_plainly(proxy: &Proxy) -> String {
    let mut stream = proxy.connect();
    // It may be closed already.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let ended = stream.read_to_string(&mut answer).map_err(|error| error.kind());
    assert!(matches!(ended, Ok(_) | Err(io::ErrorKind::ConnectionReset)), "{ended:?} behind {answer:?}");
    answer
}

#[test]
fn a_server_behind_tls_is_judged_and_called_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let theirs = Authority::random(Clock::system().wall()).expect("an authority");
    let bundle = folder.path().join("theirs.pem");
    std::fs::write(&bundle, theirs.certificate_pem()).expect("a file");
    let (upstream, bundle) = (secure_server(&theirs), bundle.to_str().expect("a path").to_owned());
    for more in [&[][..], &["--profile", "wifi"], &["--keep-host"], &["--keep-host", "--profile", "wifi"]] {
        let asked = |more: &[&str]| asked_plainly(&Proxy::before(&upstream, more));
        let trusting = [more, &["--upstream-ca", bundle.as_str()]].concat();
        let called = if more.contains(&"--keep-host") { "s" } else { &upstream["https://".len()..] };
        assert!(asked(&trusting).ends_with(&format!("\r\n\r\n{called}")), "{more:?}: {}", asked(&trusting));
        let stranger = folder.path().join("authority.pem");
        authority(folder.path());
        let others = [more, &["--upstream-ca", stranger.to_str().expect("a path")]].concat();
        assert_eq!(asked(&others), "", "{more:?}");
    }
    let (proxy, trust) = terminating(folder.path(), &upstream, &["--upstream-ca", &bundle]);
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer").1, 200);
    arm(&proxy, &json!({ "answer": { "status": 500, "when": "after-commit" } }));
    assert_eq!(ask(&proxy, &trust, NAME).expect("an answer").1, 500);
    // One that strikes has requests go another way.
    let proxy = Proxy::before(&upstream, &["--upstream-ca", &bundle]);
    arm(&proxy, &json!({ "slow": { "what": "body", "by": "1ms", "bytes": "100B" } }));
    assert!(asked_plainly(&proxy).ends_with(&upstream["https://".len()..]), "{}", asked_plainly(&proxy));
}

#[test]
fn a_scenario_file_has_handshakes_go_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("faults.yaml");
    let file = |world: &str, steps: &str| {
        let text = format!("name: t\ncovers: []\n{world}devices: {{ maria: {{ link: wifi }} }}\nsteps:\n{steps}");
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let faults = "  - handshake: { device: maria, how: cut }\n  - handshake: { device: maria, how: downgraded }\n  \
        - certificate: { name: somebody.else.test }\n";
    let faults = file("world: { tls: real }\n", faults);
    let (proxy, trust) = terminating(folder.path(), &hello(), &["--scenario", &faults]);
    assert!(!fails(&proxy, &trust).contains("answered"));
    assert_eq!(ask(&proxy, &trust, NAME).map(|(version, _)| version).ok(), Some(Some(ProtocolVersion::TLSv1_2)));
    assert!(fails(&proxy, &trust).contains("not valid for name"), "{}", fails(&proxy, &trust));
    assert_eq!(proxy.end().0, Some(0), "all struck");
    let refused = |file: &str, more: &[&str]| {
        let all = [&["proxy", "--listen", "127.0.0.1:0", "--upstream", "s:1", "--scenario", file], more].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_deadzone")).args(all).output().expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = refused(&faults, &[]);
    assert!(code == Some(2) && said.contains("faults.yaml:6:5: ") && said.contains("--tls-terminate"), "{said}");
    let (code, said) = refused(&file("world: { tls: real, generate: 3 }\n", "  - wait: 1s\n"), &[]);
    assert!(code == Some(2) && said.contains("faults.yaml:3:1: ") && said.contains("its `tls`"), "{said}");
    let (code, said) = refused(&file("", "  - mitm: { device: maria }\n"), &["--tls-terminate"]);
    assert!(code == Some(2) && said.contains("write `tls: real` in `world`"), "{said}");
}
