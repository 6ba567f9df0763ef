//! The words of the catalogue, and the rules that need no database.

pub mod brand;
pub mod country;
mod detail;
mod event;
mod faults;
mod file;
mod list;
mod occurrence;
pub mod policy;
mod pool;
mod prices;
mod pricing;
pub mod questions;
mod refusal;
pub mod series;
mod slug;
pub mod state;
mod stock_plan;
pub mod texts;
mod tier;
pub mod venue;

pub use detail::*;
pub use event::*;
pub(in crate::catalog) use faults::Faults;
pub use file::*;
pub use list::*;
pub use occurrence::*;
pub use pool::*;
pub use prices::*;
pub use pricing::*;
pub use refusal::*;
pub use slug::*;
pub use stock_plan::*;
pub use tier::*;
