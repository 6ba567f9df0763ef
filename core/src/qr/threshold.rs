//! Grey to black and white, into the bit matrix that the finder reads.

use rxing::common::{BitArray, BitMatrix};

use super::frame::Frame;

/// Side of the blocks of [`by_blocks`], in pixels.
const BLOCK: usize = 8;

/// Blocks to each side that speak in a block's threshold.
const REACH: usize = 2;

/// Bits that the matrix takes at once.
const WORD: usize = usize::BITS as usize;

/// Thresholds each 8 × 8 block at the mean of the 5 × 5 blocks around it, weighed by contrast.
///
/// Flat paper next to a code thus leaves the decision to the blocks where black meets white.
/// Fast (one pass over the frame and one over the blocks): for rung 1, which sees every frame.
pub(super) fn by_blocks(frame: &Frame) -> Option<BitMatrix> {
    let (columns, rows) = (
        frame.width().div_ceil(BLOCK),
        frame.height().div_ceil(BLOCK),
    );
    let mut weight = Vec::with_capacity(columns * rows);
    let mut level = Vec::with_capacity(columns * rows);
    for by in 0..rows {
        for bx in 0..columns {
            let (mean, range) = block(frame, bx * BLOCK, by * BLOCK);
            // The 1 keeps a flat surrounding (blank paper) from dividing by zero.
            weight.push(range * range + 1);
            level.push(mean * (range * range + 1));
        }
    }
    let weight = box_sums(&weight, columns, rows);
    let level = box_sums(&level, columns, rows);
    let mut line = vec![0u8; frame.width()];
    pack(frame, |y| {
        if y % BLOCK == 0 {
            let at = y / BLOCK * columns;
            for (bx, part) in line.chunks_mut(BLOCK).enumerate() {
                part.fill((level[at + bx] / weight[at + bx]) as u8);
            }
        }
        line.clone()
    })
}

/// Mean and range (brightest minus darkest) of the block that begins at (x, y).
fn block(frame: &Frame, x: usize, y: usize) -> (u32, u32) {
    let (mut sum, mut low, mut high, mut count) = (0, u8::MAX, u8::MIN, 0);
    for row in (y..frame.height().min(y + BLOCK)).map(|y| frame.row(y)) {
        let part = &row[x..row.len().min(x + BLOCK)];
        for &v in part {
            sum += u32::from(v);
            low = low.min(v);
            high = high.max(v);
        }
        count += part.len() as u32;
    }
    (sum / count.max(1), u32::from(high - low))
}

/// For each cell the sum of the cells up to [`REACH`] away.
fn box_sums(cells: &[u32], columns: usize, rows: usize) -> Vec<u32> {
    let around = |at: usize, len: usize| at.saturating_sub(REACH)..(at + REACH + 1).min(len);
    let mut across = Vec::with_capacity(cells.len());
    for row in cells.chunks_exact(columns) {
        across.extend((0..columns).map(|x| row[around(x, columns)].iter().sum::<u32>()));
    }
    let mut sums = Vec::with_capacity(cells.len());
    for y in 0..rows {
        sums.extend((0..columns).map(|x| {
            around(y, rows)
                .map(|y| across[y * columns + x])
                .sum::<u32>()
        }));
    }
    sums
}

/// Bradley's threshold: black where a pixel is `percent` darker than the mean of the window around.
///
/// The window is `radius` pixels to each side. Slower than [`by_blocks`], better in uneven light.
pub(super) fn by_window(frame: &Frame, radius: usize, percent: u32) -> Option<BitMatrix> {
    let mean = super::filter::blur(frame, radius);
    let mean = mean.frame();
    pack(frame, |y| {
        mean.row(y)
            .iter()
            .map(|&m| (u32::from(m) * (100 - percent) / 100) as u8)
            .collect::<Vec<u8>>()
    })
}

/// Makes the matrix: a bit is set (black) where the pixel is below the threshold of its place.
fn pack(frame: &Frame, mut thresholds: impl FnMut(usize) -> Vec<u8>) -> Option<BitMatrix> {
    let (width, height) = (frame.width(), frame.height());
    let mut bits = BitMatrix::new(width as u32, height as u32).ok()?;
    let mut line = BitArray::with_size(width);
    for y in 0..height {
        let thresholds = thresholds(y);
        let pairs = frame.row(y).chunks(WORD).zip(thresholds.chunks(WORD));
        for (index, (pixels, limits)) in pairs.enumerate() {
            let mut word = 0usize;
            for (bit, (pixel, limit)) in pixels.iter().zip(limits).enumerate() {
                word |= usize::from(pixel < limit) << bit;
            }
            line.setBulk(index * WORD, word);
        }
        bits.setRow(y as u32, &line);
    }
    Some(bits)
}
