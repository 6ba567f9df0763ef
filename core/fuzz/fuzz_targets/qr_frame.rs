//! Whatever a camera sees: read or not, never a panic that gets out, and never for long.
//!
//! An input is a width, a height, what is added to the width as stride, and which rung looks (a byte
//! each); then come the pixels. Missing ones are white, unless the rung's highest bit is set.
#![no_main]

use bilten_core::qr::{Budget, Frame, Reader, Rung};
use libfuzzer_sys::fuzz_target;
use qrcode::{Color, EcLevel, QrCode, Version};
use std::sync::Once;

static HOOK: Once = Once::new();

fuzz_target!(init: shared::write_seeds(seeds()), |data: &[u8]| {
    // libFuzzer's hook ends the process at any panic; those that the reader catches are no faults.
    // One that gets out still ends it, since it cannot leave this function.
    HOOK.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    let Some(([width, height, extra, rung], pixels)) = data.split_first_chunk::<4>() else {
        return;
    };
    let (width, height) = (u32::from(*width), u32::from(*height));
    let stride = width + u32::from(*extra);
    let mut pixels = pixels.to_vec();
    if rung & 0x80 == 0 {
        pixels.resize(stride as usize * height as usize, 0xff);
    }
    let Ok(frame) = Frame::new(&pixels, width, height, stride) else {
        return;
    };
    // One rung an input: the fuzzer gets through more of them, and learns which byte matters.
    let rung = Rung::ALL[usize::from(rung & 0x7f) % Rung::ALL.len()];
    let _ = Reader::new(Budget::CAMERA).read_by(&frame, rung);
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
    let codes = [
        ("HELLO", 1, 2, 3),
        (ticket.as_str(), 6, 2, 0),
        ("\u{e9}", 2, 3, 0),
    ];
    for (rung, (text, version, scale, extra)) in
        (0..Rung::ALL.len()).flat_map(|rung| codes.map(|code| (rung, code)))
    {
        let code = QrCode::with_version(text, Version::Normal(version), EcLevel::M).unwrap();
        let modules = code.width() + 8;
        let side = modules * scale;
        let mut seed = vec![side as u8, side as u8, extra, rung as u8];
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
