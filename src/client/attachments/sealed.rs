//! Files at rest (spec 8.1): AES-256-GCM in segments, each bound to its position, and the last one to being the last.
//! Pure.
//!
//! The nonce is the STREAM construction's (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", 2015): the segment's number and a mark on the last. A key is used for one file
//! alone, so that no nonce comes twice.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};

/// Bytes of plain text in a segment.
pub(in crate::client) const SEGMENT: usize = 64 * 1024;
/// Bytes that sealing adds to a segment.
const TAG: usize = 16;
const NONCE: usize = 12;

/// The key of one file.
pub(in crate::client) type FileKey = [u8; 32];

/// It is not what was sealed, or not all of it, or the key is another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Damaged;

/// Seals `plain` as the segments from number `first` on; `last` when the file ends with it. Unless it does, `plain` is a
/// whole number of segments.
pub(in crate::client) fn seal(key: &FileKey, first: usize, plain: &[u8], last: bool) -> Result<Vec<u8>, Damaged> {
    let cipher = Aes256Gcm::new(key.into());
    let count = plain.len().div_ceil(SEGMENT).max(1);
    let mut sealed = Vec::with_capacity(plain.len() + count * TAG);
    for number in 0..count {
        let segment = &plain[number * SEGMENT..plain.len().min((number + 1) * SEGMENT)];
        let nonce = nonce(first + number, last && number + 1 == count)?;
        sealed.extend(cipher.encrypt(&nonce, segment).map_err(|_| Damaged)?);
    }
    Ok(sealed)
}

/// Opens the segments from number `first` on, the last of which ends the file if `last`.
pub(in crate::client) fn open(key: &FileKey, first: usize, sealed: &[u8], last: bool) -> Result<Vec<u8>, Damaged> {
    let cipher = Aes256Gcm::new(key.into());
    let mut plain = Vec::with_capacity(sealed.len());
    let count = sealed.len().div_ceil(SEGMENT + TAG);
    for (number, segment) in sealed.chunks(SEGMENT + TAG).enumerate() {
        let nonce = nonce(first + number, last && number + 1 == count)?;
        plain.extend(cipher.decrypt(&nonce, segment).map_err(|_| Damaged)?);
    }
    if sealed.is_empty() { Err(Damaged) } else { Ok(plain) }
}

/// Which sealed bytes hold `len` bytes of plain text from `offset` on, of a file of `size`: the first segment's number,
/// where it lies, how many bytes there are, and whether the file ends with them.
pub(in crate::client) fn place(size: u64, offset: u64, len: u64) -> (usize, u64, usize, bool) {
    let (segment, whole) = (SEGMENT as u64, (SEGMENT + TAG) as u64);
    let first = offset / segment;
    let end = (offset + len).min(size).div_ceil(segment).max(first + 1);
    let last = end >= size.div_ceil(segment).max(1);
    let until = if last { sealed_len(size, size) } else { end * whole };
    (usize::try_from(first).unwrap_or(usize::MAX), first * whole, to_usize(until.saturating_sub(first * whole)), last)
}

/// How many bytes of plain text, of a file that will have `size`, lie in the whole segments of `sealed` bytes: a torn write
/// ends within one.
pub(in crate::client) fn plain_len(sealed: u64, size: u64) -> u64 {
    let (segment, whole) = (SEGMENT as u64, (SEGMENT + TAG) as u64);
    if sealed >= sealed_len(size, size) { size } else { sealed / whole * segment }
}

/// What the first `plain` bytes of a file that will have `size` become: all of it, or whole segments.
pub(in crate::client) fn sealed_len(plain: u64, size: u64) -> u64 {
    let segment = SEGMENT as u64;
    let segments = if plain == size { size.div_ceil(segment).max(1) } else { plain / segment };
    plain + segments * TAG as u64
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn nonce(number: usize, last: bool) -> Result<Nonce<aes_gcm::aead::consts::U12>, Damaged> {
    let mut nonce = [0; NONCE];
    nonce[7..11].copy_from_slice(&u32::try_from(number).map_err(|_| Damaged)?.to_be_bytes());
    nonce[11] = u8::from(last);
    Ok(nonce.into())
}

/// Wraps a file's key under `by`; `name`, the file's, is bound in. `salt` never comes twice.
pub(in crate::client) fn wrap(by: &FileKey, name: &str, salt: [u8; NONCE], key: &FileKey) -> Result<Vec<u8>, Damaged> {
    let payload = Payload { msg: key, aad: name.as_bytes() };
    let wrapped = Aes256Gcm::new(by.into()).encrypt(&salt.into(), payload).map_err(|_| Damaged)?;
    Ok([salt.as_slice(), &wrapped].concat())
}

/// The key that [`wrap`] wrapped.
pub(in crate::client) fn unwrap(by: &FileKey, name: &str, wrapped: &[u8]) -> Result<FileKey, Damaged> {
    let (salt, wrapped) = wrapped.split_first_chunk::<NONCE>().ok_or(Damaged)?;
    let payload = Payload { msg: wrapped, aad: name.as_bytes() };
    let key = Aes256Gcm::new(by.into()).decrypt(&(*salt).into(), payload).map_err(|_| Damaged)?;
    key.try_into().map_err(|_| Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: FileKey = [7; 32];

    fn plain(len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
    }

    #[test]
    fn what_was_sealed_is_opened() {
        for len in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT] {
            let sealed = seal(&KEY, 0, &plain(len), true).unwrap();
            assert_eq!(sealed.len() as u64, sealed_len(len as u64, len as u64));
            assert_eq!(open(&KEY, 0, &sealed, true).unwrap(), plain(len), "{len} bytes");
        }
    }

    #[test]
    fn a_part_is_found_and_opened_alone() {
        let whole = plain(3 * SEGMENT + 100);
        let sealed = seal(&KEY, 0, &whole, true).unwrap();
        for (offset, len) in
            [(0, 10), (SEGMENT - 1, 2), (SEGMENT, SEGMENT), (2 * SEGMENT + 5, SEGMENT + 95), (0, whole.len())]
        {
            let (first, at, bytes, last) = place(whole.len() as u64, offset as u64, len as u64);
            let at = usize::try_from(at).unwrap();
            let opened = open(&KEY, first, &sealed[at..at + bytes], last).unwrap();
            let skip = offset - first * SEGMENT;
            assert_eq!(opened[skip..skip + len], whole[offset..offset + len], "{len} bytes at {offset}");
        }
    }

    #[test]
    fn what_comes_bit_by_bit_is_the_same_file() {
        let whole = plain(2 * SEGMENT + 9);
        let size = whole.len() as u64;
        let parts = [seal(&KEY, 0, &whole[..SEGMENT], false), seal(&KEY, 1, &whole[SEGMENT..], true)];
        let [first, rest] = parts.map(Result::unwrap);
        assert_eq!([&first[..], &rest].concat(), seal(&KEY, 0, &whole, true).unwrap());
        let there = |sealed: usize| plain_len(sealed as u64, size);
        assert_eq!(there(0), 0);
        assert_eq!(there(first.len() - 1), 0, "torn");
        assert_eq!(there(first.len()), SEGMENT as u64);
        assert_eq!(there(first.len() + rest.len() - 1), 2 * SEGMENT as u64, "torn in the last one");
        assert_eq!(there(first.len() + rest.len()), size);
        assert_eq!(there(first.len() + rest.len() + 1), size, "more than all");
        assert_eq!(sealed_len(SEGMENT as u64, size), first.len() as u64);
        assert_eq!(sealed_len(size, size), (first.len() + rest.len()) as u64);
    }

    #[test]
    fn what_was_cut_reordered_or_changed_is_refused() {
        let sealed = seal(&KEY, 0, &plain(2 * SEGMENT + 9), true).unwrap();
        let whole = SEGMENT + TAG;
        assert_eq!(open(&KEY, 0, &sealed[..2 * whole], true), Err(Damaged), "the last segment is missing");
        assert_eq!(open(&KEY, 0, &sealed[..sealed.len() - 1], true), Err(Damaged), "a byte is missing");
        assert_eq!(open(&KEY, 0, &[], true), Err(Damaged), "all of it is missing");
        let swapped = [&sealed[whole..2 * whole], &sealed[..whole], &sealed[2 * whole..]].concat();
        assert_eq!(open(&KEY, 0, &swapped, true), Err(Damaged), "reordered");
        let mut changed = sealed.clone();
        changed[10] ^= 1;
        assert_eq!(open(&KEY, 0, &changed, true), Err(Damaged), "changed");
        assert_eq!(open(&[8; 32], 0, &sealed, true), Err(Damaged), "another file's key");
    }

    #[test]
    fn a_wrapped_key_belongs_to_its_file() {
        let wrapped = wrap(&[1; 32], "file-a", [3; NONCE], &KEY).unwrap();
        assert_eq!(unwrap(&[1; 32], "file-a", &wrapped), Ok(KEY));
        assert_eq!(unwrap(&[1; 32], "file-b", &wrapped), Err(Damaged));
        assert_eq!(unwrap(&[2; 32], "file-a", &wrapped), Err(Damaged));
        assert_eq!(unwrap(&[1; 32], "file-a", &wrapped[..9]), Err(Damaged));
    }
}
