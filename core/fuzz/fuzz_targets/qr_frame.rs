//! Whatever a camera sees: read or not, never a panic that gets out, and never for long.
//!
//! An input is a width, a height and what is added to the width as stride (a byte each), the
//! reader's turn, and then the pixels; missing ones are white.
#![no_main]

use bilten_core::qr::{Budget, Frame, Reader};
use libfuzzer_sys::fuzz_target;
use qrcode::{Color, EcLevel, QrCode, Version};
use std::sync::Once;

static HOOK: Once = Once::new();

fuzz_target!(init: shared::write_seeds(seeds()), |data: &[u8]| {
    // libFuzzer's hook ends the process at any panic; those that the reader catches are no faults.
    // One that gets out still ends it, since it cannot leave this function.
    HOOK.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    let Some(([width, height, extra, turn], pixels)) = data.split_first_chunk::<4>() else { return };
    let (width, height) = (u32::from(*width), u32::from(*height));
    let stride = width + u32::from(*extra);
    let mut pixels = pixels.to_vec();
    if turn & 0x80 == 0 {
        pixels.resize(stride as usize * height as usize, 0xff);
    }
    let Ok(frame) = Frame::new(&pixels, width, height, stride) else { return };
    let mut reader = Reader::new(Budget::CAMERA);
    for _ in 0..=turn % 4 {
        let _ = reader.read_next(&frame);
    }
});

fn seeds() -> Vec<Vec<u8>> {
    let ticket = shared::issuer()
        .issue(bilten_core::ticket::Payload {
            id: bilten_core::id::TicketId([1; 16]),
            version: 1,
            tier: 1,
            validity: bilten_core::time::Validity::ALWAYS,
        })
        .unwrap();
    let mut seeds = vec![vec![0, 0, 0, 0], vec![1, 1, 0, 0, 0]];
    for (text, version, scale, extra) in [
        ("HELLO", 1, 4, 0),
        ("HELLO", 1, 4, 3),
        (ticket.as_str(), 6, 3, 0),
        ("\u{e9}", 2, 5, 0),
    ] {
        let code = QrCode::with_version(text, Version::Normal(version), EcLevel::M).unwrap();
        let modules = code.width() + 8;
        let side = modules * scale;
        let mut seed = vec![side as u8, side as u8, extra, 1];
        for y in 0..side {
            for x in 0..side {
                let (column, row) = (x / scale, y / scale);
                let inside = |place: usize| (4..modules - 4).contains(&place);
                let is_dark =
                    inside(column) && inside(row) && code[(column - 4, row - 4)] == Color::Dark;
                seed.push(if is_dark { 20 } else { 235 });
            }
            seed.extend(std::iter::repeat_n(0, usize::from(extra)));
        }
        seeds.push(seed);
    }
    seeds
}
