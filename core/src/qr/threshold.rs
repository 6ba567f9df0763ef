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
        for (mean, range) in blocks(frame, by * BLOCK) {
            // The 1 keeps a flat surrounding (blank paper) from dividing by zero.
            weight.push(range * range + 1);
            level.push(mean * (range * range + 1));
        }
    }
    let weight = box_sums(&weight, columns, rows);
    let level = box_sums(&level, columns, rows);
    pack(frame, |y, limits| {
        if y % BLOCK == 0 {
            let at = y / BLOCK * columns;
            for (bx, part) in limits.chunks_mut(BLOCK).enumerate() {
                part.fill((level[at + bx] / weight[at + bx]) as u8);
            }
        }
    })
}

/// Mean and range (brightest minus darkest) of each block of the row of blocks that begins at `y`.
///
/// Whole columns first: that goes through the pixels in order, many at a time.
fn blocks(frame: &Frame, y: usize) -> Vec<(u32, u32)> {
    let height = BLOCK.min(frame.height() - y);
    let mut sums = vec![0u16; frame.width()];
    let (mut lows, mut highs) = (vec![u8::MAX; frame.width()], vec![u8::MIN; frame.width()]);
    for row in (y..y + height).map(|y| frame.row(y)) {
        for (sum, &v) in sums.iter_mut().zip(row) {
            *sum += u16::from(v);
        }
        for (low, &v) in lows.iter_mut().zip(row) {
            *low = (*low).min(v);
        }
        for (high, &v) in highs.iter_mut().zip(row) {
            *high = (*high).max(v);
        }
    }
    let parts = sums
        .chunks(BLOCK)
        .zip(lows.chunks(BLOCK).zip(highs.chunks(BLOCK)));
    parts
        .map(|(sums, (lows, highs))| {
            let sum: u32 = sums.iter().map(|&sum| u32::from(sum)).sum();
            let low = lows.iter().copied().min().unwrap_or_default();
            let high = highs.iter().copied().max().unwrap_or_default();
            (sum / (sums.len() * height) as u32, u32::from(high - low))
        })
        .collect()
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
    // In 256ths, so that a dark picture's thresholds are not rounded to nothing.
    let share = (100 - percent) * 256 / 100;
    pack(frame, |y, limits| {
        for (limit, &mean) in limits.iter_mut().zip(mean.row(y)) {
            *limit = ((u32::from(mean) * share + 128) >> 8) as u8;
        }
    })
}

/// Makes the matrix: a bit is set (black) where the pixel is below the threshold of its place.
///
/// `thresholds` fills in those of a row.
fn pack(frame: &Frame, mut thresholds: impl FnMut(usize, &mut [u8])) -> Option<BitMatrix> {
    let (width, height) = (frame.width(), frame.height());
    let mut bits = BitMatrix::new(width as u32, height as u32).ok()?;
    let mut line = BitArray::with_size(width);
    let mut limits = vec![0u8; width];
    for y in 0..height {
        thresholds(y, &mut limits);
        let pairs = frame.row(y).chunks(WORD).zip(limits.chunks(WORD));
        for (index, (pixels, limits)) in pairs.enumerate() {
            let mut black = [0u8; WORD];
            for (black, (pixel, limit)) in black.iter_mut().zip(pixels.iter().zip(limits)) {
                *black = u8::from(pixel < limit);
            }
            line.setBulk(index * WORD, gather(&black));
        }
        bits.setRow(y as u32, &line);
    }
    Some(bits)
}

/// Packs bytes that are 0 or 1 into bits, the first byte into the lowest.
fn gather(bytes: &[u8; WORD]) -> usize {
    let mut word = 0;
    for (index, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        // The product brings the lowest bit of byte i to bit 56 + i.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= (bits as usize) << (8 * index);
    }
    word
}
