//! Frames and files, good and bad, through the public interface.

mod files;
#[path = "../../../tests/support/qr_pictures/mod.rs"]
mod qr_pictures;

use std::io::Cursor;
use std::time::{Duration, Instant};

use image::{GrayImage, ImageFormat};
use proptest::prelude::*;
use qrcode::{EcLevel, QrCode};

use super::*;
use qr_pictures::{Dice, Distortion, Picture, Scene, WIDTH, picture, ticket_text};

fn frame(picture: &Picture) -> Frame<'_> {
    let (width, height) = (picture.width as u32, picture.height as u32);
    Frame::new(&picture.luma, width, height, width).expect("a good frame")
}

fn scene() -> (Scene, Dice) {
    let mut dice = Dice::new(7);
    (Scene::plain(&mut dice), dice)
}

fn read_text(picture: &Picture) -> Option<String> {
    let reading = Reader::default().read(&frame(picture))?;
    reading.text().map(str::to_owned)
}

/// A code of any bytes, drawn large and clean.
fn code_of(bytes: &[u8]) -> GrayImage {
    let code = QrCode::with_error_correction_level(bytes, EcLevel::M).expect("fits");
    let colors = code.to_colors();
    let side = code.width() as u32;
    GrayImage::from_fn((side + 8) * 4, (side + 8) * 4, |x, y| {
        let (u, v) = ((x / 4).wrapping_sub(4), (y / 4).wrapping_sub(4));
        let dark = u < side && v < side && colors[(v * side + u) as usize] == qrcode::Color::Dark;
        image::Luma([if dark { 0 } else { 255 }])
    })
}

fn file_of(picture: &GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("encodes");
    file.into_inner()
}

/// covers: SCAN-1
#[test]
fn ordinary_ticket_is_a_version_6_code_and_is_read_verbatim() {
    let text = ticket_text(1);
    let code = QrCode::with_error_correction_level(&text, EcLevel::M).expect("fits");
    assert_eq!(code.version(), qrcode::Version::Normal(6));
    let picture = picture(&text, Distortion::Clean, 1);
    let reading = Reader::default().read(&frame(&picture)).expect("read");
    assert_eq!(reading.text(), Some(text.as_str()));
    assert!(reading.looks_like_ticket());
    assert_eq!(reading.rung, Rung::Plain);
}

/// covers: SCAN-1
#[test]
fn corners_enclose_the_code_in_its_own_order() {
    let (mut scene, mut dice) = scene();
    (scene.module, scene.centre, scene.angle, scene.tilt) = (8.0, (640.0, 360.0), 0.0, (0.0, 0.0));
    let picture = scene.draw(&ticket_text(2), &mut dice);
    let corners = Reader::default()
        .read(&frame(&picture))
        .expect("read")
        .corners;
    let half = 41.0 * 8.0 / 2.0;
    let expected = [(-half, -half), (half, -half), (half, half), (-half, half)];
    for (corner, (dx, dy)) in corners.iter().zip(expected) {
        assert!(
            (corner.x - 640.0 - dx).abs() < 4.0 && (corner.y - 360.0 - dy).abs() < 4.0,
            "{corners:?}"
        );
    }
}

/// covers: SCAN-1
#[test]
fn inverted_rotated_and_mirrored_codes_are_read() {
    let text = ticket_text(3);
    for turn in 0..8 {
        let (mut scene, mut dice) = scene();
        scene.angle = turn as f32 * std::f32::consts::FRAC_PI_4;
        scene.mirrored = turn % 2 == 1;
        if turn % 3 == 1 {
            std::mem::swap(&mut scene.ink.0, &mut scene.ink.1);
        }
        assert_eq!(
            read_text(&scene.draw(&text, &mut dice)).as_ref(),
            Some(&text),
            "turn {turn}"
        );
    }
}

/// covers: SCAN-1
#[test]
fn a_ticket_is_preferred_to_other_codes_in_the_picture() {
    let (mut scene, mut dice) = scene();
    let mut light = qr_pictures::draw::backdrop(&mut dice);
    (scene.module, scene.angle) = (5.0, 0.0);
    for (x, text) in [
        (220.0, "https://example.org/sponsor"),
        (640.0, &ticket_text(4)),
        (1060.0, "WIFI:S:hall;;"),
    ] {
        scene.centre = (x, 360.0);
        scene.place(text, &mut light, &mut dice);
    }
    assert_eq!(
        read_text(&scene.look(light, &mut dice)),
        Some(ticket_text(4))
    );
}

/// covers: SCAN-1
#[test]
fn another_code_is_returned_when_there_is_no_ticket() {
    let (scene, mut dice) = scene();
    let picture = scene.draw("https://example.org/pair#abc", &mut dice);
    let reading = Reader::default().read(&frame(&picture)).expect("read");
    assert_eq!(reading.text(), Some("https://example.org/pair#abc"));
    assert!(!reading.looks_like_ticket());
}

/// covers: SCAN-1
#[test]
fn payloads_are_verbatim_and_bytes_that_are_not_text_are_said_to_be_binary() {
    for text in ["BT1:Ünïcödé ✓", "bl1:lower case", "  spaces  ", "123"] {
        let reading = read_image_bytes(&file_of(&code_of(text.as_bytes()), ImageFormat::Png));
        assert_eq!(reading.expect("decodes").expect("read").text(), Some(text));
    }
    let bytes = b"BT1:\xFF\xFE\x80torn";
    let reading = read_image_bytes(&file_of(&code_of(bytes), ImageFormat::Png))
        .expect("decodes")
        .expect("read");
    assert_eq!(reading.payload, Payload::Binary(bytes.to_vec()));
    assert_eq!(reading.text(), None);
}

/// covers: SCAN-1
#[test]
fn padded_rows_are_read_without_their_padding() {
    let tight = picture(&ticket_text(5), Distortion::Clean, 5);
    let stride = WIDTH + 37;
    let padded: Vec<u8> = tight
        .luma
        .chunks(WIDTH)
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0x55, 37)))
        .take(stride * (tight.height - 1) + WIDTH)
        .collect();
    let frame =
        Frame::new(&padded, WIDTH as u32, tight.height as u32, stride as u32).expect("good");
    for &rung in &[Rung::Plain, Rung::Half, Rung::Soft, Rung::Rqrr] {
        let reading = Reader::default().read_by(&frame, rung).expect("read");
        assert_eq!(reading.text(), Some(ticket_text(5).as_str()));
    }
}

/// covers: SCAN-1
#[test]
fn wrong_measures_are_refused_with_codes() {
    let data = [0u8; 100];
    let code = |width, height, stride| {
        Frame::new(&data, width, height, stride)
            .map(|_| ())
            .map_err(|e| e.code())
    };
    assert_eq!(code(0, 0, 0), Err("frame_empty"));
    assert_eq!(code(10, 0, 10), Err("frame_empty"));
    assert_eq!(code(10, 10, 9), Err("frame_stride_too_small"));
    assert_eq!(code(10, 10, 11), Err("frame_too_short"));
    assert_eq!(code(10, 10, u32::MAX), Err("frame_too_short"));
    assert_eq!(code(u32::MAX, u32::MAX, u32::MAX), Err("too_large"));
    assert_eq!(code(MAX_SIDE + 1, 1, MAX_SIDE + 1), Err("too_large"));
    assert_eq!(code(10, 10, 10), Ok(()));
    // The last row may end with its last pixel.
    assert_eq!(code(1, 10, 11), Ok(()));
}

/// covers: SCAN-1
#[test]
fn the_smallest_frames_are_misses() {
    for (width, height) in [(1, 1), (2, 1), (1, 2), (7, 3), (40, 1), (1, 500), (9, 9)] {
        for grey in [0, 128, 255] {
            let data = vec![grey; (width * height) as usize];
            let frame = Frame::new(&data, width, height, width).expect("good");
            assert_eq!(Reader::default().read(&frame), None);
        }
    }
}

/// covers: SCAN-1
#[test]
fn an_8k_frame_is_read_within_the_budget() {
    let reader = Reader::new(Budget {
        time: Duration::from_millis(500),
    });
    let mut data = vec![230u8; 7680 * 4320];
    let start = Instant::now();
    let frame = Frame::new(&data, 7680, 4320, 7680).expect("8K is accepted");
    assert_eq!(reader.read(&frame), None);
    // Generous, since the machine is shared and the test is not optimised.
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );

    let small = picture(&ticket_text(6), Distortion::Clean, 6);
    for y in 0..4320 {
        for x in 0..7680 {
            data[y * 7680 + x] = small.luma[y / 6 * WIDTH + x / 6];
        }
    }
    let frame = Frame::new(&data, 7680, 4320, 7680).expect("8K is accepted");
    let reading = reader.read(&frame).expect("read");
    assert_eq!(reading.text(), Some(ticket_text(6).as_str()));
    assert!(
        reading.corners.iter().any(|c| c.x > 1280.0),
        "corners are the frame's own: {reading:?}"
    );
}

/// covers: SCAN-1
#[test]
fn the_budget_stops_the_ladder_after_the_first_rung() {
    thread_local!(static CALLS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    fn a_second_later_each_time() -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let calls = CALLS.with(|calls| calls.replace(calls.get() + 1));
        *START.get_or_init(Instant::now) + Duration::from_secs(u64::from(calls))
    }
    let reader = Reader::with_clock(
        Budget {
            time: Duration::from_millis(10),
        },
        a_second_later_each_time,
    );
    // A picture that only a later rung reads.
    let (mut scene, mut dice) = scene();
    scene.noise = 55.0;
    let hard = scene.draw(&ticket_text(0), &mut dice);
    assert!(Reader::default().read(&frame(&hard)).is_some());
    assert_eq!(reader.read(&frame(&hard)), None);
    let easy = picture(&ticket_text(0), Distortion::Clean, 0);
    assert!(
        reader.read(&frame(&easy)).is_some(),
        "the first rung always runs"
    );
}

/// covers: SCAN-1
#[test]
fn a_camera_reads_easy_frames_at_once_and_hard_ones_in_turn() {
    let mut reader = Reader::new(Budget {
        time: Duration::from_secs(10),
    });
    let easy = picture(&ticket_text(7), Distortion::Clean, 7);
    assert_eq!(
        reader.read_next(&frame(&easy)).expect("read").rung,
        Rung::Plain
    );
    let hard = picture(&ticket_text(8), Distortion::Noise, 8);
    let read = (0..Rung::ALL.len()).find_map(|_| reader.read_next(&frame(&hard)));
    assert_eq!(
        read.expect("read by one of the rungs").text(),
        Some(ticket_text(8).as_str())
    );
}

/// covers: SCAN-1
#[test]
fn nine_of_ten_adverse_pictures_are_read() {
    // A guard for changes; `examples/qr_bench.rs` has the figures.
    let reader = Reader::new(Budget {
        time: Duration::from_secs(10),
    });
    let pictures = Distortion::ALL
        .iter()
        .flat_map(|&class| [(class, 0), (class, 1)]);
    let missed: Vec<_> = pictures
        .filter(|&(class, seed)| {
            let text = ticket_text(seed);
            let reading = reader.read(&frame(&picture(&text, class, seed)));
            reading.is_none_or(|reading| {
                assert_eq!(reading.text(), Some(text.as_str()), "misread");
                false
            })
        })
        .collect();
    assert!(missed.len() * 10 <= Distortion::ALL.len() * 2, "{missed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// covers: SCAN-1
    #[test]
    fn random_frames_never_panic(width in 1u32..160, height in 1u32..120, gap in 0u32..9, seed: u64, levels in 1u64..256) {
        let mut dice = Dice::new(seed);
        let stride = width + gap;
        let data: Vec<u8> = (0..stride * height).map(|_| (dice.next() % levels) as u8).collect();
        let frame = Frame::new(&data, width, height, stride).expect("good measures");
        let _ = Reader::default().read(&frame);
    }

    /// covers: SCAN-1
    #[test]
    fn torn_and_flipped_files_never_panic(cut in 0usize..3000, at in 0usize..3000, flip: u8, png: bool) {
        let format = if png { ImageFormat::Png } else { ImageFormat::Jpeg };
        let mut file = file_of(&code_of(b"BT1:PROPERTY"), format);
        let at = at % file.len();
        file[at] ^= flip;
        file.truncate(file.len() - cut % file.len());
        let _ = read_image_bytes(&file);
    }

    /// covers: SCAN-1
    #[test]
    fn a_text_that_is_read_is_the_text_that_was_written(text in "[ -~]{1,120}") {
        let picture = code_of(text.as_bytes());
        let frame = Frame::new(picture.as_raw(), picture.width(), picture.height(), picture.width()).expect("good");
        let reading = Reader::default().read(&frame).expect("a clean code is read");
        prop_assert_eq!(reading.text(), Some(text.as_str()));
    }
}
