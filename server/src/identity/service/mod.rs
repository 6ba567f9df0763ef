//! Use cases of identity, a file for each thing they are about.

mod error;
mod keys;
mod members;
mod oauth;
mod organisations;
mod people;
mod principal;
mod sessions;

pub use error::IdentityError;
pub use keys::*;
pub use members::*;
pub use oauth::*;
pub use organisations::*;
pub use people::*;
pub use principal::*;
pub use sessions::*;
