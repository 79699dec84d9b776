//! A request arrives as another one than was sent, of the same length.

use bytes::{Bytes, BytesMut};

use super::{At, Entry};

/// The byte of a request's body that arrives as another one. A request without a body arrives as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garble(pub At);

impl Garble {
    /// What arrives in place of `body`; `None` where there is nothing to change.
    pub(in crate::proxy) fn of(self, body: &[u8]) -> Option<Bytes> {
        let mut body = BytesMut::from(body);
        let at = self.0.of(body.len());
        *body.get_mut(at)? ^= 1;
        Some(body.freeze())
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "garble",
    does: "A byte of the request's body arrives as another, in the middle or `at` a byte from its start; a request without a body arrives as it was sent, and counts.",
    keys: &["at"],
    example: "- garble: { device: maria, of: upload, at: 1kB }",
    source: "memory that fails and links that err, which TCP's checksum misses in one of 16 million to 10 billion packets (Stone and Partridge, 2000)",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_another_and_the_length_is_the_same() {
        assert_eq!(Garble(At::Middle).of(b"abcde").unwrap(), "abbde");
        assert_eq!(Garble(At::Byte(0)).of(b"abcde").unwrap(), "`bcde");
        assert_eq!(Garble(At::Byte(99)).of(b"abcde").unwrap(), "abcdd");
        assert_eq!(Garble(At::Middle).of(b""), None);
    }
}
