//! Listings and payouts, and the rules that need no database.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use bilten_kernel::{record, text_enum, typed_id};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{HeldSeat, OrderId};
use crate::catalog::policy::{PassOnRefusal, TicketFacts};
use crate::catalog::{EventId, OccurrenceId, TierId};
use crate::tickets::TicketId;
use crate::tickets::transfers::TransferId;

typed_id!(pub ListingId, "rsl", "Names a ticket that is offered for resale.");
typed_id!(pub ResalePayoutId, "rsp", "Names what a seller of a resold ticket is owed.");

/// How often one ticket is listed at most: each listing may send mails to people who wait.
pub const MAX_LISTINGS: i64 = 20;
/// The highest price that can be asked where nothing caps it, in minor units.
pub const MAX_PRICE: i64 = 1_000_000_000;

text_enum! {
    /// Where a listing stands.
    ///
    /// ```text
    /// listed ◀──▶ held ──▶ sold
    ///    ├──▶ withdrawn
    ///    └──▶ ended   (the ticket was used, changed or ended, or it was too late)
    /// ```
    pub enum ListingState {
        /// It can be bought.
        Listed = "listed",
        /// Somebody is buying it.
        Held = "held",
        /// It is somebody else's.
        Sold = "sold",
        /// Its seller took it back.
        Withdrawn = "withdrawn",
        /// The ticket was used, changed or ended, or it was too late.
        Ended = "ended",
    }
}

text_enum! {
    /// Where it stands with what a seller is owed.
    pub enum ResalePayoutState {
        /// It is to be paid.
        Owed = "owed",
        /// It was paid.
        Settled = "settled",
        /// The seller's whole order was paid back instead.
        Void = "void",
    }
}

/// What somebody asks for a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListingRequest {
    /// What the buyer pays for it in minor units, all included.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub price_minor: i64,
}

record! {
    /// A ticket that is, or was, offered for resale.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct ResaleListing {
        /// Its id.
        pub id: ListingId,
        /// The event.
        pub event_id: EventId,
        /// The ticket.
        pub ticket_id: TicketId,
        /// The order that the ticket is of.
        pub order_id: OrderId,
        /// The tier.
        pub tier_id: TierId,
        /// The date, if the ticket is for one.
        pub occurrence_id: Option<OccurrenceId>,
        /// The seat as people say it, if it is for one.
        pub seat_label: Option<String>,
        /// Where it stands.
        pub state: ListingState,
        /// The currency of its amounts (ISO 4217).
        pub currency: Currency,
        /// What the buyer pays in minor units, all included.
        pub price_minor: i64,
        /// What the organiser keeps of it; the seller gets the rest.
        pub fee_minor: i64,
        /// When it was listed.
        pub listed_at: Timestamp,
        /// From when on it cannot be bought.
        pub closes_at: Timestamp,
        /// When it was sold, withdrawn or ended.
        pub settled_at: Option<Timestamp>,
    }
}

record! {
    /// A ticket that can be bought of somebody.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct ShopListing {
        /// Its id.
        pub id: ListingId,
        /// The tier.
        pub tier_id: TierId,
        /// What the tier was called.
        pub label: String,
        /// The date, if the ticket is for one.
        pub occurrence_id: Option<OccurrenceId>,
        /// The seat as people say it, if it is for one.
        pub seat_label: Option<String>,
        /// The currency of its price (ISO 4217).
        pub currency: Currency,
        /// What it costs in minor units, all included.
        pub price_minor: i64,
        /// From when on it cannot be bought.
        pub closes_at: Timestamp,
    }
}

record! {
    /// What a seller is owed for a resold ticket.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
    pub struct ResalePayout {
        /// Its id.
        pub id: ResalePayoutId,
        /// The listing that was sold.
        pub listing_id: ListingId,
        /// The event.
        pub event_id: EventId,
        /// The order that the ticket was of.
        pub seller_order_id: OrderId,
        /// The transfer that had brought the ticket to whoever sold it, if that was not the order's buyer.
        pub seller_transfer_id: Option<TransferId>,
        /// The order by which it was bought.
        pub buyer_order_id: OrderId,
        /// Where it stands.
        pub state: ResalePayoutState,
        /// The currency of its amounts (ISO 4217).
        pub currency: Currency,
        /// What the buyer paid, in minor units.
        pub price_minor: i64,
        /// What the organiser keeps of it.
        pub fee_minor: i64,
        /// What the seller is owed.
        pub amount_minor: i64,
        /// When the ticket was sold.
        pub created_at: Timestamp,
        /// When it was paid, or became void.
        pub settled_at: Option<Timestamp>,
    }
}

/// A ticket as whoever holds it sells it.
#[derive(Clone, Debug)]
pub struct TicketToSell {
    /// Which one.
    pub id: TicketId,
    /// The order that it is of.
    pub order: OrderId,
    /// The transfer that brought it to whoever sells it.
    pub transfer: Option<TransferId>,
    /// The event.
    pub event: EventId,
    /// The tier.
    pub tier: TierId,
    /// The date, if it is for one.
    pub occurrence: Option<OccurrenceId>,
    /// The seat, if it is for one.
    pub seat: Option<HeldSeat>,
    /// What else decides; what was paid is looked up.
    pub facts: TicketFacts,
}

/// At what price a ticket can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResaleTerms {
    /// The currency.
    pub currency: Currency,
    /// The highest price, all included; none where nothing caps it.
    pub most_minor: Option<i64>,
    /// What the organiser keeps of the price, in basis points.
    pub fee_basis_points: u32,
    /// From when on it cannot be bought.
    pub closes_at: Timestamp,
}

/// Why a ticket is not sold on, for people.
pub const fn why_not(refusal: PassOnRefusal) -> &'static str {
    match refusal {
        PassOnRefusal::NotValid => "this ticket lets nobody in, so it cannot be sold",
        PassOnRefusal::Used => "this ticket has let somebody in, so it cannot be sold",
        PassOnRefusal::NotAllowed => "tickets of this event cannot be resold",
        PassOnRefusal::Frozen => "it is too close to the doors to sell this ticket",
        PassOnRefusal::TooOften => "this ticket was passed on as often as it may be",
        PassOnRefusal::AboveCap => "the price is higher than it may be, fees included",
        PassOnRefusal::Price => "this is not a price",
    }
}
