//! Who may do what, over HTTP.

pub(crate) mod admins;
mod keys;
mod mail;
pub(crate) mod oauth;
mod organisations;
mod people;
mod permissions;
mod privacy;
mod sign_in;
mod staff;
mod tokens;
