//! What becomes of a photo before it goes up (spec 6.2), beside the pipeline that anybody would write with the same library:
//! decode, turn, shrink, encode. In one run, one after the other, on one thread; `ROUNDS` sets how often.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "what is measured is real time, and printed")]

use std::hint::black_box;
use std::io::Cursor;
use std::time::Instant;

use deadzone::base::Seed;
use deadzone::client::prepare_photo;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader, RgbImage};

const WIDTH: u32 = 3264;
const HEIGHT: u32 = 2448;
/// The head of an EXIF block that says no more than that the camera was held on its side (orientation 6).
const ON_ITS_SIDE: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

/// A photo of some five megabytes: soft shapes under the noise of a sensor.
fn photo() -> Vec<u8> {
    let mut random = Seed(1).stream("bench/photo");
    let picture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let noise = random.bits().to_le_bytes();
        let soft = |at: u32, noise: u8| u8::try_from((at / 20) % 160).unwrap_or(0) + noise % 48;
        [soft(x, noise[0]), soft(y, noise[1]), soft(x + y, noise[2])].into()
    });
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 92);
    encoder.set_exif_metadata(ON_ITS_SIDE.to_vec()).expect("JPEG takes EXIF");
    picture.write_with_encoder(encoder).expect("a picture");
    bytes
}

/// What anybody would write.
fn obvious(original: &[u8]) -> Vec<u8> {
    let reader = ImageReader::new(Cursor::new(original)).with_guessed_format().expect("a format");
    let mut decoder = reader.into_decoder().expect("a head");
    let orientation = decoder.orientation().expect("an orientation");
    let mut picture = DynamicImage::from_decoder(decoder).expect("a picture");
    picture.apply_orientation(orientation);
    let picture = picture.resize(1920, 1920, FilterType::Triangle).into_rgb8();
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 80)).expect("a file");
    bytes
}

fn seconds(work: impl FnOnce() -> Vec<u8>) -> f64 {
    let started = Instant::now();
    black_box(work());
    started.elapsed().as_secs_f64()
}

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(9);
    let original = photo();
    let ours = || prepare_photo(&original, true).expect("a photo").bytes;
    println!("{} bytes become {}, and {} the obvious way", original.len(), ours().len(), obvious(&original).len());
    let mut ratios: Vec<f64> = (0..rounds).map(|_| seconds(|| obvious(&original)) / seconds(ours)).collect();
    ratios.sort_by(f64::total_cmp);
    println!("{:.2} times as fast as the obvious way (median of {rounds} rounds)", ratios[ratios.len() / 2]);
}
