//! Writes the test vectors, by its own hand: bytes are laid out here as `docs/protocol.md` says,
//! without the code that the vectors test.
//!
//! To add a vector, append it in a file of `tickets/` or `pages/` and run
//! `cargo run -p bilten-core --example make_vectors`. Existing vectors stay as they are.

pub(crate) mod keys;
mod pages;
mod tickets;

/// The text of `tests/vectors/tickets.json`.
pub(crate) fn tickets_json() -> String {
    to_json(&tickets::file())
}

/// The text of `tests/vectors/feed_pages.json`.
pub(crate) fn feed_pages_json() -> String {
    to_json(&pages::file())
}

fn to_json(file: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(file).expect("vectors are plain data");
    text.push('\n');
    text
}
