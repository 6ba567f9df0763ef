//! The questions of an event: one form, of which each question is asked of an order or of each
//! ticket, at purchase or at check-in.
//!
//! Owns the table `questions`. Answers are the affair of who sells.
//!
//! Invariants:
//! - a form is saved as a whole, and is one that can be answered ([`check_form`](super::questions::check_form));
//! - a question is retired, never dropped while its event lives, and never asks for another kind of
//!   answer: what was answered keeps its meaning;
//! - saving a form is a change of the event: it raises its version and stands in its history.

mod model;
mod routes;
mod service;
mod store;

pub use model::*;
pub(in crate::catalog) use routes::routes;
pub(in crate::catalog) use service::{FormChange, copy_in, save_in};
pub use service::{form_of, questions_in, questions_of, save_form};
