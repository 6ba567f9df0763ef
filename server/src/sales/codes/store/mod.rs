//! All SQL of promo codes.

pub(super) mod batches;
pub(super) mod codes;
pub(super) mod uses;
