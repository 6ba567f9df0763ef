//! Policies for refund, transfer and resale: of an organisation, and of events on their own, by region.
//!
//! Owns the table `policies`. What follows from a policy is [`policy`](super::policy)'s affair.
//!
//! Invariants:
//! - an organisation, and each of its events, has at most one policy for each region;
//! - each change raises the policy's version, starts from a known one and is in the audit log;
//! - no policy allows what the law of its country is known to forbid, unless it says that it answers for that.

mod model;
mod routes;
mod service;
mod store;

pub use model::*;
pub(in crate::catalog) use routes::routes;
pub(in crate::catalog) use service::copy_in;
pub use service::{delete_policy, policies_of, policy_of, save_policy, stored_policy};
