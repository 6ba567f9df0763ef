//! What messages say: `data` by type and version, and what is around it.
//!
//! A message holds ids, words, amounts and times; nothing personal, no secret and no code of a
//! ticket: it is kept for a while and sent to others. Whoever needs more reads it by the API, with a
//! key that may.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WebhookEndpointId, WebhookMessageId};
use crate::access::{DeviceId, Redeemed};
use crate::catalog::{EventDetail, EventId, EventState, OccurrenceId, TierId};
use crate::identity::{ConnectionId, OAuthClientId, OAuthGrantId, OrganisationId, UserId};
use crate::sales::{OrderDetail, OrderId};
use crate::tickets::TicketId;

/// What is sent: the body of the request, whose `data` follows from `type` and `version`.
#[derive(Clone, Debug, Serialize)]
pub struct Envelope<'a, D> {
    /// The message's id: the same in every attempt, as in `webhook-id`.
    pub id: WebhookMessageId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: &'a str,
    /// The version of `data`.
    pub version: u32,
    /// When it happened.
    pub timestamp: Timestamp,
    /// In which organisation.
    pub organisation: OrganisationId,
    /// What there is to know.
    pub data: &'a D,
}

/// An event as it was after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventV1 {
    /// Its id.
    pub event: EventId,
    /// What was done to it, such as `updated` or `tier_added`.
    pub change: String,
    /// The version that it has after it; a higher one is newer.
    pub event_version: i64,
    /// The last part of its page's address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Where it stands in its life.
    pub state: EventState,
    /// The time zone of the venue.
    pub time_zone: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// What the venue is called.
    pub venue_name: String,
    /// Its dates, earliest first.
    pub occurrences: Vec<EventDateV1>,
    /// Its tiers.
    pub tiers: Vec<EventTierV1>,
}

/// A date of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventDateV1 {
    /// Its id.
    pub occurrence: OccurrenceId,
    /// When the doors open, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doors_at: Option<Timestamp>,
    /// When it starts.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// A tier of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventTierV1 {
    /// Its id.
    pub tier: TierId,
    /// Its name.
    pub name: String,
    /// The price of one ticket in minor units.
    pub price_minor: i64,
    /// How many tickets there are in all.
    pub capacity: i64,
}

impl EventV1 {
    /// What is told of an event after a change.
    pub fn new(detail: EventDetail, change: String) -> Self {
        let EventDetail {
            event,
            venue_id: _,
            occurrences,
            tiers,
            occurrence_count: _,
            pools: _,
            price_settings: _,
        } = detail;
        let date = |date: crate::catalog::Occurrence| EventDateV1 {
            occurrence: date.id,
            doors_at: date.doors_at,
            starts_at: date.starts_at,
            ends_at: date.ends_at,
        };
        let tier = |tier: crate::catalog::Tier| EventTierV1 {
            tier: tier.id,
            name: tier.name,
            price_minor: tier.price_minor,
            capacity: tier.capacity,
        };
        Self {
            event: event.id,
            change,
            event_version: event.version,
            slug: event.slug,
            name: event.name,
            state: event.state,
            time_zone: event.time_zone,
            currency: event.currency,
            venue_name: event.venue_name,
            occurrences: occurrences.into_iter().map(date).collect(),
            tiers: tiers.into_iter().map(tier).collect(),
        }
    }
}

/// An event that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventDeletedV1 {
    /// Its id.
    pub event: EventId,
}

/// An order; who bought is to be read by the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderV1 {
    /// Its id.
    pub order: OrderId,
    /// The event.
    pub event: EventId,
    /// What people call it.
    pub reference: String,
    /// The currency of its amounts.
    pub currency: Currency,
    /// What it costs in all, in minor units.
    pub total_minor: i64,
    /// What was ordered.
    pub items: Vec<OrderItemV1>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
}

/// So many of a tier, at a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderItemV1 {
    /// The tier.
    pub tier: TierId,
    /// How many.
    pub quantity: u32,
    /// The price of one in minor units.
    pub unit_price_minor: i64,
}

impl From<OrderDetail> for OrderV1 {
    fn from(detail: OrderDetail) -> Self {
        let OrderDetail { order, items } = detail;
        let item = |item: crate::sales::OrderItem| OrderItemV1 {
            tier: item.tier_id,
            quantity: item.quantity,
            unit_price_minor: item.unit_price_minor,
        };
        Self {
            order: order.id,
            event: order.event_id,
            reference: order.reference,
            currency: order.currency,
            total_minor: order.total_minor,
            items: items.into_iter().map(item).collect(),
            paid_at: order.paid_at,
        }
    }
}

/// A ticket, never with its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketV1 {
    /// Its id.
    pub ticket: TicketId,
    /// The event.
    pub event: EventId,
}

/// Passages at the gates of an event, at most 100; who they were is to be read by the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedemptionsV1 {
    /// The event.
    pub event: EventId,
    /// The passages, those of one ticket in the order in which they were reported.
    pub redemptions: Vec<Redeemed>,
}

/// A device of a gate or box office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceV1 {
    /// Its id.
    pub device: DeviceId,
    /// The event that it belongs to.
    pub event: EventId,
}

/// An OAuth client, or what was granted to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgramV1 {
    /// The client.
    pub client: OAuthClientId,
    /// The grant, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<OAuthGrantId>,
    /// The id of who did it.
    pub actor: String,
    /// What was done, in the words of the audit log.
    pub action: String,
}

/// A connection to an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SsoConnectionV1 {
    /// Which.
    pub connection: ConnectionId,
    /// What was done to it.
    pub change: String,
}

/// A mail domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SsoDomainV1 {
    /// Which.
    pub domain: String,
}

/// Somebody whose roles an identity provider changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SsoRolesV1 {
    /// Who.
    pub user: UserId,
    /// By which connection.
    pub connection: ConnectionId,
}

/// A sign-in that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SsoRefusedV1 {
    /// By which connection.
    pub connection: ConnectionId,
    /// Why.
    pub code: String,
}

/// A message that somebody had sent to try an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestV1 {
    /// Which endpoint.
    pub endpoint: WebhookEndpointId,
}
