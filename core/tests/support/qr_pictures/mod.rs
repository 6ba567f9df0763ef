//! Pictures of codes as a gate's camera sees them: drawn, distorted, the same for the same seed.
//!
//! Used by the tests of `bilten_core::qr` and by `examples/qr_bench.rs`, which also writes them as
//! PGM files for tests in other languages. How bad each distortion is stands in [`Scene::of`].

pub(crate) mod draw;
mod lens;

use std::f32::consts::TAU;

/// Width of all pictures, in pixels.
pub(crate) const WIDTH: usize = 1280;
/// Height of all pictures, in pixels.
pub(crate) const HEIGHT: usize = 720;

/// A greyscale picture without gaps between rows.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) luma: Vec<u8>,
}

/// A small generator of pseudo-random numbers (SplitMix64): no dependency, the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xB117_E4B1_17E4_B117)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly between `low` and `high`.
    pub(crate) fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// `low` to `high` to either side of 0.
    fn either(&mut self, low: f32, high: f32) -> f32 {
        let size = self.within(low, high);
        if self.next() & 1 == 0 { size } else { -size }
    }

    /// Nearly normal, with standard deviation 1 (sum of four even throws).
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: f32 = (0..4)
            .map(|i| ((bits >> (16 * i)) & 0xFFFF) as f32 / 65_536.0)
            .sum();
        (sum - 2.0) * 1.732
    }
}

/// An ordinary ticket's text: `BT1:` and 147 characters of Base45, as long as the real ones.
pub(crate) fn ticket_text(seed: u64) -> String {
    const BASE45: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let mut dice = Dice::new(seed ^ 0x7E57);
    let body = (0..147).map(|_| char::from(BASE45[(dice.next() % 45) as usize]));
    "BT1:".chars().chain(body).collect()
}

/// What the way from the ticket to the sensor does to the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distortion {
    Clean,
    Small,
    Tiny,
    Blur,
    MotionBlur,
    Noise,
    LowContrast,
    UnevenLight,
    Glare,
    Rotation,
    Perspective,
    Jpeg,
    Inverted,
    ScreenGrid,
    Cracks,
    Curl,
    Damage,
    Dirt,
    LowLight,
    BlurAndNoise,
    TiltInShadow,
    WornScreen,
    CrumpledPrint,
    RunningGuest,
}

impl Distortion {
    pub(crate) const ALL: &[Self] = &[
        Self::Clean,
        Self::Small,
        Self::Tiny,
        Self::Blur,
        Self::MotionBlur,
        Self::Noise,
        Self::LowContrast,
        Self::UnevenLight,
        Self::Glare,
        Self::Rotation,
        Self::Perspective,
        Self::Jpeg,
        Self::Inverted,
        Self::ScreenGrid,
        Self::Cracks,
        Self::Curl,
        Self::Damage,
        Self::Dirt,
        Self::LowLight,
        Self::BlurAndNoise,
        Self::TiltInShadow,
        Self::WornScreen,
        Self::CrumpledPrint,
        Self::RunningGuest,
    ];
}

/// Where the code stands and what happens to its picture; all lengths in pixels unless said.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// Side of one module.
    pub(crate) module: f32,
    /// Centre of the code.
    pub(crate) centre: (f32, f32),
    /// Turn, in radians.
    pub(crate) angle: f32,
    /// Seen as in a mirror.
    pub(crate) mirrored: bool,
    /// Change of scale over half the code's side, across and down.
    pub(crate) tilt: (f32, f32),
    /// Width seen at a slant, as a share of the true width.
    pub(crate) squeeze: f32,
    /// Half the arc of a cylinder that the code is bent round, in radians.
    pub(crate) curl: f32,
    /// Grey of the modules and of the paper.
    pub(crate) ink: (f32, f32),
    /// Share of the light that is left in the darkest place, and whether a hard shadow falls.
    pub(crate) shade: Option<(f32, bool)>,
    /// Radius of a blinding spot, in modules.
    pub(crate) glare: f32,
    /// Pixels of an alien screen: height of the waves.
    pub(crate) grid: f32,
    /// Cracks across the glass.
    pub(crate) cracks: usize,
    /// Share of the code's area under stickers and holes.
    pub(crate) damage: f32,
    /// Specks of dirt.
    pub(crate) specks: usize,
    /// Standard deviation of a lens out of focus.
    pub(crate) blur: f32,
    /// Length of a shake.
    pub(crate) motion: f32,
    /// Standard deviation of the sensor's noise.
    pub(crate) noise: f32,
    /// JPEG quality, 0 for none.
    pub(crate) jpeg: u8,
}

impl Scene {
    /// An easy scene: a code of middling size, a little turned, in good light.
    pub(crate) fn plain(dice: &mut Dice) -> Self {
        Self {
            module: dice.within(5.0, 9.0),
            centre: (
                640.0 + dice.either(0.0, 200.0),
                360.0 + dice.either(0.0, 60.0),
            ),
            angle: dice.either(0.0, 0.15),
            mirrored: false,
            tilt: (dice.either(0.0, 0.05), dice.either(0.0, 0.05)),
            squeeze: 1.0,
            curl: 0.0,
            ink: (dice.within(15.0, 45.0), dice.within(200.0, 240.0)),
            shade: None,
            glare: 0.0,
            grid: 0.0,
            cracks: 0,
            damage: 0.0,
            specks: 0,
            blur: 0.6,
            motion: 0.0,
            noise: 2.5,
            jpeg: 0,
        }
    }

    /// The scene of a distortion: its ranges are the definition of the benchmark's classes.
    pub(crate) fn of(distortion: Distortion, dice: &mut Dice) -> Self {
        let mut s = Self::plain(dice);
        match distortion {
            Distortion::Clean => {}
            Distortion::Small => s.module = dice.within(2.8, 3.6),
            Distortion::Tiny => s.module = dice.within(1.7, 2.2),
            Distortion::Blur => s.blur = s.module * dice.within(0.35, 0.6),
            Distortion::MotionBlur => s.motion = s.module * dice.within(0.9, 1.6),
            Distortion::Noise => s.noise = dice.within(25.0, 55.0),
            Distortion::LowContrast => {
                let dark = dice.within(90.0, 130.0);
                s.ink = (dark, dark + dice.within(14.0, 30.0));
            }
            Distortion::UnevenLight => s.shade = Some((dice.within(0.12, 0.3), true)),
            Distortion::Glare => s.glare = dice.within(3.0, 6.0),
            Distortion::Rotation => s.angle = dice.within(0.0, TAU),
            Distortion::Perspective => {
                s.slant(dice, 45.0, 62.0);
                s.angle = dice.either(0.0, 0.5);
            }
            Distortion::Jpeg => s.jpeg = dice.within(5.0, 14.0) as u8,
            Distortion::Inverted => std::mem::swap(&mut s.ink.0, &mut s.ink.1),
            Distortion::ScreenGrid => s.grid = dice.within(40.0, 85.0),
            Distortion::Cracks => s.cracks = dice.within(4.0, 8.0) as usize,
            Distortion::Curl => s.curl = dice.within(0.5, 0.95),
            Distortion::Damage => s.damage = dice.within(0.03, 0.08),
            Distortion::Dirt => s.specks = dice.within(40.0, 130.0) as usize,
            Distortion::LowLight => {
                s.ink = (dice.within(4.0, 10.0), dice.within(28.0, 50.0));
                s.noise = dice.within(6.0, 10.0);
            }
            Distortion::BlurAndNoise => {
                s.blur = s.module * dice.within(0.3, 0.45);
                s.noise = dice.within(15.0, 30.0);
            }
            Distortion::TiltInShadow => {
                s.slant(dice, 35.0, 52.0);
                s.angle = dice.within(0.0, TAU);
                s.shade = Some((dice.within(0.2, 0.4), true));
                s.noise = 8.0;
            }
            Distortion::WornScreen => {
                s.grid = dice.within(25.0, 50.0);
                s.cracks = 3;
                s.glare = dice.within(2.0, 3.5);
                s.blur = 1.2;
                s.angle = dice.either(0.0, 0.6);
            }
            Distortion::CrumpledPrint => {
                s.curl = dice.within(0.3, 0.6);
                s.specks = dice.within(30.0, 80.0) as usize;
                s.shade = Some((dice.within(0.3, 0.5), false));
                s.noise = 6.0;
                s.jpeg = 35;
            }
            Distortion::RunningGuest => {
                s.motion = s.module * dice.within(0.5, 1.0);
                s.ink = (dice.within(10.0, 25.0), dice.within(60.0, 110.0));
                s.noise = dice.within(6.0, 12.0);
                s.angle = dice.within(0.0, TAU);
            }
        }
        s
    }

    /// Turns the code away from the camera, by degrees, at arm's length.
    fn slant(&mut self, dice: &mut Dice, least: f32, most: f32) {
        let turn = dice.within(least, most).to_radians();
        self.squeeze = turn.cos();
        // The near edge looks larger: half the code's side is some fifth of the distance.
        self.tilt = (dice.either(0.12, 0.22) * turn.sin(), dice.either(0.0, 0.06));
        self.module = self.module.max(6.5);
    }
}

/// The picture of `text` under a distortion; the same for the same seed.
pub(crate) fn picture(text: &str, distortion: Distortion, seed: u64) -> Picture {
    let mut dice = Dice::new(seed ^ ((distortion as u64) << 32));
    let scene = Scene::of(distortion, &mut dice);
    scene.draw(text, &mut dice)
}
