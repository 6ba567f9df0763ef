//! What was paid for one ticket, whatever has been changed of its order since.

use bilten_core::price::PriceSnapshot;
use bilten_kernel::db::{Conn, DbError};

use super::model::UnitTicket;
use super::store;
use super::units::units_of;
use crate::catalog::{EventDetail, TierId};
use crate::sales::OrderId;
use crate::sales::store as orders;
use crate::tickets::TicketId;

/// What one unit cost that gives a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sales) struct PaidUnit {
    /// Its ticket, by the order that it was issued for: splits and merges leave it in another one.
    pub(in crate::sales) ticket: UnitTicket,
    /// What was paid for it, all included.
    pub(in crate::sales) paid_minor: i64,
    /// What of that was fees.
    pub(in crate::sales) fees_minor: i64,
}

/// What was paid for a ticket of an order; none if it came with others as one thing.
pub(in crate::sales) async fn paid_for_in(
    c: &mut Conn,
    order: OrderId,
    offer: &EventDetail,
    (ticket, tier): (TicketId, TierId),
) -> Result<Option<PaidUnit>, DbError> {
    let snapshot = orders::order_snapshot(c, order).await?;
    let snapshot = match snapshot
        .as_deref()
        .map(serde_json::from_str::<PriceSnapshot>)
    {
        Some(Ok(snapshot)) => Some(snapshot),
        Some(Err(error)) => {
            return Err(DbError::Fault {
                at: "sales::changes",
                detail: error.to_string(),
            });
        }
        None => None,
    };
    let lines = store::lines(c, order).await?;
    for unit in units_of(order, offer, &lines, snapshot.as_ref()) {
        let mut own = unit.tickets.iter();
        let found = own.find(|one| TicketId::of_order(one.first, one.first_number) == ticket);
        if let Some(found) = found {
            return Ok((unit.tier == tier).then_some(PaidUnit {
                ticket: *found,
                paid_minor: unit.paid_minor,
                fees_minor: unit.fees_minor,
            }));
        }
    }
    Ok(None)
}
