//! Selling: stock, seats, prices, codes, dates and who comes, on the real surface.

mod approval;
mod crash;
mod dates;
mod people;
mod prices;
mod seats;
mod series;
mod settings;
mod stock;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::db::{Db, DbError};
use bilten_kernel::{sql, vals};
use bilten_server::catalog::seating::templates;
use serde_json::{Value, json};

use crate::app::{Answer, Event, TestApp};

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A published event with these tiers and dates that begin in so many hours.
pub(crate) async fn event_with(t: &TestApp, tiers: Value, hours: &[i64]) -> Event {
    publish(t, draft(t, tiers, hours).await).await
}

async fn draft(t: &TestApp, tiers: Value, hours: &[i64]) -> Value {
    let now = t.app.now().ms();
    let at = |hours: i64| Timestamp::from_ms(now + hours * 3_600_000).to_string();
    let dates: Vec<Value> = hours
        .iter()
        .map(|hours| json!({"starts_at": at(*hours), "ends_at": at(hours + 3)}))
        .collect();
    let body = json!({
        "name": "Večer", "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue_name": "Kino Šiška",
        "occurrences": dates, "tiers": tiers,
    });
    t.organiser.post("/api/v1/events", body).await.expect(201)
}

async fn publish(t: &TestApp, made: Value) -> Event {
    let id = text(&made["id"]);
    let path = format!("/api/v1/events/{id}/publish");
    let event = t.organiser.post(&path, json!({})).await.expect(200);
    Event {
        slug: text(&event["slug"]),
        tiers: event["tiers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tier| text(&tier["id"]))
            .collect(),
        id,
    }
}

/// An event on one date, whose only tier sells the seats of an arena: ids are block, row and seat.
pub(crate) async fn seated(
    t: &TestApp,
    blocks: usize,
    rows: usize,
    seats: usize,
) -> (Event, String) {
    let map = templates::arena(blocks, rows, seats).unwrap();
    seated_on(t, serde_json::to_value(map).unwrap()).await
}

pub(crate) async fn seated_on(t: &TestApp, map: Value) -> (Event, String) {
    let (event, mut dates) = seated_at(t, map, &[48]).await;
    (event, dates.remove(0))
}

/// The same on dates that begin in so many hours.
pub(crate) async fn seated_at(t: &TestApp, map: Value, hours: &[i64]) -> (Event, Vec<String>) {
    let map = t
        .organiser
        .post("/api/v1/seat-maps", json!({"map": map}))
        .await;
    let map = map.expect(201);
    let tiers = json!([{
        "name": "Seat", "price_minor": 2500, "capacity": map["seats"], "max_per_order": 20, "seat_category": "a",
    }]);
    let made = draft(t, tiers, hours).await;
    let dates = made["occurrences"].as_array().unwrap().iter();
    let dates = dates.map(|date| text(&date["id"])).collect();
    let edit =
        json!({"version": made["version"], "scope": "all", "change": {"seat_map": map["id"]}});
    let path = format!("/api/v1/events/{}/occurrences", text(&made["id"]));
    t.organiser.patch(&path, edit).await.expect(200);
    (publish(t, made).await, dates)
}

/// The body of a purchase of these items.
pub(crate) fn buying(event: &Event, items: Value, outcome: &str) -> Value {
    json!({
        "event": event.id, "items": items, "buyer": {"email": "ana@example.com", "name": "Ana Novak"},
        "payment": {"method": "sandbox", "outcome": outcome},
    })
}

pub(crate) async fn buy(
    t: &TestApp,
    event: &Event,
    items: Value,
    outcome: &str,
    key: &str,
) -> Answer {
    let body = buying(event, items, outcome);
    t.stranger
        .post_once("/api/v1/shop/orders", key, &body)
        .await
}

pub(crate) async fn hold(t: &TestApp, event: &Event, items: Value, key: &str) -> Answer {
    let body = json!({"event": event.id, "items": items});
    t.stranger.post_once("/api/v1/shop/holds", key, &body).await
}

/// Named seats of a tier.
pub(crate) fn named(event: &Event, seats: &[&str]) -> Value {
    json!([{"tier": event.tiers[0], "seats": seats}])
}

/// An order as its buyer sees it.
pub(crate) async fn seen(t: &TestApp, bought: &Value) -> Value {
    let buyer = t.stranger.with_token(bought["token"].as_str().unwrap());
    let path = format!("/api/v1/shop/orders/{}", text(&bought["order"]["id"]));
    buyer.get(&path).await.expect(200)
}

/// What the books say twice must be the same: counters against holds and orders, orders against tickets,
/// tickets against seats.
pub(crate) async fn balance(db: &Db) {
    // On one snapshot: jobs go on.
    let counts = db.read(|c| Box::pin(async move {
    let mut counts: Vec<i64> = Vec::new();
    for statement in [
        sql!(
            "SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM stock WHERE substr(counter, 1, 4) = 'tir_'"
        ),
        sql!(
            "SELECT CAST(COALESCE(SUM(i.quantity), 0) AS BIGINT) FROM hold_items i JOIN holds h ON h.id = i.hold_id \
             WHERE h.state = 'active'"
        ),
        sql!(
            "SELECT CAST(COALESCE(SUM(i.quantity), 0) AS BIGINT) FROM order_items i JOIN orders o ON o.id = i.order_id \
             WHERE o.state = 'pending'"
        ),
        sql!(
            "SELECT CAST(COALESCE(SUM(sold), 0) AS BIGINT) FROM stock WHERE substr(counter, 1, 4) = 'tir_'"
        ),
        sql!(
            "SELECT CAST(COALESCE(SUM(i.quantity), 0) AS BIGINT) FROM order_items i JOIN orders o ON o.id = i.order_id \
             WHERE o.state = 'paid'"
        ),
        sql!("SELECT COUNT(*) FROM taken_seats WHERE state = 'sold'"),
        sql!("SELECT COUNT(*) FROM tickets WHERE seat_id IS NOT NULL AND state = 'valid'"),
        sql!(
            "SELECT COUNT(*) FROM (SELECT occurrence_id, seat_id FROM tickets \
             WHERE seat_id IS NOT NULL AND state = 'valid' GROUP BY occurrence_id, seat_id) AS seats"
        ),
        sql!("SELECT COUNT(*) FROM stock WHERE held < 0 OR sold < 0 OR held + sold > capacity"),
        sql!(
            "SELECT COUNT(*) FROM orders o WHERE o.state = 'paid' AND o.merged_into IS NULL \
             AND (SELECT COUNT(*) FROM tickets t WHERE t.order_id = o.id) = 0"
        ),
        sql!(
            "SELECT COUNT(*) FROM orders o WHERE o.total_minor <> (SELECT CAST(COALESCE(SUM(i.total_minor), 0) AS BIGINT) \
             FROM order_items i WHERE i.order_id = o.id)"
        ),
    ] {
        counts.push(c.scalar(statement, vals![]).await?);
    }
    Ok::<_, DbError>(counts)
    })).await.unwrap();
    let [
        held,
        in_holds,
        in_orders,
        sold,
        paid,
        seats,
        with_seat,
        distinct,
        broken,
        without,
        wrong,
    ] = <[i64; 11]>::try_from(counts).unwrap();
    assert_eq!(
        held,
        in_holds + in_orders,
        "what is held is in holds and pending orders"
    );
    assert_eq!(sold, paid, "what is sold is in paid orders");
    assert_eq!(
        (seats, with_seat),
        (with_seat, distinct),
        "each sold seat has one ticket"
    );
    assert_eq!(
        (broken, without, wrong),
        (0, 0, 0),
        "counters, tickets and totals"
    );
}
