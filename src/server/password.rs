//! What the server keeps of a password: its PBKDF2 hash (RFC 8018) with a salt of its own, never the password.

use std::num::NonZeroU32;

use ring::pbkdf2;

use crate::base::Stream;

/// The least that there is. The users are a test world's, whose passwords anybody can read in its source; a real server
/// takes what its hardware bears.
const ITERATIONS: NonZeroU32 = NonZeroU32::MIN;
const ALGORITHM: pbkdf2::Algorithm = pbkdf2::PBKDF2_HMAC_SHA256;

/// Knows a password when it sees it.
#[derive(Clone, Debug)]
pub(super) struct Verifier {
    salt: [u8; 16],
    hash: [u8; 32],
}

impl Verifier {
    /// A verifier of `password`.
    pub(super) fn of(password: &str, random: &mut Stream) -> Self {
        let mut verifier = Self { salt: random.bytes(), hash: [0; 32] };
        pbkdf2::derive(ALGORITHM, ITERATIONS, &verifier.salt, password.as_bytes(), &mut verifier.hash);
        verifier
    }

    /// Whether `password` is the one. It takes as long whatever differs.
    pub(super) fn accepts(&self, password: &str) -> bool {
        pbkdf2::verify(ALGORITHM, ITERATIONS, &self.salt, password.as_bytes(), &self.hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    #[test]
    fn only_the_password_itself_is_accepted_and_equal_ones_look_different() {
        let mut random = Seed(1).stream("password");
        let (one, other) = (Verifier::of("secret", &mut random), Verifier::of("secret", &mut random));
        assert!(one.accepts("secret") && other.accepts("secret"));
        assert!(!one.accepts("Secret") && !one.accepts("") && !one.accepts("secret "));
        assert_ne!(one.hash, other.hash);
    }
}
