//! What clients and servers may do to whoever follows their exchanges.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::watch;
use tokio::time::Instant;

use super::*;

/// Nobody listens.
struct Silent;

impl Note for Silent {
    fn asked(&self, _: &Asked) -> u64 {
        0
    }

    fn answered(&self, _: u64, _: &Answered, _: u64) {}
}

/// What a client reads that writes `written` and then waits, or finishes; what its server got; how long it all took.
async fn follow_one(written: &[u8], finishes: bool, answers: &[u8]) -> (Vec<u8>, Vec<u8>, Duration) {
    let (mut client, mut near) = duplex(1 << 20);
    let (mut far, mut server) = duplex(1 << 20);
    let (_arming, armed) = watch::channel(false);
    let begun = Instant::now();
    client.write_all(written).await.unwrap();
    server.write_all(answers).await.unwrap();
    if finishes {
        client.shutdown().await.unwrap();
    }
    let meters = [Meter::default(), Meter::default()];
    let disturbance = Disturbance { toxics: None, armed };
    let followed = follow(&mut near, &mut far, [&meters[0], &meters[1]], disturbance, None, &Silent);
    // Whoever waits for an answer that never comes waits as long as its client likes.
    let _ = timeout(Duration::from_secs(3_600), followed).await;
    let took = begun.elapsed();
    drop((near, far));
    let (mut read, mut got) = (Vec::new(), Vec::new());
    client.read_to_end(&mut read).await.unwrap();
    server.read_to_end(&mut got).await.unwrap();
    (read, got, took)
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let (read, got, took) = follow_one(b"GET / HTTP/1.1\r\nhost: s\r\nx: ", false, b"").await;
    assert!(read.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&read));
    assert_eq!(got, b"", "the server heard nothing of it");
    assert!((HEAD_WITHIN..HEAD_WITHIN + 2 * DRAIN_WITHIN).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_refused_at_its_limit() {
    let written = [b"GET / HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 3 * LONGEST]].concat();
    let (read, got, _) = follow_one(&written, false, b"").await;
    assert!(read.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&read));
    assert_eq!(got, b"");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_none_reaches_nobody() {
    for answers in
        [&b"SSH-2.0-OpenSSH_9\r\n\r\n"[..], b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"]
    {
        let (mut client, mut near) = duplex(1 << 16);
        let (mut far, mut server) = duplex(1 << 16);
        let (_arming, armed) = watch::channel(false);
        let meters = [Meter::default(), Meter::default()];
        client.write_all(b"GET / HTTP/1.1\r\nhost: s\r\n\r\n").await.unwrap();
        let talk = async {
            let mut asked = [0; 27];
            server.read_exact(&mut asked).await.unwrap();
            server.write_all(answers).await.unwrap();
        };
        let disturbance = Disturbance { toxics: None, armed };
        let followed = follow(&mut near, &mut far, [&meters[0], &meters[1]], disturbance, None, &Silent);
        let (followed, ()) = tokio::join!(followed, talk);
        assert!(followed.is_err(), "{followed:?}");
        drop(near);
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"");
    }
}

/// Bytes that are nearly HTTP.
fn near_http() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"POST /a HTTP/1.1\r\n".to_vec()),
        Just(b"host: s\r\n".to_vec()),
        Just(b"content-length: 5\r\n".to_vec()),
        Just(b"transfer-encoding: chunked\r\n".to_vec()),
        Just(b"upgrade: x\r\nconnection: upgrade\r\n".to_vec()),
        Just(b"expect: 100-continue\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"3\r\nabc\r\n0\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_server_gets_a_beginning_of_what_was_sent_and_nothing_else(written in near_http(), finishes: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (_, got, _) = runtime.block_on(follow_one(&written, finishes, b""));
        prop_assert!(written.starts_with(&got), "{:?} of {:?}", String::from_utf8_lossy(&got), String::from_utf8_lossy(&written));
        let both = |text: &str| text.contains("content-length") && text.contains("transfer-encoding");
        let first = String::from_utf8_lossy(&got).split("\r\n\r\n").next().unwrap_or_default().to_owned();
        prop_assert!(!both(&first), "two lengths reached the server: {first:?}");
    }
}
