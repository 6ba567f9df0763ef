//! Who may do what, over HTTP.

pub(crate) mod oauth;
mod permissions;
