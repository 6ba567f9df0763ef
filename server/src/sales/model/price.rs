//! What tickets cost, and how that comes about.

use bilten_core::price::{CodeUse, QuoteLine, TaxTotal};
use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::{OrderId, OrderItem};
use crate::catalog::EventId;

/// What something would cost now; nothing is reserved by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    /// The event.
    pub event_id: EventId,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// One line for each tier, date and price.
    pub items: Vec<OrderItem>,
    /// What it costs in all, in minor units, taxes and fees included.
    pub total_minor: i64,
    /// How that comes about.
    pub price: PriceParts,
}

/// How a price comes about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceParts {
    /// The lines, with a reason for each part of each.
    pub lines: Vec<QuoteLine>,
    /// What the units cost before anything is taken off, in minor units.
    pub list_minor: i64,
    /// What is taken off.
    pub discount_minor: i64,
    /// Taxes that are in the total.
    pub tax_minor: i64,
    /// Fees that the buyer pays.
    pub fee_minor: i64,
    /// What rounding to coins adds; negative if it takes away.
    pub cash_rounding_minor: i64,
    /// What each tax comes to.
    pub taxes: Vec<TaxTotal>,
    /// What each code does.
    pub codes: Vec<CodeUse>,
}

impl From<bilten_core::price::Quote> for PriceParts {
    fn from(quote: bilten_core::price::Quote) -> Self {
        Self {
            lines: quote.lines,
            list_minor: quote.list_minor,
            discount_minor: quote.discount_minor,
            tax_minor: quote.tax_minor,
            fee_minor: quote.fee_minor,
            cash_rounding_minor: quote.cash_rounding_minor,
            taxes: quote.taxes,
            codes: quote.codes,
        }
    }
}

/// The price of an order, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderPrice {
    /// The order.
    pub order_id: OrderId,
    /// The currency of its amounts (ISO 4217).
    pub currency: Currency,
    /// What it costs in all, in minor units.
    pub total_minor: i64,
    /// For which moment it was priced.
    pub priced_at: Timestamp,
    /// Whether what is kept of the order still gives this price when it is reckoned anew.
    pub is_confirmed: bool,
    /// How it comes about.
    pub price: PriceParts,
}
