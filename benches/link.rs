//! The link model alone: bytes of simulated transfer a second of wall time for one flow, and an upload on 3G.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deadzone::base::{Rate, Seed, Span};
use deadzone::net::{Conditions, Congestion, Path, Way, profile};

/// Uploads `bytes` on a fresh connection; when the last of them arrives.
fn upload(conditions: &Conditions, bytes: usize) -> Duration {
    let mut path = Path::new(conditions.clone(), Seed(1), "bench");
    let id = path.connect(Duration::ZERO);
    let (mut now, mut arrived, mut sent) = (Duration::ZERO, 0, false);
    while arrived < bytes {
        now = path.next_event().expect("something is on its way");
        path.advance(now);
        if path.is_open(id) && !sent {
            path.send(id, Way::Up, now, bytes);
            sent = true;
        }
        arrived += path.take_arrived(id, Way::Up).bytes;
    }
    now
}

fn link(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link");
    let fast = Conditions::new(Rate::new(100_000_000), Rate::new(100_000_000), Span::from_millis(50));
    for congestion in [Congestion::Bbr, Congestion::Cubic, Congestion::Reno] {
        let conditions = Conditions { congestion, ..fast.clone() };
        group.throughput(Throughput::Bytes(100_000_000));
        let name = format!("one flow of 100 MB, {congestion:?}");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(upload(&conditions, 100_000_000))));
    }
    let slow = Conditions::from(profile("3g").expect("a profile"));
    group.throughput(Throughput::Bytes(5_000_000));
    group.bench_function("upload of 5 MB on 3G", |bencher| bencher.iter(|| black_box(upload(&slow, 5_000_000))));
    group.finish();
}

criterion_group!(benches, link);
criterion_main!(benches);
