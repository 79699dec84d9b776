//! How exactly the proxy alone shapes over the real clock: what a link carries, how four connections share it, by how much it
//! is late, and what thousands of idle connections hold. Prints figures; a word after `--` takes one part alone (`rate`,
//! `share`, `delay`, `idle`).

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "what is measured is real time, and printed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use deadzone::base::{Clock, Rate, Seed, Span};
use deadzone::net::{Conditions, Congestion};
use deadzone::proxy::{Alone, NewLink, Secure, Wanted, Words};
use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Payload of a full packet, and what it takes of a link's rate, which counts whole packets.
const PAYLOAD: f64 = 1448.0;
const PACKET: f64 = 1500.0;
/// Bytes that a measuring client gives the system to hold: what lies there was not shaped yet.
const HELD: u32 = 8 * 1024;
/// Rates in kbit/s, how long one is measured, and when that begins: once a sender has found its pace.
const RATES: [(u64, [u64; 2]); 5] =
    [(20, [20, 60]), (100, [20, 60]), (1_000, [20, 60]), (10_000, [10, 40]), (100_000, [10, 40])];
/// Round trips in ms whose lateness is measured.
const ROUND_TRIPS: [u64; 5] = [2, 10, 50, 100, 300];
/// How long each of them is.
const SPAN: Duration = Duration::from_secs(4);
/// Idle connections.
const IDLE: usize = 5_000;
/// Descriptors of this program that are no connections.
const OTHERS: u64 = 200;

/// When how much had come of a connection.
type Arrivals = Vec<(Instant, u64)>;

/// Takes in what comes; of each connection, once it is over, when how much of it came.
fn sink() -> (SocketAddr, mpsc::Receiver<Arrivals>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let done = done.clone();
            thread::spawn(move || {
                let (mut buffer, mut total, mut arrivals) = (vec![0; 1 << 16], 0, Vec::new());
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    total += count as u64;
                    arrivals.push((Instant::now(), total));
                }
                done.send(arrivals)
            });
        }
    });
    (address, ended)
}

/// A proxy over that link.
fn proxy(upstream: SocketAddr, conditions: Conditions) -> SocketAddr {
    let (sender, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let words = Words { steps: |_| Err(String::new()), link: |_| Err(String::new()) };
            let alone = Alone::new(Clock::system(), Seed(1), 1, words, Secure::default()).expect("threads");
            let (upstream, link) = (upstream.to_string(), NewLink { conditions, written: Value::Null, over: None });
            let (name, listen) = ("app", "127.0.0.1:0");
            let wanted =
                Wanted { name, listen, upstream: &upstream, link: Some(link), inspected: false, steps: Vec::new() };
            let at = alone.open(wanted).expect("a port");
            sender.send(at.parse().expect("an address")).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    address.recv().expect("an address")
}

/// Uploads until `until`, and ends at once: nothing that was not shaped yet is waited for.
fn upload(address: SocketAddr, until: Instant) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(HELD).expect("a small buffer");
        let mut stream = socket.connect(address).await.expect("a connection");
        stream.set_zero_linger().expect("no linger");
        let chunk = vec![7; 1 << 16];
        let sending = async { while stream.write_all(&chunk).await.is_ok() {} };
        let _ = tokio::time::timeout_at(until.into(), sending).await;
    });
}

/// Bits a second of whole packets between two seconds of the uploads of `connections` over such a link, each.
fn uploads(conditions: Conditions, connections: usize, [from, to]: [u64; 2]) -> Vec<f64> {
    let (upstream, ended) = sink();
    let address = proxy(upstream, conditions);
    let begun = Instant::now();
    let seconds = move |seconds| begun + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..connections).map(|_| thread::spawn(move || upload(address, seconds(to)))).collect();
    clients.into_iter().for_each(|client| client.join().expect("an upload"));
    let rate = |arrivals: Arrivals| {
        let mut measured = arrivals.iter().filter(|(at, _)| (seconds(from)..seconds(to)).contains(at));
        let (Some((first, before)), Some((last, after))) = (measured.next(), measured.next_back()) else { return 0.0 };
        (after - before) as f64 * 8.0 * PACKET / PAYLOAD / (*last - *first).as_secs_f64().max(1e-9)
    };
    ended.iter().take(connections).map(rate).collect()
}

fn link(kbps: u64, round_trip_ms: u64, congestion: Congestion) -> Conditions {
    let rate = Rate::new(kbps * 1_000);
    Conditions { congestion, ..Conditions::new(rate, rate, Span::from_millis(round_trip_ms)) }
}

/// What one connection gets of a link's rate, once it has found its pace.
fn rates() {
    for congestion in [Congestion::Bbr, Congestion::Cubic] {
        let measure = move |(kbps, span)| (kbps, uploads(link(kbps, 50, congestion), 1, span)[0]);
        // Slow links leave the machine idle, and are measured side by side.
        let slow: Vec<_> = RATES[..3].iter().map(|case| thread::spawn(move || measure(*case))).collect();
        let slow: Vec<_> = slow.into_iter().map(|case| case.join().expect("a rate")).collect();
        for (kbps, rate) in slow.into_iter().chain(RATES[3..].iter().map(|case| measure(*case))) {
            let off = (rate / (kbps as f64 * 1_000.0) - 1.0) * 100.0;
            println!(
                "rate   {congestion:<6?} {kbps:>7} kbit/s  {:>12.2} kbit/s measured  {off:>+6.2} %",
                rate / 1_000.0
            );
        }
    }
}

/// What four connections get of a link, together and each.
fn shares() {
    const KBPS: u64 = 4_000;
    for congestion in [Congestion::Bbr, Congestion::Cubic] {
        let rates = uploads(link(KBPS, 50, congestion), 4, [20, 80]);
        let total: f64 = rates.iter().sum();
        let shares: Vec<String> = rates.iter().map(|rate| format!("{:.3}", rate / total * 4.0)).collect();
        let off = (total / (KBPS as f64 * 1_000.0) - 1.0) * 100.0;
        println!(
            "share  {congestion:<6?} {KBPS:>7} kbit/s  {off:>+6.2} % together; of a quarter each: {}",
            shares.join(" ")
        );
    }
}

/// How late an echo is over a link without a limit, beside the link's own round trip.
fn delays() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let upstream = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("no delay");
            let mut copy = stream.try_clone().expect("a copy");
            thread::spawn(move || std::io::copy(&mut stream, &mut copy));
        }
    });
    for round_trip_ms in ROUND_TRIPS {
        let mut stream =
            TcpStream::connect(proxy(upstream, link(0, round_trip_ms, Congestion::Bbr))).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut echo = || {
            let begun = Instant::now();
            stream.write_all(&[7; 100]).expect("sent");
            stream.read_exact(&mut [0; 100]).expect("an echo");
            (begun.elapsed().as_secs_f64() - round_trip_ms as f64 / 1_000.0) * 1_000.0
        };
        echo();
        let begun = Instant::now();
        let mut late = Vec::new();
        while begun.elapsed() < SPAN {
            late.push(echo());
        }
        late.sort_by(f64::total_cmp);
        let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
        println!(
            "delay  {round_trip_ms:>4} ms  late by {:.2} ms in the middle, {:.2} ms in nine of ten, {:.2} ms at most ({} echoes)",
            at(0.5),
            at(0.9),
            at(1.0),
            late.len()
        );
    }
}

/// What a proxy holds of memory with many connections over a link that have nothing to say.
fn idle() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("its own limit");
    // Both ends of each connection are here.
    let most = maximum.map_or(IDLE, |most| usize::try_from(most.saturating_sub(OTHERS) / 2).unwrap_or(IDLE));
    let count = IDLE.min(most);
    if count < IDLE {
        println!("idle   the system gives {most} connections where {IDLE} are asked for");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let mut child = Command::new(env!("CARGO_BIN_EXE_deadzone"))
            .args(["proxy", "--control", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--profile", "lte"])
            .args(["--upstream", &upstream])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("listening on ")).expect("where it listens");
        let address = line.split(' ').nth(2).expect("an address").to_owned();
        let resident = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process of Linux");
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
            line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1_024.0
        };
        let before = resident();
        let open = Arc::new(Mutex::new(Vec::new()));
        for from in (0..count).step_by(100) {
            join_all((from..count.min(from + 100)).map(|_| async {
                let mut stream = tokio::net::TcpStream::connect(&address).await.expect("a connection");
                stream.write_all(&[7; 100]).await.expect("sent");
                stream.read_exact(&mut [0; 100]).await.expect("an echo");
                open.lock().expect("whole").push(stream);
            }))
            .await;
        }
        println!("idle   {count} connections: {:.0} MiB, {before:.0} MiB before them", resident());
        child.kill().expect("an end");
        child.wait().expect("an end");
    });
}

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    for (word, part) in [("delay", delays as fn()), ("idle", idle), ("rate", rates), ("share", shares)] {
        if wanted.as_deref().is_none_or(|wanted| wanted == word) {
            part();
        }
    }
}
