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

/// Doubles both sides, with straight lines between the old pixels.
pub(super) fn double(frame: &Frame) -> Plane {
    let (width, height) = (frame.width() * 2, frame.height() * 2);
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        // A new pixel lies a quarter of an old one from its nearest neighbour: weights 3 and 1.
        let near = y / 2;
        let far = if y % 2 == 0 {
            near.saturating_sub(1)
        } else {
            (near + 1).min(frame.height() - 1)
        };
        let (near, far) = (frame.row(near), frame.row(far));
        let column = |x: usize| 3 * u32::from(near[x]) + u32::from(far[x]);
        let mut left = column(0);
        let mut here = left;
        for x in 0..frame.width() {
            let right = column((x + 1).min(frame.width() - 1));
            data.push(((3 * here + left + 8) / 16) as u8);
            data.push(((3 * here + right + 8) / 16) as u8);
            (left, here) = (here, right);
        }
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
    let area = (side * side) as u32;
    for y in 0..height as isize {
        let at = |x: isize| columns[x.clamp(0, width as isize - 1) as usize];
        let mut sum: u32 = (0..side as isize).map(|x| at(x - radius as isize)).sum();
        for x in 0..width as isize {
            data.push((sum / area) as u8);
            sum = sum + at(x + radius as isize + 1) - at(x - radius as isize);
        }
        subtract(&mut columns, clamp_row(y - radius as isize));
        add(&mut columns, clamp_row(y + radius as isize + 1));
    }
    Plane::new(data, width, height)
}

/// Strengthens edges: twice each pixel minus the mean around it, `gain` times.
pub(super) fn sharpen(frame: &Frame, radius: usize, gain: i32) -> Plane {
    let soft = blur(frame, radius);
    let soft = soft.frame();
    let mut data = Vec::with_capacity(frame.pixels());
    for y in 0..frame.height() {
        data.extend(frame.row(y).iter().zip(soft.row(y)).map(|(&v, &mean)| {
            let v = i32::from(v);
            (v + gain * (v - i32::from(mean))).clamp(0, 255) as u8
        }));
    }
    Plane::new(data, frame.width(), frame.height())
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
