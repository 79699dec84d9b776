//! Finds many byte strings in much data at once, nearly as fast as the data can be read.
//!
//! Whatever is at least `2 * block - 1` bytes long holds, wherever it lies, a whole block that starts at a multiple of
//! `block`. So the data is read block by block: a block that is none of the wanted ones' is passed over after one look
//! into a bitmap. An automaton over the same strings takes longer to build than most runs have bytes to search.

use crate::history::{Form, Secret};

/// Bytes of a block, where all that is wanted is long enough for it.
const LONG_BLOCK: usize = 8;
/// Bytes of a block otherwise.
const SHORT_BLOCK: usize = 4;
/// The shortest text that can be searched for, in bytes.
const SHORTEST: usize = 2 * SHORT_BLOCK - 1;
/// The bitmap has at least two to the power of this many bits: it stays in the fastest cache.
const SMALLEST_BITMAP: u32 = 18;
/// And at most of this many.
const LARGEST_BITMAP: u32 = 26;
/// Bits of the bitmap for each block that is wanted: few blocks of noise fall on one that is set.
const BITS_A_BLOCK: usize = 32;
/// Two digits of either case fall on one block.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// Something wanted, in one of its forms.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    pub(super) secret: Secret,
    /// Which one, in words.
    pub(super) what: String,
    pub(super) form: Form,
    pub(super) bytes: Vec<u8>,
}

impl Needle {
    fn is_at(&self, found: &[u8]) -> bool {
        if self.form == Form::Hex { found.eq_ignore_ascii_case(&self.bytes) } else { found == self.bytes }
    }
}

/// Where a block of a needle lies in it.
#[derive(Clone, Copy, Debug)]
struct Block {
    word: u64,
    needle: usize,
    at: usize,
}

/// A set of needles, ready to be searched for.
#[derive(Debug)]
pub(super) struct Finder {
    needles: Vec<Needle>,
    block: usize,
    /// The bitmap's size, as a power of two, in bits.
    size: u32,
    bitmap: Vec<u64>,
    /// By word.
    blocks: Vec<Block>,
}

impl Finder {
    /// A finder of `needles`; those shorter than [`SHORTEST`] are not searched for.
    pub(super) fn new(mut needles: Vec<Needle>) -> Self {
        needles.retain(|needle| needle.bytes.len() >= SHORTEST);
        let long = needles.iter().all(|needle| needle.bytes.len() >= 2 * LONG_BLOCK - 1);
        let block = if long { LONG_BLOCK } else { SHORT_BLOCK };
        let size = (needles.len() * block * BITS_A_BLOCK).max(1).ilog2().clamp(SMALLEST_BITMAP, LARGEST_BITMAP);
        let mut finder = Self { needles, block, size, bitmap: vec![0; 1 << (size - 6)], blocks: Vec::new() };
        for (needle, wanted) in finder.needles.iter().enumerate() {
            for at in 0..block {
                let word = word(&wanted.bytes[at..at + block]);
                finder.blocks.push(Block { word, needle, at });
                let (cell, bit) = slot(word, finder.size);
                finder.bitmap[cell] |= bit;
            }
        }
        finder.blocks.sort_unstable_by_key(|block| (block.word, block.needle, block.at));
        finder
    }

    /// Calls `hit` with each needle found in `hay` and where it starts; a needle that several blocks give away, once.
    pub(super) fn find<'a>(&'a self, hay: &[u8], mut hit: impl FnMut(&'a Needle, usize)) {
        match self.block {
            LONG_BLOCK => self.find_by::<LONG_BLOCK>(hay, &mut hit),
            _ => self.find_by::<SHORT_BLOCK>(hay, &mut hit),
        }
    }

    fn find_by<'a, const BLOCK: usize>(&'a self, hay: &[u8], hit: &mut impl FnMut(&'a Needle, usize)) {
        for (index, chunk) in hay.as_chunks::<BLOCK>().0.iter().enumerate() {
            let word = word(chunk);
            let (cell, bit) = slot(word, self.size);
            if self.bitmap[cell] & bit != 0 {
                self.verify(hay, index * BLOCK, word, hit);
            }
        }
    }

    #[cold]
    fn verify<'a>(&'a self, hay: &[u8], position: usize, word: u64, hit: &mut impl FnMut(&'a Needle, usize)) {
        let first = self.blocks.partition_point(|block| block.word < word);
        for block in self.blocks[first..].iter().take_while(|block| block.word == word) {
            let needle = &self.needles[block.needle];
            let Some(start) = position.checked_sub(block.at) else { continue };
            if hay.get(start..start + needle.bytes.len()).is_some_and(|found| needle.is_at(found)) {
                hit(needle, start);
            }
        }
    }
}

/// A block as a number, its letters in one case.
fn word(block: &[u8]) -> u64 {
    let mut bytes = [0; LONG_BLOCK];
    bytes[..block.len()].copy_from_slice(block);
    u64::from_le_bytes(bytes) | FOLD
}

/// A word's place in a bitmap of two to the power of `size` bits (Fibonacci hashing).
fn slot(word: u64, size: u32) -> (usize, u64) {
    let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - size);
    (usize::try_from(hash >> 6).unwrap_or(0), 1 << (hash & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needle(bytes: &[u8], form: Form) -> Needle {
        Needle { secret: Secret::Text, what: String::new(), form, bytes: bytes.to_vec() }
    }

    fn found(finder: &Finder, hay: &[u8]) -> Vec<(Vec<u8>, usize)> {
        let mut hits = Vec::new();
        finder.find(hay, |needle, at| hits.push((needle.bytes.clone(), at)));
        hits
    }

    #[test]
    fn a_needle_is_found_at_every_offset_and_once() {
        for wanted in [&b"exactly fifteen"[..], b"seven77", b"a longer one than two blocks of eight bytes"] {
            let finder = Finder::new(vec![needle(wanted, Form::Plain)]);
            for before in 0..40 {
                for after in 0..10 {
                    let hay = [&vec![b'.'; before], wanted, &vec![b'.'; after]].concat();
                    assert_eq!(found(&finder, &hay), [(wanted.to_vec(), before)], "{before} before, {after} after");
                }
            }
        }
    }

    #[test]
    fn many_needles_are_all_found_in_much_noise() {
        let wanted: Vec<String> = (0..5000).map(|number| format!("token number {number:08}")).collect();
        let finder = Finder::new(wanted.iter().map(|text| needle(text.as_bytes(), Form::Plain)).collect());
        assert!(finder.size > SMALLEST_BITMAP);
        assert_eq!(found(&finder, wanted.join(" ").as_bytes()).len(), wanted.len());
    }

    #[test]
    fn what_is_nearly_a_needle_is_not_one() {
        let finder = Finder::new(vec![needle(b"exactly fifteen", Form::Plain)]);
        for hay in [&b"exactly fiftee"[..], b"Exactly fifteen", b"exactly fifteeN", b"", b"xactly fifteen!"] {
            assert_eq!(found(&finder, hay), []);
        }
        assert_eq!(found(&Finder::new(vec![needle(b"six666", Form::Plain)]), b"six666 six666"), []);
    }

    #[test]
    fn digits_are_found_in_either_case() {
        let finder = Finder::new(vec![needle(b"00ff10ab00ff10ab", Form::Hex)]);
        assert_eq!(found(&finder, b"..00FF10AB00ff10aB").len(), 1);
    }
}
