//! From what the camera gave to what goes up (spec 6.2): decode, turn upright, shrink, encode. Pure, and one photo after
//! the other: no more than one is ever decoded.

use std::fmt;
use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::exif;

/// The long side of a photo that goes up, in pixels.
const LONG_SIDE: u32 = 1920;
/// JPEG quality of a photo that goes up.
const QUALITY: u8 = 80;
/// No camera makes pictures with a longer side, in pixels.
const MOST_PIXELS_A_SIDE: u32 = 20_000;
/// A picture that would take more bytes than this once decoded is not decoded: a few kilobytes can claim gigabytes.
const MOST_DECODED: u64 = 256 << 20;

/// A photo as it goes up.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub mime_type: &'static str,
    /// Latitude and longitude, if the camera noted them.
    pub location: Option<(f64, f64)>,
}

/// Why a file is no photo that could go up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhotoError {
    /// There is nothing in it.
    Empty,
    /// It is neither JPEG nor PNG, or damaged.
    Unreadable(String),
    /// It would be too large to decode.
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
}

impl fmt::Display for PhotoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the photo is empty: take it again"),
            Self::Unreadable(why) => write!(f, "the photo cannot be read ({why}): take it again"),
            Self::TooLarge { width, height } => {
                write!(f, "a picture of {width} x {height} pixels is more than a device can decode")
            }
        }
    }
}

impl std::error::Error for PhotoError {}

/// Makes of a JPEG or PNG what goes up. Without `compress` it is looked at, and goes as it is.
///
/// # Errors
/// When it is empty, damaged, neither JPEG nor PNG, or too large to decode.
pub fn prepare(original: &[u8], compress: bool) -> Result<Photo, PhotoError> {
    if original.is_empty() {
        return Err(PhotoError::Empty);
    }
    let reader = ImageReader::new(Cursor::new(original)).with_guessed_format().map_err(unreadable)?;
    let (format, mime_type) = match reader.format() {
        Some(format @ ImageFormat::Jpeg) => (format, "image/jpeg"),
        Some(format @ ImageFormat::Png) => (format, "image/png"),
        _ => return Err(PhotoError::Unreadable("neither JPEG nor PNG".into())),
    };
    if format == ImageFormat::Jpeg && !ends(original) {
        return Err(PhotoError::Unreadable("it breaks off".into()));
    }
    let mut decoder = bounded(reader)?;
    let exif = decoder.exif_metadata().ok().flatten();
    let location = exif.as_deref().and_then(exif::location);
    if !compress {
        return Ok(Photo { bytes: original.to_vec(), mime_type, location });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    Ok(Photo { bytes: encoded(shrunk(picture), orientation)?, mime_type: "image/jpeg", location })
}

fn unreadable(error: impl fmt::Display) -> PhotoError {
    PhotoError::Unreadable(error.to_string())
}

/// A decoder that has read the head alone, of a picture that fits into memory.
fn bounded<'a>(mut reader: ImageReader<Cursor<&'a [u8]>>) -> Result<impl ImageDecoder + 'a, PhotoError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_DECODED);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MOST_PIXELS_A_SIDE || decoder.total_bytes() > MOST_DECODED {
        return Err(PhotoError::TooLarge { width, height });
    }
    Ok(decoder)
}

/// What is larger than it goes up is made smaller before it is turned: there is less to turn then.
fn shrunk(picture: DynamicImage) -> DynamicImage {
    let (width, height) = picture.dimensions();
    if width.max(height) <= LONG_SIDE {
        return picture;
    }
    picture.resize(LONG_SIDE, LONG_SIDE, FilterType::Triangle)
}

fn encoded(mut picture: DynamicImage, orientation: Orientation) -> Result<Vec<u8>, PhotoError> {
    picture.apply_orientation(orientation);
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    picture.into_rgb8().write_with_encoder(encoder).map_err(unreadable)?;
    Ok(bytes)
}

/// Whether the picture of a JPEG has its end: decoders are lenient, and fill with grey what is missing. In the coded
/// data a marker cannot come by accident (ITU-T T.81, B.1.1.5), and what stands before it is stepped over.
fn ends(jpeg: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        if *marker == START_OF_SCAN {
            return jpeg[at..].windows(2).any(|pair| pair == END_OF_IMAGE);
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    false
}

#[cfg(test)]
mod tests {
    use image::{ImageEncoder, Rgb, RgbImage};

    use super::*;

    /// A JPEG whose left half is red and whose right half is blue, with `exif` if there is any.
    fn jpeg(width: u32, height: u32, exif: Option<Vec<u8>>) -> Vec<u8> {
        let picture =
            RgbImage::from_fn(
                width,
                height,
                |x, _| {
                    if x < width / 2 { Rgb([250, 10, 10]) } else { Rgb([10, 10, 250]) }
                },
            );
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        exif.into_iter().for_each(|exif| encoder.set_exif_metadata(exif).unwrap());
        picture.write_with_encoder(encoder).unwrap();
        bytes
    }

    /// An EXIF block with nothing but an orientation.
    fn turned(orientation: u8) -> Vec<u8> {
        let head = [b'I', b'I', 42, 0, 8, 0, 0, 0, 1, 0];
        let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
        [&head[..], &entry, &[0; 4]].concat()
    }

    fn opened(photo: &Photo) -> RgbImage {
        image::load_from_memory_with_format(&photo.bytes, ImageFormat::Jpeg).unwrap().into_rgb8()
    }

    #[test]
    fn a_large_photo_goes_up_smaller_and_a_small_one_as_large_as_it_is() {
        for ((width, height), expected) in
            [((4000, 2000), (1920, 960)), ((1000, 3000), (640, 1920)), ((1920, 1080), (1920, 1080)), ((8, 5), (8, 5))]
        {
            let photo = prepare(&jpeg(width, height, None), true).unwrap();
            assert_eq!(opened(&photo).dimensions(), expected, "{width} x {height}");
            assert_eq!((photo.mime_type, photo.location), ("image/jpeg", None));
        }
    }

    #[test]
    fn a_photo_is_turned_upright_and_loses_its_exif_block() {
        let photo = prepare(&jpeg(64, 32, Some(turned(6))), true).unwrap();
        let upright = opened(&photo);
        assert_eq!(upright.dimensions(), (32, 64));
        let (above, below) = (upright.get_pixel(16, 4), upright.get_pixel(16, 60));
        assert!(above[0] > 200 && above[2] < 60, "red was on the left: {above:?}");
        assert!(below[2] > 200 && below[0] < 60, "blue was on the right: {below:?}");
        assert!(!photo.bytes.windows(4).any(|part| part == b"Exif"));
    }

    /// Annex K of T.81 has 16 for the first of the luminance table; the usual scale makes 6 of it at quality 80.
    #[test]
    fn the_quality_is_eighty() {
        let photo = prepare(&jpeg(64, 64, None), true).unwrap();
        let table = photo.bytes.windows(2).position(|pair| pair == [0xff, 0xdb]).unwrap();
        assert_eq!(photo.bytes[table + 5], 6);
    }

    #[test]
    fn what_the_user_wants_as_it_is_stays_as_it_is() {
        let original = jpeg(4000, 20, Some(turned(6)));
        assert_eq!(prepare(&original, false).unwrap().bytes, original);
        let mut png = Vec::new();
        RgbImage::new(3, 3).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        assert_eq!(prepare(&png, false).unwrap().mime_type, "image/png");
        assert_eq!(prepare(&png, true).unwrap().mime_type, "image/jpeg");
    }

    #[test]
    fn what_is_no_photo_is_refused_compressed_or_not() {
        let whole = jpeg(200, 200, None);
        let mut claims_gigabytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0".to_vec();
        claims_gigabytes.extend([0xe0, 0xce, 0xa5, 0x89]);
        for compress in [true, false] {
            assert_eq!(prepare(b"", compress), Err(PhotoError::Empty));
            for broken in [&b"GIF89a"[..], b"no picture", &whole[..whole.len() / 2], &whole[..10]] {
                assert!(matches!(prepare(broken, compress), Err(PhotoError::Unreadable(_))), "{} bytes", broken.len());
            }
            assert!(prepare(&claims_gigabytes, compress).is_err(), "a bomb");
        }
    }
}
