//! Integration tests of `bilten-core`.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may stop where it stands"
)]

mod checkin;
#[cfg(all(feature = "client", feature = "issue"))]
mod device;
mod ticket;
mod vectors;
