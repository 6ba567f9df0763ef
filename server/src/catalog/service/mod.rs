//! Use cases of the catalogue.

mod change;
mod error;
mod event;
mod offers;
mod read;
mod tier;

pub(in crate::catalog) use change::{StartsFrom, record};
pub use error::*;
pub use event::*;
pub use offers::*;
pub use read::*;
pub use tier::*;
