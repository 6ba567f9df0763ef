//! What happens after a sale: the offer changes, and a date is called off.

use bilten_server::catalog::seating::templates;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Bought, DATES, FLOOR, FRIENDS, SEATS, Sale};
use crate::selling::text;

/// The hall with so many rows.
fn arena(rows: usize) -> Value {
    serde_json::to_value(templates::arena(1, rows, 5).unwrap()).unwrap()
}

/// The organiser changes what is on offer: nothing that is sold is lost, and what is new is sold.
pub(super) async fn offer_changed(sale: &Sale<'_>) -> Bought {
    let t = sale.t;
    let pool = sale.path(&format!("/pools/{}", sale.pool));
    let seen = sale.event().await["version"].clone();
    let smaller = json!({"version": seen, "capacity": FLOOR - 1});
    t.organiser
        .patch(&pool, smaller)
        .await
        .refused(409, "catalog.capacity_below_sold");
    let larger = json!({"version": seen, "capacity": FLOOR + 1});
    t.organiser.patch(&pool, larger.clone()).await.expect(200);
    t.organiser
        .patch(&pool, larger)
        .await
        .refused(409, "catalog.version_conflict");
    let standing = sale.path(&format!("/tiers/{}", sale.standing));
    let one_more = json!({"version": sale.event().await["version"], "capacity": 5});
    t.organiser.patch(&standing, one_more).await.expect(200);
    assert_eq!(sale.left(&sale.standing, 0).await, 1);

    // A seat that is sold stays where it is; a row more is sold under the map's new version.
    let path = format!("/api/v1/seat-maps/{}", sale.map);
    let smaller = json!({"version": 1, "map": arena(1)});
    let request = t.organiser.request(Method::PUT, &path).json(&smaller);
    t.organiser
        .send(request)
        .await
        .refused(409, "catalog.seats_taken");
    let saved = sale
        .put(&path, &json!({"version": 1, "map": arena(3)}))
        .await;
    assert_eq!(
        (&saved["version"], &saved["seats"]),
        (&json!(2), &json!(15))
    );
    let seats = sale.path(&format!("/tiers/{}", sale.seat));
    let more = json!({"version": sale.event().await["version"], "capacity": SEATS + 5});
    t.organiser.patch(&seats, more).await.expect(200);

    let items = json!([
        {"tier": sale.seat, "occurrence": sale.dates[0], "seats": ["1-3-1"]},
        {"tier": sale.standing, "occurrence": sale.dates[0], "quantity": 1},
    ]);
    let body = json!({"event": sale.event, "items": items});
    let held = t
        .stranger
        .post_once("/api/v1/shop/holds", "felix", &body)
        .await
        .expect(201);
    let felix = sale
        .pay(held["id"].as_str().unwrap(), "felix@example.com")
        .await;
    assert_eq!((felix.total(), felix.tickets().len()), (5_000, 2));
    felix
}

/// One date is called off, and what was paid for it goes back with all that it had taken.
pub(super) async fn partly_cancelled(sale: &Sale<'_>, bought: &[Bought]) {
    let t = sale.t;
    let (last, before) = (sale.dates[DATES - 1].as_str(), sale.sold().await);
    let cancel = sale.path(&format!("/occurrences/{last}/cancel"));
    assert_eq!(
        t.organiser.post(&cancel, json!({})).await.expect(200)["state"],
        "cancelled"
    );
    let mut refunded = 0;
    for order in bought {
        let is_of_it = order.tickets()[0]["occurrence_id"] == last;
        for ticket in order.tickets() {
            let path = format!("/api/v1/tickets/{}", text(&ticket["id"]));
            let state = if is_of_it { "cancelled" } else { "valid" };
            assert_eq!(t.organiser.get(&path).await.expect(200)["state"], state);
        }
        if is_of_it {
            let path = format!("/api/v1/orders/{}/refund", order.id());
            assert_eq!(
                t.organiser.post(&path, json!({})).await.expect(200)["state"],
                "refunded"
            );
            refunded += 1;
        }
    }
    assert_eq!(refunded, 5);
    assert_eq!(
        before - sale.sold().await,
        SEATS + FLOOR + FRIENDS + 1,
        "with the car"
    );
    assert_eq!(sale.uses_of_tenth().await, 2, "the code can be used again");
    let late = json!({"event": sale.event, "items": [{"tier": sale.standing, "occurrence": last, "quantity": 1}]});
    t.stranger
        .post_once("/api/v1/shop/holds", "called-off", &late)
        .await
        .refused(409, "sales.off_sale");
}
