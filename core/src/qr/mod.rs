//! QR codes out of camera frames and picture files.
//!
//! A [`Frame`] borrows the grey plane that a camera gives; [`Reader`] looks at it by a ladder of
//! [`Rung`]s, each a different way to turn grey into black and white, until a code is read or the
//! [`Budget`] is used. Finder patterns and error correction are rxing's; the black and white that it
//! sees (`threshold`), the choice among what it finds (`finder`) and the reading of modules from the
//! grey picture (`grid`, `warp`, `pairs`) are ours.
//! [`read_image_file`] and [`read_image_bytes`] do the same for PNG, JPEG, WebP and PGM files.
//!
//! Pictures come from strangers. Sizes are checked before anything is allocated, and a panic in a
//! third-party decoder counts as a miss; this needs `panic = "unwind"`, which our profiles have.
//!
//! To add a rung: a variant of [`Rung`] with its name, its place in `Rung::ALL` and its arm in
//! `rung::run`; then let `cargo run --release --example qr_bench` say what it adds and costs.
//!
//! Not a goal: other codes than QR, and writing codes.

mod error;
mod filter;
mod finder;
mod frame;
mod grid;
mod marks;
mod pairs;
mod picture;
mod reader;
mod reading;
mod rung;
mod threshold;
mod warp;

#[cfg(test)]
mod tests;

pub use error::{FrameError, PictureError};
pub use frame::{Frame, MAX_PIXELS, MAX_SIDE};
pub use picture::{MAX_FILE_BYTES, read_image_bytes, read_image_file};
pub use reader::{Budget, Monotonic, Reader};
pub use reading::{Corner, Payload, Reading};
pub use rung::Rung;
