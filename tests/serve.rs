//! `deadzone serve`: what it refuses at once, and what it goes on after. `--tls`: who trusts its authority and knows its key
//! is served, over TLS 1.3, and nobody else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use deadzone::base::{Clock, WallClock};
use deadzone::tls::{Key, Pin, Trust, Versions, client_settings, why_refused};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
    pin: Pin,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    command.args(["serve", "--orders", "2", "--tls"]).arg(folder).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let (mut address, mut pin) = (None, None);
    for line in output.lines().map_while(Result::ok) {
        pin = pin.or_else(|| line.split(' ').next_back()?.parse().ok());
        address = line.strip_prefix("listening on https://").map(str::to_owned);
        if address.is_some() {
            break;
        }
    }
    Server { child, address: address.expect("an address"), pin: pin.expect("a pin") }
}

/// The first line that the server answers, or why there is none.
fn ask(server: &Server, authority: &str, pin: Pin, versions: Versions) -> Result<String, String> {
    let clock = WallClock::new(Clock::system(), 0);
    let trust = Trust { authorities: vec![authority.to_owned()], pins: vec![pin], server: "127.0.0.1".to_owned() };
    let settings = client_settings(&trust, versions, &clock).expect("settings");
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let client = ClientConnection::new(settings, name).expect("a client");
    let mut stream = StreamOwned::new(client, TcpStream::connect(&server.address).expect("a connection"));
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let said = |error: std::io::Error| why_refused(&error).unwrap_or_else(|| error.to_string());
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn it_serves_whoever_knows_it_over_tls_13() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(folder.path());
    let authority = std::fs::read_to_string(folder.path().join("authority.pem")).expect("the authority");
    assert_eq!(ask(&server, &authority, server.pin, Versions::Only13).as_deref(), Ok("HTTP/1.1 200 OK"));
    let stranger = Key::random().expect("a key").pin();
    let refused = ask(&server, &authority, stranger, Versions::Only13).expect_err("another key");
    assert!(refused.contains("none of those that this app knows"), "{refused}");
    let refused = ask(&server, &authority, server.pin, Versions::Only12).expect_err("an old client");
    assert!(refused.contains("does not speak TLS 1.3"), "{refused}");
    // The next server of this folder has the same authority and the same key.
    let pin = server.pin;
    drop(server);
    let next = serve(folder.path());
    assert_eq!(next.pin, pin);
    assert_eq!(ask(&next, &authority, pin, Versions::Only13).as_deref(), Ok("HTTP/1.1 200 OK"));
}

#[test]
fn a_folder_that_cannot_be_one_is_wrong_input() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_deadzone"))
        .args(["serve", "--tls"])
        .arg(file.path())
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--tls"), "{said}");
}

/// A server that speaks plainly, started by a shell line that ends with its command.
fn plain(before: &str) -> (Child, String) {
    let line = format!("{before} exec '{}' serve --orders 2", env!("CARGO_BIN_EXE_deadzone"));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let mut lines = output.lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
    // Nobody reads on: what it says now goes nowhere, which is no failure.
    (child, address.expect("an address"))
}

/// What the server at `address` answers to `request`, which may be a part of one.
fn answered(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    let mut some = [0; 4096];
    // The end may be a reset: not all that was sent need have been read.
    while let Ok(count @ 1..) = stream.read(&mut some) {
        answer.extend_from_slice(&some[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const DOCUMENT: &str = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn it_goes_on_when_connections_were_too_many() {
    let (mut child, address) = plain("ulimit -n 24;");
    let crowd: Vec<_> = (0..64).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    let mut said = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("its log"));
    stderr.read_line(&mut said).expect("a line of it");
    drop(crowd);
    let answer = answered(&address, DOCUMENT);
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    assert!(said.contains("a connection cannot be accepted"), "{said}");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let (mut child, address) = plain("");
    let request = "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000000\r\n\r\n{";
    let answer = answered(&address, request);
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn wrong_options_are_said_with_what_would_be_right() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address").to_string();
    let cases: [(&[&str], &str); 4] = [
        (&["--orders", "4000000000"], "from 0 to 100000"),
        (&["--orders", "-5"], "from 0 to 100000"),
        (&["--orders", "99999999999999999999999"], "from 0 to 100000"),
        (&["--listen", &taken], "name another port, or port 0 for a free one"),
    ];
    for (options, expected) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_deadzone")).arg("serve").args(options).output();
        let output = output.expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(expected), "{options:?}: {said}");
    }
}
