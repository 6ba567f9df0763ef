//! QR codes as pictures.

use bilten_kernel::busy::Busy;
use bilten_kernel::error::Problem;
use bilten_kernel::text_enum;
use image::{ImageEncoder, Luma};
use qrcode::{Color, EcLevel, QrCode};

text_enum! {
    /// The kind of picture.
    pub enum QrFormat {
        /// PNG, for mail and print.
        Png = "png",
        /// SVG, for pages.
        Svg = "svg",
    }
}

/// The white around a code, in modules, that ISO/IEC 18004 asks for.
const QUIET: u32 = 4;
/// Modules in a PNG are this many pixels wide: an ordinary ticket then has 490 pixels.
const PIXELS: u32 = 10;

/// The text does not fit a QR code.
#[derive(Debug, thiserror::Error)]
#[error("the text does not fit a QR code")]
pub struct QrError;

/// Draws a text as a QR code at error correction M with the quiet zone that the standard asks for.
///
/// # Errors
/// [`QrError`] if the text is too long.
pub fn render_qr(text: &str, format: QrFormat) -> Result<Vec<u8>, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError)?;
    match format {
        QrFormat::Svg => Ok(svg(&code)),
        QrFormat::Png => {
            let side = u32::try_from(code.width()).map_err(|_| QrError)?;
            let pixels = (side + 2 * QUIET) * PIXELS;
            let modules = code.to_colors();
            let picture = image::ImageBuffer::from_fn(pixels, pixels, |x, y| {
                let at = |p: u32| (p / PIXELS).checked_sub(QUIET).filter(|m| *m < side);
                let is_dark = at(x)
                    .zip(at(y))
                    .and_then(|(x, y)| modules.get((y * side + x) as usize))
                    .is_some_and(|module| *module == Color::Dark);
                Luma([if is_dark { 0u8 } else { 255 }])
            });
            let mut bytes = Vec::new();
            image::codecs::png::PngEncoder::new(&mut bytes)
                .write_image(
                    picture.as_raw(),
                    pixels,
                    pixels,
                    image::ExtendedColorType::L8,
                )
                .map_err(|_| QrError)?;
            Ok(bytes)
        }
    }
}

/// Pictures of pixels are drawn by half of the cores at most, away from other requests.
static PICTURES: Busy = Busy::new(|cores| cores / 2);

/// Like [`render_qr`], in a request.
///
/// # Errors
/// A fault if the text is too long.
pub async fn draw_qr(text: &str, format: QrFormat) -> Result<Vec<u8>, Problem> {
    let drawn = match format {
        QrFormat::Svg => render_qr(text, format),
        QrFormat::Png => {
            let text = text.to_owned();
            let work = PICTURES.run(move || render_qr(&text, format));
            work.await.map_err(|error| Problem::fault(&error))?
        }
    };
    drawn.map_err(|error| Problem::fault(&error))
}

/// One path of horizontal runs: a fifth of the size of a square per module, on every page of tickets.
fn svg(code: &QrCode) -> Vec<u8> {
    let side = code.width() + 2 * usize::try_from(QUIET).unwrap_or(0);
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(code.width()).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                path.push_str(&format!("M{x} {y}h{0}v1h-{0}z", run.len()));
            }
            x += run.len();
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{QUIET} -{QUIET} {side} {side}\" width=\"300\" \
         height=\"300\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M-{QUIET} -{QUIET}h{side}v{side}h-{side}z\"/>\
         <path d=\"{path}\"/></svg>"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: SCAN-1
    #[test]
    fn a_png_is_read_back_by_the_core() {
        let text = "BT1:0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let png = render_qr(text, QrFormat::Png).unwrap();
        let reading = bilten_core::qr::read_image_bytes(&png).unwrap();
        assert_eq!(reading.as_ref().and_then(|r| r.text()), Some(text));
        let svg = String::from_utf8(render_qr(text, QrFormat::Svg).unwrap()).unwrap();
        assert!(svg.contains("<svg"));
        assert!(render_qr(&"x".repeat(5_000), QrFormat::Png).is_err());
    }
}
