//! A small picture of a picture. What cannot be read as one simply has none.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, ImageResult, Limits};
use rusqlite::{Connection, OptionalExtension, params};

use super::blob::{self, Blob};
use crate::protocol::THUMBNAIL_SIDE;

/// The quality of its JPEG.
const QUALITY: u8 = 70;
/// No side of a picture may be longer, in pixels.
const LONGEST_SIDE: u32 = 16_384;
/// A decoder may take so much memory, in bytes: a picture that inflates to more is a bomb.
const MEMORY: u64 = 256 << 20;

/// The thumbnail of `blob` as a JPEG, made when it is first asked for; `None` where there is no picture.
pub(super) fn of(db: &Connection, blob: &Blob) -> rusqlite::Result<Option<Vec<u8>>> {
    let known: Option<Option<Vec<u8>>> = db
        .prepare_cached("SELECT jpeg FROM thumbnails WHERE attachment = ?1")?
        .query_row([blob.entry], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let picture = blob::read(db, blob.entry, 0, blob.told.length)?;
    let made = shrink(&picture).ok();
    db.prepare_cached("INSERT OR REPLACE INTO thumbnails (attachment, jpeg) VALUES (?1, ?2)")?
        .execute(params![blob.entry, made])?;
    Ok(made)
}

/// Upright, its long side at most [`THUMBNAIL_SIDE`].
fn shrink(picture: &[u8]) -> ImageResult<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(picture)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    if image.width().max(image.height()) > THUMBNAIL_SIDE {
        image = image.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE);
    }
    image.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&image.to_rgb8())?;
    Ok(jpeg)
}
