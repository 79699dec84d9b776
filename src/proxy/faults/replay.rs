//! A cache that should not be there gives an earlier answer again.

use std::collections::{BTreeMap, VecDeque};

use super::Entry;

/// Which earlier answer a device gets again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How many answers of this kind back: 1 is the last one.
    pub back: u32,
    /// The server has done its work all the same, and its own answer is thrown away.
    pub after_commit: bool,
}

impl Replay {
    /// So far back an answer is remembered.
    pub const FARTHEST: u32 = 3;
}

/// The last answers of each kind (`K`) that each device got, newest first.
#[derive(Debug)]
pub(in crate::proxy) struct Memory<K, A>(BTreeMap<(String, K), VecDeque<A>>);

impl<K, A> Default for Memory<K, A> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy, A: Clone> Memory<K, A> {
    /// Notes that `device` got `answer`.
    pub(in crate::proxy) fn note(&mut self, device: &str, kind: K, answer: A) {
        let answers = self.0.entry((device.to_owned(), kind)).or_default();
        answers.push_front(answer);
        answers.truncate(Replay::FARTHEST as usize);
    }

    /// The answer that `device` got `back` answers ago.
    pub(in crate::proxy) fn recall(&self, device: &str, kind: K, back: u32) -> Option<A> {
        let answers = self.0.get(&(device.to_owned(), kind))?;
        answers.get(usize::try_from(back).ok()?.checked_sub(1)?).cloned()
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "replay",
    does: "In the server's place an earlier good answer to the same kind of request comes again, `back` answers old.",
    keys: &["back", "when"],
    example: "- replay: { device: maria, of: pull, back: 2 }",
    source: "transparent caches that ignore Cache-Control (RFC 9111, 5.2.2.5 forbids them to store)",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_of_each_kind_and_device_are_remembered() {
        let mut memory = Memory::default();
        for answer in 1..=5 {
            memory.note("maria", 'p', answer);
        }
        memory.note("jo", 'p', 9);
        let recalled: Vec<Option<i32>> = (0..=4).map(|back| memory.recall("maria", 'p', back)).collect();
        assert_eq!(recalled, [None, Some(5), Some(4), Some(3), None]);
        assert_eq!(memory.recall("jo", 'q', 1), None);
        assert_eq!(memory.recall("jo", 'p', 1), Some(9));
    }
}
