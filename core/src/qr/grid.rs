//! Reads the modules of a code from the grey picture, once its finder patterns are known.
//!
//! rxing samples one black-or-white pixel per module. Under blur, noise, cracks or a bent ticket
//! that pixel is often wrong, while the grey around it is not. Here the grid is first fitted to
//! what every code must show (finder, timing and alignment patterns), then each module is the mean
//! of a few places in it, compared with the modules around it.

use std::ops::Range;

use rxing::common::BitMatrix;

use super::finder::{Found, read_modules};
use super::frame::Frame;
use super::marks::Marks;
use super::reading::Corner;
use super::warp::{Place, Warp};

/// Least mean difference of white and black, in grey levels, that is worth decoding.
pub(super) const LEAST_CONTRAST: f32 = 5.0;

/// Least share of the finder patterns' contrast that a first fit of all marks must have.
const LEAST_SHARE: f32 = 0.4;

/// Modules to each side whose mean a module is compared with, and how much its four neighbours'
/// blur is taken out first; tried in turn.
const LOOKS: [(usize, f32); 4] = [(4, 0.0), (4, 0.6), (2, 0.3), (8, 1.2)];

/// Finder patterns, in pixels: centre and side.
#[derive(Clone, Copy)]
pub(super) struct Finder {
    pub(super) centre: Place,
    pub(super) side: f32,
}

/// How well the grey picture shows three finder patterns: their contrast, in grey levels.
pub(super) fn promise(frame: &Frame, finders: [Finder; 3], inverted: bool) -> f32 {
    let Some(fit) = Fit::start(frame, finders, inverted, 0) else {
        return 0.0;
    };
    fit.contrast_of(0..fit.marks.finders, &fit.warp)
}

/// Two finder patterns are known, one is spoilt: finds it, and says how well all three show.
///
/// `missing` is the index of the spoilt one, whose finder is only a guess.
pub(super) fn complete(
    frame: &Frame,
    mut finders: [Finder; 3],
    missing: usize,
    inverted: bool,
) -> Option<([Finder; 3], f32)> {
    const REACH: i32 = 5;
    let fit = Fit::start(frame, finders, inverted, 0)?;
    let third = fit.marks.finders / 3;
    let own = missing * third..(missing + 1) * third;
    let known = fit.contrast_of(0..fit.marks.finders, &fit.warp) * 3.0
        - fit.contrast_of(own.clone(), &fit.warp);
    if known < 2.0 * LEAST_CONTRAST {
        return None;
    }
    let (across, down) = (fit.warp.along(0), fit.warp.along(1));
    let (mut best, mut place) = (f32::MIN, finders[missing].centre);
    for (i, j) in square(REACH) {
        let (i, j) = (i as f32, j as f32);
        let (dx, dy) = (i * across.x + j * down.x, i * across.y + j * down.y);
        let contrast = fit.contrast_of(own.clone(), &fit.warp.moved(missing, dx, dy));
        if contrast > best {
            let centre = finders[missing].centre;
            (best, place) = (
                contrast,
                Place {
                    x: centre.x + dx,
                    y: centre.y + dy,
                },
            );
        }
    }
    finders[missing].centre = place;
    Some((finders, known + best))
}

/// The whole places up to `reach` from 0 in both directions.
fn square(reach: i32) -> impl Iterator<Item = (i32, i32)> {
    (-reach..=reach).flat_map(move |j| (-reach..=reach).map(move |i| (i, j)))
}

/// Reads the code whose finder patterns stand upper left, upper right and lower left.
pub(super) fn read(frame: &Frame, finders: [Finder; 3], inverted: bool) -> Option<Found> {
    let promise = promise(frame, finders, inverted);
    let (mut fit, contrast) = [0, -1, 1, -2, 2]
        .into_iter()
        .filter_map(|more| {
            let mut fit = Fit::start(frame, finders, inverted, more)?;
            let contrast = fit.find_fourth_corner();
            Some((fit, contrast))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    // Chance finder patterns have no timing lines between them: not worth the climb.
    if contrast < LEAST_SHARE * promise {
        return None;
    }
    fit.find_roll();
    if fit.climb() < LEAST_CONTRAST {
        return None;
    }
    let (means, medians) = fit.sample();
    let payload = [&means, &medians].into_iter().find_map(|grey| {
        LOOKS.iter().find_map(|&(reach, deblur)| {
            read_modules(&black_and_white(grey, fit.marks.side, reach, deblur)?)
        })
    })?;
    let side = fit.marks.side as f32;
    let corners = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)].map(|(u, v)| {
        let Place { x, y } = fit.warp.pixel(u, v);
        Corner { x, y }
    });
    Some(Found { payload, corners })
}

/// A grid being fitted to a picture.
struct Fit<'a> {
    frame: &'a Frame<'a>,
    marks: Marks,
    warp: Warp,
    /// Side of a module, in pixels, about.
    module: f32,
    sign: f32,
}

impl<'a> Fit<'a> {
    /// A flat code of the version that the finder patterns speak for, or `more` versions above.
    fn start(
        frame: &'a Frame<'a>,
        finders: [Finder; 3],
        inverted: bool,
        more: i32,
    ) -> Option<Self> {
        let [ul, ur, ll] = finders.map(|finder| finder.centre);
        let module = finders.iter().map(|finder| finder.side).sum::<f32>() / 21.0;
        let modules = (ul.far(ur) + ul.far(ll)) / (2.0 * module) + 7.0;
        let version = ((modules - 17.0) / 4.0).round() as i32 + more;
        let marks = Marks::of(
            u32::try_from(version)
                .ok()
                .filter(|v| (1..=40).contains(v))?,
        )?;
        let warp = Warp::from_three(marks.side, ul, ur, ll);
        Some(Self {
            frame,
            marks,
            warp,
            module,
            sign: if inverted { -1.0 } else { 1.0 },
        })
    }

    /// Mean difference between the known white and the known black modules, in grey levels.
    fn contrast(&self, warp: &Warp) -> f32 {
        self.contrast_of(0..self.marks.known.len(), warp)
    }

    /// The same for some of the marks.
    fn contrast_of(&self, marks: Range<usize>, warp: &Warp) -> f32 {
        let (mut white, mut black, mut whites, mut blacks) = (0.0, 0.0, 0.0, 0.0);
        for &(u, v, dark) in &self.marks.known[marks] {
            let grey = self.frame.grey_at(warp.pixel(u, v));
            if dark {
                (black, blacks) = (black + grey, blacks + 1.0);
            } else {
                (white, whites) = (white + grey, whites + 1.0);
            }
        }
        self.sign * (white / f32::max(whites, 1.0) - black / f32::max(blacks, 1.0))
    }

    /// Moves the lower right corner to where the alignment pattern shows; gives the contrast.
    ///
    /// A slanted code has it far from where three corners alone would put it. The pattern is small
    /// and data may look like it, so that the best few places are judged by all marks.
    fn find_fourth_corner(&mut self) -> f32 {
        const REACH: i32 = 13;
        const PLACES: usize = 16;
        let mut best = (self.contrast(&self.warp), self.warp.clone());
        if self.marks.fourth < self.marks.known.len() {
            let (across, down) = (self.warp.along(0), self.warp.along(1));
            let mut places: Vec<(f32, Warp)> = square(REACH)
                .map(|(i, j)| (i as f32, j as f32))
                .map(|(i, j)| {
                    let (dx, dy) = (i * across.x + j * down.x, i * across.y + j * down.y);
                    let warp = self.warp.moved(3, dx, dy);
                    let marks = self.marks.fourth..self.marks.known.len();
                    (self.contrast_of(marks, &warp), warp)
                })
                .collect();
            places.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (_, warp) in places.into_iter().take(PLACES) {
                let contrast = self.contrast(&warp);
                if contrast > best.0 {
                    best = (contrast, warp);
                }
            }
        }
        self.warp = best.1;
        best.0
    }

    /// Rolls the code round an upright or a level cylinder, as far as that shows better.
    ///
    /// The timing lines alternate with every module, so that climbing alone would stop one off.
    fn find_roll(&mut self) {
        let mut best = self.contrast(&self.warp);
        for handle in [Warp::ROLL, Warp::ROLL + 1] {
            let along = self.warp.along(handle - Warp::ROLL);
            let start = self.warp.clone();
            for step in (-6..=6).map(|step| step as f32 * 0.5) {
                let warp = start.moved(handle, along.x * step, along.y * step);
                let contrast = self.contrast(&warp);
                if contrast > best {
                    (best, self.warp) = (contrast, warp);
                }
            }
        }
    }

    /// Moves corners and bends while the contrast rises, by ever smaller steps.
    fn climb(&mut self) -> f32 {
        let mut best = self.contrast(&self.warp);
        for share in [0.6, 0.3, 0.15] {
            let step = share * self.module;
            for _ in 0..6 {
                let before = best;
                for handle in 0..Warp::HANDLES {
                    for (dx, dy) in [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)] {
                        let warp = self.warp.moved(handle, dx, dy);
                        let contrast = self.contrast(&warp);
                        if contrast > best {
                            (best, self.warp) = (contrast, warp);
                        }
                    }
                }
                if best <= before {
                    break;
                }
            }
        }
        best
    }

    /// The grey of each module, row by row, white is high: once the mean of nine places in it, for
    /// noise, once their median, for cracks and specks that cover less than half of it.
    fn sample(&self) -> (Vec<f32>, Vec<f32>) {
        const SPOTS: [f32; 3] = [0.25, 0.5, 0.75];
        let side = self.marks.side;
        let (mut means, mut medians) = (Vec::new(), Vec::new());
        for v in 0..side {
            for u in 0..side {
                let mut spots = [0.0; 9];
                for (index, spot) in spots.iter_mut().enumerate() {
                    let (du, dv) = (SPOTS[index % 3], SPOTS[index / 3]);
                    let place = self.warp.pixel(u as f32 + du, v as f32 + dv);
                    *spot = self.sign * self.frame.grey_at(place);
                }
                means.push(spots.iter().sum::<f32>() / 9.0);
                spots.sort_unstable_by(f32::total_cmp);
                medians.push(spots[4]);
            }
        }
        (means, medians)
    }
}

/// Decides each module by the mean of the modules up to `reach` away.
fn black_and_white(grey: &[f32], side: usize, reach: usize, deblur: f32) -> Option<BitMatrix> {
    let around = |at: usize, reach: usize| at.saturating_sub(reach)..(at + reach + 1).min(side);
    let at = |u: usize, v: usize| grey[v * side + u];
    let mut clear = grey.to_vec();
    if deblur > 0.0 {
        for v in 0..side {
            for u in 0..side {
                let last = side - 1;
                let beside = at(u.saturating_sub(1), v) + at((u + 1).min(last), v);
                let above = at(u, v.saturating_sub(1)) + at(u, (v + 1).min(last));
                clear[v * side + u] += deblur * (at(u, v) - (beside + above) / 4.0);
            }
        }
    }
    let mut bits = BitMatrix::with_single_dimension(side as u32).ok()?;
    for v in 0..side {
        for u in 0..side {
            let (mut sum, mut count) = (0.0, 0.0);
            for y in around(v, reach) {
                for x in around(u, reach) {
                    sum += clear[y * side + x];
                    count += 1.0;
                }
            }
            if clear[v * side + u] < sum / count {
                bits.set(u as u32, v as u32);
            }
        }
    }
    Some(bits)
}
