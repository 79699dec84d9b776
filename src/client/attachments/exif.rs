//! Where a photo was taken, as its EXIF block says (CIPA DC-008, TIFF 6.0). Pure; what cannot be read says nothing.

use std::collections::BTreeMap;

/// The directory of the GPS tags, in the first directory.
const GPS: u16 = 0x8825;
const LATITUDE_REF: u16 = 1;
const LATITUDE: u16 = 2;
const LONGITUDE_REF: u16 = 3;
const LONGITUDE: u16 = 4;
/// Bytes of an entry of a directory: tag, type, count, and the value or where it lies.
const ENTRY: usize = 12;

/// Latitude and longitude in degrees, north and east positive.
pub(super) fn location(exif: &[u8]) -> Option<(f64, f64)> {
    let tiff = Tiff::of(exif)?;
    let first = tiff.directory(tiff.long(4)?)?;
    let gps = tiff.directory(tiff.long(*first.get(&GPS)?)?)?;
    let degrees = |reference: u16, value: u16, negative: u8| {
        let at = tiff.long(*gps.get(&value)?)?;
        let part = |index: usize| {
            Some(f64::from(tiff.raw_long(at + 8 * index)?) / f64::from(tiff.raw_long(at + 8 * index + 4)?))
        };
        let degrees = part(0)? + part(1)? / 60.0 + part(2)? / 3600.0;
        let sign = if tiff.bytes.get(*gps.get(&reference)?) == Some(&negative) { -1.0 } else { 1.0 };
        degrees.is_finite().then_some(sign * (degrees * 1e6).round() / 1e6)
    };
    let (latitude, longitude) = (degrees(LATITUDE_REF, LATITUDE, b'S')?, degrees(LONGITUDE_REF, LONGITUDE, b'W')?);
    (latitude.abs() <= 90.0 && longitude.abs() <= 180.0).then_some((latitude, longitude))
}

/// The block and its byte order.
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> Tiff<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { bytes, little })
    }

    /// Where the value of each entry of the directory at `at` stands, by tag.
    fn directory(&self, at: usize) -> Option<BTreeMap<u16, usize>> {
        let count = usize::from(self.short(at)?);
        let entries = (0..count).map(|index| at + 2 + ENTRY * index);
        Some(entries.map_while(|entry| Some((self.short(entry)?, entry + 8))).collect())
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn raw_long(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// A number that is a place in the block.
    fn long(&self, at: usize) -> Option<usize> {
        usize::try_from(self.raw_long(at)?).ok().filter(|place| *place < self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_blocks_say_nothing() {
        for block in [&b""[..], b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"GIF89a"] {
            assert_eq!(location(block), None);
        }
    }
}
