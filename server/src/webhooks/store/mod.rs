//! All SQL of webhooks, a file for each thing it is about.

pub(super) mod deliveries;
pub(super) mod endpoints;
pub(super) mod messages;
