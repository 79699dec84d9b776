//! Photos and documents that users attach: generated, the same in every run, and kept for the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, RgbImage};

use crate::base::{Seed, Stream};

/// Of the photos of a size, so many are different.
const VARIANTS: u32 = 2;
/// JPEG quality of the camera.
const QUALITY: u8 = 92;
/// Bytes that a pixel takes at that quality with this noise, in thousandths; measured, and a little less than that.
const BYTES_A_THOUSAND_PIXELS: u64 = 620;
/// Where the camera notes that it stood: 48° 08' 15" N, 11° 34' 30" E.
const PLACE: [[u32; 3]; 2] = [[48, 8, 15], [11, 34, 30]];

type Made = BTreeMap<(bool, u64, u32), Arc<Vec<u8>>>;

/// Making one takes long, and it depends on nothing of the run.
static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());

/// The `nth` photo of at least `bytes`: JPEG, on its side, with its place noted.
pub(super) fn photo(bytes: u64, nth: u32) -> Arc<Vec<u8>> {
    made(true, bytes, nth % VARIANTS)
}

/// The `nth` document of exactly `bytes`.
pub(super) fn document(bytes: u64, nth: u32) -> Arc<Vec<u8>> {
    made(false, bytes, nth)
}

fn made(photo: bool, bytes: u64, variant: u32) -> Arc<Vec<u8>> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || {
        let mut random = Seed(u64::from(variant)).stream(&format!("fixture/{photo}/{bytes}"));
        Arc::new(if photo { make_photo(bytes, &mut random) } else { make_document(bytes, &mut random) })
    };
    Arc::clone(made.entry((photo, bytes, variant)).or_insert_with(make))
}

fn make_document(bytes: u64, random: &mut Stream) -> Vec<u8> {
    let mut document = b"%PDF-1.7\n".to_vec();
    let length = usize::try_from(bytes).unwrap_or(usize::MAX);
    while document.len() < length {
        document.extend(random.bits().to_le_bytes());
    }
    document.truncate(length);
    document
}

/// Soft shapes under the noise of a sensor: it compresses about as well as a photo does.
fn make_photo(bytes: u64, random: &mut Stream) -> Vec<u8> {
    let pixels = bytes * 1_000 / BYTES_A_THOUSAND_PIXELS;
    let (width, height) = (side(pixels * 4 / 3), side(pixels * 3 / 4));
    let mut picture = vec![0; (u64::from(width) * u64::from(height) * 3) as usize];
    let mut noise = random.bits() | 1;
    for (row, line) in picture.chunks_exact_mut(width as usize * 3).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            // xorshift64 (Marsaglia, 2003): quick, and nobody guesses a pixel from the one before.
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            let soft = ((row / 7 + column / 5) % 160) as u64 + 40;
            for (channel, value) in pixel.iter_mut().enumerate() {
                let grain = (noise >> (8 * channel)) % 28;
                *value = (soft + grain + 6 * channel as u64).min(255) as u8;
            }
        }
    }
    let mut photo = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut photo, QUALITY);
    let exif = encoder.set_exif_metadata(exif());
    let picture = RgbImage::from_raw(width, height, picture);
    let encoded = picture.map(|picture| picture.write_with_encoder(encoder));
    assert!(exif.is_ok() && matches!(encoded, Some(Ok(()))), "a picture of this size can be encoded");
    photo
}

fn side(square: u64) -> u32 {
    u32::try_from(square.isqrt()).unwrap_or(u32::MAX).max(64)
}

/// An EXIF block in little-endian order: turned by 90°, and the place.
fn exif() -> Vec<u8> {
    let short = |value: u16| value.to_le_bytes().to_vec();
    let long = |value: u32| value.to_le_bytes().to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: Vec<u8>| {
        let mut value = value;
        value.resize(4, 0);
        [short(tag), short(kind), long(count), value].concat()
    };
    // The first directory at 8 takes 30 bytes, the GPS directory at 38 takes 54; the rationals follow at 92.
    let first = [short(2), entry(0x0112, 3, 1, short(6)), entry(0x8825, 4, 1, long(38)), long(0)].concat();
    let gps = [
        short(4),
        entry(1, 2, 2, b"N\0".to_vec()),
        entry(2, 5, 3, long(92)),
        entry(3, 2, 2, b"E\0".to_vec()),
        entry(4, 5, 3, long(116)),
        long(0),
    ];
    let rationals = PLACE.iter().flatten().flat_map(|part| [long(*part), long(1)].concat()).collect();
    [b"II*\0".to_vec(), long(8), first, gps.concat(), rationals].concat()
}

/// A PNG of a few bytes whose head claims 60,000 by 60,000 pixels.
pub(super) fn bomb() -> Vec<u8> {
    let mut head = b"IHDR".to_vec();
    head.extend(60_000_u32.to_be_bytes());
    head.extend(60_000_u32.to_be_bytes());
    head.extend([8, 2, 0, 0, 0]);
    let chunk = |body: &[u8]| {
        let length = u32::try_from(body.len() - 4).unwrap_or(0).to_be_bytes();
        [&length[..], body, &crc(body).to_be_bytes()].concat()
    };
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(&head), &chunk(b"IDAT\x78\x9c"), &chunk(b"IEND")].concat()
}

/// The checksum of PNG (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_at_least_as_large_as_it_is_asked_for() {
        for bytes in [100_000, 500_000] {
            let made = photo(bytes, 0);
            assert!(made.len() as u64 >= bytes && (made.len() as u64) < bytes * 3 / 2, "{} for {bytes}", made.len());
            assert_ne!(made, photo(bytes, 1));
            assert_eq!(made, photo(bytes, 2));
        }
    }
}
