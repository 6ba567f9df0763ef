//! All SQL of resale. What decides is inside the UPDATEs; whoever calls looks at the row count. A file for
//! what is looked at, and for payouts.

mod look;
mod payouts;

pub(super) use look::*;
pub(super) use payouts::*;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError, Val};
use bilten_kernel::money::Currency;
use bilten_kernel::{record, sql, vals};

use super::law::Paid;
use super::model::*;
use crate::catalog::seating::SeatId;
use crate::catalog::{EventId, OccurrenceId, TierId};
use crate::sales::{HoldId, OrderId};
use crate::tickets::TicketId;
use crate::tickets::transfers::TransferId;

record! {
    /// A listing as it is stored.
    #[derive(Clone)]
    pub(super) struct ListingRow {
        pub(super) id: ListingId,
        pub(super) event_id: EventId,
        pub(super) ticket_id: TicketId,
        pub(super) order_id: OrderId,
        pub(super) transfer_id: Option<TransferId>,
        pub(super) tier_id: TierId,
        pub(super) occurrence_id: Option<OccurrenceId>,
        pub(super) sold_by_date: String,
        pub(super) seat_id: Option<SeatId>,
        pub(super) seat_label: Option<String>,
        pub(super) label: String,
        pub(super) state: ListingState,
        pub(super) currency: Currency,
        pub(super) price_minor: i64,
        pub(super) fee_minor: i64,
        pub(super) paid_price_minor: i64,
        pub(super) paid_fees_minor: i64,
        pub(super) base_price_minor: i64,
        pub(super) base_fees_minor: i64,
        pub(super) listed_at: Timestamp,
        pub(super) closes_at: Timestamp,
        pub(super) settled_at: Option<Timestamp>,
    }
}

impl ListingRow {
    /// What the ticket cost its seller.
    pub(super) const fn paid(&self) -> Paid {
        Paid {
            price_minor: self.paid_price_minor,
            fees_minor: self.paid_fees_minor,
        }
    }

    /// What it cost its first buyer.
    pub(super) const fn base(&self) -> Paid {
        Paid {
            price_minor: self.base_price_minor,
            fees_minor: self.base_fees_minor,
        }
    }

    /// As sellers and organisers see it.
    pub(super) fn shown(self) -> ResaleListing {
        ResaleListing {
            id: self.id,
            event_id: self.event_id,
            ticket_id: self.ticket_id,
            order_id: self.order_id,
            tier_id: self.tier_id,
            occurrence_id: self.occurrence_id,
            seat_label: self.seat_label,
            state: self.state,
            currency: self.currency,
            price_minor: self.price_minor,
            fee_minor: self.fee_minor,
            listed_at: self.listed_at,
            closes_at: self.closes_at,
            settled_at: self.settled_at,
        }
    }
}

// Listing and withdrawing

/// Inserts a listing that can be bought; says whether the ticket had none.
pub(super) async fn insert(
    c: &mut Conn,
    row: &ListingRow,
    is_shown: bool,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "INSERT INTO resale_listings (id, event_id, ticket_id, order_id, transfer_id, tier_id, occurrence_id, \
                 sold_by_date, seat_id, seat_label, label, state, currency, price_minor, fee_minor, paid_price_minor, \
                 paid_fees_minor, base_price_minor, base_fees_minor, shown, listed_at, closes_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'listed', $12, $13, $14, $15, $16, $17, $18, \
                 $19, $20, $21) ON CONFLICT DO NOTHING"
            ),
            vals![
                row.id, row.event_id, row.ticket_id, row.order_id, row.transfer_id, row.tier_id, row.occurrence_id,
                &row.sold_by_date, row.seat_id, row.seat_label.as_deref(), &row.label, row.currency, row.price_minor,
                row.fee_minor, row.paid_price_minor, row.paid_fees_minor, row.base_price_minor, row.base_fees_minor,
                is_shown, row.listed_at, row.closes_at
            ],
        )
        .await?;
    Ok(touched == 1)
}

/// How often a ticket was listed.
pub(super) async fn count(c: &mut Conn, ticket: TicketId) -> Result<i64, DbError> {
    c.scalar(
        sql!("SELECT COUNT(*) FROM resale_listings WHERE ticket_id = $1"),
        vals![ticket],
    )
    .await
}

/// Whether a ticket is for sale.
pub(super) async fn is_open(c: &mut Conn, ticket: TicketId) -> Result<bool, DbError> {
    let open: i64 = c
        .scalar(
            sql!(
                "SELECT COUNT(*) FROM resale_listings WHERE ticket_id = $1 AND state IN ('listed', 'held')"
            ),
            vals![ticket],
        )
        .await?;
    Ok(open > 0)
}

/// What the first buyer paid for a ticket of an order that bought it by resale, by the ticket's number.
pub(super) async fn base_of(
    c: &mut Conn,
    buyer: OrderId,
    tier: TierId,
    number: u32,
) -> Result<Option<Paid>, DbError> {
    let found: Option<(i64, i64)> = c
        .opt(
            sql!(
                "SELECT base_price_minor, base_fees_minor FROM resale_listings \
                 WHERE buyer_order_id = $1 AND tier_id = $2 AND state = 'sold' AND buyer_line = $3 \
                 ORDER BY id LIMIT 1"
            ),
            vals![buyer, tier, i64::from(number) + 1],
        )
        .await?;
    Ok(found.map(|(price_minor, fees_minor)| Paid {
        price_minor,
        fees_minor,
    }))
}

/// Withdraws a listing that nobody is buying; says whether it was one.
pub(super) async fn withdraw(c: &mut Conn, id: ListingId, now: Timestamp) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE resale_listings SET state = 'withdrawn', held_until = NULL, settled_at = $2 \
                 WHERE id = $1 AND (state = 'listed' OR (state = 'held' AND held_until <= $2))"
            ),
            vals![id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends what is for sale of these tickets.
pub(super) async fn end_of_tickets(
    c: &mut Conn,
    tickets: &[TicketId],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET state = 'ended', held_until = NULL, settled_at = $2 \
             WHERE state IN ('listed', 'held') AND ticket_id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(tickets), now],
    )
    .await?;
    Ok(())
}

/// Ends what is for sale of these tickets, but for what somebody is paying for in this moment: they look
/// at the ticket once more.
pub(super) async fn end_of_used(
    c: &mut Conn,
    tickets: &[TicketId],
    now: Timestamp,
) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET state = 'ended', held_until = NULL, settled_at = $2 \
             WHERE id IN (SELECT id FROM resale_listings WHERE state IN ('listed', 'held') \
             AND ticket_id IN (SELECT value FROM list($1)) ORDER BY id FOR UPDATE SKIP LOCKED)"
        ),
        vals![Val::texts(tickets), now],
    )
    .await?;
    Ok(())
}

/// Whether something is listed that can be bought no more.
pub(super) async fn is_any_closed(c: &mut Conn, now: Timestamp) -> Result<bool, DbError> {
    let closed: i64 = c
        .scalar(
            sql!("SELECT COUNT(*) FROM resale_listings WHERE state = 'listed' AND closes_at <= $1"),
            vals![now],
        )
        .await?;
    Ok(closed > 0)
}

/// Ends what can be bought no more; what somebody is paying for is theirs to pay.
pub(super) async fn end_closed(c: &mut Conn, now: Timestamp) -> Result<u64, DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET state = 'ended', settled_at = $1 \
             WHERE state = 'listed' AND closes_at <= $1"
        ),
        vals![now],
    )
    .await
}

// Buying

/// Holds a listing that can be bought, for those who wait or for everybody, as a line of a hold; says whether
/// it could be.
pub(super) async fn hold(
    c: &mut Conn,
    id: ListingId,
    hold: HoldId,
    until: Timestamp,
    (line, is_for_all): (u32, bool),
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE resale_listings SET state = 'held', hold_id = $2, held_until = $3 \
                 WHERE id = $1 AND closes_at > $5 AND (shown OR NOT $4) \
                 AND (state = 'listed' OR (state = 'held' AND held_until <= $5))"
            ),
            vals![id, hold, until, is_for_all, now],
        )
        .await?;
    if touched != 1 {
        return Ok(false);
    }
    c.exec(
        sql!("INSERT INTO resale_holds (hold_id, line, listing_id) VALUES ($1, $2, $3)"),
        vals![hold, line, id],
    )
    .await?;
    Ok(true)
}

/// Which listings a hold is of, by its lines.
pub(super) async fn of_hold(c: &mut Conn, hold: HoldId) -> Result<Vec<ListingId>, DbError> {
    c.scalars(
        sql!("SELECT listing_id FROM resale_holds WHERE hold_id = $1 ORDER BY line"),
        vals![hold],
    )
    .await
}

/// Lets what a hold has be held until another time; gives how many listings it still has.
pub(super) async fn keep(c: &mut Conn, hold: HoldId, until: Timestamp) -> Result<u64, DbError> {
    c.exec(
        sql!("UPDATE resale_listings SET held_until = $2 WHERE hold_id = $1 AND state = 'held'"),
        vals![hold, until],
    )
    .await
}

/// Lets go of what these holds still have.
pub(super) async fn let_go(c: &mut Conn, holds: &[String]) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET state = 'listed', hold_id = NULL, held_until = NULL \
             WHERE state = 'held' AND hold_id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(holds)],
    )
    .await?;
    Ok(())
}

/// Sells a listing that this hold has, or nobody; says whether it could be.
pub(super) async fn sell(
    c: &mut Conn,
    id: ListingId,
    hold: HoldId,
    (buyer, line): (OrderId, u32),
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE resale_listings SET state = 'sold', held_until = NULL, buyer_order_id = $3, buyer_line = $5, \
                 settled_at = $4 \
                 WHERE id = $1 AND (state = 'listed' OR (state = 'held' AND (hold_id = $2 OR held_until <= $4)))"
            ),
            vals![id, hold, buyer, now, line],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends a listing whose ticket turned out, in the write that sold it, to be nobody's to sell.
pub(super) async fn unsell(c: &mut Conn, id: ListingId) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET state = 'ended', buyer_order_id = NULL, buyer_line = NULL \
             WHERE id = $1 AND state = 'sold'"
        ),
        vals![id],
    )
    .await?;
    Ok(())
}

/// Lists again what was sold in this write to an order that does not get all that it was to have.
pub(super) async fn list_again(c: &mut Conn, ids: &[ListingId]) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET state = 'listed', hold_id = NULL, buyer_order_id = NULL, buyer_line = NULL, \
             settled_at = NULL WHERE state = 'sold' AND id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await?;
    Ok(())
}

/// Shows listings to everybody.
pub(super) async fn show(c: &mut Conn, ids: &[ListingId]) -> Result<(), DbError> {
    c.exec(
        sql!(
            "UPDATE resale_listings SET shown = TRUE \
             WHERE state = 'listed' AND NOT shown AND id IN (SELECT value FROM list($1))"
        ),
        vals![Val::texts(ids)],
    )
    .await?;
    Ok(())
}

/// Hands a sold seat from one holder to another; says whether the first had it.
pub(super) async fn hand_seat(
    c: &mut Conn,
    date: OccurrenceId,
    seat: SeatId,
    (from, to): (&str, &str),
) -> Result<bool, DbError> {
    let touched = c
        .exec(
            sql!(
                "UPDATE taken_seats SET holder = $4 \
                 WHERE occurrence_id = $1 AND seat_id = $2 AND state = 'sold' AND holder = $3"
            ),
            vals![date, seat, from, to],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes what was resold of an event that is deleted.
pub(super) async fn delete_of_event(c: &mut Conn, event: EventId) -> Result<(), DbError> {
    for statement in [
        sql!("DELETE FROM resale_payouts WHERE event_id = $1"),
        sql!(
            "DELETE FROM resale_holds WHERE listing_id IN (SELECT id FROM resale_listings WHERE event_id = $1)"
        ),
        sql!("DELETE FROM resale_listings WHERE event_id = $1"),
    ] {
        c.exec(statement, vals![event]).await?;
    }
    Ok(())
}
