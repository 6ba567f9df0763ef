//! Domain events: how a domain tells those after it what happened.
//!
//! A domain may call the services of domains before it (identity ← catalog ← sales ← payments ←
//! tickets ← access). Whatever goes the other way is a [`DomainEvent`]: [`publish`] writes it to
//! the outbox and lets those react that must do so in the same transaction. This file is the one
//! place that knows who reacts to what.

use std::collections::BTreeMap;
use std::sync::Arc;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::error::FieldError;
use bilten_kernel::metric;
use bilten_kernel::money::Money;
use bilten_kernel::outbox::{self, Entry};
use bilten_kernel::telemetry::Cause;
use serde::{Deserialize, Serialize};

use crate::access::{Counting, DeviceId, Redeemed};
use crate::app::App;
use crate::catalog::{
    CounterKey, EventDetail, EventId, MapEdit, OccurrenceId, SeatMapId, TierId, VenueId,
};
use crate::identity::{Email, IdentityEvent, OAuthClientId, OAuthGrantId, OrganisationId, UserId};
use crate::sales::changes::{ChangedOrder, TicketRefusal, UnitTicket};
use crate::sales::{ORDERS, Order, OrderId, OrderItem};
use crate::{access, inspect, payments, sales, tickets, waiting_room};

/// Something that happened, as it is written to the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DomainEvent {
    /// An event was made or changed, with the event as it is now.
    EventSaved {
        /// What was done to it, such as `created` or `published`.
        change: String,
        /// The event as it is now.
        detail: Box<EventDetail>,
    },
    /// A draft was deleted, or an event of a sandbox that was emptied.
    EventDeleted {
        /// Which one.
        event: EventId,
        /// Whose it was.
        organisation: OrganisationId,
    },
    /// An order was paid: its tickets are due.
    OrderPaid(PaidOrder),
    /// An order that was paid is undone: its tickets die.
    OrderRefunded {
        /// Which order.
        order: OrderId,
        /// Of which event.
        event: EventId,
        /// Whether it is of a sandbox.
        #[serde(default)]
        sandbox: bool,
    },
    /// Tickets of an event changed on their own: reissued or revoked.
    TicketChanged {
        /// Of which event.
        event: EventId,
        /// Which one.
        ticket: tickets::TicketId,
        /// What was done to it: `revoked`, `reissued`, `transferred` or `resold`.
        change: String,
    },
    /// Passages at gates were recorded, or stand otherwise by what was recorded after them.
    RedemptionsSettled(SettledRedemptions),
    /// Something happened to a device of a gate or box office.
    DeviceChanged {
        /// Of which event.
        event: EventId,
        /// Which one.
        device: DeviceId,
        /// What was done to it: `paired` or `revoked`.
        change: String,
    },
    /// Something happened to a program of a third party, or to what was granted to it.
    OAuthChanged {
        /// What, such as `oauth.client_created` or `oauth.granted`.
        action: String,
        /// The id of who did it.
        actor: String,
        /// Of which organisation.
        organisation: OrganisationId,
        /// Which client.
        client: OAuthClientId,
        /// Which grant, if it is about one.
        grant: Option<OAuthGrantId>,
        /// What else is to be known: ids and words, nothing personal.
        detail: serde_json::Value,
    },
    /// Somebody was forgotten, as they asked: what is personal about them goes.
    PersonErased {
        /// Who it was.
        user: UserId,
        /// The address that was theirs, if they had shown that; only those who react in the same
        /// transaction see it.
        #[serde(skip)]
        email: Option<Email>,
    },
    /// A venue was made, changed or deleted.
    VenueChanged {
        /// Which one.
        venue: VenueId,
        /// Whose it is.
        organisation: OrganisationId,
        /// What was done to it, such as `venues.created`.
        change: String,
    },
    /// A seat map was made, or has a new version.
    SeatMapSaved(SavedSeatMap),
    /// A seat map that no date uses was deleted.
    SeatMapDeleted {
        /// Which one.
        map: SeatMapId,
        /// Whose it was.
        organisation: OrganisationId,
    },
    /// A paid order was changed: its tickets were, too.
    OrderChanged {
        /// Which order.
        order: OrderId,
        /// Of which event.
        event: EventId,
        /// What was done to it: `changed`, `split` or `merged`.
        change: String,
        /// Whether it is of a sandbox.
        #[serde(default)]
        sandbox: bool,
    },
    /// Something happened to somebody's account.
    #[serde(untagged)]
    Identity(IdentityEvent),
}

/// An order whose tickets are due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidOrder {
    /// Which order.
    pub order: OrderId,
    /// Of which event.
    pub event: EventId,
    /// What people call the order.
    pub reference: String,
    /// Who bought it; only those who react in the same transaction see it.
    #[serde(skip)]
    pub name: String,
    /// Whether it is of a sandbox.
    #[serde(default)]
    pub sandbox: bool,
    /// How many of which tier.
    pub items: Vec<(TierId, u32)>,
    /// Its lines with dates and seats; only those who react in the same transaction see them.
    #[serde(skip)]
    pub lines: Vec<OrderItem>,
    /// Who is named on its tickets, by number of the ticket from 0, where that is not the buyer.
    #[serde(skip)]
    pub holders: BTreeMap<u32, String>,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// What caused it: a lane pays orders of many requests at once.
    #[serde(skip)]
    pub cause: Cause,
}

/// A seat map that was made, or has a new version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedSeatMap {
    /// Which one.
    pub map: SeatMapId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The version that there was; 0 for a map that is new.
    pub from_version: i64,
    /// The version that there is now.
    pub to_version: i64,
    /// The dates that are not over, used the one and use the other from now on, with their events; by
    /// id.
    pub dates: Vec<(OccurrenceId, EventId)>,
    /// Both versions, if there were two and dates use them; only those who react in the same
    /// transaction see them.
    #[serde(skip)]
    pub edit: Option<Arc<MapEdit>>,
}

/// Passages of one event that stand anew, all in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledRedemptions {
    /// Of which event.
    pub event: EventId,
    /// Whether they count.
    pub standing: Counting,
    /// Which; a bounded number of them.
    pub redemptions: Vec<Redeemed>,
    /// What caused it: a lane records what many devices push at once.
    #[serde(skip)]
    pub cause: Cause,
}

/// A reaction said no, so that what caused it must not happen.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A tier's capacity would be below what is sold or held.
    #[error("the capacity would be below what is sold or held")]
    CapacityBelowSold,
    /// Somebody has a seat that would be gone or another one; what it would do, by seat.
    #[error("somebody has a seat that this would take away or change")]
    SeatsTaken(Vec<FieldError>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl DomainEvent {
    /// The name of this kind of event in the outbox and in webhooks.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::EventSaved { .. } => "event.saved",
            Self::EventDeleted { .. } => "event.deleted",
            Self::OrderPaid(_) => "order.paid",
            Self::OrderRefunded { .. } => "order.refunded",
            Self::TicketChanged { .. } => "ticket.changed",
            Self::RedemptionsSettled(_) => "redemption.settled",
            Self::DeviceChanged { .. } => "device.changed",
            Self::OAuthChanged { .. } => "oauth.changed",
            Self::Identity(event) => event.kind(),
            Self::PersonErased { .. } => "person.erased",
            Self::VenueChanged { .. } => "venue.changed",
            Self::SeatMapSaved(_) => "seat_map.saved",
            Self::SeatMapDeleted { .. } => "seat_map.deleted",
            Self::OrderChanged { .. } => "order.changed",
        }
    }

    /// What caused it, if that is not what runs the write.
    fn cause(&self) -> Cause {
        match self {
            Self::OrderPaid(order) => order.cause.clone(),
            Self::RedemptionsSettled(settled) => settled.cause.clone(),
            Self::EventSaved { .. }
            | Self::EventDeleted { .. }
            | Self::OrderRefunded { .. }
            | Self::TicketChanged { .. }
            | Self::DeviceChanged { .. }
            | Self::OAuthChanged { .. }
            | Self::PersonErased { .. }
            | Self::VenueChanged { .. }
            | Self::SeatMapSaved(_)
            | Self::SeatMapDeleted { .. }
            | Self::OrderChanged { .. }
            | Self::Identity(_) => Cause::default(),
        }
    }

    /// What the event is about: events about one thing are delivered in order.
    fn aggregate(&self) -> String {
        match self {
            Self::EventSaved { detail, .. } => detail.event.id.to_string(),
            Self::EventDeleted { event, .. } => event.to_string(),
            Self::OrderPaid(order) => order.order.to_string(),
            Self::OrderRefunded { order, .. } | Self::OrderChanged { order, .. } => {
                order.to_string()
            }
            Self::TicketChanged { ticket, .. } => ticket.to_string(),
            Self::RedemptionsSettled(settled) => settled.event.to_string(),
            Self::DeviceChanged { device, .. } => device.to_string(),
            Self::OAuthChanged { client, .. } => client.to_string(),
            Self::Identity(event) => event
                .user()
                .map_or_else(|| "nobody".to_owned(), |user| user.to_string()),
            Self::PersonErased { user, .. } => user.to_string(),
            Self::VenueChanged { venue, .. } => venue.to_string(),
            Self::SeatMapSaved(saved) => saved.map.to_string(),
            Self::SeatMapDeleted { map, .. } => map.to_string(),
        }
    }
}

/// What is sold or held of an event, by what it is counted by: sales know, and the catalogue has to
/// before it changes dates or what a tier takes of its stock.
///
/// # Errors
/// A fault of the database.
pub async fn taken_in(c: &mut Conn, event: EventId) -> Result<Vec<(CounterKey, i64)>, DbError> {
    sales::taken_in(c, event).await
}

/// Gives a copy of an event, after it was published as made, what its model asks of those who buy: sales
/// keep that, and the catalogue, which comes before them, copies.
///
/// # Errors
/// A fault of the database.
pub async fn event_copied(
    app: &App,
    c: &mut Conn,
    from: EventId,
    to: EventId,
) -> Result<(), DbError> {
    sales::on_event_copied(c, from, to, app.now()).await
}

metric! {
    /// Tickets of orders that were paid, but for those of sandboxes.
    TICKETS: Counter = "bilten_tickets_sold_total"
}

/// Counts what was sold and what was undone, once it is durable; what sandboxes do is in no total.
fn count(c: &mut Conn, events: &[DomainEvent]) {
    let (mut paid, mut tickets, mut refunded) = (0, 0, 0);
    for event in events {
        match event {
            DomainEvent::OrderPaid(order) if !order.sandbox => {
                paid += 1;
                tickets += order
                    .items
                    .iter()
                    .map(|(_, count)| u64::from(*count))
                    .sum::<u64>();
            }
            DomainEvent::OrderRefunded { sandbox: false, .. } => refunded += 1,
            DomainEvent::OrderPaid(_)
            | DomainEvent::OrderRefunded { .. }
            | DomainEvent::EventSaved { .. }
            | DomainEvent::EventDeleted { .. }
            | DomainEvent::TicketChanged { .. }
            | DomainEvent::RedemptionsSettled(_)
            | DomainEvent::DeviceChanged { .. }
            | DomainEvent::OAuthChanged { .. }
            | DomainEvent::PersonErased { .. }
            | DomainEvent::VenueChanged { .. }
            | DomainEvent::SeatMapSaved(_)
            | DomainEvent::SeatMapDeleted { .. }
            | DomainEvent::OrderChanged { .. }
            | DomainEvent::Identity(_) => {}
        }
    }
    if paid > 0 {
        c.after_commit(move || {
            ORDERS.add(&[("state", "paid")], paid);
            TICKETS.add(&[], tickets);
        });
    }
    if refunded > 0 {
        c.after_commit(move || ORDERS.add(&[("state", "refunded")], refunded));
    }
}

/// Writes events to the outbox and runs the reactions that belong to the same transaction.
///
/// # Errors
/// [`Refused`] if a reaction says no; the caller's write must fail with it.
pub async fn publish(app: &App, c: &mut Conn, events: Vec<DomainEvent>) -> Result<(), Refused> {
    let now = app.now();
    let entries = events
        .iter()
        .map(|event| {
            let entry = Entry::new(event.aggregate(), event.kind(), event, now)?;
            Ok::<_, DbError>(entry.caused_by(event.cause()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    outbox::emit(c, entries).await?;
    count(c, &events);

    let mut paid = Vec::new();
    for event in events {
        match event {
            DomainEvent::EventSaved { detail, change } => {
                sales::on_event_saved(app, c, &detail).await?;
                tickets::on_event_saved(app, c, &detail, &change).await?;
                access::on_event_saved(app, c, &detail, &change).await?;
            }
            DomainEvent::EventDeleted { event, .. } => {
                let orders = sales::on_event_closed(c, event).await?;
                tickets::on_event_closed(c, event).await?;
                access::on_event_deleted(c, event).await?;
                tickets::on_event_deleted(c, event).await?;
                payments::on_event_deleted(c, &orders).await?;
                sales::waitlist::on_event_deleted(c, event).await?;
                sales::on_event_deleted(c, event).await?;
                waiting_room::on_event_deleted(c, event).await?;
            }
            DomainEvent::OrderPaid(order) => paid.push(order),
            DomainEvent::OrderRefunded { order, event, .. } => {
                tickets::on_order_refunded(app, c, event, order).await?
            }
            DomainEvent::PersonErased { user, email } => {
                inspect::on_person_erased(c, user).await?;
                if let Some(email) = email {
                    let orders = sales::on_person_erased(app, c, &email.lookup()).await?;
                    tickets::on_person_erased(app, c, &orders).await?;
                    sales::waitlist::on_person_erased(app, c, &email.lookup()).await?;
                    tickets::transfers::on_person_erased(app, c, &email.lookup()).await?;
                }
            }
            DomainEvent::RedemptionsSettled(settled) => {
                let used = settled.redemptions.iter().map(|one| one.ticket);
                let used: Vec<_> = used.collect();
                sales::resale::on_let_in(c, &used, now).await?;
            }
            DomainEvent::SeatMapSaved(saved) => sales::on_seat_map_saved(app, c, &saved).await?,
            DomainEvent::TicketChanged { .. }
            | DomainEvent::DeviceChanged { .. }
            | DomainEvent::OAuthChanged { .. }
            | DomainEvent::VenueChanged { .. }
            | DomainEvent::SeatMapDeleted { .. }
            | DomainEvent::OrderChanged { .. }
            | DomainEvent::Identity(_) => {}
        }
    }
    if !paid.is_empty() {
        tickets::on_orders_paid(app, c, &paid).await?;
    }
    Ok(())
}

/// Whether a ticket has let somebody in: what tickets must ask of the door, which comes after them.
///
/// # Errors
/// A fault of the database.
pub async fn was_let_in(c: &mut Conn, ticket: tickets::TicketId) -> Result<bool, DbError> {
    access::was_let_in_in(c, ticket).await
}

/// Ends tickets of those who sell them, in the write in which they are paid for, after everything else that
/// the write takes: what sales must ask of tickets, which come after them. Gives the first that is not
/// theirs any more, or has let somebody in: then none is ended.
///
/// # Errors
/// A fault of the database.
pub async fn end_resold(
    app: &App,
    c: &mut Conn,
    sold: &[(tickets::TicketId, Option<tickets::transfers::TransferId>)],
) -> Result<Option<tickets::TicketId>, DbError> {
    tickets::on_resold(app, c, sold).await
}

/// Why tickets of an order cannot be changed now; none if they can. Under the lock of the event's feed it
/// stays so until the write ends.
///
/// # Errors
/// A fault of the database.
pub async fn tickets_stand(
    c: &mut Conn,
    order: OrderId,
    tickets: &[UnitTicket],
) -> Result<Option<TicketRefusal>, DbError> {
    if tickets.is_empty() {
        return Ok(None);
    }
    let ids: Vec<tickets::TicketId> = tickets.iter().map(tickets::of_unit).collect();
    let refusal = tickets::refusal_in(c, order, &ids).await?;
    if refusal.is_some() {
        return Ok(refusal);
    }
    let is_used = access::have_let_in(c, &ids).await?;
    Ok(is_used.then_some(TicketRefusal::Used))
}

/// Lets money and tickets follow an order that was changed; says why its tickets cannot, so that the
/// write must fail.
///
/// # Errors
/// A fault of the database.
pub async fn order_changed(
    app: &App,
    c: &mut Conn,
    changed: ChangedOrder,
) -> Result<Option<TicketRefusal>, Refused> {
    let event = DomainEvent::OrderChanged {
        order: changed.order,
        event: changed.event,
        change: changed.change.to_owned(),
        sandbox: changed.sandbox,
    };
    publish(app, c, vec![event]).await?;
    if changed.refund_minor > 0 {
        let amount = Money::new(changed.refund_minor, changed.currency);
        payments::on_partly_refunded(app, c, changed.order, amount).await?;
    }
    let reissued = changed.tickets.reissued.iter().map(|now| now.ticket);
    let touched: Vec<UnitTicket> = reissued
        .chain(changed.tickets.ended.iter().copied())
        .collect();
    tickets::on_order_changing(app, c, &touched).await?;
    tickets::lock_feed_in(c, changed.event).await?;
    let refusal = tickets_stand(c, changed.order, &touched).await?;
    if refusal.is_none() {
        tickets::on_order_changed(app, c, &changed).await?;
    }
    Ok(refusal)
}

/// Lets payments know of an order that has to be paid before another one is changed.
///
/// # Errors
/// A fault of the database.
pub async fn supplement_placed(app: &App, c: &mut Conn, order: &Order) -> Result<(), DbError> {
    payments::on_supplement_placed(app, c, order).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// covers: BE-8
    #[test]
    fn the_outbox_does_not_know_who_bought() {
        let order = PaidOrder {
            order: OrderId::from_bytes([1; 16]),
            event: EventId::from_bytes([2; 16]),
            reference: "R".to_owned(),
            name: "Ana Novak".to_owned(),
            sandbox: false,
            items: Vec::new(),
            lines: Vec::new(),
            holders: BTreeMap::from([(0, "Ana Kos".to_owned())]),
            paid_at: Timestamp::from_ms(0),
            cause: Cause::default(),
        };
        let text = serde_json::to_string(&DomainEvent::OrderPaid(order)).unwrap();
        assert!(
            text.contains("\"reference\":\"R\"") && !text.contains("Ana"),
            "{text}"
        );
    }
}
