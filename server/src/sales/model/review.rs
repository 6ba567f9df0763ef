//! Orders that look suspicious, and what somebody decides about them.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Order;
use crate::sales::fraud::{FraudReason, FraudScore};

/// How long an order waits to be looked at before it expires, in milliseconds.
pub const REVIEW_MS: i64 = 24 * 3_600_000;
/// How long an order that was looked at waits to be paid, in milliseconds.
pub const REVIEWED_MS: i64 = 24 * 3_600_000;

/// How suspicious an order looks before it is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its score, and why.
    pub score: FraudScore,
    /// The version of the policy that said so; 0 is the default.
    pub policy_version: i64,
    /// The mailbox, as a keyed hash; empty if not known.
    pub email_key: String,
    /// The network, as a keyed hash; empty if not known.
    pub network_key: String,
    /// The means of payment, as a keyed hash; empty if not known.
    pub payment_key: String,
}

text_enum! {
    /// What somebody decides about an order that looked suspicious.
    pub enum ReviewOutcome {
        /// It can be paid.
        Accept = "accept",
        /// It is cancelled, and its tickets are free.
        Refuse = "refuse",
    }
}

/// An order that waits for somebody to look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderToReview {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// From 0, harmless, to 100.
    pub score: i64,
    /// Why, the strongest first.
    pub reasons: Vec<FraudReason>,
    /// When it was scored.
    pub scored_at: Timestamp,
}

/// What somebody decides about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    /// What.
    pub decision: ReviewOutcome,
}
