//! Whoever holds a ticket sells it on, for no more than it cost.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bought, Sale};
use crate::selling::text;

/// A seat is sold by its holder, and is another ticket in another hand: nothing is sold twice, and the
/// seller is owed what the buyer paid.
pub(super) async fn resold_by_holder(sale: &Sale<'_>, seller: &Bought) {
    let t = sale.t;
    let before = sale.sold().await;
    let ticket = &seller.tickets()[1];
    let (order, id) = (seller.id(), text(&ticket["id"]));
    let list = format!("/api/v1/shop/orders/{order}/tickets/{id}/resale-listings");
    let dearer = json!({"price_minor": 3_001});
    let refused = seller.buyer.post(&list, dearer).await;
    refused.refused(422, "sales.resale_above_cap");
    let listed = seller.buyer.post(&list, json!({"price_minor": 3_000}));
    let listed = text(&listed.await.expect(201)["id"]);

    let shown = shown(sale, &listed).await;
    assert_eq!(
        (&shown["price_minor"], &shown["seat_label"]),
        (&json!(3_000), &ticket["seat_label"])
    );
    let hold = sale.shop(&format!("/resale-listings/{listed}/holds"));
    let held = t.stranger.post_once(&hold, "dana", &json!({})).await;
    let held = text(&held.expect(201)["id"]);
    t.stranger
        .post_once(&hold, "ema", &json!({}))
        .await
        .refused(409, "sales.resale_gone");
    let bought = sale.pay(&held, "dana@example.com").await;
    assert_eq!((bought.total(), bought.tickets().len()), (3_000, 1));
    let theirs = &bought.tickets()[0];
    assert_eq!(theirs["seat_id"], ticket["seat_id"]);
    assert_ne!(theirs["code"], ticket["code"]);
    let path = format!("/api/v1/tickets/{id}");
    let old = t.organiser.get(&path).await.expect(200);
    assert_ne!(old["state"], "valid");
    assert_ne!(theirs["id"], old["id"]);
    assert_eq!(sale.sold().await, before, "what is sold is sold once");
    let owed = t.organiser.get(&sale.path("/resale-payouts")).await;
    let owed = owed.expect(200)["items"].clone();
    assert_eq!(
        (&owed[0]["seller_order_id"], &owed[0]["buyer_order_id"]),
        (&json!(order), &json!(bought.id()))
    );
}

/// The listing as everybody sees it, once those who wait were asked.
async fn shown(sale: &Sale<'_>, listing: &str) -> Value {
    let path = sale.shop("/resale-listings");
    for _ in 0..400 {
        let page = sale.t.stranger.get(&path).await.expect(200);
        let mut all = page["items"].as_array().unwrap().iter();
        if let Some(found) = all.find(|one| one["id"] == listing) {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{listing} is not for sale");
}
