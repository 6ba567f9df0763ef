//! Where a module of a code lies in the picture: perspective, and a little bending.

/// A place in a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f32,
    pub(super) y: f32,
}

impl Place {
    /// The distance to another place.
    pub(super) fn far(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// A map from modules to pixels, held by four corners and four bends.
///
/// The corners are the centres of the three finder patterns and the place that completes them to a
/// square. The bends move what lies between: the first two the middle columns and rows to one side,
/// as on a leaning or crumpled ticket; the last two both halves apart or together, as on a roll.
#[derive(Clone)]
pub(super) struct Warp {
    /// Upper left, upper right, lower left, lower right.
    corners: [Place; 4],
    /// How far columns and rows lie off at the most: middle to one side, halves to the middle.
    bends: [Place; 4],
    /// Modules between the corners.
    span: f32,
    /// The eight numbers of the perspective that the corners make.
    lens: [f32; 8],
}

impl Warp {
    /// Number of handles that [`Warp::moved`] knows.
    pub(super) const HANDLES: usize = 8;

    /// The first of the two handles of a roll: columns, then rows.
    pub(super) const ROLL: usize = 6;

    /// A flat code of `side` modules on three finder patterns.
    pub(super) fn from_three(side: usize, ul: Place, ur: Place, ll: Place) -> Self {
        let lr = Place {
            x: ur.x + ll.x - ul.x,
            y: ur.y + ll.y - ul.y,
        };
        let none = Place { x: 0.0, y: 0.0 };
        let corners = [ul, ur, ll, lr];
        Self {
            corners,
            bends: [none; 4],
            span: side as f32 - 7.0,
            lens: lens(&corners),
        }
    }

    /// The same with one handle moved: 0 to 3 are the corners, the others the bends.
    pub(super) fn moved(&self, handle: usize, dx: f32, dy: f32) -> Self {
        let mut warp = self.clone();
        let place = if handle < 4 {
            &mut warp.corners[handle]
        } else {
            &mut warp.bends[(handle - 4) % 4]
        };
        place.x += dx;
        place.y += dy;
        if handle < 4 {
            warp.lens = lens(&warp.corners);
        }
        warp
    }

    /// The pixel at column `u` and row `v`, in modules from the code's outer corner.
    pub(super) fn pixel(&self, u: f32, v: f32) -> Place {
        let (s, t) = ((u - 3.5) / self.span, (v - 3.5) / self.span);
        let [a, b, c, d, e, f, g, h] = self.lens;
        let depth = 1.0 / (g * s + h * t + 1.0);
        let arch = |at: f32| 4.0 * at * (1.0 - at);
        // The curve with zeros at both ends and in the middle, and 1 at its summits.
        let wave = |at: f32| 10.39 * at * (1.0 - at) * (1.0 - 2.0 * at);
        let [lean_u, lean_v, roll_u, roll_v] = &self.bends;
        let (arch_u, arch_v, wave_u, wave_v) = (arch(s), arch(t), wave(s), wave(t));
        let off =
            |u: f32, v: f32, ru: f32, rv: f32| arch_u * u + arch_v * v + wave_u * ru + wave_v * rv;
        Place {
            x: (a * s + b * t + c) * depth + off(lean_u.x, lean_v.x, roll_u.x, roll_v.x),
            y: (d * s + e * t + f) * depth + off(lean_u.y, lean_v.y, roll_u.y, roll_v.y),
        }
    }

    /// One module along the columns' axis (0) or the rows' (1), in pixels.
    pub(super) fn along(&self, axis: usize) -> Place {
        let [from, ur, ll, _] = self.corners;
        let to = if axis == 0 { ur } else { ll };
        Place {
            x: (to.x - from.x) / self.span,
            y: (to.y - from.y) / self.span,
        }
    }
}

/// The perspective that takes the unit square to four corners.
fn lens(&[ul, ur, ll, lr]: &[Place; 4]) -> [f32; 8] {
    let (rx, ry) = (ur.x - lr.x, ur.y - lr.y);
    let (lx, ly) = (ll.x - lr.x, ll.y - lr.y);
    let (sx, sy) = (ul.x - ur.x - ll.x + lr.x, ul.y - ur.y - ll.y + lr.y);
    let area = rx * ly - lx * ry;
    // Corners on one line make no picture; any finite map will do, it is refused by its contrast.
    let (g, h) = if area.abs() < 1e-3 {
        (0.0, 0.0)
    } else {
        ((sx * ly - lx * sy) / area, (rx * sy - sx * ry) / area)
    };
    [
        ur.x - ul.x + g * ur.x,
        ll.x - ul.x + h * ll.x,
        ul.x,
        ur.y - ul.y + g * ur.y,
        ll.y - ul.y + h * ll.y,
        ul.y,
        g,
        h,
    ]
}
