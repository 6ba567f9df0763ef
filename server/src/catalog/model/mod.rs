//! The words of the catalogue, and the rules that need no database.

pub mod brand;
pub mod country;
mod describe;
mod detail;
mod details;
mod event;
mod faults;
mod file;
mod list;
mod occurrence;
pub mod policy;
pub mod questions;
mod said;
pub mod series;
mod slug;
pub mod state;
pub mod texts;
mod tier;
pub mod venue;

pub use detail::*;
pub use details::*;
pub use event::*;
pub(in crate::catalog) use faults::Faults;
pub use file::*;
pub use list::*;
pub use occurrence::*;
pub use said::Said;
use said::said;
pub use slug::*;
pub use tier::*;
