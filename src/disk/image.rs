//! The bytes of one file, and which of them survive each way of dying. Pure: no SQLite, no sharing, no power switch.

use crate::base::{CrashHow, Stream};

/// What a medium writes as a whole, in bytes: the grain at which an unsynced write can be torn.
pub(super) const SECTOR: usize = 512;

/// One file, as the process sees it, and the way back to what the medium is sure to hold.
#[derive(Debug, Default)]
pub(super) struct Image {
    /// What a read returns.
    content: Vec<u8>,
    /// What was done to it since the last sync, in order.
    unsynced: Vec<Change>,
}

/// A change that no sync has made durable yet, with what takes it back: files mostly grow, so that this costs less than
/// a second copy of the file.
#[derive(Debug)]
struct Change {
    what: What,
    /// Bytes that it overwrote or cut off.
    was: Vec<u8>,
    /// The length of the file before it.
    len_before: usize,
}

#[derive(Debug)]
enum What {
    Write { offset: usize, len: usize },
    Truncate { len: usize },
}

/// A change that was taken back, ready to be done again.
enum Undone {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

impl Image {
    /// The file as the process sees it.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Copies what lies at `offset` into `out` and returns how many bytes there were.
    pub(super) fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        let rest = self.content.get(offset..).unwrap_or_default();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        len
    }

    /// Writes `bytes` at `offset`; a gap before it reads as zeros.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let len_before = self.content.len();
        let overwritten = offset.min(len_before)..(offset + bytes.len()).min(len_before);
        let was = self.content[overwritten].to_vec();
        put(&mut self.content, offset, bytes);
        self.unsynced.push(Change { what: What::Write { offset, len: bytes.len() }, was, len_before });
    }

    /// Makes the file `len` bytes long.
    pub(super) fn truncate(&mut self, len: usize) {
        let len_before = self.content.len();
        let was = self.content.get(len..).unwrap_or_default().to_vec();
        self.content.resize(len, 0);
        self.unsynced.push(Change { what: What::Truncate { len }, was, len_before });
    }

    /// Makes every change so far durable.
    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
    }

    /// Turns the file into what is left of it. A kill leaves the unsynced changes with the operating system, so that a
    /// later power cut still takes them. `stream` is drawn from for [`CrashHow::Torn`] alone.
    pub(super) fn crash(&mut self, how: CrashHow, stream: &mut Stream) {
        match how {
            CrashHow::Kill => {}
            CrashHow::Power => drop(self.undo()),
            CrashHow::Torn => {
                let undone = self.undo();
                self.tear(undone, stream);
            }
        }
    }

    /// Takes back every change that is not durable, and returns them in order.
    fn undo(&mut self) -> Vec<Undone> {
        let changes = std::mem::take(&mut self.unsynced);
        let mut undone: Vec<Undone> = changes.into_iter().rev().map(|change| self.take_back(change)).collect();
        undone.reverse();
        undone
    }

    fn take_back(&mut self, Change { what, was, len_before }: Change) -> Undone {
        match what {
            What::Write { offset, len } => {
                let bytes = self.content[offset..offset + len].to_vec();
                self.content.truncate(len_before);
                let overwritten = offset.min(len_before);
                self.content[overwritten..overwritten + was.len()].copy_from_slice(&was);
                Undone::Write { offset, bytes }
            }
            What::Truncate { len } => {
                self.content.truncate(len_before);
                self.content.extend(was);
                Undone::Truncate { len }
            }
        }
    }

    /// Tosses a coin for every unsynced sector and truncation: what wins reached the medium.
    fn tear(&mut self, undone: Vec<Undone>, stream: &mut Stream) {
        for change in undone {
            match change {
                Undone::Write { offset, bytes } => {
                    for (offset, sector) in sectors(offset, &bytes) {
                        if survives(stream) {
                            put(&mut self.content, offset, sector);
                        }
                    }
                }
                Undone::Truncate { len } => {
                    if survives(stream) {
                        self.content.resize(len, 0);
                    }
                }
            }
        }
    }
}

fn survives(stream: &mut Stream) -> bool {
    stream.below(2) == 1
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

/// Splits a write where the file's sectors meet: the first and the last piece may be short.
fn sectors(mut offset: usize, mut bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    std::iter::from_fn(move || {
        let room = SECTOR - offset % SECTOR;
        let (piece, rest) = bytes.split_at(room.min(bytes.len()));
        let at = offset;
        (offset, bytes) = (offset + piece.len(), rest);
        (!piece.is_empty()).then_some((at, piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;

    fn after(how: CrashHow, seed: u64, changes: impl FnOnce(&mut Image)) -> Vec<u8> {
        let mut image = Image::default();
        changes(&mut image);
        image.crash(how, &mut Seed(seed).stream("image"));
        image.content().to_vec()
    }

    #[test]
    fn a_kill_keeps_what_was_written() {
        let changes = |image: &mut Image| {
            image.write(0, b"abcdef");
            image.truncate(4);
        };
        assert_eq!(after(CrashHow::Kill, 1, changes), b"abcd");
    }

    #[test]
    fn a_power_cut_keeps_only_what_was_synced() {
        let changes = |image: &mut Image| {
            image.write(0, b"abcdef");
            image.sync();
            image.write(2, b"XY");
            image.truncate(3);
        };
        assert_eq!(after(CrashHow::Power, 1, changes), b"abcdef");
        assert_eq!(after(CrashHow::Power, 1, |image| image.write(0, b"abc")), b"");
    }

    #[test]
    fn a_power_cut_undoes_overlapping_changes_and_gaps() {
        let changes = |image: &mut Image| {
            image.write(0, b"abcdefgh");
            image.sync();
            image.write(2, b"XYZ");
            image.write(4, b"123456789");
            image.truncate(3);
            image.truncate(6);
            image.write(20, b"far");
            image.write(1, b"");
        };
        assert_eq!(after(CrashHow::Power, 1, changes), b"abcdefgh");
        assert_eq!(after(CrashHow::Kill, 1, changes), b"abX\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0far");
    }

    #[test]
    fn a_power_cut_takes_what_an_earlier_kill_left_unsynced() {
        let changes = |image: &mut Image| {
            image.write(0, b"abc");
            image.crash(CrashHow::Kill, &mut Seed(1).stream("image"));
        };
        assert_eq!(after(CrashHow::Power, 1, changes), b"");
    }

    #[test]
    fn torn_writes_survive_sector_by_sector_and_never_beyond_what_was_written() {
        let changes = |image: &mut Image| {
            image.write(0, &[1; 4 * SECTOR]);
            image.sync();
            image.write(SECTOR / 2, &[2; 2 * SECTOR]);
        };
        let halves =
            |seed| after(CrashHow::Torn, seed, changes).chunks(SECTOR / 2).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let halves = halves(seed);
            assert!(halves.iter().all(|half| half.iter().all(|byte| *byte == half[0])), "torn inside a sector");
            let pattern: Vec<u8> = halves.iter().map(|half| half[0]).collect();
            assert_eq!((pattern[0], pattern[1 + 4], pattern[2]), (1, 1, pattern[3]));
            seen.insert(pattern);
        }
        assert_eq!(seen.len(), 8, "three touched sectors, each with a fate of its own");
    }

    #[test]
    fn a_torn_truncation_happens_or_does_not() {
        let changes = |image: &mut Image| {
            image.write(0, b"abcdef");
            image.sync();
            image.truncate(2);
        };
        let lengths: std::collections::BTreeSet<usize> =
            (0..16).map(|seed| after(CrashHow::Torn, seed, changes).len()).collect();
        assert_eq!(lengths, [2, 6].into());
    }

    #[test]
    fn reads_stop_at_the_end_and_gaps_are_zeros() {
        let mut image = Image::default();
        image.write(2, b"ab");
        let mut out = [9; 6];
        assert_eq!(image.read(0, &mut out), 4);
        assert_eq!(out, [0, 0, b'a', b'b', 9, 9]);
        assert_eq!(image.read(7, &mut out), 0);
    }
}
