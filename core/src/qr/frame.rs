//! Greyscale pictures: [`Frame`] borrows one, `Plane` owns one.

use super::FrameError;
use super::warp::Place;

/// Most pixels that a frame may have; 8K (7680 × 4320) and the photos of 64-megapixel phones fit.
pub const MAX_PIXELS: u64 = 8192 * 8192;

/// Longest side that a frame may have, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// A borrowed greyscale picture, one byte a pixel (0 is black), rows `stride` bytes apart.
///
/// This is the luma plane of a camera frame as the phone hands it over; nothing is copied.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Frame<'a> {
    /// Checks the measures of a picture; the last row may end after `width` bytes.
    ///
    /// # Errors
    /// [`FrameError`] when a side is 0, `stride` is less than `width`, the picture is larger than
    /// [`MAX_PIXELS`] or [`MAX_SIDE`], or `data` ends before the last pixel.
    pub fn new(data: &'a [u8], width: u32, height: u32, stride: u32) -> Result<Self, FrameError> {
        if width == 0 || height == 0 {
            return Err(FrameError::Empty { width, height });
        }
        if stride < width {
            return Err(FrameError::StrideTooSmall { width, stride });
        }
        check_size(width, height)?;
        let needed = u64::from(stride) * u64::from(height - 1) + u64::from(width);
        if (data.len() as u64) < needed {
            return Err(FrameError::TooShort {
                needed,
                given: data.len() as u64,
            });
        }
        Ok(Self {
            data,
            width: width as usize,
            height: height as usize,
            stride: stride as usize,
        })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Number of pixels.
    pub(super) fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// The pixels of row `y`, which must be below the height.
    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..self.width]
    }

    /// The grey between the four pixels around a place; places outside are moved to the edge.
    pub(super) fn grey_at(&self, place: Place) -> f32 {
        // Pixel centres lie at halves. `as` saturates, so wild and NaN places end inside too.
        let (x, y) = ((place.x - 0.5).max(0.0), (place.y - 0.5).max(0.0));
        let (x0, y0) = (
            (x as usize).min(self.width - 1),
            (y as usize).min(self.height - 1),
        );
        let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
        let (fx, fy) = ((x - x0 as f32).min(1.0), (y - y0 as f32).min(1.0));
        let at = |x: usize, y: usize| f32::from(self.data[y * self.stride + x]);
        let upper = at(x0, y0) + fx * (at(x1, y0) - at(x0, y0));
        let lower = at(x0, y1) + fx * (at(x1, y1) - at(x0, y1));
        upper + fy * (lower - upper)
    }
}

impl std::fmt::Debug for Frame<'_> {
    /// Shows the measures only: pixels may hold a ticket or a face.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Frame({}x{}, stride {})",
            self.width, self.height, self.stride
        )
    }
}

/// Refuses pictures above the limits, before anything of that size is allocated.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), FrameError> {
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(FrameError::TooLarge { width, height });
    }
    Ok(())
}

/// An owned greyscale picture without gaps between rows: what filters make.
pub(super) struct Plane {
    data: Vec<u8>,
    width: usize,
    height: usize,
}

impl Plane {
    /// Takes `data` as rows of `width`; both sides are at least 1.
    pub(super) fn new(data: Vec<u8>, width: usize, height: usize) -> Self {
        debug_assert!(width > 0 && height > 0 && data.len() == width * height);
        Self {
            data,
            width,
            height,
        }
    }

    /// Borrows the picture.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            data: &self.data,
            width: self.width,
            height: self.height,
            stride: self.width,
        }
    }
}
