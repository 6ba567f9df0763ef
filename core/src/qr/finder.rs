//! From a black-and-white picture to the codes in it, by the parts of rxing.

use rxing::common::cpp_essentials::ConcentricPattern;
use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{
    FindFinderPatterns, FinderPatternSet, GenerateFinderPatternSets, SampleQR,
};

use super::frame::Frame;
use super::grid::{self, Finder};
use super::pairs;
use super::reading::{Corner, Payload};
use super::warp::Place;

/// Triples of finder patterns that are looked at in one picture; a noisy one holds thousands.
const MAX_TRIPLES: usize = 500;

/// Triples that are read from black and white, the most promising first.
const MAX_SAMPLES: usize = 24;

/// Triples that are also read from the grey picture, which takes a millisecond each.
const MAX_GRIDS: usize = 4;

/// Least promise of a triple, as a share of the best one's: codes in one light differ less.
const LEAST_SHARE: f32 = 0.2;

/// Finder patterns that may belong together, and how well they show.
type Triple = (f32, FinderPatternSet);

/// A code that was read, in the pixels of the picture at hand.
pub(super) struct Found {
    pub(super) payload: Payload,
    pub(super) corners: [Corner; 4],
}

/// What one look at a picture gave.
#[derive(Default)]
pub(super) struct Pass {
    /// The best code read: a ticket before anything else.
    pub(super) found: Option<Found>,
    /// Whether finder patterns of another code are left that could not be read.
    pub(super) leftover: bool,
}

impl Pass {
    /// Whether nothing better can come out of this picture.
    pub(super) fn settled(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| found.payload.looks_like_ticket() || !self.leftover)
    }

    /// Adds the outcome of another look.
    pub(super) fn merge(&mut self, other: Self) {
        self.leftover |= other.leftover;
        if let Some(found) = other.found
            && self
                .found
                .as_ref()
                .is_none_or(|_| found.payload.looks_like_ticket())
        {
            self.found = Some(found);
        }
    }
}

/// A black-and-white picture to find codes in, and the grey one that it was made from.
pub(super) struct View<'a> {
    /// Black is set.
    pub(super) bits: BitMatrix,
    /// Where modules are read when `bits` are too coarse for it.
    pub(super) grey: Frame<'a>,
    /// Pixels of `grey` for each pixel of `bits`.
    pub(super) scale: f32,
}

/// Reads the codes in a picture: black on white, then white on black.
pub(super) fn scan(mut view: View, stop: &dyn Fn() -> bool) -> Pass {
    let mut pass = scan_once(&view, false, stop);
    if !pass.settled() && !stop() {
        view.bits.flip_self();
        pass.merge(scan_once(&view, true, stop));
    }
    pass
}

/// Reads the codes that are set in the bits of `view`.
fn scan_once(view: &View, inverted: bool, stop: &dyn Fn() -> bool) -> Pass {
    let mut pass = Pass::default();
    let mut patterns = FindFinderPatterns(&view.bits, true, 0);
    let sets = GenerateFinderPatternSets(&mut patterns);
    let mut triples: Vec<Triple> = sets
        .into_iter()
        .take(MAX_TRIPLES)
        .map(|set| {
            (
                grid::promise(&view.grey, finders(view, &set), inverted),
                set,
            )
        })
        .filter(|(promise, _)| *promise > grid::LEAST_CONTRAST)
        .collect();
    triples.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = triples.first().map_or(0.0, |(promise, _)| *promise);
    triples.retain(|(promise, _)| *promise > LEAST_SHARE * best);
    let mut used = Vec::new();
    for (most, from_grey) in [(MAX_SAMPLES, false), (MAX_GRIDS, true)] {
        for (_, set) in triples.iter().take(most) {
            let own = [set.bl, set.tl, set.tr];
            if own.iter().any(|pattern| used.contains(pattern)) {
                continue;
            }
            let found = if from_grey {
                grid::read(&view.grey, finders(view, set), inverted)
            } else {
                decode(view, set)
            };
            if let Some(found) = found {
                used.extend(own);
                pass.merge(Pass {
                    found: Some(found),
                    leftover: false,
                });
            }
            // Three finder patterns that show well are a code; others are chance.
            pass.leftover = triples.iter().any(|(_, set)| {
                [set.bl, set.tl, set.tr]
                    .iter()
                    .all(|pattern| !used.contains(pattern))
            });
            if pass.settled() || stop() {
                return pass;
            }
        }
    }
    if pass.found.is_none() && !stop() {
        pass.found = pairs::read(view, &patterns, inverted);
    }
    pass
}

/// The finder patterns of a triple in the grey picture: upper left, upper right, lower left.
fn finders(view: &View, triple: &FinderPatternSet) -> [Finder; 3] {
    [triple.tl, triple.tr, triple.bl].map(|pattern| finder(view, &pattern))
}

/// A finder pattern in the grey picture.
pub(super) fn finder(view: &View, pattern: &ConcentricPattern) -> Finder {
    Finder {
        centre: Place {
            x: pattern.p.x * view.scale,
            y: pattern.p.y * view.scale,
        },
        side: pattern.size as f32 * view.scale,
    }
}

/// Reads the one code that stands on these finder patterns from the bits.
fn decode(view: &View, triple: &FinderPatternSet) -> Option<Found> {
    let sample = SampleQR(&view.bits, triple).ok()?;
    let payload = read_modules(sample.getBits())?;
    let &[upper_left, upper_right, lower_left, lower_right] = sample.getPoints() else {
        return None;
    };
    let corners = [upper_left, upper_right, lower_right, lower_left].map(|point| Corner {
        x: point.x * view.scale,
        y: point.y * view.scale,
    });
    Some(Found { payload, corners })
}

/// Reads a grid of modules, one bit each, mirrored or not.
pub(super) fn read_modules(modules: &BitMatrix) -> Option<Payload> {
    let result = Decode(modules).ok().filter(|result| result.isValid())?;
    let content = result.content();
    Some(if content.has_eci {
        // The code names its character set; rxing turns it into text.
        Payload::Text(result.text())
    } else {
        Payload::from_bytes(content.bytes().to_vec())
    })
}
