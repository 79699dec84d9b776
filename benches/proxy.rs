//! The proxy alone beside a plain tokio copy with 64 KiB buffers, and nginx's stream module and HAProxy where they are
//! installed, in one run: bulk, one connection, 32 connections. Prints medians over the rounds and their ratio to the copy's;
//! `ROUNDS` sets how many. How exactly it shapes: `shaping.rs`.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "what is measured is real time, and printed")]

mod peers;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use deadzone::base::{Clock, Seed};
use deadzone::proxy::{Alone, Secure, Wanted, Words};
use tokio::io::copy_bidirectional_with_sizes;

/// Bytes of the bulk upload.
const BULK: u64 = 1 << 30;
/// How long requests are counted.
const SPAN: Duration = Duration::from_secs(2);
const THREADS: usize = 2;

const REQUEST: &[u8] = b"POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 64\r\n\r\n\
    0123456789012345678901234567890123456789012345678901234567890123";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello";

/// Answers every request; whoever sends much is told when all has come.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || drop(serve(stream)));
        }
    });
    address
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 16, stream.try_clone()?);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.strip_prefix("content-length: ") {
                Some(text) => length = text.trim().parse().unwrap_or(0),
                None if line == "\r\n" => break,
                None => {}
            }
        }
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        stream.write_all(ANSWER)?;
    }
}

/// A tokio copy on as many threads, each with a runtime of its own.
fn tokio_copy(upstream: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let address = listener.local_addr().expect("an address");
    for _ in 0..THREADS {
        let listener = listener.try_clone().expect("the same port");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                while let Ok((mut near, _)) = listener.accept().await {
                    tokio::spawn(async move {
                        let mut far = tokio::net::TcpStream::connect(upstream).await?;
                        near.set_nodelay(true)?;
                        far.set_nodelay(true)?;
                        copy_bidirectional_with_sizes(&mut near, &mut far, 1 << 16, 1 << 16).await
                    });
                }
            });
        });
    }
    address
}

/// The proxy, over no link.
fn proxy(upstream: SocketAddr, inspected: bool) -> SocketAddr {
    let (sender, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let words = Words { steps: |_| Err(String::new()), link: |_| Err(String::new()) };
            let alone = Alone::new(Clock::system(), Seed(1), THREADS, words, Secure::default()).expect("threads");
            let upstream = upstream.to_string();
            let (name, listen) = ("app", "127.0.0.1:0");
            let wanted = Wanted { name, listen, upstream: &upstream, link: None, inspected, steps: Vec::new() };
            let at = alone.open(wanted).expect("a port");
            sender.send(at.parse().expect("an address")).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    address.recv().expect("an address")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream
}

fn ask(stream: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    stream.write_all(REQUEST).expect("sent");
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer).expect("an answer");
    begun.elapsed()
}

/// Gbit/s of an upload of `bytes`.
fn bulk(address: SocketAddr, bytes: u64) -> f64 {
    let mut stream = connect(address);
    let begun = Instant::now();
    write!(stream, "POST /bulk HTTP/1.1\r\nhost: localhost\r\ncontent-length: {bytes}\r\n\r\n").expect("sent");
    let chunk = vec![7; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(chunk.len() as u64);
        stream.write_all(&chunk[..now as usize]).expect("sent");
        left -= now;
    }
    stream.read_exact(&mut [0; ANSWER.len()]).expect("an answer");
    bytes as f64 * 8.0 / begun.elapsed().as_secs_f64() / 1e9
}

/// The median in microseconds of requests one after the other.
fn one(address: SocketAddr) -> f64 {
    let mut stream = connect(address);
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < SPAN {
        times.push(ask(&mut stream).as_secs_f64() * 1e6);
    }
    median(&mut times)
}

/// Requests a second over 32 connections.
fn many(address: SocketAddr) -> f64 {
    let begun = Instant::now();
    let client = move || {
        let (mut stream, mut count) = (connect(address), 0_u32);
        while begun.elapsed() < SPAN {
            ask(&mut stream);
            count += 1;
        }
        count
    };
    let clients: Vec<_> = (0..32).map(|_| thread::spawn(client)).collect();
    let total: u32 = clients.into_iter().map(|client| client.join().expect("a count")).sum();
    f64::from(total) / begun.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Each figure of each of `peers`, in rounds, so that what else the machine does hits all alike.
fn compare(what: &str, unit: &str, peers: &[(&str, SocketAddr)], rounds: usize, measure: impl Fn(SocketAddr) -> f64) {
    let mut figures = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (figures, (_, address)) in figures.iter_mut().zip(peers) {
            figures.push(measure(*address));
        }
    }
    let copy = figures[1].clone();
    for (figures, (name, _)) in figures.iter_mut().zip(peers) {
        let mut ratios: Vec<f64> = figures.iter().zip(&copy).map(|(figure, copy)| figure / copy).collect();
        let ratio = median(&mut ratios);
        println!("{what:<16} {name:<16} {:>12.2} {unit:<8} {ratio:>6.2} of the copy", median(figures));
    }
}

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let direct = server();
    let (copy, plain, inspected) = (tokio_copy(direct), proxy(direct, false), proxy(direct, true));
    let others = peers::installed(direct, THREADS);
    let mut peers = vec![("direct", direct), ("tokio copy", copy), ("passthrough", plain), ("inspection", inspected)];
    peers.extend(others.iter().map(|peer| (peer.name, peer.address)));
    compare("bulk", "Gbit/s", &peers, rounds, |address| bulk(address, BULK));
    compare("1 connection", "us p50", &peers, rounds, one);
    compare("32 connections", "req/s", &peers, rounds, many);
}
