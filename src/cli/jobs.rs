//! Several jobs at once, whose results come in order: what is seen does not depend on how many there are.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// Does `work` on each of `items`, on as many threads as `jobs` says, and gives the results to `take` in the order of
/// the items, until `take` says that it wants no more.
pub(super) fn in_order<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
    mut take: impl FnMut(R) -> bool,
) {
    let (next, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        let workers: Vec<_> = (0..jobs.clamp(1, items.len().max(1)))
            .map(|_| {
                let (sender, next, enough, work) = (sender.clone(), &next, &enough, &work);
                scope.spawn(move || {
                    while !enough.load(Ordering::Relaxed) {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(place) else { return };
                        if sender.send((place, work(place, item))).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        drop(sender);
        if !take_in_order(results, &mut take) {
            enough.store(true, Ordering::Relaxed);
        }
        // A scope waits for the work alone. The thread's own end must be over as well: what the allocator and OpenSSL do in
        // it does not bear the end of the process beside it.
        for worker in workers {
            if let Err(panic) = worker.join() {
                resume_unwind(panic);
            }
        }
    });
}

/// Gives `results` to `take` in the order of their places; says whether it took them all.
fn take_in_order<R>(results: Receiver<(usize, R)>, take: &mut impl FnMut(R) -> bool) -> bool {
    let (mut early, mut wanted) = (BTreeMap::new(), 0);
    for (place, result) in results {
        early.insert(place, result);
        while let Some(result) = early.remove(&wanted) {
            wanted += 1;
            if !take(result) {
                return false;
            }
        }
    }
    true
}

/// As many jobs as there are cores.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn results_come_in_order_however_many_jobs() {
        for jobs in [0, 1, 2, 7, 100] {
            let items: Vec<u64> = (0..50).collect();
            let mut taken = Vec::new();
            // The first items have the most to do, so that with several jobs later ones are through before them.
            let work = |_: usize, item: &u64| (0..(50 - item) * 2_000).fold(*item, |sum, n| sum ^ n.rotate_left(7) ^ n);
            in_order(jobs, &items, work, |result| {
                taken.push(result);
                true
            });
            let expected: Vec<u64> = items.iter().map(|item| work(0, item)).collect();
            assert_eq!(taken, expected, "{jobs} jobs");
        }
    }

    #[test]
    fn nothing_is_taken_after_enough() {
        for jobs in [1, 3] {
            let mut taken = Vec::new();
            in_order(
                jobs,
                &[0, 1, 2, 3, 4, 5, 6, 7],
                |_, item| *item,
                |item| {
                    taken.push(item);
                    item < 2
                },
            );
            assert_eq!(taken, [0, 1, 2], "{jobs} jobs");
        }
    }

    #[test]
    fn the_threads_are_over_and_not_their_work_alone() {
        static ALIVE: AtomicUsize = AtomicUsize::new(0);
        static MADE: AtomicUsize = AtomicUsize::new(0);
        struct Kept;
        impl Kept {
            fn new() -> Self {
                ALIVE.fetch_add(1, Ordering::SeqCst);
                MADE.fetch_add(1, Ordering::SeqCst);
                Self
            }
        }
        impl Drop for Kept {
            fn drop(&mut self) {
                // Long enough for the others to be through without it.
                black_box((0..50_000_000_u64).fold(0, |sum: u64, n| sum ^ black_box(n).rotate_left(7)));
                ALIVE.fetch_sub(1, Ordering::SeqCst);
            }
        }
        thread_local!(static KEPT: Kept = Kept::new());
        in_order(3, &[1, 2, 3], |_, item| KEPT.with(|_| *item), |_| true);
        assert!(MADE.load(Ordering::SeqCst) > 0);
        assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn nothing_to_do_ends_at_once() {
        in_order(4, &[] as &[u8], |_, item| *item, |_| true);
    }
}
