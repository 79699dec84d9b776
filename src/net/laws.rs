//! What holds of every link, whatever its numbers: properties, and what outages of half a network do.

use std::io::ErrorKind;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::tests::{ms, new_link, simulate, slow};
use super::*;
use crate::base::{Rate, Seed, Share, Span};
use crate::history::LinkState;

/// Bytes on the link of a full packet, and what of it is payload.
const PACKET: f64 = 1500.0;
const PAYLOAD: f64 = 1448.0;

/// When how much of an upload has arrived, on a fresh connection.
fn arrivals(conditions: &Conditions, seed: u64, bytes: usize) -> Vec<(Duration, usize)> {
    let mut path = Path::new(conditions.clone(), Seed(seed), "law");
    let id = path.connect(Duration::ZERO);
    let (mut sent, mut arrived, mut all) = (false, 0, Vec::new());
    while arrived < bytes {
        let now = path.next_event().expect("something is on its way");
        path.advance(now);
        if path.is_open(id) && !sent {
            path.send(id, Way::Up, now, bytes);
            sent = true;
        }
        let came = path.take_arrived(id, Way::Up).bytes;
        if came > 0 {
            arrived += came;
            all.push((now, arrived));
        }
    }
    all
}

fn took(conditions: &Conditions, seed: u64, bytes: usize) -> Duration {
    arrivals(conditions, seed, bytes).last().map(|(at, _)| *at).unwrap_or_default()
}

fn congestion() -> impl Strategy<Value = Congestion> {
    prop::sample::select(vec![Congestion::Bbr, Congestion::Cubic, Congestion::Reno])
}

fn link(kbps: u64, rtt: u64, congestion: Congestion) -> Conditions {
    let rate = Rate::new(kbps * 1_000);
    Conditions { congestion, ..Conditions::new(rate, rate, Span::from_millis(rtt)) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn nothing_arrives_faster_than_the_link_carries(
        kbps in 20_u64..20_000, rtt in 0_u64..900, loss in 0_u64..50_000, jitter in 0_u64..200, bytes in 1_usize..300_000,
        congestion in congestion(), seed in 0_u64..1_000,
    ) {
        let mut conditions = link(kbps, rtt, congestion);
        conditions.loss.share = Share::new(loss);
        conditions.jitter = Span::from_millis(jitter);
        for (at, arrived) in arrivals(&conditions, seed, bytes) {
            // The first byte of data leaves once the handshake is through, and takes half a round trip more.
            let under_way = at.saturating_sub(ms(rtt + rtt / 2));
            let most = under_way.as_secs_f64() * (kbps * 1_000) as f64 / 8.0 * PAYLOAD / PACKET;
            prop_assert!(arrived as f64 <= most + 2.0 * PAYLOAD, "{arrived} bytes at {at:?}, where {most:.0} fit");
        }
    }

    #[test]
    fn without_losses_no_stretch_of_time_carries_more_than_the_link_does(
        kbps in 50_u64..20_000, rtt in 0_u64..900, bytes in 20_000_usize..300_000, congestion in congestion(),
    ) {
        // Nothing is dropped from the queue either, so that nothing waits for a gap to be filled.
        let conditions = Conditions { queue: Span::from_millis(600_000), ..link(kbps, rtt, congestion) };
        let arrivals = arrivals(&conditions, 1, bytes);
        for pair in arrivals.windows(6) {
            let ((from, before), (to, after)) = (pair[0], pair[5]);
            let most = (to - from).as_secs_f64() * (kbps * 1_000) as f64 / 8.0 * PAYLOAD / PACKET;
            prop_assert!((after - before) as f64 <= most + PAYLOAD, "{} bytes in {:?}", after - before, to - from);
        }
    }

    #[test]
    fn losses_never_speed_a_transfer_up(
        kbps in 100_u64..10_000, rtt in 20_u64..600, loss in 5_000_u64..80_000, bytes in 20_000_usize..400_000,
        congestion in congestion(), seed in 0_u64..1_000,
    ) {
        // Where the queue never overflows; an early loss may save a sender from filling one.
        let whole = Conditions { queue: Span::from_millis(600_000), ..link(kbps, rtt, congestion) };
        let mut lossy = whole.clone();
        lossy.loss.share = Share::new(loss);
        let (without, with) = (took(&whole, seed, bytes), took(&lossy, seed, bytes));
        prop_assert!(with + without / 50 >= without, "{with:?} with losses, {without:?} without");
    }
}

/// How much of what the link carries a flow gets, once it has found its pace.
fn steady_share(conditions: &Conditions, kbps: u64, seconds: u64) -> f64 {
    let arrivals = arrivals(conditions, 1, (kbps * 125 * seconds) as usize);
    let ((from, before), (to, after)) = (arrivals[arrivals.len() / 2], arrivals[arrivals.len() - 1]);
    (after - before) as f64 / (to - from).as_secs_f64() / ((kbps * 125) as f64 * PAYLOAD / PACKET)
}

#[test]
fn a_flow_that_has_found_its_pace_gets_what_the_link_carries() {
    for (kbps, seconds) in [(2, 4_000), (20, 2_000), (50, 1_000), (1_000, 120), (10_000, 60)] {
        for rtt in [2, 100, 300] {
            for congestion in [Congestion::Cubic, Congestion::Reno, Congestion::Bbr] {
                // BBR empties the path for a look at it every ten seconds, and fills it again.
                let looks = if congestion == Congestion::Bbr { (0.2 + 2.0 * rtt as f64 / 1_000.0) / 10.0 } else { 0.0 };
                let share = steady_share(&link(kbps, rtt, congestion), kbps, seconds);
                let case = format!("{congestion:?}, {kbps} kbit/s, {rtt} ms: {share:.4}");
                assert!((0.99 - looks..1.005).contains(&share), "{case}");
            }
        }
    }
}

#[test]
fn four_flows_fill_a_link_and_share_it_evenly() {
    let mut path = Path::new(link(4_000, 50, Congestion::Cubic), Seed(1), "law");
    let ids = [(); 4].map(|()| path.connect(Duration::ZERO));
    let (mut sent, mut got, mut now) = ([false; 4], [0; 4], Duration::ZERO);
    while now < ms(80_000) {
        now = path.next_event().expect("something is on its way");
        path.advance(now);
        for (index, id) in ids.iter().enumerate() {
            if path.is_open(*id) && !std::mem::replace(&mut sent[index], true) {
                path.send(*id, Way::Up, now, 100_000_000);
            }
            let came = path.take_arrived(*id, Way::Up).bytes;
            got[index] += if now > ms(20_000) { came } else { 0 };
        }
    }
    let all: usize = got.iter().sum();
    let carried = all as f64 / (60.0 * 500_000.0 * PAYLOAD / PACKET);
    assert!((0.99..1.005).contains(&carried), "{carried:.3} of what it carries");
    for bytes in got {
        assert!((0.9..1.1).contains(&(bytes as f64 * 4.0 / all as f64)), "{bytes} of {all}");
    }
}

#[test]
fn half_a_network_holds_one_direction_and_carries_the_other() {
    for (state, held_up) in [(LinkState::NoUplink, true), (LinkState::NoDownlink, false)] {
        simulate(async move {
            let (link, _) = new_link(slow());
            let (mut device, mut proxy) = link.connect().await.unwrap();
            link.set_state(state);
            device.write_all(b"up").await.unwrap();
            proxy.write_all(b"down").await.unwrap();
            let (mut up, mut down) = ([0; 2], [0; 4]);
            assert_eq!(timeout(ms(5_000), proxy.read_exact(&mut up)).await.is_err(), held_up, "{state:?}");
            assert_eq!(timeout(ms(5_000), device.read_exact(&mut down)).await.is_err(), !held_up, "{state:?}");
            link.set_state(LinkState::Up);
            if held_up {
                proxy.read_exact(&mut up).await.unwrap();
            } else {
                device.read_exact(&mut down).await.unwrap();
            }
            assert_eq!((&up, &down), (b"up", b"down"));
        });
    }
}

#[test]
fn without_names_connections_stay_and_no_new_one_comes() {
    simulate(async {
        let (link, clock) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        link.set_state(LinkState::NoDns);
        let begun = clock.elapsed();
        assert_eq!(link.connect().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(clock.elapsed() - begun, ms(5_000));
        device.write_all(b"still here").await.unwrap();
        proxy.read_exact(&mut [0; 10]).await.unwrap();
        // A resolver that hears of a name in time goes on.
        let waiting = spawn_local({
            let link = link.clone();
            async move { link.connect().await.is_ok() }
        });
        tokio::time::sleep(ms(2_000)).await;
        link.set_state(LinkState::Up);
        assert!(waiting.await.unwrap());
    });
}

#[test]
fn a_handover_leaves_old_connections_dead_and_untold() {
    simulate(async {
        let (link, _) = new_link(slow());
        let (mut device, mut proxy) = link.connect().await.unwrap();
        link.hand_over();
        device.write_all(b"to nobody").await.unwrap();
        assert!(timeout(ms(600_000), proxy.read(&mut [0; 9])).await.is_err(), "the server's side hears nothing");
        assert!(timeout(ms(600_000), device.read(&mut [0; 9])).await.is_err(), "and nobody tells the device");
        let (mut device, mut proxy) = link.connect().await.unwrap();
        device.write_all(b"to the server").await.unwrap();
        proxy.read_exact(&mut [0; 13]).await.unwrap();
    });
}
