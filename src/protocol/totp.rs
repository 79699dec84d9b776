//! Time-based one-time passwords (RFC 6238): six digits, SHA-1, steps of 30 seconds, as authenticator apps have them.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Seconds for which a code is current.
pub const STEP_SECONDS: i64 = 30;

/// The number of the step in which `unix_s` lies.
#[must_use]
pub const fn step(unix_s: i64) -> i64 {
    unix_s.div_euclid(STEP_SECONDS)
}

/// The code of `secret` in a step (RFC 4226, 5.3).
#[must_use]
pub fn code(secret: &[u8], step: i64) -> String {
    format!("{:06}", truncated(secret, step) % 1_000_000)
}

fn truncated(secret: &[u8], step: i64) -> u32 {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return 0 };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let four = [hash[offset], hash[offset + 1], hash[offset + 2], hash[offset + 3]];
    u32::from_be_bytes(four) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1; its codes have eight digits.
        let vectors = [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ];
        for (unix_s, eight) in vectors {
            let secret = b"12345678901234567890";
            assert_eq!(truncated(secret, step(unix_s)) % 100_000_000, eight);
            assert_eq!(code(secret, step(unix_s)), format!("{:06}", eight % 1_000_000));
        }
        // RFC 4226, appendix D.
        assert_eq!(code(b"12345678901234567890", 0), "755224");
        assert_eq!(code(b"12345678901234567890", 9), "520489");
    }

    #[test]
    fn steps_go_on_before_1970() {
        assert_eq!((step(-1), step(0), step(29), step(30)), (-1, 0, 0, 1));
    }
}
