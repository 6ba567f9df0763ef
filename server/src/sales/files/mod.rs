//! Files that answer questions: sent before the purchase, then a part of the order's answers.
//!
//! A question of kind `file` is answered by the id of a file that was sent for it. Until an order names it, a
//! file is nobody's, and is gone after a day; the write that places the order makes it the order's.
//!
//! Their bytes are in the database: they are small, have to go in the same write as the answers that they
//! belong to, and are the same on both engines and on every node. Nothing here says so to anybody else: when
//! there is a store for large objects, it can take the bytes over behind [`store`] by the same ids. They are
//! read and written whole, and lie in a table of their own, which nobody touches who looks for files, counts
//! or moves them.
//!
//! Owns the tables `answer_files`, `answer_file_contents` and `answer_file_turns`.
//!
//! Invariants:
//! - what is kept is of a type that its question takes, by its bytes, and no larger than that says;
//! - a file answers one question of one ticket, or of one order, and never another's;
//! - what a node has of uploads in memory is bounded, and so is what an event keeps of files that may never be
//!   paid for, in all and of one sender;
//! - it lives as long as the answer that names it: it moves with its ticket, and whoever forgets an answer
//!   forgets its file in the same write;
//! - files are taken before all else that an order takes, in the order of their ids;
//! - contents are sealed by a key of their own each, which is sealed with the name: when the installation's
//!   keys are replaced, that is sealed again, and no content is touched.

mod body;
mod claim;
mod download;
mod error;
mod model;
mod routes;
mod seal;
mod service;
mod store;
mod sweep;

pub(crate) use body::Received;
pub(in crate::sales) use claim::{
    erase_of_orders, erase_of_ticket, faults_of, give, lock, lock_for_one, on_event_deleted,
};
pub use error::FileError;
pub use model::*;
pub(in crate::sales) use routes::routes;
pub(in crate::sales) use seal::about_purpose;
pub(crate) use service::keep_file;
pub use service::{file_of, files_of_order_in, own_file, wanted_file};
pub use sweep::sweep;
