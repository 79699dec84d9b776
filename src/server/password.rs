//! What the server keeps of a password: an Argon2id hash with a salt of its own (RFC 9106), never the password.

use argon2::{Algorithm, Argon2, Params, Version};

use crate::base::Stream;

/// KiB of memory that a hash costs, and passes over it: the least there is. The users are a test world's, whose
/// passwords anybody can read in its source; a real server takes what its hardware bears.
const COST: (u32, u32) = (8, 1);

/// Knows a password when it sees it.
#[derive(Clone, Debug)]
pub(super) struct Verifier {
    salt: [u8; 16],
    hash: [u8; 32],
}

impl Verifier {
    /// A verifier of `password`.
    pub(super) fn of(password: &str, random: &mut Stream) -> Self {
        let salt = random.bytes();
        Self { salt, hash: hash(password, &salt).unwrap_or_default() }
    }

    /// Whether `password` is the one. It takes as long whatever differs.
    pub(super) fn accepts(&self, password: &str) -> bool {
        let Some(hash) = hash(password, &self.salt) else { return false };
        hash.iter().zip(self.hash).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// `None` for what is too long to be a password: four gigabytes.
fn hash(password: &str, salt: &[u8]) -> Option<[u8; 32]> {
    let params = Params::new(COST.0, COST.1, 1, None).ok()?;
    let mut hash = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
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
