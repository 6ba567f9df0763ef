//! The clients of the outside world, against what pretends to be it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

#[cfg(feature = "outgoing")]
mod outgoing;
#[cfg(feature = "saml")]
mod saml;
#[cfg(feature = "saml")]
mod signer;
#[cfg(feature = "smtp")]
mod smtp;
