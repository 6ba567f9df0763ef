//! Who bought: sealed as it is stored, found again by a keyed index of the address.

use bilten_kernel::db::{Conn, DbError, Val};

use super::super::changes;
use super::super::codes;
use super::super::files;
use super::super::model::*;
use super::super::store::{self, OrderRow, SealedBuyer};
use super::{erase_attendees, json_fault};
use crate::app::App;
use crate::identity::Email;

/// For what the buyer of an order is sealed.
pub(in crate::sales) fn buyer_purpose(order: impl std::fmt::Display) -> String {
    format!("buyer {order}")
}

pub(super) fn lookup(app: &App, email_lookup: &str) -> [u8; 32] {
    app.vault.blind_index("order buyer", email_lookup)
}

/// A buyer as their order is to store them.
pub(super) fn sealed(app: &App, order: &Order) -> Result<SealedBuyer, DbError> {
    let buyer = Buyer {
        email: order.email.clone(),
        name: order.name.clone(),
    };
    let text = serde_json::to_vec(&buyer).map_err(|error| json_fault(&error))?;
    Ok(SealedBuyer {
        sealed: app
            .vault
            .seal(&buyer_purpose(order.id), &text, &*app.random)?,
        email_lookup: email_lookup(app, &order.email),
    })
}

/// The keyed index of an address as a buyer or holder gives it: one for all ways to write it.
pub(super) fn email_lookup(app: &App, email: &str) -> [u8; 32] {
    // An order's address is taken more leniently than that of an account, which needs one that is right.
    let email = email.trim();
    let email = email
        .parse::<Email>()
        .map_or_else(|_| email.to_lowercase(), |email| email.lookup());
    lookup(app, &email)
}

fn buyer(app: &App, order: OrderId, sealed: &[u8]) -> Result<Buyer, DbError> {
    if sealed.is_empty() {
        return Ok(Buyer {
            email: String::new(),
            name: ERASED_NAME.to_owned(),
        });
    }
    let text = app.vault.open(&buyer_purpose(order), sealed)?;
    serde_json::from_slice(&text).map_err(|error| json_fault(&error))
}

/// An order with its buyer.
pub(super) fn opened(app: &App, row: OrderRow) -> Result<Order, DbError> {
    let buyer = buyer(app, row.id, &row.sealed_buyer)?;
    Ok(Order {
        id: row.id,
        event_id: row.event_id,
        reference: row.reference,
        state: row.state,
        email: buyer.email,
        name: buyer.name,
        sandbox: row.sandbox,
        currency: row.currency,
        total_minor: row.total_minor,
        expires_at: row.expires_at,
        created_at: row.created_at,
        paid_at: row.paid_at,
    })
}

/// What was bought with an address, by its form for comparing; oldest first.
///
/// # Errors
/// A fault of the database.
pub async fn orders_of_buyer_in(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<Vec<OrderDetail>, DbError> {
    let mut details = Vec::new();
    for row in store::orders_of_buyer(c, lookup(app, email_lookup)).await? {
        details.push(OrderDetail {
            items: store::order_items(c, row.id).await?,
            order: opened(app, row)?,
        });
    }
    Ok(details)
}

/// Forgets who bought with an address. What was paid stays: the law wants it kept.
pub(crate) async fn on_person_erased(
    app: &App,
    c: &mut Conn,
    email_lookup: &str,
) -> Result<Vec<ErasedOrder>, DbError> {
    let mut orders = Vec::new();
    for row in store::lock_orders_of_buyer(c, lookup(app, email_lookup)).await? {
        orders.push(ErasedOrder {
            name: buyer(app, row.id, &row.sealed_buyer)?.name,
            id: row.id,
            event_id: row.event_id,
        });
    }
    let ids = Val::texts(orders.iter().map(|order| order.id));
    store::review::forget(c, ids).await?;
    store::erase_buyer(c, &orders).await?;
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    store::delete_people(c, &ids).await?;
    files::erase_of_orders(c, &ids).await?;
    changes::on_buyers_erased(c, &ids).await?;
    // Whoever came with tickets of others stays nameless on those.
    orders.extend(erase_attendees(app, c, lookup(app, email_lookup)).await?);
    codes::forget_buyer(c, lookup(app, email_lookup)).await?;
    Ok(orders)
}
