//! Writes `tests/vectors/*.json`; deterministic, so that a second run changes nothing.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a developer's tool: it may stop, and it says what it did"
)]

#[path = "../tests/support/vectors/mod.rs"]
mod vectors;

fn main() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    for (name, text) in [
        ("tickets.json", vectors::tickets_json()),
        ("feed_pages.json", vectors::feed_pages_json()),
    ] {
        std::fs::write(folder.join(name), &text).expect("the folder of the vectors");
        println!("{name}: {} bytes", text.len());
    }
}
