//! Listings as they are looked at.

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Conn, DbError};
use bilten_kernel::{sql, vals};

use super::ListingRow;
use crate::catalog::{EventId, TierId};
use crate::sales::resale::model::*;
use crate::tickets::TicketId;
use crate::tickets::transfers::TransferId;

pub(in crate::sales::resale) async fn listing(
    c: &mut Conn,
    id: ListingId,
) -> Result<Option<ListingRow>, DbError> {
    c.opt(
        sql!(
            "SELECT id, event_id, ticket_id, order_id, transfer_id, tier_id, occurrence_id, sold_by_date, seat_id, \
             seat_label, label, state, currency, price_minor, fee_minor, paid_price_minor, paid_fees_minor, \
             base_price_minor, base_fees_minor, listed_at, closes_at, settled_at FROM resale_listings WHERE id = $1"
        ),
        vals![id],
    )
    .await
}

/// What everybody can buy of an event, the cheapest first, after a place in that order.
pub(in crate::sales::resale) async fn for_all(
    c: &mut Conn,
    event: EventId,
    after: Option<(i64, ListingId)>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<ShopListing>, DbError> {
    let (price, id) = after.map_or((-1, String::new()), |(price, id)| (price, id.to_string()));
    c.all(
        sql!(
            "SELECT id, tier_id, label, occurrence_id, seat_label, currency, price_minor, closes_at \
             FROM resale_listings WHERE event_id = $1 AND settled_at IS NULL AND shown AND closes_at > $5 \
             AND (state = 'listed' OR (state = 'held' AND held_until <= $5)) \
             AND NOT EXISTS (SELECT 1 FROM tiers t WHERE t.id = resale_listings.tier_id AND t.hidden) \
             AND (price_minor, id) > ($2, $3) ORDER BY price_minor, id LIMIT $4"
        ),
        vals![event, price, id, limit, now],
    )
    .await
}

/// A ticket's listings after one, oldest first: those of who holds it by its order, or by a transfer.
pub(in crate::sales::resale) async fn of_ticket(
    c: &mut Conn,
    ticket: TicketId,
    transfer: Option<TransferId>,
    after: Option<ListingId>,
    limit: i64,
) -> Result<Vec<ResaleListing>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, ticket_id, order_id, tier_id, occurrence_id, seat_label, state, currency, \
             price_minor, fee_minor, listed_at, closes_at, settled_at FROM resale_listings \
             WHERE ticket_id = $1 AND COALESCE(transfer_id, '') = $2 AND id > $3 ORDER BY id LIMIT $4"
        ),
        vals![
            ticket,
            transfer.map_or_else(String::new, |id| id.to_string()),
            after.map_or_else(String::new, |id| id.to_string()),
            limit
        ],
    )
    .await
}

/// An event's listings after one, oldest first.
pub(in crate::sales::resale) async fn of_event(
    c: &mut Conn,
    event: EventId,
    after: Option<ListingId>,
    limit: i64,
) -> Result<Vec<ResaleListing>, DbError> {
    c.all(
        sql!(
            "SELECT id, event_id, ticket_id, order_id, tier_id, occurrence_id, seat_label, state, currency, \
             price_minor, fee_minor, listed_at, closes_at, settled_at FROM resale_listings \
             WHERE event_id = $1 AND id > $2 ORDER BY id LIMIT $3"
        ),
        vals![
            event,
            after.map_or_else(String::new, |id| id.to_string()),
            limit
        ],
    )
    .await
}

/// The tiers, with the date if they are sold by dates, of which there are listings that nobody was asked about
/// yet.
pub(in crate::sales::resale) async fn unseen(
    c: &mut Conn,
) -> Result<Vec<(TierId, String)>, DbError> {
    c.all(
        sql!(
            "SELECT DISTINCT tier_id, sold_by_date FROM resale_listings WHERE state = 'listed' AND NOT shown"
        ),
        vals![],
    )
    .await
}

/// Listings of a tier, on a date if it is sold by dates, of an event that sells: so many that can be bought until
/// then at least, and so many that nobody was asked about yet, oldest first.
pub(in crate::sales::resale) async fn to_offer(
    c: &mut Conn,
    (tier, sold_by_date): (TierId, &str),
    until: Timestamp,
    (most, most_unseen): (i64, i64),
) -> Result<Vec<ListingRow>, DbError> {
    c.all(
        sql!(
            "SELECT l.id, l.event_id, l.ticket_id, l.order_id, l.transfer_id, l.tier_id, l.occurrence_id, \
             l.sold_by_date, l.seat_id, l.seat_label, l.label, l.state, l.currency, l.price_minor, l.fee_minor, \
             l.paid_price_minor, l.paid_fees_minor, l.base_price_minor, l.base_fees_minor, l.listed_at, l.closes_at, \
             l.settled_at FROM resale_listings l WHERE l.state = 'listed' \
             AND EXISTS (SELECT 1 FROM event_sales s WHERE s.event_id = l.event_id AND s.selling) \
             AND l.id IN (SELECT id FROM (SELECT m.id FROM resale_listings m WHERE m.tier_id = $1 \
             AND m.sold_by_date = $2 AND m.state = 'listed' AND m.closes_at >= $3 ORDER BY m.id LIMIT $4) lasting \
             UNION SELECT id FROM (SELECT n.id FROM resale_listings n WHERE n.tier_id = $1 \
             AND n.sold_by_date = $2 AND n.state = 'listed' AND NOT n.shown ORDER BY n.id LIMIT $5) unseen) \
             ORDER BY l.id"
        ),
        vals![tier, sold_by_date, until, most, most_unseen],
    )
    .await
}

/// How many listings of a tier, on a date if it is sold by dates, nobody is buying that can be bought until
/// then at least; no more than anybody can wait for.
pub(in crate::sales::resale) async fn count_listed(
    c: &mut Conn,
    tier: TierId,
    sold_by_date: &str,
    until: Timestamp,
) -> Result<i64, DbError> {
    c.scalar(
        sql!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM resale_listings WHERE tier_id = $1 AND sold_by_date = $2 \
             AND state = 'listed' AND closes_at >= $3 LIMIT 100) few"
        ),
        vals![tier, sold_by_date, until],
    )
    .await
}
