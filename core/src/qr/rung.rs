//! The ladder: each rung is one way to look at a picture, from cheap to dear.

use rxing::common::BitMatrix;

use super::filter;
use super::finder::{Found, Pass, View, scan};
use super::frame::Frame;
use super::reading::{Corner, Payload};
use super::threshold;

/// One way to look at a picture.
///
/// The order is that of the benchmark: what reads most per millisecond comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rung {
    /// The picture as it is.
    Plain,
    /// Found at a third of the size: strong noise, low light, faint codes.
    Third,
    /// Found at half the size: worn and cracked codes, shadows.
    Half,
    /// Found at full size, softened: small faint codes, blur with noise.
    Soft,
    /// The finder and decoder of rqrr instead of rxing's: strongly slanted codes.
    Rqrr,
}

impl Rung {
    /// All rungs in the order in which [`Reader::read`](super::Reader::read) climbs them.
    pub const ALL: &[Self] = &[Self::Plain, Self::Third, Self::Half, Self::Soft, Self::Rqrr];

    /// The rungs that take turns on a camera's missed frames.
    pub(super) const CAMERA: &[Self] = &[Self::Third, Self::Half, Self::Soft, Self::Rqrr];

    /// A stable name for tables and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Third => "third",
            Self::Half => "half",
            Self::Soft => "soft",
            Self::Rqrr => "rqrr",
        }
    }
}

/// Looks at `frame` by one rung; may panic on odd pictures where rxing or rqrr do.
///
/// Finder patterns are sought in black and white, at the size that shows them best; modules are
/// also read from the grey frame itself, at its full size.
pub(super) fn run(rung: Rung, frame: &Frame, stop: &dyn Fn() -> bool) -> Pass {
    let look = |bits: Option<BitMatrix>, scale: f32| {
        bits.map(|bits| {
            scan(
                View {
                    bits,
                    grey: *frame,
                    scale,
                },
                stop,
            )
        })
        .unwrap_or_default()
    };
    // Windows are shares of the width: a code that fills the frame has modules of a fiftieth of it.
    let window = |small: &Frame, share: usize, percent: u32| {
        threshold::by_window(small, small.width() / share + 1, percent)
    };
    match rung {
        Rung::Plain => look(threshold::by_blocks(frame), 1.0),
        Rung::Third => {
            let third = filter::shrink(frame, 3);
            look(window(&third.frame(), 64, 3), 3.0)
        }
        Rung::Half => {
            let half = filter::shrink(frame, 2);
            look(window(&half.frame(), 48, 3), 2.0)
        }
        Rung::Soft => {
            let soft = filter::blur(frame, 1);
            look(window(&soft.frame(), 64, 2), 1.0)
        }
        Rung::Rqrr => by_rqrr(frame),
    }
}

/// Reads the codes that rqrr finds.
fn by_rqrr(frame: &Frame) -> Pass {
    let mut picture =
        rqrr::PreparedImage::prepare_from_greyscale(frame.width(), frame.height(), |x, y| {
            frame.row(y)[x]
        });
    let mut pass = Pass::default();
    for grid in picture.detect_grids() {
        let mut bytes = Vec::new();
        if grid.decode_to(&mut bytes).is_ok() {
            let payload = Payload::from_bytes(bytes);
            let corners = grid.bounds.map(|p| Corner {
                x: p.x as f32,
                y: p.y as f32,
            });
            pass.merge(Pass {
                found: Some(Found { payload, corners }),
                leftover: false,
            });
        }
    }
    pass
}
