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
pub(super) struct Photo {
    /// The file.
    pub(super) bytes: Vec<u8>,
    /// Its media type.
    pub(super) mime_type: &'static str,
    /// Latitude and longitude, if the camera noted them.
    pub(super) location: Option<(f64, f64)>,
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
pub(super) fn prepare(original: &[u8], compress: bool) -> Result<Photo, PhotoError> {
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
