//! Settings of an event that two may change at once: how they are answered, and what a change says.

use bilten_kernel::db::{DbError, Record, Row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SaleRules;
use crate::sales::limits::PurchaseLimits;

/// What an event's organiser asks of those who buy, with the version that a change must name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventSaleRules {
    /// Raised by each change; 0 if nothing was ever said.
    pub version: i64,
    /// What is asked.
    #[serde(flatten)]
    pub rules: SaleRules,
}

impl Record for EventSaleRules {
    fn read(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            version: row.get("rules_version")?,
            rules: SaleRules::read(row)?,
        })
    }
}

/// What is asked of those who buy from now on; all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SaleRulesInput {
    /// The version that this change starts from; needed unless `If-Match` says it, or nothing was said
    /// yet.
    #[serde(default)]
    pub version: Option<i64>,
    /// Nobody may leave a single free seat between taken ones, where it can be avoided.
    pub no_single_seats: bool,
    /// A companion's seat is only sold together with the place that it belongs to.
    pub companions_with_their_place: bool,
    /// Every order waits, unpaid, until the organiser accepts it; those of staff do not. A tier can say the
    /// same for orders with one of it.
    #[serde(default)]
    pub needs_approval: bool,
}

impl SaleRulesInput {
    /// What it says, as it is kept.
    pub const fn rules(&self) -> SaleRules {
        SaleRules {
            no_single_seats: self.no_single_seats,
            companions_with_their_place: self.companions_with_their_place,
            needs_approval: self.needs_approval,
        }
    }
}

/// How many tickets of an event one person may have, with the version that a change must name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventPurchaseLimits {
    /// Raised by each change; 0 if nothing was ever said.
    pub version: i64,
    /// The limits.
    #[serde(flatten)]
    pub limits: PurchaseLimits,
}

/// How many tickets of an event one person may have from now on; what is left out may be any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PurchaseLimitsInput {
    /// The version that this change starts from; needed unless `If-Match` says it, or nothing was said
    /// yet.
    pub version: Option<i64>,
    /// For the mailbox behind an e-mail address.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_email: Option<u32>,
    /// For an account.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_account: Option<u32>,
    /// For a means of payment.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_payment: Option<u32>,
    /// For a network; whole towns can share one, so be generous.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub per_network: Option<u32>,
}

impl PurchaseLimitsInput {
    /// What it says, as it is kept.
    pub const fn limits(&self) -> PurchaseLimits {
        PurchaseLimits {
            per_email: self.per_email,
            per_account: self.per_account,
            per_payment: self.per_payment,
            per_network: self.per_network,
        }
    }
}
