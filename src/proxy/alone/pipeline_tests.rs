//! Toxics in arithmetic time.

use proptest::prelude::*;

use super::*;
use crate::base::Seed;
use crate::proxy::alone::toxic;

fn applied(kind: Kind) -> Applied {
    let name = kind.name().to_owned();
    let random = Seed(1).stream(&name);
    Applied { toxic: Toxic { name, stream: toxic::Stream::Upstream, toxicity: 1.0, kind }, random }
}

fn pipeline(kinds: &[Kind]) -> Pipeline {
    Pipeline::new(kinds.iter().map(|kind| applied(*kind)).collect(), Duration::ZERO)
}

fn bytes(count: usize) -> Bytes {
    Bytes::from(vec![b'x'; count])
}

/// All that comes out and when, in milliseconds: bytes, or how it ends.
fn drain(pipeline: &mut Pipeline) -> Vec<(u128, Result<usize, Ending>)> {
    let mut out = Vec::new();
    while let Some(due) = pipeline.next_due() {
        match pipeline.take_due(due).expect("what is due comes out") {
            Item::Data(data) => out.push((due.as_millis(), Ok(data.len()))),
            Item::End(ending) => {
                out.push((due.as_millis(), Err(ending)));
                break;
            }
        }
    }
    out
}

#[test]
fn latency_delays_and_does_not_space_out() {
    let mut line = pipeline(&[Kind::Latency { latency: 100, jitter: 0 }]);
    line.offer(ms(0), bytes(10));
    line.offer(ms(5), bytes(20));
    line.finish(ms(7));
    assert_eq!(drain(&mut line), [(100, Ok(10)), (105, Ok(20)), (107, Err(Ending::Finish))]);
}

#[test]
fn bandwidth_sends_a_kilobyte_a_second() {
    let mut line = pipeline(&[Kind::Bandwidth { rate: 1 }]);
    line.offer(ms(0), bytes(1_000));
    line.finish(ms(0));
    let out = drain(&mut line);
    assert_eq!(out.iter().filter_map(|(_, item)| item.ok()).sum::<usize>(), 1_000);
    assert_eq!(out.last(), Some(&(1_000, Err(Ending::Finish))));
    assert_eq!(out[0], (20, Ok(20)));
}

#[test]
fn a_slow_close_holds_up_the_end_alone() {
    let mut line = pipeline(&[Kind::SlowClose { delay: 500 }]);
    line.offer(ms(1), bytes(3));
    line.finish(ms(2));
    assert_eq!(drain(&mut line), [(1, Ok(3)), (502, Err(Ending::Finish))]);
}

#[test]
fn a_timeout_swallows_and_then_closes() {
    let mut line = pipeline(&[Kind::Timeout { timeout: 300 }]);
    line.offer(ms(200), bytes(3));
    assert_eq!(drain(&mut line), [(300, Err(Ending::Close))]);
    let mut hole = pipeline(&[Kind::Timeout { timeout: 0 }]);
    hole.offer(ms(200), bytes(3));
    assert_eq!(hole.next_due(), None);
    hole.change(Vec::new(), ms(900));
    assert_eq!(drain(&mut hole), [(900, Err(Ending::Close))]);
}

#[test]
fn a_reset_waits_for_data() {
    let mut line = pipeline(&[Kind::ResetPeer { timeout: 50 }]);
    assert_eq!(line.next_due(), None);
    line.offer(ms(100), bytes(3));
    line.offer(ms(120), bytes(3));
    assert_eq!(drain(&mut line), [(150, Err(Ending::Reset))]);
}

#[test]
fn a_limit_counts_over_all_data_and_over_changes() {
    let limit = || vec![applied(Kind::LimitData { bytes: 10 })];
    let mut line = Pipeline::new(limit(), ms(0));
    line.offer(ms(1), bytes(6));
    line.change(limit(), ms(2));
    line.offer(ms(3), bytes(6));
    assert_eq!(drain(&mut line), [(1, Ok(6)), (3, Ok(4)), (3, Err(Ending::Close))]);
}

#[test]
fn slices_come_one_after_the_other() {
    let mut line = pipeline(&[Kind::Slicer { average_size: 4, size_variation: 0, delay: 10_000 }]);
    line.offer(ms(0), bytes(10));
    assert_eq!(drain(&mut line), [(0, Ok(4)), (10, Ok(4)), (20, Ok(2))]);
}

#[test]
fn toxics_add_up_in_their_order() {
    let mut line = pipeline(&[Kind::Latency { latency: 30, jitter: 0 }, Kind::Bandwidth { rate: 1 }]);
    line.offer(ms(0), bytes(20));
    assert_eq!(drain(&mut line), [(50, Ok(20))]);
}

#[test]
fn what_is_under_way_is_not_overtaken() {
    let mut line = pipeline(&[Kind::Latency { latency: 100, jitter: 0 }]);
    line.offer(ms(0), bytes(1));
    line.change(Vec::new(), ms(10));
    line.offer(ms(10), bytes(2));
    assert_eq!(drain(&mut line), [(100, Ok(1)), (100, Ok(2))]);
    assert!(line.is_idle());
}

proptest! {
    #[test]
    fn nothing_is_lost_or_reordered(
        chunks in prop::collection::vec((1_usize..3_000, 0_u64..40), 1..40),
        latency in 0_u64..50, jitter in 0_u64..80, rate in 0_u64..500, average in 0_u64..900, variation in 0_u64..900,
    ) {
        let mut line = pipeline(&[
            Kind::Slicer { average_size: average, size_variation: variation, delay: 100 },
            Kind::Latency { latency, jitter },
            Kind::Bandwidth { rate },
        ]);
        let (mut now, mut sent) = (0, Vec::new());
        for (length, wait) in chunks {
            now += wait;
            let chunk: Vec<u8> = (0..length).map(|_| sent.len() as u8).collect();
            sent.extend_from_slice(&chunk);
            line.offer(ms(now), chunk.into());
        }
        line.finish(ms(now));
        let (mut got, mut last) = (Vec::new(), Duration::ZERO);
        while let Some(due) = line.next_due() {
            prop_assert!(due >= last);
            last = due;
            match line.take_due(due).unwrap() {
                Item::Data(data) => got.extend_from_slice(&data),
                Item::End(ending) => prop_assert_eq!(ending, Ending::Finish),
            }
        }
        prop_assert_eq!(got, sent);
        prop_assert!(line.next_due().is_none() && line.held == 0);
    }
}
