//! The clients of the outside world, against what pretends to be it.

#[cfg(feature = "saml")]
mod saml;
#[cfg(feature = "saml")]
mod signer;
