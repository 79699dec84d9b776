//! Garbage, servers that are not there, crowds: a clear answer or a clean close, and no descriptor is lost.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::harness::{Proxy, hello, server, until};

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
fn a_server_that_resets_within_its_answer_resets_the_client() {
    let breaking = server(|mut stream| {
        // What it has not read when it closes makes a reset of that.
        let _ = stream.read(&mut [0; 1]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it");
    });
    for more in [&[][..], &["--inspect"], &["--profile", "perfect"]] {
        let proxy = Proxy::before(&breaking, more);
        let begun = proxy.descriptors();
        for _ in 0..5 {
            let mut stream = proxy.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: s\r\n\r\n").expect("sent");
            let mut got = Vec::new();
            // A reset overtakes what was on its way.
            let _ = stream.read_to_end(&mut got);
            assert!(got.len() < 60, "{more:?}: {}", String::from_utf8_lossy(&got));
        }
        until("the end of all", || proxy.metric("deadzone_connections_open{") == 0);
        until("as many descriptors as before", || proxy.descriptors() <= begun + 1);
    }
}

#[test]
fn clients_that_send_a_byte_and_wait_hold_nobody_up() {
    let proxy = Proxy::before(&hello(), &["--inspect"]);
    let begun = proxy.descriptors();
    let slow: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = proxy.connect();
            stream.write_all(b"G").expect("sent");
            stream
        })
        .collect();
    until("all of them", || proxy.metric("deadzone_connections_open{") == 300);
    let mut quick = proxy.connect();
    quick.write_all(b"GET / HTTP/1.1\r\nhost: s\r\n\r\n").expect("sent");
    let mut answer = [0; 69];
    quick.read_exact(&mut answer).expect("an answer");
    assert!(answer.ends_with(b"hello"));
    drop((slow, quick));
    until("as many descriptors as before", || proxy.descriptors() <= begun + 1);
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
