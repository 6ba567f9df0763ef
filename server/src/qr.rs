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

/// What stands below the code of a ticket that is none, in modules: TEST.
const MARK: [&str; 7] = [
    "##### ##### ##### #####",
    "  #   #     #       #  ",
    "  #   #     #       #  ",
    "  #   ####  #####   #  ",
    "  #   #         #   #  ",
    "  #   #         #   #  ",
    "  #   ##### #####   #  ",
];

/// Draws a text as a QR code at error correction M with the quiet zone that the standard asks for.
///
/// # Errors
/// [`QrError`] if the text is too long.
pub fn render_qr(text: &str, format: QrFormat) -> Result<Vec<u8>, QrError> {
    draw(&modules(text)?, format)
}

/// The same for a ticket of a sandbox: below the code stands TEST.
///
/// # Errors
/// [`QrError`] if the text is too long.
pub(crate) fn render_test_qr(text: &str, format: QrFormat) -> Result<Vec<u8>, QrError> {
    let mut rows = modules(text)?;
    let width = rows.first().map_or(0, Vec::len);
    let quiet = usize::try_from(QUIET).unwrap_or(0);
    rows.extend((0..quiet).map(|_| vec![false; width]));
    for line in MARK {
        let before = width.saturating_sub(line.len()) / 2;
        let mut row = vec![false; before];
        row.extend(line.bytes().map(|byte| byte == b'#'));
        row.resize(width, false);
        rows.push(row);
    }
    draw(&rows, format)
}

/// The modules of a code, row by row: whether they are dark.
fn modules(text: &str) -> Result<Vec<Vec<bool>>, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| QrError)?;
    let colors = code.to_colors();
    let row =
        |row: &[Color]| -> Vec<bool> { row.iter().map(|module| *module == Color::Dark).collect() };
    Ok(colors.chunks(code.width()).map(row).collect())
}

fn draw(rows: &[Vec<bool>], format: QrFormat) -> Result<Vec<u8>, QrError> {
    match format {
        QrFormat::Svg => Ok(svg(rows)),
        QrFormat::Png => png(rows),
    }
}

fn png(rows: &[Vec<bool>]) -> Result<Vec<u8>, QrError> {
    let pixels = |modules: usize| {
        let modules = u32::try_from(modules).map_err(|_| QrError)?;
        Ok::<u32, QrError>((modules + 2 * QUIET) * PIXELS)
    };
    let width = pixels(rows.first().map_or(0, Vec::len))?;
    let height = pixels(rows.len())?;
    let picture = image::ImageBuffer::from_fn(width, height, |x, y| {
        let at = |p: u32| (p / PIXELS).checked_sub(QUIET);
        let is_dark = at(x)
            .zip(at(y))
            .and_then(|(x, y)| rows.get(y as usize)?.get(x as usize).copied())
            .unwrap_or(false);
        Luma([if is_dark { 0u8 } else { 255 }])
    });
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(
            picture.as_raw(),
            width,
            height,
            image::ExtendedColorType::L8,
        )
        .map_err(|_| QrError)?;
    Ok(bytes)
}

/// Pictures of pixels are drawn by half of the cores at most, away from other requests.
static PICTURES: Busy = Busy::new(|cores| cores / 2);

/// Draws a picture in a request.
///
/// # Errors
/// A fault if the text is too long.
pub(crate) async fn draw_aside(
    format: QrFormat,
    draw: impl FnOnce() -> Result<Vec<u8>, QrError> + Send + 'static,
) -> Result<Vec<u8>, Problem> {
    let drawn = match format {
        QrFormat::Svg => draw(),
        QrFormat::Png => PICTURES
            .run(draw)
            .await
            .map_err(|error| Problem::fault(&error))?,
    };
    drawn.map_err(|error| Problem::fault(&error))
}

/// One path of horizontal runs: a fifth of the size of a square per module, on every page of tickets.
fn svg(rows: &[Vec<bool>]) -> Vec<u8> {
    let around = 2 * usize::try_from(QUIET).unwrap_or(0);
    let (width, height) = (
        rows.first().map_or(0, Vec::len) + around,
        rows.len() + around,
    );
    let mut path = String::new();
    for (y, row) in rows.iter().enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&true) {
                path.push_str(&format!("M{x} {y}h{0}v1h-{0}z", run.len()));
            }
            x += run.len();
        }
    }
    let tall = 300 * height / width.max(1);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{QUIET} -{QUIET} {width} {height}\" width=\"300\" \
         height=\"{tall}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M-{QUIET} -{QUIET}h{width}v{height}h-{width}z\"/>\
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

        let marked = render_test_qr(text, QrFormat::Png).unwrap();
        let reading = bilten_core::qr::read_image_bytes(&marked).unwrap();
        assert_eq!(reading.as_ref().and_then(|r| r.text()), Some(text));
        let size = |png: &[u8]| {
            image::load_from_memory(png)
                .unwrap()
                .into_luma8()
                .dimensions()
        };
        let (plain, marked) = (size(&png[..]), size(&marked[..]));
        assert_eq!((marked.0, marked.1), (plain.0, plain.1 + 11 * PIXELS));
    }
}
