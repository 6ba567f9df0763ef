//! All SQL of changes of orders: a file for orders, one for what they are counted by, one for changes.

mod changes;
mod counts;
mod orders;

pub(super) use changes::*;
pub(super) use counts::*;
pub(super) use orders::*;
