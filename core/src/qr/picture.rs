//! Picture files to text: PNG, JPEG, WebP and PGM.

use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::frame::{MAX_SIDE, check_size};
use super::{Frame, FrameError, PictureError, Reader, Reading};

/// Largest picture file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Memory that decoding one picture may take, in bytes: MAX_PIXELS in RGB and some work space.
const MAX_DECODE_BYTES: u64 = 320 * 1024 * 1024;

/// Reads the code in a picture file; `None` when there is no code that can be read.
///
/// # Errors
/// [`PictureError`] when the file cannot be read, is not a known picture, is damaged or too large.
pub fn read_image_file(path: impl AsRef<Path>) -> Result<Option<Reading>, PictureError> {
    let file = File::open(path).map_err(PictureError::Unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(PictureError::Unreadable)?;
    read_image_bytes(&bytes)
}

/// Reads the code in the bytes of a picture file; `None` when there is no code that can be read.
///
/// # Errors
/// [`PictureError`] when the bytes are not a known picture, are damaged or too large.
pub fn read_image_bytes(bytes: &[u8]) -> Result<Option<Reading>, PictureError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(PictureError::TooLarge);
    }
    // A panic inside a third-party decoder must not take a gate down; the bytes come from strangers.
    let luma = catch_unwind(AssertUnwindSafe(|| decode(bytes)))
        .unwrap_or_else(|_| Err(PictureError::Damaged("the decoder gave up".to_owned())))?;
    let frame = Frame::new(luma.as_raw(), luma.width(), luma.height(), luma.width())?;
    Ok(Reader::default().read(&frame))
}

/// Decodes to greyscale, the measures checked before any pixel is allocated.
fn decode(bytes: &[u8]) -> Result<GrayImage, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(PictureError::Unreadable)?;
    if !matches!(
        reader.format(),
        Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Pnm)
    ) {
        return Err(PictureError::UnsupportedFormat);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODE_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(FrameError::Empty { width, height }.into());
    }
    check_size(width, height)?;
    if decoder.total_bytes() > MAX_DECODE_BYTES {
        return Err(PictureError::TooLarge);
    }
    Ok(to_luma(
        DynamicImage::from_decoder(decoder).map_err(refused)?,
    ))
}

/// Greyscale with transparent places made white: tickets are often drawn black on nothing.
fn to_luma(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.into_luma8();
    }
    let pixels = picture.into_luma_alpha8();
    let (width, height) = pixels.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        let [luma, alpha] = pixels.get_pixel(x, y).0;
        let (luma, alpha) = (u16::from(luma), u16::from(alpha));
        image::Luma([((luma * alpha + 255 * (255 - alpha)) / 255) as u8])
    })
}

/// Sorts the decoder's errors into ours.
fn refused(error: ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooLarge,
        ImageError::Unsupported(_) => PictureError::UnsupportedFormat,
        ImageError::IoError(source) => PictureError::Damaged(source.to_string()),
        ImageError::Decoding(_) | ImageError::Encoding(_) | ImageError::Parameter(_) => {
            PictureError::Damaged(error.to_string())
        }
    }
}
