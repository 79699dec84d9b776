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

/// How long the server may silence a device, whatever it asks for: a wrong date must not end a device's work.
const LONGEST_FLOOR: Duration = Duration::from_secs(24 * 3600);

/// What is granted of a `Retry-After` of so many seconds.
#[must_use]
pub(super) fn floor(retry_after_s: u64) -> Duration {
    Duration::from_secs(retry_after_s).min(LONGEST_FLOOR)
}

/// The wait to keep: the table's, drawn from its upper half when there is a stream to draw from. Where the server asked
/// for a wait (`retry_after_s`, seconds) it is never less than that; with a stream it is drawn above it, or all to whom
/// the server said the same would come back in the same second. Whole milliseconds, rounded up.
#[must_use]
pub(super) fn wait(failures: u32, retry_after_s: Option<u64>, jitter: Option<&mut Stream>) -> Duration {
    let ceiling_ms = millis(table(failures));
    let floor_ms = millis(floor(retry_after_s.unwrap_or(0)));
    let Some(stream) = jitter else { return Duration::from_millis(ceiling_ms.max(floor_ms)) };
    let half_ms = ceiling_ms / 2;
    let drawn_ms = half_ms + stream.below(ceiling_ms - half_ms + 1);
    if floor_ms == 0 {
        return Duration::from_millis(drawn_ms);
    }
    let above_ms = floor_ms + stream.below(ceiling_ms.max(floor_ms) / 2 + 1);
    Duration::from_millis(drawn_ms.max(above_ms))
}

/// `span` in whole milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
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

    #[test]
    fn retry_after_is_no_meeting_point() {
        let mut stream = Seed(3).stream("jitter");
        let drawn: Vec<u64> = (0..500).map(|_| wait(1, Some(120), Some(&mut stream)).as_millis() as u64).collect();
        assert!(drawn.iter().all(|ms| (120_000..=180_000).contains(ms)));
        assert!(drawn.iter().any(|ms| *ms < 125_000) && drawn.iter().any(|ms| *ms > 175_000));
    }

    #[test]
    fn no_server_silences_a_device_for_years() {
        assert_eq!(wait(1, Some(u64::MAX), None), Duration::from_secs(24 * 3600));
    }
}
