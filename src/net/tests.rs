//! Connections in virtual time: exact arithmetic, outages, ends that go away.

use std::future::Future;
use std::io::ErrorKind;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, sleep_until, timeout};

use super::*;
use crate::base::{Clock, Rate, Seed, Share, Span};
use crate::history::LinkState;

/// 400 kbit/s and 200 ms each way, and no losses. CUBIC keeps its bottleneck busy.
pub(super) fn slow() -> Conditions {
    let conditions = Conditions::new(Rate::new(400_000), Rate::new(400_000), Span::from_millis(400));
    Conditions { congestion: Congestion::Cubic, ..conditions }
}

/// The handshake on it, with its own packets' 60 bytes each way.
const HANDSHAKE: Duration = Duration::from_micros(400_000 + 2_400);

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs `story` in virtual time.
pub(super) fn simulate<T>(story: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    // Where nothing more can happen, virtual time runs to this bound at once.
    let bounded = async { timeout(Duration::from_secs(1_000_000), story).await.expect("the story hangs") };
    LocalSet::new().block_on(&runtime, bounded)
}

pub(super) fn new_link(conditions: impl Into<Conditions>) -> (Link, Clock) {
    let clock = Clock::simulated();
    (Link::new(conditions, clock, Seed(1), "maria"), clock)
}

/// Bytes whose order can be checked.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

/// How long `bytes` take at `kbps` in full packets.
fn transmission(bytes: u64, kbps: u64) -> Duration {
    Duration::from_micros((bytes + bytes.div_ceil(1448) * 52) * 8 * 1_000 / kbps)
}

fn close_to(left: Duration, right: Duration) -> bool {
    left.abs_diff(right) <= ms(2)
}

#[test]
fn a_handshake_costs_one_round_trip() {
    simulate(async {
        let (link, clock) = new_link(slow());
        link.connect().await.unwrap();
        assert!(close_to(clock.elapsed(), HANDSHAKE), "{:?}", clock.elapsed());
        let (link, clock) = new_link(profile("perfect").unwrap());
        link.connect().await.unwrap();
        assert_eq!(clock.elapsed(), ms(0));
    });
}

#[test]
fn five_megabytes_take_the_arithmetic_time() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        let data = pattern(5_000_000);
        let sent = data.clone();
        spawn_local(async move { proxy.write_all(&sent).await.unwrap() });
        let mut received = Vec::new();
        device.read_to_end(&mut received).await.unwrap();
        // From the first packet on the link is never idle for long: ten packets fill it for most of a round trip.
        let exact = HANDSHAKE + ms(200) + transmission(5_000_000, 400);
        let took = clock.elapsed();
        assert!(took > exact && took < exact + exact / 50, "{took:?}, not {exact:?}");
        assert!(received == data);
    });
}

#[test]
fn two_connections_take_as_long_as_one_with_both_loads() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (one, two) = tokio::join!(link.connect(), link.connect());
        let transfer = |(mut device, mut proxy): (DeviceEnd, ProxyEnd)| async move {
            spawn_local(async move {
                device.write_all(&pattern(1_448_000)).await.unwrap();
                device.shutdown().await.unwrap();
            });
            proxy.read_to_end(&mut Vec::new()).await.unwrap();
        };
        tokio::join!(transfer(one.unwrap()), transfer(two.unwrap()));
        let exact = HANDSHAKE + ms(200) + transmission(2 * 1_448_000, 400);
        let took = clock.elapsed();
        assert!(took > exact && took < exact + exact / 20, "{took:?}, not {exact:?}");
    });
}

#[test]
fn the_two_directions_share_nothing_but_acknowledgements() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (device, proxy) = link.connect().await.unwrap();
        let (mut device_reads, mut device_writes) = tokio::io::split(device);
        let (mut proxy_reads, mut proxy_writes) = tokio::io::split(proxy);
        spawn_local(async move { device_writes.write_all(&[0; 144_800]).await.unwrap() });
        spawn_local(async move { proxy_writes.write_all(&[0; 144_800]).await.unwrap() });
        let (mut up, mut down) = (vec![0; 144_800], vec![0; 144_800]);
        tokio::join!(proxy_reads.read_exact(&mut up), device_reads.read_exact(&mut down)).0.unwrap();
        let exact = HANDSHAKE + ms(200) + transmission(144_800, 400);
        let took = clock.elapsed();
        // Acknowledgements ride on data, and wait in its queue.
        assert!(took > exact && took < exact + exact / 3, "{took:?}, not {exact:?}");
    });
}

#[test]
fn a_write_waits_when_the_window_is_full() {
    simulate(async {
        let (link, _) = new_link(slow());
        let (mut device, _proxy) = link.connect().await.unwrap();
        let mut written = 0;
        while let Ok(count) = timeout(Duration::from_secs(60), device.write(&[0; 1_000])).await {
            written += count.unwrap();
        }
        // Nobody reads, and what has arrived has its bound.
        assert!((6_000_000..6_300_000).contains(&written), "{written} bytes");
    });
}

#[test]
fn the_proxy_end_counts_both_ways() {
    simulate(async {
        let (link, _) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        device.write_all(&[1; 2_000]).await.unwrap();
        assert_eq!(proxy.bytes(), Traffic::default());
        proxy.read_exact(&mut [0; 2_000]).await.unwrap();
        proxy.write_all(&[2; 30]).await.unwrap();
        assert_eq!(proxy.bytes(), Traffic { up: 2_000, down: 30 });
    });
}

#[test]
fn a_dead_zone_delivers_every_byte_at_the_next_try() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        // On its way when the zone begins, at 0.5 s; the second write comes in the zone, the third after it.
        device.write_all(b"one ").await.unwrap();
        sleep(ms(100)).await;
        link.set_state(LinkState::DeadZone);
        device.write_all(b"two ").await.unwrap();
        sleep(ms(4_500)).await;
        link.set_state(LinkState::Up);
        device.write_all(b"three").await.unwrap();
        let mut received = [0; 13];
        proxy.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"one two three");
        // First sent at 0.4 s, and tried again after gaps that double; the zone ends at 5 s.
        let took = clock.elapsed();
        assert!(took > ms(5_200) && took < ms(11_000), "{took:?}");
    });
}

#[test]
fn what_arrived_before_a_dead_zone_stays_readable() {
    simulate(async {
        let (link, _) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        device.write_all(b"early").await.unwrap();
        sleep(ms(300)).await;
        link.set_state(LinkState::DeadZone);
        let mut received = [0; 5];
        proxy.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"early");
    });
}

#[test]
fn what_is_tried_again_between_two_dead_zones_arrives() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        link.set_state(LinkState::DeadZone);
        device.write_all(b"late").await.unwrap();
        let reading = spawn_local(async move { proxy.read_exact(&mut [0; 4]).await.map(|_| clock.elapsed()) });
        for (at, state) in [(2_000, LinkState::Up), (3_000, LinkState::DeadZone), (4_000, LinkState::Up)] {
            sleep_until(clock.instant(ms(at))).await;
            link.set_state(state);
        }
        let took = reading.await.unwrap().unwrap();
        assert!(took > ms(2_200) && took < ms(3_000), "{took:?}");
    });
}

#[test]
fn a_connect_in_a_dead_zone_goes_through_at_the_next_try() {
    simulate(async {
        let (link, clock) = new_link(slow());
        link.set_state(LinkState::DeadZone);
        let connecting = spawn_local({
            let link = link.clone();
            async move { link.connect().await.map(|_| clock.elapsed()) }
        });
        sleep(ms(3_100)).await;
        link.set_state(LinkState::Up);
        assert!(close_to(connecting.await.unwrap().unwrap(), ms(7_000) + HANDSHAKE));
    });
}

#[test]
fn a_dead_zone_in_the_handshake_costs_a_try() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let connecting = spawn_local({
            let link = link.clone();
            async move { link.connect().await.map(|_| clock.elapsed()) }
        });
        sleep(ms(300)).await;
        link.set_state(LinkState::DeadZone);
        sleep(ms(100)).await;
        link.set_state(LinkState::Up);
        assert!(close_to(connecting.await.unwrap().unwrap(), ms(1_000) + HANDSHAKE));
    });
}

#[test]
fn airplane_mode_resets_and_refuses_at_once() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (mut device, proxy) = link.connect().await.unwrap();
        let (mut proxy_reads, mut proxy_writes) = tokio::io::split(proxy);
        let reading = spawn_local(async move { proxy_reads.read(&mut [0; 9]).await.map_err(|error| error.kind()) });
        let writing =
            spawn_local(async move { proxy_writes.write_all(&[0; 1_000_000]).await.map_err(|error| error.kind()) });
        link.set_state(LinkState::DeadZone);
        let connecting = spawn_local({
            let link = link.clone();
            async move { link.connect().await.map(|_| ()).map_err(|error| error.kind()) }
        });
        sleep(ms(600)).await;
        link.set_state(LinkState::Airplane);
        assert_eq!(reading.await.unwrap(), Err(ErrorKind::ConnectionReset));
        assert_eq!(writing.await.unwrap(), Err(ErrorKind::ConnectionReset));
        assert_eq!(connecting.await.unwrap(), Err(ErrorKind::NotConnected));
        assert_eq!(device.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(device.write(&[0; 9]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(link.connect().await.unwrap_err().kind(), ErrorKind::NotConnected);
        let before = clock.elapsed();
        link.set_state(LinkState::Up);
        assert!(device.read(&mut [0; 9]).await.is_err(), "an old connection stays reset");
        link.connect().await.unwrap();
        assert!(close_to(clock.elapsed(), before + HANDSHAKE));
    });
}

#[test]
fn a_half_closed_connection_still_carries_the_answer() {
    simulate(async {
        let (link, _) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        device.write_all(b"question").await.unwrap();
        device.shutdown().await.unwrap();
        assert_eq!(device.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut received = String::new();
        proxy.read_to_string(&mut received).await.unwrap();
        assert_eq!(received, "question");
        proxy.write_all(b"answer").await.unwrap();
        drop(proxy);
        received.clear();
        device.read_to_string(&mut received).await.unwrap();
        assert_eq!(received, "answer");
    });
}

#[test]
fn a_dropped_end_is_noticed_behind_its_data_and_after_the_delay() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        device.write_all(&[7; 13_032]).await.unwrap();
        drop(device);
        // Until the news arrives, writes succeed as they would into a socket's buffer, however much it is.
        proxy.write_all(&[0; 1_000_000]).await.unwrap();
        assert!(close_to(clock.elapsed(), HANDSHAKE));
        let mut received = Vec::new();
        proxy.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), 13_032);
        let exact = HANDSHAKE + ms(200) + transmission(13_032, 400) + Duration::from_micros(1_040);
        assert!(close_to(clock.elapsed(), exact), "{:?}, not {exact:?}", clock.elapsed());
        assert_eq!(proxy.write(b"anyone?").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn an_end_dropped_in_a_dead_zone_is_noticed_after_it() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (device, mut proxy) = link.connect().await.unwrap();
        link.set_state(LinkState::DeadZone);
        drop(device);
        let reading = spawn_local(async move { proxy.read(&mut [0; 9]).await.map(|count| (count, clock.elapsed())) });
        sleep(ms(3_600_000)).await;
        link.set_state(LinkState::Up);
        let (count, at) = reading.await.unwrap().unwrap();
        assert_eq!(count, 0);
        assert!(at > ms(3_600_400) && at < ms(3_600_400 + 121_000), "{at:?}");
    });
}

#[test]
fn a_blocked_writer_goes_on_when_its_reader_is_gone() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (device, mut proxy) = link.connect().await.unwrap();
        let writing = spawn_local(async move {
            let outcome = proxy.write_all(&[0; 1_000_000]).await;
            (outcome.is_ok(), clock.elapsed())
        });
        sleep(ms(100)).await;
        drop(device);
        let (wrote, at) = writing.await.unwrap();
        assert!(wrote && close_to(at, HANDSHAKE + ms(100)), "{at:?}");
    });
}

#[test]
fn what_is_broken_off_leaves_the_link_to_others() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (one, two) = tokio::join!(link.connect(), link.connect());
        let ((mut upload, mut upstream), (mut urgent, mut heard)) = (one.unwrap(), two.unwrap());
        let writing =
            spawn_local(async move { timeout(ms(2_000), upload.write_all(&pattern(1_000_000))).await.is_err() });
        let reading = spawn_local(async move {
            let mut received = Vec::new();
            upstream.read_to_end(&mut received).await.unwrap();
            received.len()
        });
        assert!(writing.await.unwrap(), "it is broken off");
        let broken_off = clock.elapsed();
        urgent.write_all(b"flood").await.unwrap();
        heard.read_exact(&mut [0; 5]).await.unwrap();
        assert!(clock.elapsed() < broken_off + ms(1_500), "heard {:?} after", clock.elapsed() - broken_off);
        // Two seconds of the link's rate and the second in its queue arrive; the second that waited in the sender does not.
        let received = reading.await.unwrap();
        assert!(received > 100_000 && received < 175_000, "{received} bytes");
    });
}

#[test]
fn a_socket_is_carried_both_ways_and_reset_by_airplane_mode() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let story = async {
        let link = Link::new(profile("wifi").unwrap(), Clock::system(), Seed(1), "maria");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (socket, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        let mut socket = socket.unwrap();
        let mut proxy = link.carry(accepted.unwrap().0).await.unwrap();
        let mut received = [0; 8];
        socket.write_all(b"question").await.unwrap();
        proxy.read_exact(&mut received).await.unwrap();
        proxy.write_all(&received).await.unwrap();
        socket.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"question");
        link.set_state(LinkState::Airplane);
        assert_eq!(socket.read(&mut received).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let (socket, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        assert_eq!(link.carry(accepted.unwrap().0).await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(socket.unwrap().read(&mut received).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    };
    LocalSet::new().block_on(&runtime, async { timeout(Duration::from_secs(10), story).await.unwrap() });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn whatever_is_written_arrives_whatever_the_outages(
        writes in prop::collection::vec((0_usize..40_000, 0_u64..3_000), 1..20),
        outages in prop::collection::vec((0_u64..4_000, 1_u64..9_000), 0..6),
        jitter in 0_u64..400,
        share in 0_u64..200_000,
        drops: bool,
    ) {
        let loss = Loss { share: Share::new(share), burst: None };
        let (sent, received) = simulate(async move {
            let (link, _) = new_link(Conditions { jitter: Span::from_millis(jitter), loss, ..slow() });
            let (mut device, mut proxy) = link.connect().await.unwrap();
            let data = pattern(writes.iter().map(|(length, _)| length).sum());
            let sent = data.clone();
            let weather = spawn_local(async move {
                for (up, dead) in outages {
                    sleep(ms(up)).await;
                    link.set_state(LinkState::DeadZone);
                    sleep(ms(dead)).await;
                    link.set_state(LinkState::Up);
                }
            });
            let writer = spawn_local(async move {
                let mut rest = &data[..];
                for (length, pause) in writes {
                    let (now, later) = rest.split_at(length);
                    device.write_all(now).await.unwrap();
                    rest = later;
                    sleep(ms(pause)).await;
                }
                if !drops {
                    device.shutdown().await.unwrap();
                }
            });
            let mut received = Vec::new();
            proxy.read_to_end(&mut received).await.unwrap();
            writer.await.unwrap();
            weather.await.unwrap();
            (sent, received)
        });
        // Who drops its end gives up what had to wait for the link.
        let right = if drops { sent.starts_with(&received) } else { sent == received };
        prop_assert!(right, "{} bytes sent, {} received", sent.len(), received.len());
    }
}
