//! An order as it is written, and what is told of it once it is paid.

use std::collections::BTreeMap;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::money::Money;
use bilten_kernel::random;
use bilten_kernel::telemetry::Cause;

use crate::app::App;
use crate::events::{DomainEvent, PaidOrder};
use crate::sales::model::{NewOrder, Order, OrderItem, OrderState};
use crate::sales::service::people::Attendee;

pub(super) fn new_order(app: &App, new: &NewOrder, total: Money) -> Order {
    let is_paid = new.pays.settles(total.minor);
    Order {
        id: new.id,
        event_id: new.event,
        // Made anew on each attempt: a collision makes the lane try again, with another one.
        reference: random::token(&*app.random, 9).to_uppercase(),
        state: if is_paid {
            OrderState::Paid
        } else {
            OrderState::Pending
        },
        email: new.buyer.email.trim().to_owned(),
        name: new.buyer.name.trim().to_owned(),
        sandbox: new.sandbox,
        currency: total.currency,
        total_minor: total.minor,
        expires_at: (!is_paid).then(|| Timestamp::from_ms(new.at.ms() + new.waits_ms())),
        created_at: new.at,
        paid_at: is_paid.then_some(new.at),
    }
}

/// The names of those who are named on tickets, by number of the ticket.
pub(in crate::sales::service) fn holders(
    attendees: &BTreeMap<u32, Attendee>,
) -> BTreeMap<u32, String> {
    attendees
        .iter()
        .map(|(number, attendee)| (*number, attendee.name.clone()))
        .collect()
}

pub(in crate::sales::service) fn paid_event(
    order: &Order,
    items: &[OrderItem],
    holders: BTreeMap<u32, String>,
    cause: Cause,
) -> DomainEvent {
    DomainEvent::OrderPaid(PaidOrder {
        cause,
        order: order.id,
        event: order.event_id,
        reference: order.reference.clone(),
        name: order.name.clone(),
        sandbox: order.sandbox,
        items: items
            .iter()
            .map(|item| (item.tier_id, item.quantity))
            .collect(),
        lines: items.to_vec(),
        holders,
        paid_at: order.paid_at.unwrap_or(order.created_at),
    })
}
