//! All that was ever written to a disk, overwritten, cut off or lost in a crash or not: what a thief with patience reads.

/// Written bytes, one write behind the other, and where each went.
#[derive(Clone, Debug, Default)]
pub struct WriteLog {
    bytes: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Clone, Debug)]
struct Write {
    file: String,
    offset: usize,
    /// Where its bytes start in the log.
    from: usize,
}

impl WriteLog {
    /// Notes a write of `bytes` at `offset` of `file`. What continues the write before it becomes one with it, so that
    /// nothing hides where two writes meet.
    pub fn note(&mut self, file: &str, offset: usize, bytes: &[u8]) {
        let goes_on = self
            .writes
            .last()
            .is_some_and(|last| last.file == file && last.offset + (self.bytes.len() - last.from) == offset);
        if !goes_on {
            self.writes.push(Write { file: file.to_owned(), offset, from: self.bytes.len() });
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes, in the order of writing.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file and the offset in it to which the byte at `position` was written.
    #[must_use]
    pub fn place(&self, position: usize) -> Option<(&str, usize)> {
        let write = self.writes.get(self.writes.partition_point(|write| write.from <= position).checked_sub(1)?)?;
        Some((&write.file, write.offset + (position - write.from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_where_it_was_written() {
        let mut log = WriteLog::default();
        log.note("a", 0, b"one");
        log.note("a", 3, b"two");
        log.note("b", 100, b"three");
        log.note("a", 0, b"four");
        assert_eq!(log.bytes(), b"onetwothreefour");
        assert_eq!(log.place(5), Some(("a", 5)));
        assert_eq!(log.place(6), Some(("b", 100)));
        assert_eq!(log.place(14), Some(("a", 3)));
        assert_eq!(log.writes.len(), 3);
        assert_eq!(WriteLog::default().place(0), None);
    }
}
