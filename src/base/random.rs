//! Seeded randomness by name: one independent stream for each named part, so that adding a part shifts no other.

use rand::CryptoRng;
use rand::Rng;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The seed of a run. Streams are drawn from it by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of the part called `name`, such as `link/maria/up`. The same seed and name give the same stream on
    /// every machine (ChaCha8, keyed by SHA-256 of both).
    #[must_use]
    pub fn stream(self, name: &str) -> Stream {
        let mut hash = Sha256::new();
        hash.update(self.0.to_le_bytes());
        hash.update(name.as_bytes());
        Stream(ChaCha8Rng::from_seed(hash.finalize().into()))
    }
}

/// A stream of pseudo-random numbers. Its outputs are defined here and not by a library's distributions, which may
/// change between versions.
#[derive(Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.bits() >> 11) as f64;
        bits / (1_u64 << 53) as f64
    }

    /// One of `items`.
    ///
    /// # Panics
    /// When `items` is empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.below(items.len() as u64);
        &items[usize::try_from(index).unwrap_or(0)]
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// The generator itself, for cryptography that draws by itself.
    pub fn crypto(&mut self) -> &mut (impl CryptoRng + use<>) {
        &mut self.0
    }

    /// A stream of its own, seeded from this one.
    pub fn fork(&mut self) -> Self {
        Self(ChaCha8Rng::from_seed(self.bytes()))
    }

    /// A UUID of version 7 (RFC 9562) at `unix_ms` milliseconds since 1970.
    pub fn uuid_v7(&mut self, unix_ms: u64) -> Uuid {
        uuid::Builder::from_unix_timestamp_millis(unix_ms, &self.bytes::<10>()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_by_seed_and_name() {
        let draw = |seed: u64, name: &str| Seed(seed).stream(name).bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        // Portable: the first draw of this stream on every machine.
        assert_eq!(draw(42, "link/maria/up"), 5_288_595_234_600_379_619);
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut stream = Seed(7).stream("range");
        assert_eq!(stream.below(0), 0);
        for _ in 0..1000 {
            assert!(stream.below(3) < 3);
            assert!((0.0..1.0).contains(&stream.unit()));
        }
    }
}
