//! Codes and batches as organisers describe them, and what can be wrong with that.

mod batch;
mod check;
mod faults;
mod rule;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::catalog::EventId;
use crate::identity::OrganisationId;
pub use batch::*;
pub use check::*;
pub(in crate::sales::codes) use faults::Faults;
pub use rule::*;

typed_id!(pub PromoCodeId, "cod", "Names a promo code.");
typed_id!(pub PromoCodeBatchId, "bat", "Names a batch of promo codes.");

/// A code as its organiser sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromoCodeDetail {
    /// Its id.
    pub id: PromoCodeId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// The only event that it is for; absent if it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// The batch that it was made with, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<PromoCodeBatchId>,
    /// Its text, as it is printed.
    pub code: String,
    /// The one form of all texts that read like it.
    pub form: String,
    /// What its organiser calls it.
    pub name: String,
    /// What it does, for whom, when and how often.
    pub rule: PromoCodeRule,
    /// In how many holds and orders it is used.
    pub uses: i64,
    /// What it takes off in these, in minor units of its currency or of whatever it was used for.
    pub spent_minor: i64,
    /// Since when it cannot be used any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// Raised by each change; a change must name the version it started from.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A code that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodeInput {
    /// Its text: letters and digits, spaces and dashes; what reads alike is the same code.
    pub code: String,
    /// What its organiser calls it; its text if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The only event that it is for; absent for all events of the organisation.
    #[serde(default)]
    pub event: Option<EventId>,
    /// What it does, for whom, when and how often.
    pub rule: PromoCodeRule,
}

/// A change of a code; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoCodePatch {
    /// The version of the code that this change starts from; needed unless `If-Match` says it.
    pub version: Option<i64>,
    /// What its organiser calls it.
    pub name: Option<String>,
    /// The rule that takes the place of the one it had, as a whole.
    pub rule: Option<PromoCodeRule>,
}

/// How a code, or all codes of a batch, were used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PromoCodeStatistics {
    /// In how many orders that are paid.
    pub confirmed: i64,
    /// In how many holds, and orders that are not paid yet.
    pub reserved: i64,
    /// How many uses were given back: holds that ended, orders that were cancelled or paid back.
    pub returned: i64,
    /// What orders with it came to, by event; at most 1,000 events.
    pub by_event: Vec<PromoCodeEventUse>,
}

record! {
    /// What orders of an event with a code came to; those that gave it back do not count.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct PromoCodeEventUse {
        /// The event.
        pub event_id: EventId,
        /// The currency of the amounts.
        pub currency: Currency,
        /// How many orders.
        pub orders: i64,
        /// How many of them are paid.
        pub confirmed: i64,
        /// How many units were cheaper.
        pub units: i64,
        /// What was taken off.
        pub spent_minor: i64,
        /// What these orders came to, once it was.
        pub revenue_minor: i64,
    }
}
