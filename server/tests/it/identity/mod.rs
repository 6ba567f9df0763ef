//! Who may do what, over HTTP.

mod permissions;
