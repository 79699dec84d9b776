//! How long to wait after failures in a row (spec 7.2, decision l). Pure.

use std::time::Duration;

use crate::base::Stream;

/// Waits in seconds before the second, third, ... attempt; the last one repeats.
const TABLE_S: [u64; 5] = [5, 10, 30, 60, 300];

/// The table's wait after `failures` failures in a row.
#[must_use]
pub(super) fn table(failures: u32) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(TABLE_S.len() - 1);
    Duration::from_secs(TABLE_S[index])
}

/// The wait to keep: the table's, drawn from its upper half when there is a stream to draw from, and never less than
/// the server asked for (`retry_after_s`, seconds). Whole milliseconds, rounded up.
#[must_use]
pub(super) fn wait(failures: u32, retry_after_s: Option<u64>, jitter: Option<&mut Stream>) -> Duration {
    let ceiling_ms = u64::try_from(table(failures).as_millis()).unwrap_or(u64::MAX);
    let half_ms = ceiling_ms / 2;
    let drawn_ms = jitter.map_or(ceiling_ms, |stream| half_ms + stream.below(ceiling_ms - half_ms + 1));
    Duration::from_millis(drawn_ms).max(Duration::from_secs(retry_after_s.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    #[test]
    fn waits_follow_the_table() {
        let seconds: Vec<u64> = (1..=8).map(|failures| wait(failures, None, None).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 30, 60, 300, 300, 300, 300]);
    }

    #[test]
    fn jitter_draws_from_the_upper_half() {
        let mut stream = Seed(3).stream("jitter");
        let drawn: Vec<u64> = (0..500).map(|_| wait(2, None, Some(&mut stream)).as_millis() as u64).collect();
        assert!(drawn.iter().all(|ms| (5_000..=10_000).contains(ms)));
        assert!(drawn.iter().any(|ms| *ms < 5_500) && drawn.iter().any(|ms| *ms > 9_500));
    }

    #[test]
    fn retry_after_is_a_floor() {
        assert_eq!(wait(1, Some(20), None), Duration::from_secs(20));
        assert_eq!(wait(4, Some(20), None), Duration::from_secs(60));
    }
}
