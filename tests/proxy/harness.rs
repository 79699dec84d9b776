//! What the tests of the proxy share: a proxy that runs, servers behind it, clients before it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing takes longer than this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running proxy. It ends with the test.
pub(crate) struct Proxy {
    pub(crate) child: Child,
    lines: BufReader<ChildStdout>,
    /// Where the app connects to; empty without an app.
    pub(crate) app: String,
    pub(crate) control: String,
}

impl Proxy {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_deadzone"))
            .args(["proxy", "--control", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
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
    pub(crate) fn before(upstream: &str, arguments: &[&str]) -> Self {
        Self::start(&[&["--listen", "127.0.0.1:0", "--upstream", upstream], arguments].concat())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.app)
    }

    /// Asks the control API; status and body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = http(&self.control, &request);
        (answer.0, serde_json::from_str(&answer.1).unwrap_or(Value::Null))
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = http(&self.control, "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").1;
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().expect("a value").parse().expect("a number")
    }

    /// Asks it to end; its exit code and what it said of itself.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("a signal").success());
        let status = self.child.wait().expect("an end");
        let mut said = String::new();
        self.child.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
        (status.code(), said)
    }

    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its descriptors").count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Sends `request` and reads all that comes; status and body.
pub(crate) fn http(address: &str, request: &str) -> (u16, String) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), body.unwrap_or_default())
}

/// Asks again until `holds`.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        thread::yield_now();
    }
}

/// A server on a port of its own; every connection is handed to `serve` on a thread of its own.
pub(crate) fn server(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> String {
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
pub(crate) fn echo() -> String {
    server(|mut stream| {
        let mut copy = stream.try_clone().expect("a copy");
        let _ = std::io::copy(&mut stream, &mut copy);
        let _ = copy.shutdown(Shutdown::Write);
    })
}

/// Answers every request with `hello`, on connections that stay.
pub(crate) fn hello() -> String {
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
pub(crate) fn round(stream: &mut TcpStream, bytes: &[u8]) -> Duration {
    let begun = Instant::now();
    stream.write_all(bytes).expect("sent");
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).expect("an echo");
    assert_eq!(back, bytes);
    begun.elapsed()
}
