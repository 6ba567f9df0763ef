//! From a black-and-white picture to the codes in it, by the parts of rxing.

use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{
    FindFinderPatterns, FinderPatternSet, GenerateFinderPatternSets, SampleQR,
};

use super::reading::{Corner, Payload};

/// Triples of finder patterns that are tried in one picture; a noisy one holds thousands.
const MAX_TRIPLES: usize = 120;

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

/// Reads the codes in `bits`, first black on white, then white on black.
pub(super) fn scan(bits: &mut BitMatrix, stop: &dyn Fn() -> bool) -> Pass {
    let mut pass = scan_once(bits, stop);
    if !pass.settled() && !stop() {
        bits.flip_self();
        pass.merge(scan_once(bits, stop));
    }
    pass
}

/// Reads the codes that are black on white.
fn scan_once(bits: &BitMatrix, stop: &dyn Fn() -> bool) -> Pass {
    let mut pass = Pass::default();
    let mut patterns = FindFinderPatterns(bits, true, 0);
    let mut used = Vec::new();
    for triple in GenerateFinderPatternSets(&mut patterns)
        .iter()
        .take(MAX_TRIPLES)
    {
        let own = [triple.bl, triple.tl, triple.tr];
        if own.iter().any(|pattern| used.contains(pattern)) {
            continue;
        }
        if let Some(found) = decode(bits, triple) {
            used.extend(own);
            let ticket = is_ticket(&found.payload);
            pass.merge(Pass {
                found: Some(found),
                leftover: false,
            });
            if ticket {
                break;
            }
        }
        if stop() {
            break;
        }
    }
    pass.leftover = patterns.len() >= used.len() + 3;
    pass
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
