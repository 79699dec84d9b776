//! How large the next part of an upload is: about five seconds of the link at hand (decision s). Pure.

use std::time::Duration;

/// Bytes of a part on a link that nothing is known of, and the least.
const LEAST: u64 = 64 * 1024;
/// Bytes of a part, however fast the link.
const MOST: u64 = 4 << 20;
/// A part is to take the link for so long.
const AIM: Duration = Duration::from_secs(5);

/// The size of the next part.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct ChunkPace(u64);

impl Default for ChunkPace {
    fn default() -> Self {
        Self(LEAST)
    }
}

impl ChunkPace {
    /// Bytes that the next part may have.
    pub(in crate::client) fn bytes(self) -> u64 {
        self.0
    }

    /// A part of so many bytes took so long.
    pub(in crate::client) fn note(&mut self, bytes: u64, took: Duration) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let aim_ms = u64::try_from(AIM.as_millis()).unwrap_or(u64::MAX);
        self.0 = (bytes.saturating_mul(aim_ms) / took_ms).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_takes_about_five_seconds_of_the_link() {
        let mut pace = ChunkPace::default();
        assert_eq!(pace.bytes(), 64 * 1024);
        // 250 kbit/s: 64 KiB take 2.1 s, and 100 ms for the round trip.
        pace.note(64 * 1024, Duration::from_millis(2197));
        assert_eq!(pace.bytes(), 149_148);
        pace.note(100_000, Duration::from_millis(10));
        assert_eq!(pace.bytes(), MOST);
        pace.note(LEAST, Duration::from_secs(60));
        assert_eq!(pace.bytes(), LEAST);
    }
}
