//! The scene in front of the lens: background, code, and what lies on the code.

use std::f32::consts::{PI, TAU};

use qrcode::{Color, EcLevel, QrCode};

use super::{Dice, HEIGHT, Picture, Scene, WIDTH, lens};

/// Modules of paper around a code.
const QUIET: f32 = 4.0;

impl Scene {
    /// Draws the scene with one code of `text`, at error correction M.
    pub(crate) fn draw(&self, text: &str, dice: &mut Dice) -> Picture {
        let mut light = backdrop(dice);
        self.place(text, &mut light, dice);
        self.look(light, dice)
    }

    /// Takes the picture of what was drawn.
    pub(crate) fn look(&self, mut light: Vec<f32>, dice: &mut Dice) -> Picture {
        if self.blur > 0.0 {
            lens::gaussian(&mut light, self.blur);
        }
        if self.motion > 0.0 {
            lens::motion(&mut light, self.motion, dice.within(0.0, PI));
        }
        lens::sensor(&light, self.noise, self.jpeg, dice)
    }

    /// Puts a code into the scene, with all that lies on it.
    pub(crate) fn place(&self, text: &str, light: &mut [f32], dice: &mut Dice) {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).expect("fits a code");
        let side = code.width() as f32;
        let modules = code.to_colors();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let (mut sum, mut hits) = (0.0, 0.0);
                for part in 0..9u8 {
                    let (sx, sy) = (
                        f32::from(part % 3) / 3.0 + 0.17,
                        f32::from(part / 3) / 3.0 + 0.17,
                    );
                    let Some((u, v)) = self.module_at(x as f32 + sx, y as f32 + sy, side) else {
                        continue;
                    };
                    hits += 1.0;
                    let inside = (0.0..side).contains(&u) && (0.0..side).contains(&v);
                    let dark =
                        inside && modules[v as usize * code.width() + u as usize] == Color::Dark;
                    sum += if dark { self.ink.0 } else { self.ink.1 };
                }
                let spot = &mut light[y * WIDTH + x];
                *spot = (*spot * (9.0 - hits) + sum) / 9.0;
            }
        }
        self.spoil(light, side, dice);
    }

    /// The place in the code, in modules, that is seen at a pixel; `None` beyond the quiet zone.
    fn module_at(&self, x: f32, y: f32, side: f32) -> Option<(f32, f32)> {
        let half = side / 2.0;
        let (dx, dy) = (x - self.centre.0, y - self.centre.1);
        let reach = (half + QUIET) * self.module * 2.0;
        if dx.abs() > reach || dy.abs() > reach {
            return None;
        }
        let (sin, cos) = self.angle.sin_cos();
        let (dx, dy) = (
            (dx * cos + dy * sin) / self.module,
            (dy * cos - dx * sin) / self.module,
        );
        let depth = 1.0 + (self.tilt.0 * dx + self.tilt.1 * dy) / half;
        if depth < 0.2 {
            return None;
        }
        let (mut u, mut v) = (dx / depth / self.squeeze, dy / depth);
        if self.curl > 0.0 {
            let radius = half / self.curl;
            if u.abs() >= radius {
                return None;
            }
            let arc = (u / radius).asin();
            v *= 1.0 + 0.15 * (1.0 - arc.cos());
            u = radius * arc;
        }
        if self.mirrored {
            u = -u;
        }
        let edge = half + QUIET;
        (u.abs() < edge && v.abs() < edge).then_some((u + half, v + half))
    }

    /// A place in the code, far from its finder patterns, as a pixel (without tilt and curl).
    fn spot_on_code(&self, side: f32, dice: &mut Dice) -> (f32, f32) {
        loop {
            let (u, v) = (dice.within(0.0, side), dice.within(0.0, side));
            let far = |a: f32, b: f32| (u - a).hypot(v - b) > 13.0;
            if far(3.5, 3.5) && far(side - 3.5, 3.5) && far(3.5, side - 3.5) {
                let (du, dv) = (
                    (u - side / 2.0) * self.module,
                    (v - side / 2.0) * self.module,
                );
                let (sin, cos) = self.angle.sin_cos();
                return (
                    self.centre.0 + du * cos - dv * sin,
                    self.centre.1 + du * sin + dv * cos,
                );
            }
        }
    }

    /// Dirt, damage, cracks, an alien screen's pixels, shadow and glare.
    fn spoil(&self, light: &mut [f32], side: f32, dice: &mut Dice) {
        let half = side / 2.0 * self.module;
        for _ in 0..self.specks {
            let at = (
                self.centre.0 + dice.within(-half, half),
                self.centre.1 + dice.within(-half, half),
            );
            let grey = if dice.next() & 1 == 0 {
                self.ink.0
            } else {
                self.ink.1
            };
            disc(light, at, self.module * dice.within(0.25, 0.65), grey);
        }
        let mut left = self.damage * side * side;
        while left > 0.5 {
            let radius = dice.within(1.0, 3.5).min((left / PI).sqrt());
            left -= PI * radius * radius;
            let grey = dice.within(self.ink.0, self.ink.1);
            disc(
                light,
                self.spot_on_code(side, dice),
                radius * self.module,
                grey,
            );
        }
        for _ in 0..self.cracks {
            self.crack(light, half, dice);
        }
        if self.grid > 0.0 {
            self.alien_pixels(light, dice);
        }
        if let Some((least, hard)) = self.shade {
            self.shadow(light, half, least, hard, dice);
        }
        if self.glare > 0.0 {
            let (x, y) = self.spot_on_code(side, dice);
            let radius = self.glare * self.module;
            each(light, |px, py, v| {
                let far = ((px - x).powi(2) + (py - y).powi(2)) / (radius * radius);
                *v += 260.0 * (-far * far).exp() + 60.0 * (-far / 6.0).exp();
            });
        }
    }

    /// A broken line across the glass, bright or dark.
    fn crack(&self, light: &mut [f32], half: f32, dice: &mut Dice) {
        let turn = dice.within(0.0, TAU);
        let mut at = (
            self.centre.0 + 1.3 * half * turn.cos(),
            self.centre.1 + 1.3 * half * turn.sin(),
        );
        let mut course = turn + PI + dice.either(0.0, 0.5);
        let width = dice.within(0.15, 0.3) * self.module;
        let grey = if dice.next() & 1 == 0 { 250.0 } else { 10.0 };
        let mut gone = 0.0;
        while gone < 2.6 * half {
            if dice.within(0.0, 1.0) < 0.03 {
                course += dice.either(0.1, 0.6);
            }
            at = (at.0 + 1.5 * course.cos(), at.1 + 1.5 * course.sin());
            gone += 1.5;
            disc(light, at, width, grey);
        }
    }

    /// The pixel grid of a phone beating against the sensor: fine waves and slow ones.
    fn alien_pixels(&self, light: &mut [f32], dice: &mut Dice) {
        let turn = dice.within(0.0, PI / 2.0);
        let (sin, cos) = turn.sin_cos();
        let (fine, slow) = (TAU / dice.within(2.3, 4.0), TAU / dice.within(18.0, 40.0));
        let height = self.grid;
        each(light, |x, y, v| {
            let (a, b) = (x * cos + y * sin, y * cos - x * sin);
            let wave = (a * fine).sin() + (b * fine).sin() + 0.7 * (a * slow).sin();
            *v *= 1.0 + height / 255.0 * wave / 1.5;
        });
    }

    /// Light falling off to one side, and a hard edge of shadow across the code.
    fn shadow(&self, light: &mut [f32], half: f32, least: f32, hard: bool, dice: &mut Dice) {
        let turn = dice.within(0.0, TAU);
        let edge = dice.within(-0.5, 0.5);
        let (sin, cos) = turn.sin_cos();
        let centre = self.centre;
        each(light, |x, y, v| {
            let along = ((x - centre.0) * cos + (y - centre.1) * sin) / half;
            let soft = (0.5 - along / 2.4).clamp(0.0, 1.0);
            *v *= least.sqrt() + (1.0 - least.sqrt()) * soft;
            if hard && along > edge {
                *v *= least.sqrt();
            }
        });
    }
}

/// A room: slow light, boxes, and lines like print.
pub(crate) fn backdrop(dice: &mut Dice) -> Vec<f32> {
    let (base, slope) = (dice.within(60.0, 150.0), dice.either(0.0, 60.0));
    let mut light = vec![0.0; WIDTH * HEIGHT];
    each(&mut light, |x, y, v| {
        *v = base + slope * (x / WIDTH as f32 + y / HEIGHT as f32 - 1.0)
    });
    for _ in 0..24 {
        let (x, y) = (dice.within(0.0, 1280.0), dice.within(0.0, 720.0));
        let (w, h) = (dice.within(10.0, 250.0), dice.within(4.0, 160.0));
        let grey = dice.within(10.0, 240.0);
        let print = dice.next().is_multiple_of(3);
        for row in (y as usize)..((y + h) as usize).min(HEIGHT) {
            for column in (x as usize)..((x + w) as usize).min(WIDTH) {
                if !print || (row % 14 < 8 && (column / 3 + row / 14) % 3 != 0) {
                    light[row * WIDTH + column] = grey;
                }
            }
        }
    }
    light
}

/// Calls `change` with each pixel's place and light.
fn each(light: &mut [f32], mut change: impl FnMut(f32, f32, &mut f32)) {
    for (index, v) in light.iter_mut().enumerate() {
        change((index % WIDTH) as f32, (index / WIDTH) as f32, v);
    }
}

/// Fills a disc.
fn disc(light: &mut [f32], (x, y): (f32, f32), radius: f32, grey: f32) {
    let rows =
        ((y - radius).max(0.0) as usize)..((y + radius + 1.0).clamp(0.0, HEIGHT as f32) as usize);
    for row in rows {
        let columns = ((x - radius).max(0.0) as usize)
            ..((x + radius + 1.0).clamp(0.0, WIDTH as f32) as usize);
        for column in columns {
            if (column as f32 - x).hypot(row as f32 - y) <= radius.max(0.6) {
                light[row * WIDTH + column] = grey;
            }
        }
    }
}
