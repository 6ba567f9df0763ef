//! What lens, hand and sensor do to the light.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};

use super::{Dice, HEIGHT, Picture, WIDTH};

/// A lens out of focus: Gaussian with standard deviation `sigma`.
pub(crate) fn gaussian(light: &mut Vec<f32>, sigma: f32) {
    let reach = (sigma * 3.0).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach)
        .map(|i| (-(i * i) as f32 / (2.0 * sigma * sigma)).exp())
        .collect();
    let total: f32 = weights.iter().sum();
    for (dx, dy) in [(1, 0), (0, 1)] {
        *light = gathered(light, |at| {
            weights
                .iter()
                .zip(-reach..)
                .map(|(w, i)| w * at(i * dx, i * dy))
                .sum::<f32>()
                / total
        });
    }
}

/// A shaking hand: the mean along a line of `length` pixels.
pub(crate) fn motion(light: &mut Vec<f32>, length: f32, angle: f32) {
    let steps = length.ceil().max(1.0) as isize * 2;
    let (sin, cos) = angle.sin_cos();
    let path: Vec<(isize, isize)> = (0..=steps)
        .map(|i| (i as f32 / steps as f32 - 0.5) * length)
        .map(|d| ((d * cos).round() as isize, (d * sin).round() as isize))
        .collect();
    *light = gathered(light, |at| {
        path.iter().map(|&(x, y)| at(x, y)).sum::<f32>() / path.len() as f32
    });
}

/// A new picture, each pixel computed from those around it (`at(dx, dy)`).
fn gathered(light: &[f32], each: impl Fn(&dyn Fn(isize, isize) -> f32) -> f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(light.len());
    for y in 0..HEIGHT as isize {
        for x in 0..WIDTH as isize {
            out.push(each(&|dx, dy| {
                let column = (x + dx).clamp(0, WIDTH as isize - 1) as usize;
                let row = (y + dy).clamp(0, HEIGHT as isize - 1) as usize;
                light[row * WIDTH + column]
            }));
        }
    }
    out
}

/// Noise, eight bits, and JPEG when `quality` is not 0.
pub(crate) fn sensor(light: &[f32], noise: f32, quality: u8, dice: &mut Dice) -> Picture {
    let luma: Vec<u8> = light
        .iter()
        .map(|v| (v + noise * dice.normal()).clamp(0.0, 255.0) as u8)
        .collect();
    let mut picture = Picture {
        width: WIDTH,
        height: HEIGHT,
        luma,
    };
    if quality > 0 {
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality)
            .encode(
                &picture.luma,
                WIDTH as u32,
                HEIGHT as u32,
                ExtendedColorType::L8,
            )
            .expect("a picture in memory can be encoded");
        let decoded = image::load_from_memory_with_format(&file, ImageFormat::Jpeg);
        picture.luma = decoded.expect("our own JPEG").into_luma8().into_raw();
    }
    picture
}
