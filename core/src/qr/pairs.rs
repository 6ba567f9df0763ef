//! Codes of which one finder pattern is spoilt: by glare, a crack, dirt, a thumb.
//!
//! Two finder patterns leave six places for the third. Each is tried in the grey picture, and the
//! best few are read like whole codes.

use rxing::common::cpp_essentials::ConcentricPattern;

use super::finder::{Found, View, finder};
use super::grid::{self, Finder};
use super::warp::Place;

/// Finder patterns that are paired, from the largest.
const MAX_PATTERNS: usize = 10;

/// Completed codes that are read.
const MAX_READ: usize = 2;

/// Distance of two finder patterns of one code, in modules: version 1's side to 13's diagonal.
const MODULES: std::ops::Range<f32> = 13.0..90.0;

/// Reads a code from two of `patterns`, which come largest first.
pub(super) fn read(view: &View, patterns: &[ConcentricPattern], inverted: bool) -> Option<Found> {
    let finders: Vec<Finder> = patterns
        .iter()
        .take(MAX_PATTERNS)
        .map(|pattern| finder(view, pattern))
        .collect();
    let mut whole = Vec::new();
    for (index, &a) in finders.iter().enumerate() {
        for &b in &finders[index + 1..] {
            let modules = a.centre.far(b.centre) * 14.0 / (a.side + b.side);
            if a.side > 1.5 * b.side || !MODULES.contains(&modules) {
                continue;
            }
            let guesses = guesses(a, b).into_iter().chain(guesses(b, a));
            whole.extend(guesses.filter_map(|(guess, missing)| {
                grid::complete(&view.grey, guess, missing, inverted)
            }));
        }
    }
    whole.sort_by(|a, b| b.1.total_cmp(&a.1));
    whole
        .iter()
        .take(MAX_READ)
        .find_map(|(finders, _)| grid::read(&view.grey, *finders, inverted))
}

/// The three ways to complete `a` and `b` on one side, each with the index of the one added.
fn guesses(a: Finder, b: Finder) -> [([Finder; 3], usize); 3] {
    let side = (a.side + b.side) / 2.0;
    let at = |x: f32, y: f32| Finder {
        centre: Place { x, y },
        side,
    };
    let (from, to) = (a.centre, b.centre);
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let middle = at((from.x + to.x - dy) / 2.0, (from.y + to.y + dx) / 2.0);
    [
        ([a, b, at(from.x - dy, from.y + dx)], 2),
        ([a, at(from.x + dy, from.y - dx), b], 1),
        ([middle, a, b], 0),
    ]
}
