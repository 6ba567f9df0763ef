//! Picture files, good and bad.

use super::*;

/// covers: SCAN-1
#[test]
fn png_jpeg_webp_and_pgm_files_are_read() {
    let text = ticket_text(9);
    let picture = code_of(text.as_bytes());
    let folder = tempfile::tempdir().expect("a folder");
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Pnm,
    ] {
        let path = folder.path().join("ticket");
        let file = if format == ImageFormat::WebP {
            let mut file = Cursor::new(Vec::new());
            let colour = image::DynamicImage::from(picture.clone()).into_rgb8();
            colour.write_to(&mut file, format).expect("encodes");
            file.into_inner()
        } else {
            file_of(&picture, format)
        };
        std::fs::write(&path, file).expect("writes");
        let reading = read_image_file(&path).expect("decodes").expect("read");
        assert_eq!(reading.text(), Some(text.as_str()), "{format:?}");
    }
}

/// covers: SCAN-1
#[test]
fn black_modules_on_a_transparent_picture_are_read() {
    let code = code_of(ticket_text(10).as_bytes());
    let clear = image::ImageBuffer::from_fn(code.width(), code.height(), |x, y| {
        image::LumaA([0u8, 255 - code.get_pixel(x, y).0[0]])
    });
    let mut file = Cursor::new(Vec::new());
    clear
        .write_to(&mut file, ImageFormat::Png)
        .expect("encodes");
    let reading = read_image_bytes(&file.into_inner())
        .expect("decodes")
        .expect("read");
    assert_eq!(reading.text(), Some(ticket_text(10).as_str()));
}

/// covers: SCAN-1
#[test]
fn bad_files_are_refused_with_codes() {
    let code = |bytes: &[u8]| read_image_bytes(bytes).map(|_| ()).map_err(|e| e.code());
    let png = file_of(&code_of(b"BT1:X"), ImageFormat::Png);
    let jpeg = file_of(&code_of(b"BT1:X"), ImageFormat::Jpeg);
    assert_eq!(code(b""), Err("unsupported_format"));
    assert_eq!(code(b"BT1:not a picture"), Err("unsupported_format"));
    assert_eq!(
        code(b"GIF89a\x01\x00\x01\x00\x00\x00\x00"),
        Err("unsupported_format")
    );
    assert_eq!(code(&png[..png.len() / 2]), Err("damaged_picture"));
    assert_eq!(code(&png[..12]), Err("damaged_picture"));
    assert_eq!(code(&jpeg[..20]), Err("damaged_picture"));
    assert_eq!(code(b"P5\n1280 720\n255\nshort"), Err("damaged_picture"));
    assert_eq!(code(b"P5\n99999 99999\n255\n"), Err("too_large"));
    assert_eq!(
        read_image_file("/does/not/exist")
            .map(|_| ())
            .map_err(|e| e.code()),
        Err("unreadable_file")
    );
}

/// covers: SCAN-1
#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let mut bomb = file_of(&code_of(b"BT1:X"), ImageFormat::Png);
    for (width, height) in [(60_000u32, 60_000u32), (16_000, 16_000), (u32::MAX >> 1, 1)] {
        bomb[16..20].copy_from_slice(&width.to_be_bytes());
        bomb[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.to_be_bytes());
        let start = Instant::now();
        assert_eq!(
            read_image_bytes(&bomb).map(|_| ()).map_err(|e| e.code()),
            Err("too_large")
        );
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |s, _| {
            (s >> 1) ^ (0xEDB8_8320 & (s & 1).wrapping_neg())
        })
    })
}
