//! From a black-and-white picture to the codes in it, by the parts of rxing.

use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{
    FindFinderPatterns, FinderPatternSet, GenerateFinderPatternSets, SampleQR,
};

use super::frame::Frame;
use super::grid::{self, Finder};
use super::reading::{Corner, Payload};
use super::warp::Place;

/// Triples of finder patterns that are tried in one picture; a noisy one holds thousands.
const MAX_TRIPLES: usize = 120;

/// Triples that are also read from the grey picture, which takes a millisecond each.
const MAX_GRIDS: usize = 6;

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
            .is_some_and(|found| is_ticket(&found.payload) || !self.leftover)
    }

    /// Adds the outcome of another look.
    pub(super) fn merge(&mut self, other: Self) {
        self.leftover |= other.leftover;
        if let Some(found) = other.found
            && self
                .found
                .as_ref()
                .is_none_or(|_| is_ticket(&found.payload))
        {
            self.found = Some(found);
        }
    }
}

/// Whether a payload begins like a ticket.
fn is_ticket(payload: &Payload) -> bool {
    match payload {
        Payload::Text(text) => text.starts_with("BT1:") || text.starts_with("BL1:"),
        Payload::Binary(_) => false,
    }
}

/// Reads the codes in `bits`, which was made from `frame`: black on white, then white on black.
pub(super) fn scan(frame: &Frame, bits: &mut BitMatrix, stop: &dyn Fn() -> bool) -> Pass {
    let mut pass = scan_once(frame, bits, false, stop);
    if !pass.settled() && !stop() {
        bits.flip_self();
        pass.merge(scan_once(frame, bits, true, stop));
    }
    pass
}

/// Reads the codes that are black in `bits`.
fn scan_once(frame: &Frame, bits: &BitMatrix, inverted: bool, stop: &dyn Fn() -> bool) -> Pass {
    let mut pass = Pass::default();
    let mut patterns = FindFinderPatterns(bits, true, 0);
    let triples = GenerateFinderPatternSets(&mut patterns);
    let mut used = Vec::new();
    let samplers: [(usize, &dyn Fn(&FinderPatternSet) -> Option<Found>); 2] = [
        (MAX_TRIPLES, &|triple| decode(bits, triple)),
        (MAX_GRIDS, &|triple| {
            grid::read(frame, finders(triple), inverted)
        }),
    ];
    for (most, sampler) in samplers {
        for triple in triples.iter().take(most) {
            let own = [triple.bl, triple.tl, triple.tr];
            if own.iter().any(|pattern| used.contains(pattern)) {
                continue;
            }
            if let Some(found) = sampler(triple) {
                used.extend(own);
                pass.merge(Pass {
                    found: Some(found),
                    leftover: false,
                });
            }
            pass.leftover = patterns.len() >= used.len() + 3;
            if pass.settled() || stop() {
                return pass;
            }
        }
    }
    pass
}

/// The finder patterns of a triple: upper left, upper right, lower left.
fn finders(triple: &FinderPatternSet) -> [Finder; 3] {
    [triple.tl, triple.tr, triple.bl].map(|pattern| Finder {
        centre: Place {
            x: pattern.p.x,
            y: pattern.p.y,
        },
        side: pattern.size as f32,
    })
}

/// Reads the one code that stands on these three finder patterns.
fn decode(bits: &BitMatrix, triple: &FinderPatternSet) -> Option<Found> {
    let sample = SampleQR(bits, triple).ok()?;
    let payload = read_modules(sample.getBits())?;
    let &[upper_left, upper_right, lower_left, lower_right] = sample.getPoints() else {
        return None;
    };
    let corners = [upper_left, upper_right, lower_right, lower_left].map(|point| Corner {
        x: point.x,
        y: point.y,
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
        match String::from_utf8(content.bytes().to_vec()) {
            Ok(text) => Payload::Text(text),
            Err(error) => Payload::Binary(error.into_bytes()),
        }
    })
}
