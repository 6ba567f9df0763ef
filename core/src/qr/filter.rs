//! Picture filters: each takes a frame and makes a new plane.

use super::frame::{Frame, Plane};

/// Shrinks by a whole factor, each new pixel the mean of `factor` × `factor` old ones.
pub(super) fn shrink(frame: &Frame, factor: usize) -> Plane {
    let factor = factor.clamp(1, frame.width().min(frame.height()));
    let (width, height) = (frame.width() / factor, frame.height() / factor);
    let area = (factor * factor) as u32;
    let mut data = Vec::with_capacity(width * height);
    let mut sums = vec![0u32; width];
    for y in 0..height {
        sums.fill(0);
        for row in (0..factor).map(|dy| frame.row(y * factor + dy)) {
            for (sum, part) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                *sum += part.iter().map(|&v| u32::from(v)).sum::<u32>();
            }
        }
        data.extend(sums.iter().map(|&sum| (sum / area) as u8));
    }
    Plane::new(data, width, height)
}

/// Replaces each pixel by the mean of the square of side `2 * radius + 1` around it.
pub(super) fn blur(frame: &Frame, radius: usize) -> Plane {
    let (width, height) = (frame.width(), frame.height());
    let side = 2 * radius + 1;
    let mut columns = vec![0u32; width];
    let clamp_row = |y: isize| frame.row(y.clamp(0, height as isize - 1) as usize);
    for y in 0..side {
        add(&mut columns, clamp_row(y as isize - radius as isize));
    }
    let mut data = Vec::with_capacity(width * height);
    // Division by the area as a product; exact enough for windows up to 4,000 pixels.
    let share = (1u64 << 32) / (side * side) as u64 + 1;
    let mut padded = Vec::with_capacity(width + side);
    for y in 0..height as isize {
        padded.clear();
        padded.extend(std::iter::repeat_n(columns[0], radius));
        padded.extend_from_slice(&columns);
        padded.extend(std::iter::repeat_n(columns[width - 1], radius + 1));
        let mut sum: u32 = padded[..side].iter().sum();
        data.extend(padded.iter().zip(&padded[side..]).map(|(&gone, &new)| {
            let mean = ((u64::from(sum) * share) >> 32) as u8;
            sum = sum + new - gone;
            mean
        }));
        subtract(&mut columns, clamp_row(y - radius as isize));
        add(&mut columns, clamp_row(y + radius as isize + 1));
    }
    Plane::new(data, width, height)
}

fn add(sums: &mut [u32], row: &[u8]) {
    for (sum, &v) in sums.iter_mut().zip(row) {
        *sum += u32::from(v);
    }
}

fn subtract(sums: &mut [u32], row: &[u8]) {
    for (sum, &v) in sums.iter_mut().zip(row) {
        *sum -= u32::from(v);
    }
}
