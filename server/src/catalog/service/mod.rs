//! Use cases of the catalogue.

pub(super) mod change;
mod error;
mod event;
mod few;
mod offers;
mod public;
mod read;
mod tier;

pub(in crate::catalog) use change::{StartsFrom, open_in, raise_in, record};
pub use error::*;
pub use event::*;
pub use few::*;
pub use offers::*;
pub use public::*;
pub use read::*;
pub use tier::*;
