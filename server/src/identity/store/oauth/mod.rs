//! OAuth clients, what was granted to them, and their codes and tokens.

mod clients;
mod grants;
mod tokens;

pub(in crate::identity) use clients::*;
pub(in crate::identity) use grants::*;
pub(in crate::identity) use tokens::*;
