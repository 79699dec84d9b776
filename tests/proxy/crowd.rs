//! Ten thousand connections at once: each is served or closed, and nothing of any is left.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use tokio::net::TcpSocket;

use crate::harness::{PATIENCE, Proxy, hello, until};

/// Connections at once.
const CROWD: usize = 10_000;
const THREADS: usize = 20;
/// Descriptors of this program that are no connections of the crowd.
const OTHERS: u64 = 1_000;

/// A server that closes every connection at once, and has room for all that come together.
fn closing() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        socket.listen(16_384)
    });
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || runtime.block_on(async move { while listener.accept().await.is_ok() {} }));
    address
}

/// As many of the crowd as the system lets this program have; says so where it is not all.
#[expect(clippy::print_stderr, reason = "a smaller crowd is not passed over in silence")]
fn crowd() -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("its own limit");
    let most = maximum.map_or(CROWD, |most| usize::try_from(most.saturating_sub(OTHERS)).unwrap_or(CROWD));
    if most < CROWD {
        eprintln!("the system gives this program {most} connections; a crowd of {CROWD} is asked for");
    }
    CROWD.min(most)
}

/// Connects `count` times from many threads, each keeping all of its own open meanwhile.
fn connected(address: &str, count: usize) -> Vec<TcpStream> {
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let address = address.to_owned();
            thread::spawn(move || {
                let one = |_| TcpStream::connect(&address).expect("a connection");
                (0..count / THREADS).map(one).collect::<Vec<TcpStream>>()
            })
        })
        .collect();
    workers.into_iter().flat_map(|worker| worker.join().expect("its connections")).collect()
}

#[test]
fn ten_thousand_connections_at_once_are_served_or_closed() {
    let count = crowd();
    for more in [&[][..], &["--inspect"]] {
        let proxy = Proxy::before(&closing(), more);
        let begun = proxy.descriptors();
        let streams = connected(&proxy.app, count);
        // Two descriptors each may be more than the proxy may have: those who come too late for one are closed, too.
        until("the news for all of them", || proxy.metric("deadzone_connections_total{") >= streams.len() as u64);
        for mut stream in streams.iter() {
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            // Where a queue of the system's overran, its ends have different views of a connection until somebody speaks.
            let _ = stream.write_all(b"G");
            let ended = stream.read(&mut [0; 1]).map_err(|error| error.kind());
            assert!(matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)), "{more:?}: {ended:?}");
        }
        drop(streams);
        until("the end of all", || proxy.metric("deadzone_connections_open{") == 0);
        until("as many descriptors as before", || proxy.descriptors() <= begun);
        let upstream = serde_json::json!({ "upstream": hello() }).to_string();
        assert_eq!(proxy.ask("POST", "/proxies/app", &upstream).0, 200);
        let (mut late, mut answer) = (proxy.connect(), [0; 69]);
        late.write_all(b"GET / HTTP/1.1\r\nhost: s\r\n\r\n").expect("sent");
        late.read_exact(&mut answer).expect("an answer");
        assert!(answer.ends_with(b"hello"), "{more:?}");
        let (code, said) = proxy.end();
        assert!(code == Some(0) && !said.contains("panicked"), "{code:?} {said}");
    }
}
