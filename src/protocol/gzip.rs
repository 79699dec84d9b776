//! The one content coding of the API (spec 6.3, decision n).

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Bodies below this many bytes travel plain: gzip's frame would make them longer.
pub const WORTH_PACKING: usize = 120;

/// zlib's default: a higher one costs more time than it saves on the slowest link.
const LEVEL: u32 = 6;

/// zlib's own window, 32 KiB.
const WINDOW_BITS: u8 = 15;

thread_local! {
    /// Its tables are larger than most bodies by far, so that making them anew would cost more than packing.
    static ENCODER: RefCell<Compress> = RefCell::new(Compress::new_gzip(Compression::new(LEVEL), WINDOW_BITS));
}

/// `plain`, packed.
///
/// # Errors
/// None in memory; the coder's interface has them.
pub fn pack(plain: &[u8]) -> io::Result<Vec<u8>> {
    ENCODER.with_borrow_mut(|encoder| {
        encoder.reset();
        let mut packed = Vec::with_capacity(plain.len() / 4 + WORTH_PACKING);
        loop {
            let rest = plain.get(usize::try_from(encoder.total_in()).unwrap_or(usize::MAX)..).unwrap_or_default();
            if encoder.compress_vec(rest, &mut packed, FlushCompress::Finish)? == Status::StreamEnd {
                return Ok(packed);
            }
            packed.reserve(packed.capacity());
        }
    })
}

/// What `packed` holds, if that is at most `limit` bytes. A bomb is left off one byte after the limit.
///
/// # Errors
/// When it holds more, is no gzip, or goes on after its end.
pub fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    let mut decoder = GzDecoder::new(packed);
    let mut plain = Vec::new();
    let read = (&mut decoder).take(limit as u64 + 1).read_to_end(&mut plain);
    if plain.len() > limit {
        return Err(UnpackError::TooLarge(limit));
    }
    read.map_err(|error| UnpackError::Broken(error.to_string()))?;
    if decoder.get_ref().is_empty() { Ok(plain) } else { Err(UnpackError::Trailing) }
}

/// Why a body could not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnpackError {
    /// It holds more than this many bytes.
    TooLarge(usize),
    /// It is no gzip, or breaks off.
    Broken(String),
    /// Something follows its end.
    Trailing,
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "the body inflates to more than {limit} bytes"),
            Self::Broken(why) => write!(f, "the body is not gzip: {why}"),
            Self::Trailing => f.write_str("something follows the end of the gzip body"),
        }
    }
}

impl std::error::Error for UnpackError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_up_to_the_limit() {
        let plain = vec![7; 10_000];
        let packed = pack(&plain).unwrap();
        assert_eq!(unpack(&packed, 10_000), Ok(plain));
        assert_eq!(unpack(&packed, 9_999), Err(UnpackError::TooLarge(9_999)));
    }

    #[test]
    fn what_is_broken_is_refused() {
        let mut packed = pack(b"a body").unwrap();
        assert!(matches!(unpack(&packed[..packed.len() - 1], 100), Err(UnpackError::Broken(_))));
        packed.push(0);
        assert_eq!(unpack(&packed, 100), Err(UnpackError::Trailing));
        assert!(matches!(unpack(b"plain", 100), Err(UnpackError::Broken(_))));
    }
}
