//! Several jobs at once, whose results come in order: what is seen does not depend on how many there are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
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
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let (sender, next, enough, work) = (sender.clone(), &next, &enough, &work);
            scope.spawn(move || {
                while !enough.load(Ordering::Relaxed) {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    if sender.send((place, work(place, item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut early, mut wanted) = (BTreeMap::new(), 0);
        for (place, result) in results {
            early.insert(place, result);
            while let Some(result) = early.remove(&wanted) {
                wanted += 1;
                if !take(result) {
                    enough.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
}

/// As many jobs as there are cores.
pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
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
    fn nothing_to_do_ends_at_once() {
        in_order(4, &[] as &[u8], |_, item| *item, |_| true);
    }
}
