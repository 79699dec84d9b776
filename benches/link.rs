//! The link model alone: bytes a second of wall time for one flow.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deadzone::base::{Rate, Seed, Span};
use deadzone::net::{Direction, Flow};

const TRANSFER: usize = 5_000_000;

fn transfer() -> Duration {
    let draws = Seed(1).stream("bench/link");
    let mut direction = Direction::new(Rate::new(400_000), Duration::from_millis(150), Span::default(), draws);
    let mut flow = Flow::default();
    let (mut left, mut due) = (TRANSFER, Duration::ZERO);
    while left > 0 {
        let slot = direction.send(&mut flow, Duration::ZERO, left);
        left -= slot.payload;
        due = slot.due;
    }
    due
}

fn link(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Bytes(TRANSFER as u64));
    group.bench_function("one flow, 5 MB", |bencher| bencher.iter(|| black_box(transfer())));
    group.finish();
}

criterion_group!(benches, link);
criterion_main!(benches);
