//! Where the body of an HTTP/1 message ends.

/// Longest line between chunks, in bytes: a size and its extensions, or a trailer.
const LONGEST_LINE: usize = 8 * 1024;

/// What is still to come of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// So many bytes.
    Left(u64),
    /// Chunks.
    Chunks(Chunks),
    /// All until the connection ends.
    UntilClose,
}

/// How far a chunked body has been read (RFC 9112, 7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    /// Bytes left of a chunk, or its size as far as it has been read.
    size: u64,
    /// Bytes of the line.
    line: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// In the digits of a size.
    #[default]
    Size,
    /// Behind them, in the extensions.
    Extension,
    /// In the bytes of a chunk.
    Data,
    /// In the line's end behind them.
    DataEnd,
    /// In the trailers.
    Trailer,
    /// Behind everything.
    End,
}

/// A body that breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadChunk;

impl Body {
    /// A body of so many bytes.
    pub(super) const fn of_length(length: u64) -> Self {
        if length == 0 { Self::None } else { Self::Left(length) }
    }

    /// A chunked body.
    pub(super) fn chunked() -> Self {
        Self::Chunks(Chunks::default())
    }

    /// Whether all of it was there.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::None)
    }

    /// How many of `bytes`, from their beginning, belong to it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        match self {
            Self::None => Ok(0),
            Self::UntilClose => Ok(bytes.len()),
            Self::Left(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *self = Self::of_length(*left - taken as u64);
                Ok(taken)
            }
            Self::Chunks(chunks) => {
                let taken = chunks.take(bytes)?;
                if chunks.at == At::End {
                    *self = Self::None;
                }
                Ok(taken)
            }
        }
    }
}

impl Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        let mut place = 0;
        while let Some(byte) = bytes.get(place).copied().filter(|_| self.at != At::End) {
            if self.at == At::Data {
                let taken = (bytes.len() - place).min(usize::try_from(self.size).unwrap_or(usize::MAX));
                self.size -= taken as u64;
                place += taken;
                if self.size == 0 {
                    (self.at, self.line) = (At::DataEnd, 0);
                }
                continue;
            }
            place += 1;
            self.step(byte)?;
        }
        Ok(place)
    }

    /// One byte outside of a chunk's data.
    fn step(&mut self, byte: u8) -> Result<(), BadChunk> {
        self.line += 1;
        if self.line > LONGEST_LINE {
            return Err(BadChunk);
        }
        match (self.at, byte) {
            (At::Size, b'\n') if self.line > 1 => self.size_read(),
            (At::Size, b'\r' | b';' | b' ' | b'\t') if self.line > 1 => {
                self.at = At::Extension;
                Ok(())
            }
            (At::Size, digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(BadChunk)?;
                self.size = self.size.checked_mul(16).ok_or(BadChunk)? + u64::from(digit);
                Ok(())
            }
            (At::Extension, b'\n') => self.size_read(),
            (At::DataEnd, b'\r') if self.line == 1 => Ok(()),
            (At::DataEnd, b'\n') => {
                *self = Self::default();
                Ok(())
            }
            (At::DataEnd, _) => Err(BadChunk),
            (At::Trailer, b'\n') => {
                // An empty line, with or without its CR, is the last one.
                self.at = if self.size == 0 { At::End } else { At::Trailer };
                (self.line, self.size) = (0, 0);
                Ok(())
            }
            (At::Trailer, byte) => {
                self.size += u64::from(byte != b'\r');
                Ok(())
            }
            (At::Extension | At::Data | At::End, _) => Ok(()),
        }
    }

    fn size_read(&mut self) -> Result<(), BadChunk> {
        (self.at, self.line) = (if self.size == 0 { At::Trailer } else { At::Data }, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many of `bytes` belong to a chunked body; `None` when it goes on.
    fn chunked(bytes: &[u8], step: usize) -> Result<Option<usize>, BadChunk> {
        let mut body = Body::chunked();
        let mut taken = 0;
        for piece in bytes.chunks(step) {
            taken += body.take(piece)?;
            if body.is_done() {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_length_ends_where_it_says() {
        let mut body = Body::of_length(5);
        assert_eq!((body.take(b"abc"), body.is_done()), (Ok(3), false));
        assert_eq!((body.take(b"defgh"), body.is_done()), (Ok(2), true));
    }

    #[test]
    fn chunks_end_behind_their_trailers() {
        let bytes = b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nDigest: z\r\n\r\nGET / HTTP/1.1";
        for step in 1..bytes.len() {
            assert_eq!(chunked(bytes, step), Ok(Some(bytes.len() - 14)), "in pieces of {step}");
        }
        assert_eq!(chunked(b"0\r\n\r\n", 1), Ok(Some(5)));
        assert_eq!(chunked(b"5\r\nhell", 3), Ok(None));
    }

    #[test]
    fn broken_chunks_are_found() {
        for bytes in [&b"x\r\n"[..], b"\r\n", b"5\r\nhelloX\r\n", b"-5\r\n", b"fffffffffffffffff\r\n"] {
            assert_eq!(chunked(bytes, 1), Err(BadChunk), "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(chunked(&vec![b'0'; LONGEST_LINE + 1], 64), Err(BadChunk));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in "[0-9a-f\r\n;x]{0,60}", step in 1_usize..9) {
            prop_assert_eq!(chunked(bytes.as_bytes(), step), chunked(bytes.as_bytes(), 1));
        }

        #[test]
        fn what_was_sent_is_what_is_found(chunks in prop::collection::vec(1_usize..50, 0..8), step in 1_usize..20) {
            let mut bytes = Vec::new();
            for length in &chunks {
                bytes.extend(format!("{length:x}\r\n").bytes());
                bytes.extend(vec![b'0'; *length]);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            let whole = bytes.len();
            bytes.extend(b"rest");
            prop_assert_eq!(chunked(&bytes, step), Ok(Some(whole)));
        }
    }
}
