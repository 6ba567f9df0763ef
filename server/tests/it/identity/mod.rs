//! Who may do what, over HTTP.

pub(crate) mod admins;
pub(crate) mod factors;
mod federation;
mod flags;
mod keys;
mod links;
mod mail;
pub(crate) mod oauth;
mod organisations;
mod outgoing;
mod people;
mod permissions;
mod privacy;
mod register;
mod sessions;
mod sign_in;
mod staff;
mod tokens;
