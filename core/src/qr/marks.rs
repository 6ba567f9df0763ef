//! What every code shows: the modules whose colour its version fixes.

use rxing::qrcode::common::Version;

/// The modules of a version whose colour is known: places in modules, and whether dark.
pub(super) struct Marks {
    /// Modules on a side.
    pub(super) side: usize,
    /// All known modules.
    pub(super) known: Vec<(f32, f32, bool)>,
    /// How many of them, from the first, are finder patterns: a third for each.
    pub(super) finders: usize,
    /// Where those of the alignment pattern near the fourth corner begin (once), if there is one.
    pub(super) fourth: usize,
}

impl Marks {
    /// The marks of version 1 to 40.
    pub(super) fn of(version: u32) -> Option<Self> {
        let side = 17 + 4 * version as usize;
        let mut known = Vec::new();
        let mut add = |u: usize, v: usize, dark: bool| {
            known.push((u as f32 + 0.5, v as f32 + 0.5, dark));
        };
        // Rings by distance from the centre: a finder is black to 1, white 2, black 3, white 4.
        for (u0, v0) in [(3, 3), (side - 4, 3), (3, side - 4)] {
            for u in u0.saturating_sub(4)..(u0 + 5).min(side) {
                for v in v0.saturating_sub(4)..(v0 + 5).min(side) {
                    let ring = u.abs_diff(u0).max(v.abs_diff(v0));
                    add(u, v, ring <= 1 || ring == 3);
                }
            }
        }
        let finders = 3 * 64;
        for at in 8..side - 8 {
            add(at, 6, at % 2 == 0);
            add(6, at, at % 2 == 0);
        }
        let centres = Version::Model2(version).ok()?.getAlignmentPatternCenters();
        for &u0 in centres {
            for &v0 in centres {
                let (u0, v0) = (u0 as usize, v0 as usize);
                let last = side - 7;
                if u0 == 6 || v0 == 6 {
                    // On a finder, or on the timing line, which counts already.
                    continue;
                }
                // The one near the fourth corner holds the grid there alone: it counts threefold.
                let times = if u0 == last && v0 == last { 3 } else { 1 };
                for _ in 0..times {
                    for u in u0 - 2..=u0 + 2 {
                        for v in v0 - 2..=v0 + 2 {
                            add(u, v, u.abs_diff(u0).max(v.abs_diff(v0)) != 1);
                        }
                    }
                }
            }
        }
        // The last centre comes last.
        let fourth = known.len() - if version > 1 { 25 } else { 0 };
        Some(Self {
            side,
            known,
            finders,
            fourth,
        })
    }
}
