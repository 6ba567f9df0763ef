//! All SQL of identity, a file for each thing it is about.

pub(super) mod admins;
pub(super) mod attempts;
pub(super) mod consents;
pub(super) mod email_changes;
pub(super) mod erasure;
pub(super) mod exports;
pub(super) mod factors;
pub(super) mod federation;
pub(super) mod flags;
pub(super) mod invitations;
pub(super) mod keys;
pub(super) mod members;
pub(super) mod oauth;
pub(super) mod one_time;
pub(super) mod organisations;
pub(super) mod passkeys;
pub(super) mod people;
pub(super) mod sessions;
pub(super) mod staff;
pub(super) mod throttles;
pub(super) mod tokens;
