//! The dates of an event: recurring series, settings of single dates, cancelling one, reading many.
//!
//! Rules are in [`series`](crate::catalog::series). Dates are always rows of `occurrences`, and what
//! holds of prices and capacities on a date is written into its row with all layers put together
//! ([`DateOffer`](crate::catalog::DateOffer)): whoever sells or prices knows nothing of layers.
//!
//! A change of dates is one write: the event's version is raised first, which locks the event; what is
//! sold of each date is asked of sales ([`events::taken_in`](crate::events::taken_in)); the rows are
//! written; and sales bring their stock in line in the same transaction and refuse if something would
//! be sold of what is gone, or more than there is. So neither a date nor a capacity goes from under a
//! ticket that is bought in the same moment.
//!
//! An event without a series is edited in the same words: each of its dates is then a series of one.

mod cancel;
mod edit;
mod input;
mod list;
mod maps;
mod routes;
mod rows;
mod save;
pub(in crate::catalog) mod store;

pub use input::*;
pub(in crate::catalog) use routes::routes;
