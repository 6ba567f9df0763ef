//! Where something stands, asked in no time however much stands there.

use super::frame::Frame;

/// The most cells along one side.
const MOST: i32 = 1_000;

/// A window on a map, divided into cells; each is free or not. A cell that something touches counts as
/// taken as a whole, so what is said to be free is free.
pub(super) struct Ground {
    window: Frame,
    cell: i32,
    /// How many numbers a row of `sums` has.
    stride: usize,
    rows: usize,
    /// For each cell, how many are taken from the first one to it, in both directions.
    sums: Vec<i32>,
}

impl Ground {
    /// The window with these things in it; cells are a bit smaller than `fine`, or larger if there would
    /// be too many.
    pub(super) fn new(window: Frame, fine: i32, things: &[Frame]) -> Self {
        let side = window.width().max(window.height());
        let cell = fine.max(1).max(side / MOST + 1);
        // One more each way than there are cells: what a thing adds is taken back after it.
        let mut ground = Self {
            window,
            cell,
            stride: count(window.width() / cell) + 2,
            rows: count(window.height() / cell) + 1,
            sums: Vec::new(),
        };
        let mut marks = vec![0_i32; ground.stride * (ground.rows + 1)];
        for thing in things {
            let Some(cells) = ground.cells(*thing) else {
                continue;
            };
            for (column, row, by) in [
                (cells.left, cells.top, 1),
                (cells.right, cells.top, -1),
                (cells.left, cells.bottom, -1),
                (cells.right, cells.bottom, 1),
            ] {
                if let Some(mark) = marks.get_mut(row * ground.stride + column) {
                    *mark += by;
                }
            }
        }
        ground.sums = summed(&marks, ground.stride);
        ground
    }

    /// Whether nothing touches a rectangle; outside the window, nothing does.
    pub(super) fn is_free(&self, frame: Frame) -> bool {
        let Some(cells) = self.cells(frame) else {
            return true;
        };
        let taken = self.taken(cells.right, cells.bottom) + self.taken(cells.left, cells.top)
            - self.taken(cells.left, cells.bottom)
            - self.taken(cells.right, cells.top);
        taken == 0
    }

    /// How many cells are taken left of a column and above a row.
    fn taken(&self, column: usize, row: usize) -> i32 {
        let (Some(column), Some(row)) = (column.checked_sub(1), row.checked_sub(1)) else {
            return 0;
        };
        let sum = self.sums.get(row * self.stride + column);
        sum.copied().unwrap_or(0)
    }

    /// The cells that a rectangle touches, if it is in the window.
    fn cells(&self, frame: Frame) -> Option<Cells> {
        let window = self.window;
        if !window.meets(frame) {
            return None;
        }
        let column = |x: i32| count((x.clamp(window.left, window.right) - window.left) / self.cell);
        let row = |y: i32| count((y.clamp(window.top, window.bottom) - window.top) / self.cell);
        Some(Cells {
            left: column(frame.left),
            top: row(frame.top),
            right: column(frame.right) + 1,
            bottom: row(frame.bottom) + 1,
        })
    }
}

/// Cells, from the first ones up to those after the last.
struct Cells {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// What stands where, out of what begins and ends where; then how many cells of it are taken.
fn summed(marks: &[i32], stride: usize) -> Vec<i32> {
    let mut standing = vec![0_i32; stride];
    let mut counts = vec![0_i32; stride];
    let mut sums = Vec::with_capacity(marks.len());
    for row in marks.chunks(stride) {
        let (mut begun, mut taken) = (0, 0);
        for ((mark, standing), count) in row.iter().zip(&mut standing).zip(&mut counts) {
            begun += *mark;
            *standing += begun;
            taken += i32::from(*standing > 0);
            *count += taken;
            sums.push(*count);
        }
    }
    sums
}

fn count(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn frame()(left in -20_i32..140, top in -20_i32..140, width in 0_i32..40, height in 0_i32..40) -> Frame {
            Frame { left, top, right: left + width, bottom: top + height }
        }
    }

    proptest! {
        /// What is said to be free is free; with cells of one unit, all that is free is said to be.
        #[test]
        fn free_is_what_nothing_touches(
            things in prop::collection::vec(frame(), 0..9),
            asked in frame(),
            fine in 1_i32..9,
        ) {
            let window = Frame { left: 0, top: 10, right: 120, bottom: 110 };
            let seen = Frame {
                left: asked.left.max(window.left),
                top: asked.top.max(window.top),
                right: asked.right.min(window.right),
                bottom: asked.bottom.min(window.bottom),
            };
            let is_free = !window.meets(asked) || !things.iter().any(|t| window.meets(*t) && t.meets(seen));
            if Ground::new(window, fine, &things).is_free(asked) {
                prop_assert!(is_free);
            }
            prop_assert_eq!(Ground::new(window, 1, &things).is_free(asked), is_free);
        }
    }
}
