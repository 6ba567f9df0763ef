//! The ladder: each rung is one way to look at a picture, from cheap to dear.

use rxing::common::BitMatrix;

use super::filter;
use super::finder::{Pass, scan};
use super::frame::Frame;
use super::threshold;

/// One way to look at a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rung {
    /// The picture as it is.
    Plain,
    /// Softened, then thresholded in a wide window: noise, screen grids, uneven light.
    Smooth,
    /// Doubled and sharpened: small or blurred codes.
    Large,
}

impl Rung {
    /// All rungs in the order in which [`Reader::read`](super::Reader::read) climbs them.
    pub const ALL: &[Self] = &[Self::Plain, Self::Smooth, Self::Large];

    /// The rungs that take turns on a camera's missed frames.
    pub(super) const CAMERA: &[Self] = &[Self::Smooth, Self::Large];

    /// A stable name for tables and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Smooth => "smooth",
            Self::Large => "large",
        }
    }
}

/// Looks at `frame` by one rung; may panic on odd pictures where rxing or rqrr do.
pub(super) fn run(rung: Rung, frame: &Frame, stop: &dyn Fn() -> bool) -> Pass {
    match rung {
        Rung::Plain => look(frame, threshold::by_blocks(frame), stop),
        Rung::Smooth => {
            let soft = filter::blur(frame, 1);
            let soft = soft.frame();
            look(
                &soft,
                threshold::by_window(&soft, frame.width() / 32 + 1, 8),
                stop,
            )
        }
        Rung::Large => {
            let large = filter::double(frame);
            let sharp = filter::sharpen(&large.frame(), 3, 2);
            let bits = threshold::by_blocks(&sharp.frame());
            halved(look(&large.frame(), bits, stop))
        }
    }
}

/// Finds codes in black and white, reads them there or in the grey picture.
fn look(frame: &Frame, bits: Option<BitMatrix>, stop: &dyn Fn() -> bool) -> Pass {
    bits.map(|mut bits| scan(frame, &mut bits, stop))
        .unwrap_or_default()
}

/// Maps what was found in a doubled picture back.
fn halved(mut pass: Pass) -> Pass {
    if let Some(found) = &mut pass.found {
        for corner in &mut found.corners {
            corner.x /= 2.0;
            corner.y /= 2.0;
        }
    }
    pass
}
