//! Policies as they are said and shown.

use bilten_kernel::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::model::policy::{Policy, RefundPolicy, Region, ResalePolicy, TransferPolicy};

/// A policy of an organisation or of one of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeptPolicy {
    /// Where it holds.
    pub region: Region,
    /// When money goes back.
    pub refund: RefundPolicy,
    /// How tickets change hands without money.
    pub transfer: TransferPolicy,
    /// How tickets are sold on.
    pub resale: ResalePolicy,
    /// Raised by each change; a change must name the version it started from.
    pub version: i64,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl KeptPolicy {
    /// A policy with its version.
    pub(super) fn new(policy: Policy, version: i64, updated_at: Timestamp) -> Self {
        Self {
            region: policy.region,
            refund: policy.refund,
            transfer: policy.transfer,
            resale: policy.resale,
            version,
            updated_at,
        }
    }

    /// The policy itself.
    pub(super) fn policy(&self) -> Policy {
        Policy {
            region: self.region,
            refund: self.refund.clone(),
            transfer: self.transfer,
            resale: self.resale,
        }
    }
}

/// What an organiser says of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyInput {
    /// The version of the policy that this change starts from; needed unless `If-Match` says it, or
    /// there is none yet.
    pub version: Option<i64>,
    /// When money goes back.
    pub refund: RefundPolicy,
    /// How tickets change hands without money.
    pub transfer: TransferPolicy,
    /// How tickets are sold on.
    pub resale: ResalePolicy,
}
