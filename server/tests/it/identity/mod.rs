//! Who may do what, over HTTP.

pub(crate) mod oauth;
mod people;
mod permissions;
mod sign_in;
mod tokens;
