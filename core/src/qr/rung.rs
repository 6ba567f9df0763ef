//! The ladder: each rung is one way to look at a picture, from cheap to dear.

use rxing::common::BitMatrix;

use super::filter;
use super::finder::{Pass, View, scan};
use super::frame::Frame;
use super::threshold;

/// One way to look at a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rung {
    /// The picture as it is.
    Plain,
    /// Found at half the size, read at full size: noise, screen grids, low contrast.
    Half,
    /// Softened, then thresholded in a wide window: noise, screen grids, uneven light.
    Smooth,
    /// Doubled and sharpened: small or blurred codes.
    Large,
}

impl Rung {
    /// All rungs in the order in which [`Reader::read`](super::Reader::read) climbs them.
    pub const ALL: &[Self] = &[Self::Plain, Self::Half, Self::Smooth, Self::Large];

    /// The rungs that take turns on a camera's missed frames.
    pub(super) const CAMERA: &[Self] = &[Self::Half, Self::Smooth, Self::Large];

    /// A stable name for tables and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Half => "half",
            Self::Smooth => "smooth",
            Self::Large => "large",
        }
    }
}

/// Looks at `frame` by one rung; may panic on odd pictures where rxing or rqrr do.
pub(super) fn run(rung: Rung, frame: &Frame, stop: &dyn Fn() -> bool) -> Pass {
    let pass = match rung {
        Rung::Plain => look(threshold::by_blocks(frame), *frame, 1.0, stop),
        Rung::Half => {
            let half = filter::shrink(frame, 2);
            let half = half.frame();
            look(
                threshold::by_window(&half, half.width() / 24 + 1, 6),
                *frame,
                2.0,
                stop,
            )
        }
        Rung::Smooth => {
            let soft = filter::blur(frame, 1);
            let soft = soft.frame();
            look(
                threshold::by_window(&soft, frame.width() / 32 + 1, 8),
                soft,
                1.0,
                stop,
            )
        }
        Rung::Large => {
            let large = filter::double(frame);
            let sharp = filter::sharpen(&large.frame(), 3, 2);
            look(threshold::by_blocks(&sharp.frame()), *frame, 0.5, stop)
        }
    };
    pass.unwrap_or_default()
}

/// Finds codes in black and white, reads them there or in the grey picture.
fn look(bits: Option<BitMatrix>, grey: Frame, scale: f32, stop: &dyn Fn() -> bool) -> Option<Pass> {
    Some(scan(
        View {
            bits: bits?,
            grey,
            scale,
        },
        stop,
    ))
}
